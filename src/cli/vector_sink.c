/* SPDX-License-Identifier: Apache-2.0 */
/* vector_sink.c — the registry of sink kinds. */
#include "cli/vector_sink.h"

#include <string.h>

static const vector_sink_kind *const kinds[] = {&sink_jsonl, &sink_npy, &sink_safetensors};

const vector_sink_kind *vector_sink_find(const char *to, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *name = to ? to : strcmp(path, "-") == 0 ? "jsonl" : dot ? dot + 1 : "";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}
