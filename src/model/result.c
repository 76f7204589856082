/* SPDX-License-Identifier: Apache-2.0 */
/* result.c — lays the block out and reads views from it. */
#include "model/result.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum { ALIGN = 64 };

typedef struct layout {
    size_t at;
    bool overflow;
} layout;

/* Offset of a part of count * size bytes. */
static size_t place(layout *l, size_t count, size_t size)
{
    size_t bytes, end, start = l->at;
    if (!mul_size(count, size, &bytes) || !add_size(bytes, ALIGN - 1, &bytes) ||
        !add_size(start, bytes & ~(size_t)(ALIGN - 1), &end)) {
        l->overflow = true;
        return 0;
    }
    l->at = end;
    return start;
}

tri_status result_new(size_t count, size_t tokens, unsigned want, size_t dense_dim, size_t multi_dim, tri_embeddings **out,
                      tri_error *err)
{
    *out = NULL;
    layout l = {0, false};
    size_t n_sparse = want & TRI_SPARSE ? tokens : 0, n_multi = want & TRI_MULTI ? tokens - count : 0, multi_floats = 0,
           dense_floats = 0;
    if (!mul_size(n_multi, multi_dim, &multi_floats) || !mul_size(want & TRI_DENSE ? count : 0, dense_dim, &dense_floats))
        l.overflow = true;
    place(&l, 1, sizeof(tri_embeddings));
    size_t texts = place(&l, count, sizeof(result_text)), ids = place(&l, tokens, sizeof(uint32_t));
    size_t dense = place(&l, dense_floats, sizeof(float)), sparse_ids = place(&l, n_sparse, sizeof(uint32_t));
    size_t sparse_weights = place(&l, n_sparse, sizeof(float)), multi = place(&l, multi_floats, sizeof(float));
    char *block = l.overflow ? NULL : mem_alloc_aligned(l.at, ALIGN);
    if (!block) return err_memory(err, l.overflow ? SIZE_MAX : l.at);
    tri_embeddings *e = (tri_embeddings *)(void *)block;
    *e = (tri_embeddings){.count = count, .want = want, .dense_dim = dense_dim, .multi_dim = multi_dim};
    e->texts = (result_text *)(void *)(block + texts);
    e->ids = (uint32_t *)(void *)(block + ids);
    e->dense = (float *)(void *)(block + dense);
    e->sparse_ids = (uint32_t *)(void *)(block + sparse_ids);
    e->sparse_weights = (float *)(void *)(block + sparse_weights);
    e->multi = (float *)(void *)(block + multi);
    if (count) memset(e->texts, 0, count * sizeof *e->texts);
    *out = e;
    return TRI_OK;
}

size_t tri_embeddings_count(const tri_embeddings *e)
{
    return e->count;
}

tri_dense_view tri_embeddings_dense(const tri_embeddings *e, size_t i)
{
    tri_dense_view none = {NULL, 0};
    if (i >= e->count || !(e->want & TRI_DENSE)) return none;
    tri_dense_view v = {e->dense + i * e->dense_dim, e->dense_dim};
    return v;
}

tri_sparse_view tri_embeddings_sparse(const tri_embeddings *e, size_t i)
{
    tri_sparse_view none = {NULL, NULL, 0};
    if (i >= e->count || !(e->want & TRI_SPARSE)) return none;
    size_t at = e->texts[i].sparse_start;
    tri_sparse_view v = {e->sparse_ids + at, e->sparse_weights + at, e->texts[i].n_sparse};
    return v;
}

tri_multi_view tri_embeddings_multi(const tri_embeddings *e, size_t i)
{
    tri_multi_view none = {NULL, 0, 0};
    if (i >= e->count || !(e->want & TRI_MULTI)) return none;
    tri_multi_view v = {e->multi + (e->texts[i].token_start - i) * e->multi_dim, e->texts[i].n_tokens - 1, e->multi_dim};
    return v;
}

size_t tri_embeddings_tokens(const tri_embeddings *e, size_t i)
{
    return i < e->count ? e->texts[i].n_tokens : 0;
}

int tri_embeddings_truncated(const tri_embeddings *e, size_t i)
{
    return i < e->count ? e->texts[i].truncated : 0;
}

size_t tri_embeddings_bad_bytes(const tri_embeddings *e, size_t i)
{
    return i < e->count ? e->texts[i].bad_bytes : 0;
}

const uint32_t *tri_embeddings_ids(const tri_embeddings *e, size_t i, size_t *n)
{
    *n = i < e->count ? e->texts[i].n_tokens : 0;
    return i < e->count ? e->ids + e->texts[i].token_start : NULL;
}

/* The block holds ids and then weights, `cap` of each. */
static tri_status grow_sparse(tri_embeddings *e, size_t used, size_t need, tri_error *err)
{
    size_t cap = e->sparse_cap > need / 2 ? 2 * e->sparse_cap : need, bytes;
    if (need <= e->sparse_cap) return TRI_OK;
    char *block = mul_size(cap, sizeof(uint32_t) + sizeof(float), &bytes) ? mem_alloc(bytes) : NULL;
    if (!block) return err_memory(err, need * (sizeof(uint32_t) + sizeof(float)));
    uint32_t *ids = (uint32_t *)(void *)block;
    float *weights = (float *)(void *)(block + cap * sizeof *ids);
    if (used) memcpy(ids, e->sparse_ids, used * sizeof *ids);
    if (used) memcpy(weights, e->sparse_weights, used * sizeof *weights);
    mem_free(e->sparse_block);
    e->sparse_block = block;
    e->sparse_cap = cap;
    e->sparse_ids = ids;
    e->sparse_weights = weights;
    return TRI_OK;
}

tri_status result_add_sparse(tri_embeddings *e, size_t i, const float *values, size_t V, tri_error *err)
{
    size_t n = 0, at = e->sparse_used;
    for (size_t v = 0; v < V; v++) n += values[v] > 0;
    TRI_TRY(grow_sparse(e, at, at + n, err));
    e->texts[i].sparse_start = at;
    e->texts[i].n_sparse = n;
    for (size_t v = 0; v < V; v++) {
        if (!(values[v] > 0)) continue;
        e->sparse_ids[at] = (uint32_t)v;
        e->sparse_weights[at++] = values[v];
    }
    e->sparse_used = at;
    return TRI_OK;
}

void tri_embeddings_free(tri_embeddings *e)
{
    if (e) mem_free(e->sparse_block);
    mem_free_aligned(e);
}
