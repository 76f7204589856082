/* SPDX-License-Identifier: Apache-2.0 */
/* arch.c — looks an encoder up by config.json's model_type. */
#include "model/arch.h"

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

const arch *arch_find(const char *model_type, const char **known)
{
    *known = "bert, xlm-roberta";
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        if (strcmp(archs[i]->model_type, model_type) == 0) return archs[i];
    return NULL;
}
