/* SPDX-License-Identifier: Apache-2.0 */
/* segment_writer.c — how does a document become bytes of a segment?
 *
 * Each representation streams into its own file as documents come; only offsets and the order of keys wait in memory. Postings
 * are made at the end from the finished forward file (postings.c).
 *
 * Precision. f32 and sparse weights are kept to the bit. f16: round to nearest even; a value beyond 65504 is refused, not made
 * infinite. int8: scale = max|x| / 127 of each row, q = x / scale rounded to nearest even; a row of zeros has scale 0. Scores
 * over such rows are exact for the rows as stored.
 *
 * Everything about a document is checked before its first byte is written (segment_writer_check), so a bad document leaves the
 * files as they were; a failed write leaves them unusable and the collection says so. */
#include "index/segment_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/half.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "index/postings.h"

static const float f16_max = 65504.0f;
enum { SHOWN_KEY = 64 }; /* bytes of a key in a message */

struct segment_writer {
    const char *dir;   /* borrowed */
    const manifest *m; /* borrowed */
    manifest_segment record;
    segment_file_writer files[INDEX_KINDS];
    uint32_t end_id; /* one more than the largest token id so far */
    buf key_bytes;   /* the keys again, to put them in order at the end */
    buf key_ends;    /* u64 */
    buf row;         /* one encoded document */
};

/* ---- checking --------------------------------------------------------------------------------------------------- */

static int shown(const tri_document *d)
{
    return d->key.len < SHOWN_KEY ? (int)d->key.len : SHOWN_KEY;
}

static tri_status check_values(const tri_document *d, const char *what, const float *x, size_t n, int store, tri_error *err)
{
    float max = store == TRI_STORE_F16 ? f16_max : INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return err_set(err, TRI_ERR_NUMERIC, "%s vector of document \"%.*s\" holds a value that is not finite", what,
                           shown(d), d->key.bytes);
        if (fabsf(x[i]) > max)
            return err_set(err, TRI_ERR_NUMERIC, "%s vector of document \"%.*s\" holds %g, which f16 cannot", what, shown(d),
                           d->key.bytes, (double)x[i]);
    }
    return TRI_OK;
}

static tri_status check_sparse(const tri_document *d, tri_error *err)
{
    const tri_sparse_view *s = &d->sparse;
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0 && s->ids[i] <= s->ids[i - 1])
            return err_set(err, TRI_ERR_ARGUMENT, "sparse ids of document \"%.*s\" do not ascend: %" PRIu32 " after %" PRIu32,
                           shown(d), d->key.bytes, s->ids[i], s->ids[i - 1]);
        if (!(s->weights[i] > 0) || isinf(s->weights[i]))
            return err_set(err, TRI_ERR_NUMERIC,
                           "sparse weight of token %" PRIu32 " of document \"%.*s\" is %g, not above 0 and finite", s->ids[i],
                           shown(d), d->key.bytes, (double)s->weights[i]);
    }
    if (s->count && s->ids[s->count - 1] >= LIMIT_VOCAB)
        return err_set(err, TRI_ERR_LIMIT, "token id %" PRIu32 " of document \"%.*s\" is not below %u", s->ids[s->count - 1],
                       shown(d), d->key.bytes, (unsigned)LIMIT_VOCAB);
    return TRI_OK;
}

static tri_status check_key(const tri_document *d, tri_error *err)
{
    if (!d->key.bytes || d->key.len == 0) return err_set(err, TRI_ERR_ARGUMENT, "a document has an empty key");
    if (memchr(d->key.bytes, 0, d->key.len) || utf8_count_bad((const uint8_t *)d->key.bytes, d->key.len))
        return err_set(err, TRI_ERR_ARGUMENT, "document key \"%.*s\" is not UTF-8 without U+0000", shown(d), d->key.bytes);
    if (d->key.len > LIMIT_TEXT_BYTES || d->text.len > LIMIT_TEXT_BYTES)
        return err_set(err, TRI_ERR_LIMIT, "key or text of document \"%.*s\" is longer than %u bytes", shown(d), d->key.bytes,
                       (unsigned)LIMIT_TEXT_BYTES);
    return TRI_OK;
}

tri_status segment_writer_check(const manifest *m, const tri_document *d, tri_error *err)
{
    TRI_TRY(check_key(d, err));
    if (m->want & TRI_DENSE) {
        if (!d->dense.values || d->dense.dim != m->dense_dim)
            return err_set(err, TRI_ERR_MISMATCH, "dense vector of document \"%.*s\" has %zu values, the index keeps %zu",
                           shown(d), d->key.bytes, d->dense.values ? d->dense.dim : 0, m->dense_dim);
        TRI_TRY(check_values(d, "dense", d->dense.values, d->dense.dim, m->store_dense, err));
    }
    if (m->want & TRI_SPARSE) TRI_TRY(check_sparse(d, err));
    if ((m->want & TRI_MULTI) && d->multi.n_rows) {
        size_t n;
        if (!d->multi.rows || d->multi.dim != m->multi_dim || !mul_size(d->multi.n_rows, m->multi_dim, &n))
            return err_set(err, TRI_ERR_MISMATCH, "multi rows of document \"%.*s\" have %zu values, the index keeps %zu",
                           shown(d), d->key.bytes, d->multi.dim, m->multi_dim);
        TRI_TRY(check_values(d, "multi", d->multi.rows, n, m->store_multi, err));
    }
    return TRI_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static tri_status file_path(const segment_writer *w, index_kind kind, char out[LIMIT_PATH], tri_error *err)
{
    char name[32];
    segment_file_name(name, w->record.id, kind);
    if (file_join(out, LIMIT_PATH, w->dir, name) == TRI_OK) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
}

static tri_status begin_file(segment_writer *w, index_kind kind, tri_error *err)
{
    char path[LIMIT_PATH];
    int element = kind == INDEX_DENSE ? w->m->store_dense : kind == INDEX_MULTI ? w->m->store_multi : 0;
    size_t columns = kind == INDEX_DENSE ? w->m->dense_dim : kind == INDEX_MULTI ? w->m->multi_dim : 0;
    TRI_TRY(file_path(w, kind, path, err));
    return segment_file_writer_begin(&w->files[kind], path, kind, element, columns, err);
}

tri_status segment_writer_new(const char *dir, const manifest *m, uint32_t id, segment_writer **out, tri_error *err)
{
    segment_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    w->dir = dir;
    w->m = m;
    w->record.id = id;
    buf_init(&w->key_bytes, 0);
    buf_init(&w->key_ends, 0);
    buf_init(&w->row, 0);
    for (int kind = 1; kind < INDEX_KINDS; kind++) {
        if (kind == INDEX_POSTINGS || !manifest_wants(m, (index_kind)kind)) continue;
        tri_status st = begin_file(w, (index_kind)kind, err);
        if (st != TRI_OK) {
            segment_writer_free(w);
            return st;
        }
    }
    *out = w;
    return TRI_OK;
}

void segment_writer_free(segment_writer *w)
{
    if (!w) return;
    for (int kind = 1; kind < INDEX_KINDS; kind++)
        if (w->files[kind].file) segment_file_writer_drop(&w->files[kind]);
    buf_drop(&w->key_bytes);
    buf_drop(&w->key_ends);
    buf_drop(&w->row);
    mem_free(w);
}

uint64_t segment_writer_docs(const segment_writer *w)
{
    return w->record.docs;
}

uint64_t segment_writer_postings(const segment_writer *w)
{
    return w->record.postings;
}

/* *out: `more` bytes at the end of w->row. */
static tri_status grow_row(segment_writer *w, size_t more, uint8_t **out, tri_error *err)
{
    if (buf_reserve(&w->row, more) != TRI_OK) return err_memory(err, w->row.len + more);
    *out = w->row.data + w->row.len;
    w->row.len += more;
    return TRI_OK;
}

static float encode_int8(const float *x, size_t n, int8_t *out)
{
    float max = 0;
    for (size_t i = 0; i < n; i++) max = fmaxf(max, fabsf(x[i]));
    float scale = max / 127.0f;
    for (size_t i = 0; i < n; i++) {
        float q = scale > 0 ? rintf(x[i] / scale) : 0; /* a denormal scale can give a quotient beyond 127 */
        out[i] = (int8_t)fmaxf(-127.0f, fminf(127.0f, q));
    }
    return scale;
}

static tri_status add_rows(segment_writer *w, index_kind kind, const float *x, size_t n_rows, size_t dim, int store,
                           tri_error *err)
{
    size_t n = n_rows * dim; /* checked by segment_writer_check */
    if (store == TRI_STORE_F32) return segment_file_writer_data(&w->files[kind], x, n * sizeof *x, err);
    uint8_t *bytes = NULL;
    buf_clear(&w->row);
    TRI_TRY(grow_row(w, n * (store == TRI_STORE_F16 ? 2 : 1), &bytes, err));
    if (store == TRI_STORE_F16) {
        for (size_t i = 0; i < n; i++) {
            uint16_t h = half_from_f32(x[i]);
            memcpy(bytes + 2 * i, &h, sizeof h);
        }
    } else {
        for (size_t r = 0; r < n_rows; r++) {
            float scale = encode_int8(x + r * dim, dim, (int8_t *)bytes + r * dim);
            TRI_TRY(segment_file_writer_data(&w->files[INDEX_SCALES], &scale, sizeof scale, err));
        }
    }
    return segment_file_writer_data(&w->files[kind], w->row.data, w->row.len, err);
}

static tri_status add_sparse(segment_writer *w, const tri_sparse_view *s, tri_error *err)
{
    segment_file_writer *f = &w->files[INDEX_FORWARD];
    TRI_TRY(segment_file_writer_mark(f, err));
    for (size_t i = 0; i < s->count; i++) {
        index_pair pair = {s->ids[i], s->weights[i]};
        TRI_TRY(segment_file_writer_data(f, &pair, sizeof pair, err));
    }
    if (s->count && s->ids[s->count - 1] >= w->end_id) w->end_id = s->ids[s->count - 1] + 1;
    w->record.postings += s->count;
    return TRI_OK;
}

static tri_status add_multi(segment_writer *w, const tri_document *d, tri_error *err)
{
    static const uint32_t unknown = UINT32_MAX;
    segment_file_writer *tokens = &w->files[INDEX_TOKENS];
    size_t n = d->multi.n_rows;
    TRI_TRY(segment_file_writer_mark(&w->files[INDEX_MULTI], err));
    if (n) TRI_TRY(add_rows(w, INDEX_MULTI, d->multi.rows, n, w->m->multi_dim, w->m->store_multi, err));
    if (d->multi_ids)
        TRI_TRY(segment_file_writer_data(tokens, d->multi_ids, n * sizeof *d->multi_ids, err));
    else
        for (size_t i = 0; i < n; i++) TRI_TRY(segment_file_writer_data(tokens, &unknown, sizeof unknown, err));
    w->record.rows += n;
    return TRI_OK;
}

static tri_status add_text(segment_file_writer *f, tri_text text, tri_error *err)
{
    TRI_TRY(segment_file_writer_mark(f, err));
    return segment_file_writer_data(f, text.bytes, text.len, err);
}

static tri_status keep_key(segment_writer *w, tri_text key, tri_error *err)
{
    tri_status st = buf_append(&w->key_bytes, key.bytes, key.len);
    uint64_t end = w->key_bytes.len;
    if (st == TRI_OK) st = buf_append(&w->key_ends, &end, sizeof end);
    return st == TRI_OK ? TRI_OK : err_memory(err, w->key_bytes.len);
}

tri_status segment_writer_add(segment_writer *w, const tri_document *d, tri_error *err)
{
    TRI_TRY(keep_key(w, d->key, err));
    TRI_TRY(add_text(&w->files[INDEX_KEYS], d->key, err));
    TRI_TRY(add_text(&w->files[INDEX_TEXTS], d->text, err));
    if (w->m->want & TRI_DENSE) TRI_TRY(add_rows(w, INDEX_DENSE, d->dense.values, 1, w->m->dense_dim, w->m->store_dense, err));
    if (w->m->want & TRI_SPARSE) TRI_TRY(add_sparse(w, &d->sparse, err));
    if (w->m->want & TRI_MULTI) TRI_TRY(add_multi(w, d, err));
    w->record.docs++;
    return TRI_OK;
}

/* ---- finishing -------------------------------------------------------------------------------------------------- */

static tri_text kept_key(const segment_writer *w, uint32_t doc)
{
    const uint64_t *ends = (const uint64_t *)(const void *)w->key_ends.data;
    uint64_t start = doc ? ends[doc - 1] : 0;
    tri_text t = {(const char *)w->key_bytes.data + start, (size_t)(ends[doc] - start)};
    return t;
}

/* format.h: by bytes, the shorter first, equal keys by document */
static bool key_before(const segment_writer *w, uint32_t a, uint32_t b)
{
    tri_text x = kept_key(w, a), y = kept_key(w, b);
    int c = memcmp(x.bytes, y.bytes, x.len < y.len ? x.len : y.len);
    if (c) return c < 0;
    return x.len != y.len ? x.len < y.len : a < b;
}

/* Merge sort from runs of one: no recursion, n log n on any keys. `spare` is as long as `order`; returns the one that holds
 * the result. */
static uint32_t *sort_docs(const segment_writer *w, uint32_t *order, uint32_t *spare, size_t n)
{
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t start = 0; start < n; start += 2 * run) {
            size_t a = start, middle = start + run < n ? start + run : n, b = middle;
            size_t end = middle + run < n ? middle + run : n;
            for (size_t i = start; i < end; i++)
                spare[i] = a < middle && (b >= end || !key_before(w, order[b], order[a])) ? order[a++] : order[b++];
        }
        uint32_t *swap = order;
        order = spare;
        spare = swap;
    }
    return order;
}

static tri_status finish_keys(segment_writer *w, tri_error *err)
{
    size_t n = (size_t)w->record.docs;
    uint32_t *orders = mem_array(n, 2 * sizeof *orders);
    if (!orders) return err_memory(err, n * 2 * sizeof *orders);
    const uint32_t *sorted = sort_docs(w, orders, orders + n, n);
    tri_status st = segment_file_writer_finish(&w->files[INDEX_KEYS], n, sorted, &w->record.files[INDEX_KEYS], err);
    mem_free(orders);
    return st;
}

static tri_status finish_postings(segment_writer *w, tri_error *err)
{
    char forward[LIMIT_PATH], path[LIMIT_PATH];
    TRI_TRY(file_path(w, INDEX_FORWARD, forward, err));
    TRI_TRY(file_path(w, INDEX_POSTINGS, path, err));
    return postings_write(forward, path, w->end_id, &w->record.files[INDEX_POSTINGS], err);
}

tri_status segment_writer_finish(segment_writer *w, manifest_segment *out, tri_error *err)
{
    TRI_TRY(finish_keys(w, err));
    for (int kind = 1; kind < INDEX_KINDS; kind++) {
        if (kind == INDEX_KEYS || kind == INDEX_POSTINGS || !manifest_wants(w->m, (index_kind)kind)) continue;
        uint64_t n = kind == INDEX_TOKENS || kind == INDEX_SCALES ? w->record.rows : w->record.docs;
        TRI_TRY(segment_file_writer_finish(&w->files[kind], n, NULL, &w->record.files[kind], err));
    }
    if (w->m->want & TRI_SPARSE) TRI_TRY(finish_postings(w, err));
    *out = w->record;
    return TRI_OK;
}
