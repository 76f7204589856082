/* SPDX-License-Identifier: Apache-2.0 */
/* leg_multi.c — how well does each of the query's tokens find a partner in each document?
 *
 * score = mean over the query's rows of the best dot product with any row of the document (MaxSim as FlagEmbedding divides it);
 * 0 when either side has no rows. A task takes a block of documents whose rows fit the cache and scores it for all queries of
 * the call. The kernels work on rows as stored (f32, f16, int8 with one scale a row). */
#include "base/err.h"
#include "search/leg.h"

/* As in leg_dense.c, and a bound on documents so that empty ones do not make one endless task. */
enum { BLOCK_BYTES = 1 << 19, BLOCK_DOCS = 1 << 12 };

typedef struct multi_job {
    workbench *bench;
    const leg_block *blocks;
    const tri_query *queries;
    size_t n_queries;
    leg_scores *out;
} multi_job;

const float *leg_scales(const segment *s)
{
    return (const float *)(const void *)s->files[INDEX_SCALES].data;
}

static void score_docs(compute *device, const segment *s, tri_multi_view query, uint32_t first, uint32_t n, float *out)
{
    tensor docs = leg_vectors(s, INDEX_MULTI);
    tensor rows = tensor_f32((float *)(uintptr_t)query.rows, query.n_rows, docs.cols, docs.cols);
    device->ops->maxsim(device, &rows, &docs, leg_scales(s), s->files[INDEX_MULTI].offsets + first, n, out, NULL);
    compute_sync(device, NULL); /* on the host: cannot fail */
}

static void score_block(void *ctx, size_t task, size_t worker)
{
    const multi_job *j = ctx;
    const leg_block *block = &j->blocks[task];
    float *at = j->out->values + block->segment->first + block->first;
    for (size_t q = 0; q < j->n_queries; q++)
        score_docs(j->bench->seats[worker].device, block->segment, j->queries[q].multi, block->first, block->n,
                   at + q * j->out->n_docs);
}

tri_status leg_multi_run(const tri_index *x, workbench *b, const tri_query *queries, size_t n, leg_scores *out, tri_error *err)
{
    size_t row_bytes = segment_file_row_bytes(x->m.store_multi, x->m.multi_dim), n_blocks;
    leg_block *blocks;
    TRI_TRY(leg_cut(x, b, BLOCK_DOCS, BLOCK_BYTES / row_bytes, INDEX_MULTI, &blocks, &n_blocks, err));
    multi_job job = {b, blocks, queries, n, out};
    pool_run(b->threads, score_block, &job, n_blocks);
    return TRI_OK;
}

void leg_multi_some(const tri_index *x, compute *device, tri_multi_view query, const uint32_t *docs, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const segment *s = collection_segment_of(x, docs[i]);
        score_docs(device, s, query, (uint32_t)(docs[i] - s->first), 1, out + i);
    }
}
