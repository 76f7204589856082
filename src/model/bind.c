/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c — the only place where a tensor's presence, shape and type are judged, so that the words are the same everywhere; and
 * where a Linear is packed from the weights, or found in a packed file. */
#include "model/bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "model/precision_word.h"

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
    const weight *parts[MAX_BOUND_PARTS];
    *out = NULL;
    if (n_names > MAX_BOUND_PARTS) return err_set(err, TRI_ERR_ARGUMENT, "could not join %zu vectors", n_names);
    for (size_t i = 0; i < n_names; i++) TRI_TRY(bind_find(w, names[i], n_each, 0, NULL, &parts[i], err));
    return to_device(c, parts, n_names, out, err);
}

tri_status bind_vector(compute *c, const weights *w, const char *name, size_t n, float **out, tri_error *err)
{
    return bind_vectors(c, w, &name, 1, n, out, err);
}

/* ---- matrices ------------------------------------------------------------------------------------------------------- */

void packing_drop(packing *pk)
{
    mem_free(pk->list);
    pk->list = NULL;
    pk->n_list = pk->cap_list = 0;
}

static tri_status grow_list(packing *pk, tri_error *err)
{
    size_t cap = pk->cap_list ? 2 * pk->cap_list : 128;
    if (pk->n_list < pk->cap_list) return TRI_OK;
    bound_matrix *list = mem_realloc(pk->list, cap * sizeof *list);
    if (!list) return err_memory(err, cap * sizeof *list);
    pk->list = list;
    pk->cap_list = cap;
    return TRI_OK;
}

static bool part_not_finite(const weight *t, size_t *element);

/* A matrix with a NaN or an infinity in it: which tensor is it? */
static tri_status blame_part(const bound_matrix *m, tri_error *err)
{
    size_t element;
    for (size_t i = 0; i < m->n_parts; i++)
        if (part_not_finite(m->parts[i], &element))
            return err_set(err, TRI_ERR_NUMERIC,
                           "could not use %s: tensor \"%s\" holds a value that is not finite (element %zu)", m->parts[i]->file,
                           m->parts[i]->name, element);
    return err_prefix(err, TRI_ERR_NUMERIC, "could not use %s: tensor \"%s\": ", m->parts[0]->file, m->parts[0]->name);
}

tri_status bind_pack(const packing *pk, const bound_matrix *m, const float *smoothing, packed_matrix **out, tri_error *err)
{
    matrix_part parts[MAX_BOUND_PARTS] = {{0}};
    for (size_t i = 0; i < m->n_parts; i++)
        parts[i] = (matrix_part){.data = bound_row(m, i, 0), .type = m->parts[i]->type, .n = m->n_each};
    for (size_t j = 0; smoothing && j < m->k; j++)
        if (!(smoothing[j] >= 0) || !isfinite(smoothing[j]))
            return err_set(err, TRI_ERR_ARGUMENT, "could not pack \"%s\": its smoothing is %g at input %zu", m->key,
                           (double)smoothing[j], j);
    tri_status st = pk->c->ops->pack(pk->c, parts, m->n_parts, m->k, m->p, smoothing, out, err);
    for (size_t i = 0; i < m->n_parts; i++) weights_wont_need(m->w, m->parts[i]);
    return st == TRI_ERR_NUMERIC ? blame_part(m, err) : st;
}

/* False for flags that mean nothing here. */
static bool read_flags(uint32_t flags, precision p, packed_extras *out)
{
    uint32_t n_kept = flags >> PACKED_KEPT_SHIFT, rest = flags & ((1u << PACKED_KEPT_SHIFT) - 1);
    *out = (packed_extras){.smoothed = rest == PACKED_SMOOTHED, .n_kept = n_kept};
    return flags == 0 || (p == PRECISION_INT8 && rest == PACKED_SMOOTHED);
}

/* The file's entry of a matrix, if it is what the model calls for. */
static tri_status find_entry(const packing *pk, const bound_matrix *m, packed_entry *e, packed_extras *extras, tri_error *err)
{
    precision p;
    size_t n = m->n_parts * m->n_each;
    if (!packed_file_find(pk->file, m->key, e)) return err_set(err, TRI_ERR_FORMAT, "matrix \"%s\" is not in it", m->key);
    if (!precision_from_number(e->precision, &p) || p != m->p || e->n != n || e->k != m->k)
        return err_set(err, TRI_ERR_FORMAT, "matrix \"%s\" is [%llu,%llu] of precision %u in it, expected [%zu,%zu] of %u (%s)",
                       m->key, (unsigned long long)e->n, (unsigned long long)e->k, e->precision, n, m->k,
                       precision_number(m->p), precision_word(m->p));
    if (!read_flags(e->flags, m->p, extras))
        return err_set(err, TRI_ERR_FORMAT, "matrix \"%s\" has flags %u, which mean nothing here", m->key, e->flags);
    return TRI_OK;
}

static tri_status adopt(const packing *pk, const bound_matrix *m, packed_matrix **out, tri_error *err)
{
    packed_entry e;
    packed_extras extras;
    const mapped_file *map = &pk->file->map;
    tri_status st = find_entry(pk, m, &e, &extras, err);
    if (!st) {
        packed_place place = {e.blob, e.bytes, map->n_copies > 1 ? pk->nodes : NULL, map->step};
        st = pk->c->ops->adopt(pk->c, &place, m->n_parts * m->n_each, m->k, m->p, extras, out, err);
    }
    if (!st || st == TRI_ERR_MEMORY) return st;
    err_prefix(err, st, "could not use %s: ", pk->file->path);
    return err_hint(err, st, "remove it, or make it again: trident export packed MODEL --precision %s --force",
                    precision_word(pk->p));
}

static tri_status make_matrix(const packing *pk, bound_matrix *m, tri_error *err)
{
    if (pk->plan_only) return TRI_OK;
    if (pk->file) return adopt(pk, m, &m->matrix, err);
    if (m->p != PRECISION_INT8) return bind_pack(pk, m, NULL, &m->matrix, err);
    err_set(err, TRI_ERR_NOT_FOUND,
            "could not use int8: it needs weights calibrated on texts, and there is no packed file of them");
    return err_hint(err, TRI_ERR_NOT_FOUND, "trident export packed MODEL --precision int8 --calibrate YOUR_TEXTS.jsonl");
}

static tri_status note_matrix(packing *pk, bound_matrix *m, packed_matrix **out, tri_error *err)
{
    if (!m->key) return err_memory(err, strlen(m->parts[0]->name));
    TRI_TRY(grow_list(pk, err));
    TRI_TRY(make_matrix(pk, m, err));
    pk->list[pk->n_list++] = *m;
    *out = m->matrix;
    return TRI_OK;
}

tri_status bind_linear(packing *pk, const weights *w, const char *room, const char *const *names, size_t n_names, size_t n_each,
                       size_t k, precision p, packed_matrix **out, tri_error *err)
{
    bound_matrix m = {.w = w, .n_parts = n_names, .n_each = n_each, .k = k, .p = p};
    *out = NULL;
    if (n_names > MAX_BOUND_PARTS) return err_set(err, TRI_ERR_ARGUMENT, "could not join %zu matrices", n_names);
    for (size_t i = 0; i < n_names; i++) TRI_TRY(bind_find(w, names[i], n_each, k, NULL, &m.parts[i], err));
    m.key = arena_printf(pk->keep, "%s:%s+%zu", room, names[0], n_names);
    return note_matrix(pk, &m, out, err);
}

tri_status bind_linear_rows(packing *pk, const weights *w, const char *room, const char *name, size_t of_rows, size_t first,
                            size_t n, size_t k, precision p, packed_matrix **out, tri_error *err)
{
    bound_matrix m = {.w = w, .n_parts = 1, .first_row = first, .n_each = n, .k = k, .p = p};
    *out = NULL;
    TRI_TRY(bind_find(w, name, of_rows, k, NULL, &m.parts[0], err));
    m.key = arena_printf(pk->keep, "%s:%s[%zu:%zu]", room, name, first, first + n);
    return note_matrix(pk, &m, out, err);
}

void bind_same_input(packing *pk)
{
    pk->list[pk->n_list - 1].same_input = true;
}

tri_status bind_table(const weights *w, const char *name, size_t rows, size_t cols, const char *why, tensor *out,
                      tri_error *err)
{
    const weight *t;
    TRI_TRY(bind_find(w, name, rows, cols, why, &t, err));
    *out = (tensor){.data = (void *)(uintptr_t)t->data, .type = t->type, .rows = rows, .cols = cols, .ld = cols};
    return TRI_OK;
}

/* ---- values that are none ------------------------------------------------------------------------------------------- */

static bool part_not_finite(const weight *t, size_t *element)
{
    float block[256];
    size_t size = dtype_size(t->type), n = t->bytes / size;
    for (size_t at = 0; at < n; at += sizeof block / sizeof *block) {
        size_t m = n - at < sizeof block / sizeof *block ? n - at : sizeof block / sizeof *block;
        dtype_to_f32(block, (const char *)t->data + at * size, t->type, m);
        for (size_t j = 0; j < m; j++) {
            if (isfinite(block[j])) continue;
            *element = at + j;
            return true;
        }
    }
    return false;
}

bool bind_find_not_finite(const weights *w, const weight **out, size_t *element)
{
    for (size_t i = 0; i < weights_count(w); i++) {
        const weight *t = weights_at(w, i);
        if (!is_float(t->type) || !part_not_finite(t, element)) continue;
        *out = t;
        return true;
    }
    return false;
}
