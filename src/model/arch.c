/* SPDX-License-Identifier: Apache-2.0 */
/* arch.c — looks an encoder up by config.json's model_type. */
#include "model/arch.h"

#include <stdio.h>
#include <string.h>

#include "model/list.h"

#define DECLARE(name) extern const arch arch_##name;
ARCH_LIST(DECLARE)
#undef DECLARE

static const arch *const archs[] = {
#define ROW(name) &arch_##name,
    ARCH_LIST(ROW)
#undef ROW
};

const arch *arch_find(const char *model_type)
{
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        for (size_t j = 0; j < MAX_MODEL_TYPES && archs[i]->model_types[j]; j++)
            if (strcmp(archs[i]->model_types[j], model_type) == 0) return archs[i];
    return NULL;
}

void arch_names(char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        for (size_t j = 0; j < MAX_MODEL_TYPES && archs[i]->model_types[j] && at < cap; j++)
            at += (size_t)snprintf(out + at, cap - at, "%s%s", at ? ", " : "", archs[i]->model_types[j]);
}
