/* SPDX-License-Identifier: Apache-2.0 */
/* leg_dense.c — how near is every document's dense vector to every query's? One matrix product, a block of documents a task, so
 * that a block is read from memory once for all queries of the call. Scores are the kernels' f32 dot products, whose bits do
 * not depend on the block or on the other queries (compute.h, invariant 1). */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "search/leg.h"

/* Rows of a block stay in a core's second-level cache while the queries go over them; origin: 1 MiB L2 of the machines at hand.
 */
enum { BLOCK_BYTES = 1 << 19 };

tensor leg_vectors(const segment *s, index_kind kind)
{
    static const dtype types[] = {DTYPE_F32, DTYPE_F16, DTYPE_I8}; /* ORDER TRI_STORE */
    const segment_file *f = &s->files[kind];
    tensor t = {.data = (void *)(uintptr_t)f->data,
                .type = types[f->element],
                .rows = (size_t)f->items,
                .cols = f->columns,
                .ld = f->columns};
    return t;
}

static size_t count_blocks(const tri_index *x, uint32_t max_docs, uint64_t max_items, index_kind kind, leg_block *out)
{
    size_t n = 0;
    for (size_t s = 0; s < x->n_committed; s++) {
        const segment *seg = &x->segments[s];
        const uint64_t *offsets = kind == INDEX_NONE ? NULL : seg->files[kind].offsets;
        for (uint32_t first = 0, end; first < seg->n_docs; first = end) {
            uint32_t most = seg->n_docs - first < max_docs ? seg->n_docs : first + max_docs;
            end = offsets ? first + 1 : most;
            while (end < most && offsets[end + 1] - offsets[first] <= max_items) end++;
            if (out) out[n] = (leg_block){seg, first, end - first};
            n++;
        }
    }
    return n;
}

tri_status leg_cut(const tri_index *x, workbench *b, uint32_t max_docs, uint64_t max_items, index_kind offsets_of,
                   leg_block **out, size_t *n, tri_error *err)
{
    *n = count_blocks(x, max_docs, max_items, offsets_of, NULL);
    *out = arena_array(&b->scratch, *n, sizeof **out);
    if (!*out) return err_memory(err, *n * sizeof **out);
    count_blocks(x, max_docs, max_items, offsets_of, *out);
    return TRI_OK;
}

typedef struct dense_job {
    workbench *bench;
    const leg_block *blocks;
    tensor queries; /* [n, dim] */
    leg_scores *out;
} dense_job;

static void score_block(void *ctx, size_t task, size_t worker)
{
    const dense_job *j = ctx;
    const leg_block *block = &j->blocks[task];
    compute *device = j->bench->seats[worker].device;
    tensor docs = leg_vectors(block->segment, INDEX_DENSE);
    docs.data = (uint8_t *)docs.data +
                (size_t)block->first * segment_file_row_bytes((int)block->segment->files[INDEX_DENSE].element, docs.cols);
    docs.rows = block->n;
    float *at = j->out->values + block->segment->first + block->first;
    tensor y = tensor_f32(at, j->queries.rows, block->n, j->out->n_docs);
    device->ops->dots(device, &j->queries, &docs, NULL, &y);
    compute_sync(device, NULL); /* on the host: cannot fail */
}

tri_status leg_dense_run(const tri_index *x, workbench *b, const tri_query *queries, size_t n, leg_scores *out, tri_error *err)
{
    size_t dim = x->m.dense_dim, row_bytes = segment_file_row_bytes(x->m.store_dense, dim), n_blocks;
    uint32_t block_docs = row_bytes < BLOCK_BYTES ? (uint32_t)(BLOCK_BYTES / row_bytes) : 1;
    leg_block *blocks;
    size_t values;
    float *rows = mul_size(n, dim, &values) ? arena_array(&b->scratch, values, sizeof *rows) : NULL;
    if (!rows) return err_memory(err, n * dim * sizeof *rows);
    for (size_t q = 0; q < n; q++) memcpy(rows + q * dim, queries[q].dense.values, dim * sizeof *rows);
    TRI_TRY(leg_cut(x, b, block_docs, 0, INDEX_NONE, &blocks, &n_blocks, err));
    dense_job job = {b, blocks, tensor_f32(rows, n, dim, dim), out};
    pool_run(b->threads, score_block, &job, n_blocks);
    return TRI_OK;
}
