/* SPDX-License-Identifier: Apache-2.0 */
/* golden.c — see golden.h. A test program's own file: it uses the C library's heap and environment freely. */
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *golden_shared(void)
{
    static char path[4096];
    const char *set = getenv("TRI_SHARED");
    if (set)
        snprintf(path, sizeof path, "%s", set);
    else
        snprintf(path, sizeof path, "%s/../shared", TEST_ROOT);
    char probe[4200];
    struct stat info;
    snprintf(probe, sizeof probe, "%s/golden", path);
    return stat(probe, &info) == 0 ? path : NULL;
}

static json_t *load_json(const char *dir, const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    json_error_t error;
    return json_load_file(path, JSON_ALLOW_NUL, &error);
}

bool golden_open(const char *dir, golden *g)
{
    char path[4200];
    tri_error err;
    memset(g, 0, sizeof *g);
    snprintf(g->dir, sizeof g->dir, "%s", dir);
    g->facts = load_json(dir, "case.json");
    g->inputs = load_json(dir, "inputs.json");
    snprintf(path, sizeof path, "%s/expected.safetensors", dir);
    if (!g->facts || weights_open_file(path, &g->expected, &err)) {
        fprintf(stderr, "# could not open the case %s\n", dir);
        golden_close(g);
        return false;
    }
    const char *model = json_string_value(json_object_get(g->facts, "model_dir"));
    if (snprintf(g->model_dir, sizeof g->model_dir, "%s/%s", dir, model ? model : "model") >= (int)sizeof g->model_dir)
        return false;
    return true;
}

void golden_close(golden *g)
{
    json_decref(g->facts);
    json_decref(g->inputs);
    weights_close(g->expected);
    memset(g, 0, sizeof *g);
}

int64_t *golden_integers(const golden *g, const char *name, size_t *n)
{
    const weight *t = weights_find(g->expected, name);
    if (!t || (t->type != DTYPE_I32 && t->type != DTYPE_I64)) return NULL;
    *n = t->bytes / dtype_size(t->type);
    int64_t *out = malloc((*n + 1) * sizeof *out);
    for (size_t i = 0; i < *n; i++) {
        int32_t small;
        if (t->type == DTYPE_I64)
            memcpy(&out[i], (const char *)t->data + 8 * i, 8);
        else
            memcpy(&small, (const char *)t->data + 4 * i, 4), out[i] = small;
    }
    return out;
}

const float *golden_floats(const golden *g, const char *name, size_t *n)
{
    const weight *t = weights_find(g->expected, name);
    if (!t || t->type != DTYPE_F32 || (uintptr_t)t->data % sizeof(float)) return NULL;
    *n = t->bytes / sizeof(float);
    return t->data;
}

double golden_tolerance(const golden *g, const char *name)
{
    return json_number_value(json_object_get(json_object_get(json_object_get(g->facts, "tensors"), name), "tolerance_abs"));
}

double golden_gap(const float *a, const float *b, size_t n)
{
    double gap = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (isnan(d)) return INFINITY;
        if (d > gap) gap = d;
    }
    return gap;
}
