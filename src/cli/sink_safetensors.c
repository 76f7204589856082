/* SPDX-License-Identifier: Apache-2.0 */
/* sink_safetensors.c — the three representations as tensors, ragged ones as one run of values with offsets:
 *
 *   dense [n, D] F32
 *   sparse_ids [nnz] I32, ascending in each text    sparse_weights [nnz] F32    sparse_offsets [n + 1] I64
 *   multi [rows, D'] F32                                                        multi_offsets  [n + 1] I64
 *   metadata "ids": a JSON array of the texts' ids, in their own types
 * Text i has the values offsets[i] .. offsets[i + 1]. Tensors of what is not wanted are absent. */
#include "cli/vector_sink.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/safetensors_write.h"

enum { DENSE, SPARSE_IDS, SPARSE_WEIGHTS, SPARSE_OFFSETS, MULTI, MULTI_OFFSETS, TENSORS };

typedef struct safetensors_sink {
    safetensors_writer *w;
    unsigned want;
    size_t number[TENSORS]; /* as the writer counts them */
    int64_t sparse_end, multi_end;
    buf ids;
} safetensors_sink;

static void discard_safetensors(void *sink)
{
    safetensors_sink *s = sink;
    if (!s) return;
    safetensors_write_discard(s->w);
    buf_drop(&s->ids);
    mem_free(s);
}

static tri_status declare(safetensors_sink *s, const vector_sink_plan *plan, tri_error *err)
{
    const struct {
        const char *name;
        unsigned of;
        dtype type;
        size_t width; /* 0: rank 1 */
    } tensors[TENSORS] = {{"dense", TRI_DENSE, DTYPE_F32, plan->dense_dim}, {"sparse_ids", TRI_SPARSE, DTYPE_I32, 0},
                          {"sparse_weights", TRI_SPARSE, DTYPE_F32, 0},     {"sparse_offsets", TRI_SPARSE, DTYPE_I64, 0},
                          {"multi", TRI_MULTI, DTYPE_F32, plan->multi_dim}, {"multi_offsets", TRI_MULTI, DTYPE_I64, 0}};
    size_t declared = 0;
    for (size_t i = 0; i < TENSORS; i++) {
        uint64_t shape[2] = {0, tensors[i].width};
        if (!(plan->want & tensors[i].of)) continue;
        TRI_TRY(
            safetensors_write_declare_growing(s->w, tensors[i].name, tensors[i].type, tensors[i].width ? 2 : 1, shape, err));
        s->number[i] = declared++;
    }
    return TRI_OK;
}

static tri_status begin(safetensors_sink *s, const vector_sink_plan *plan, tri_error *err)
{
    int64_t zero = 0;
    if (buf_byte(&s->ids, '[') != TRI_OK) return err_memory(err, 1);
    TRI_TRY(safetensors_write_open(plan->path, &s->w, err));
    TRI_TRY(declare(s, plan, err));
    if (s->want & TRI_SPARSE) TRI_TRY(safetensors_write_append(s->w, s->number[SPARSE_OFFSETS], &zero, sizeof zero, err));
    if (s->want & TRI_MULTI) TRI_TRY(safetensors_write_append(s->w, s->number[MULTI_OFFSETS], &zero, sizeof zero, err));
    return TRI_OK;
}

static tri_status open_safetensors(const vector_sink_plan *plan, void **sink, tri_error *err)
{
    safetensors_sink *s = mem_calloc(1, sizeof *s);
    if (!s) return err_memory(err, sizeof *s);
    s->want = plan->want;
    buf_init(&s->ids, 0);
    tri_status st = begin(s, plan, err);
    if (st)
        discard_safetensors(s);
    else
        *sink = s;
    return st;
}

static tri_status append(safetensors_sink *s, int tensor, const void *bytes, size_t len, tri_error *err)
{
    return len ? safetensors_write_append(s->w, s->number[tensor], bytes, len, err) : TRI_OK;
}

static tri_status put_sparse(safetensors_sink *s, tri_sparse_view sparse, tri_error *err)
{
    TRI_TRY(append(s, SPARSE_IDS, sparse.ids, sparse.count * sizeof *sparse.ids, err));
    TRI_TRY(append(s, SPARSE_WEIGHTS, sparse.weights, sparse.count * sizeof *sparse.weights, err));
    s->sparse_end += (int64_t)sparse.count;
    return append(s, SPARSE_OFFSETS, &s->sparse_end, sizeof s->sparse_end, err);
}

static tri_status put_multi(safetensors_sink *s, tri_multi_view multi, tri_error *err)
{
    TRI_TRY(append(s, MULTI, multi.rows, multi.n_rows * multi.dim * sizeof *multi.rows, err));
    s->multi_end += (int64_t)multi.n_rows;
    return append(s, MULTI_OFFSETS, &s->multi_end, sizeof s->multi_end, err);
}

static tri_status put_safetensors(void *sink, const record *records, size_t n, const tri_embeddings *e, tri_error *err)
{
    safetensors_sink *s = sink;
    for (size_t i = 0; i < n; i++) {
        tri_status st = s->ids.len > 1 ? buf_str(&s->ids, ", ") : TRI_OK;
        if (st == TRI_OK) st = buf_append(&s->ids, records[i].id_json.bytes, records[i].id_json.len);
        if (st) return err_memory(err, s->ids.len);
        if (s->want & TRI_DENSE) {
            tri_dense_view dense = tri_embeddings_dense(e, i);
            TRI_TRY(append(s, DENSE, dense.values, dense.dim * sizeof *dense.values, err));
        }
        if (s->want & TRI_SPARSE) TRI_TRY(put_sparse(s, tri_embeddings_sparse(e, i), err));
        if (s->want & TRI_MULTI) TRI_TRY(put_multi(s, tri_embeddings_multi(e, i), err));
    }
    return TRI_OK;
}

static tri_status commit_safetensors(void *sink, tri_error *err)
{
    safetensors_sink *s = sink;
    tri_status st = buf_byte(&s->ids, ']') == TRI_OK ? TRI_OK : err_memory(err, s->ids.len);
    if (st == TRI_OK) st = safetensors_write_metadata(s->w, "ids", (const char *)s->ids.data, s->ids.len, err);
    if (st == TRI_OK) {
        st = safetensors_write_commit(s->w, err);
        s->w = NULL;
    }
    discard_safetensors(s);
    return st;
}

const vector_sink_kind sink_safetensors = {
    "safetensors", TRI_ALL, false, open_safetensors, put_safetensors, commit_safetensors, discard_safetensors};
