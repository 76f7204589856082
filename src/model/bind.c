/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c — the only place where a tensor's presence, shape and type are judged, so that the words are the same everywhere. */
#include "model/bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum { MAX_PARTS = 3 };

static bool is_float(dtype t)
{
    return t == DTYPE_F32 || t == DTYPE_F16 || t == DTYPE_BF16 || t == DTYPE_F64;
}

tri_status bind_find(const weights *w, const char *name, size_t rows, size_t cols, const char *why, const weight **out,
                     tri_error *err)
{
    const weight *t = weights_find(w, name);
    if (!t) return err_set(err, TRI_ERR_FORMAT, "could not use %s: tensor \"%s\" is not in it", weights_file(w, 0), name);
    char shape[128], expected[64], reason[96] = "";
    bool fits = cols ? t->rank == 2 && t->shape[0] == rows && t->shape[1] == cols : t->rank == 1 && t->shape[0] == rows;
    if (!fits) {
        if (cols)
            snprintf(expected, sizeof expected, "[%zu,%zu]", rows, cols);
        else
            snprintf(expected, sizeof expected, "[%zu]", rows);
        if (why) snprintf(reason, sizeof reason, " by \"%s\" of config.json", why);
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: tensor \"%s\" has shape %s, expected %s%s", t->file, name,
                       weight_shape_text(t, shape), expected, reason);
    }
    if (!is_float(t->type))
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: tensor \"%s\" has type %s; f64, f32, f16 and bf16 are read",
                       t->file, name, t->type_name);
    *out = t;
    return TRI_OK;
}

static tri_status to_device(compute *c, const weight *const *parts, size_t n_parts, float **out, tri_error *err)
{
    size_t total = 0, bytes;
    for (size_t i = 0; i < n_parts; i++) total += parts[i]->bytes / dtype_size(parts[i]->type);
    if (!mul_size(total, sizeof(float), &bytes)) return err_memory(err, SIZE_MAX);
    float *host = mem_alloc(bytes);
    if (!host) return err_memory(err, bytes);
    size_t at = 0;
    for (size_t i = 0; i < n_parts; i++) {
        size_t n = parts[i]->bytes / dtype_size(parts[i]->type);
        dtype_to_f32(host + at, parts[i]->data, parts[i]->type, n);
        at += n;
    }
    void *device = NULL;
    tri_status st = compute_alloc(c, bytes, &device, err);
    if (!st) compute_upload(c, device, host, bytes);
    mem_free(host);
    *out = device;
    return st;
}

tri_status bind_vectors(compute *c, const weights *w, const char *const *names, size_t n_names, size_t n_each, float **out,
                        tri_error *err)
{
    const weight *parts[MAX_PARTS];
    *out = NULL;
    if (n_names > MAX_PARTS) return err_set(err, TRI_ERR_ARGUMENT, "could not join %zu vectors", n_names);
    for (size_t i = 0; i < n_names; i++) TRI_TRY(bind_find(w, names[i], n_each, 0, NULL, &parts[i], err));
    return to_device(c, parts, n_names, out, err);
}

tri_status bind_vector(compute *c, const weights *w, const char *name, size_t n, float **out, tri_error *err)
{
    return bind_vectors(c, w, &name, 1, n, out, err);
}

tri_status bind_linear(compute *c, const weights *w, const char *const *names, size_t n_names, size_t n_each, size_t k,
                       packed_matrix **out, tri_error *err)
{
    matrix_part parts[MAX_PARTS];
    *out = NULL;
    if (n_names > MAX_PARTS) return err_set(err, TRI_ERR_ARGUMENT, "could not join %zu matrices", n_names);
    for (size_t i = 0; i < n_names; i++) {
        const weight *t;
        TRI_TRY(bind_find(w, names[i], n_each, k, NULL, &t, err));
        parts[i] = (matrix_part){t->data, t->type, n_each};
    }
    return c->ops->pack(c, parts, n_names, k, PRECISION_F32, out, err);
}

tri_status bind_table(const weights *w, const char *name, size_t rows, size_t cols, const char *why, tensor *out,
                      tri_error *err)
{
    const weight *t;
    TRI_TRY(bind_find(w, name, rows, cols, why, &t, err));
    *out = (tensor){(void *)(uintptr_t)t->data, t->type, rows, cols, cols};
    return TRI_OK;
}

tri_status bind_table_f32(compute *c, const weights *w, const char *name, size_t rows, size_t cols, const char *why,
                          tensor *out, tri_error *err)
{
    const weight *t;
    TRI_TRY(bind_find(w, name, rows, cols, why, &t, err));
    float *data;
    TRI_TRY(to_device(c, &t, 1, &data, err));
    *out = tensor_f32(data, rows, cols, cols);
    return TRI_OK;
}

bool bind_find_not_finite(const weights *w, const weight **out, size_t *element)
{
    float block[256];
    for (size_t i = 0; i < weights_count(w); i++) {
        const weight *t = weights_at(w, i);
        if (!is_float(t->type)) continue;
        size_t size = dtype_size(t->type), n = t->bytes / size;
        for (size_t at = 0; at < n; at += sizeof block / sizeof *block) {
            size_t m = n - at < sizeof block / sizeof *block ? n - at : sizeof block / sizeof *block;
            dtype_to_f32(block, (const char *)t->data + at * size, t->type, m);
            for (size_t j = 0; j < m; j++) {
                if (isfinite(block[j])) continue;
                *out = t;
                *element = at + j;
                return true;
            }
        }
    }
    return false;
}
