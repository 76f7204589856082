/* SPDX-License-Identifier: Apache-2.0 */
/* leg_sparse.c — which documents share tokens with the query, and how heavily?
 *
 * score = sum over shared token ids of query weight * document weight. Every posting of every query token is visited: no
 * pruning, no quantised weights, so the result is exact. Documents are scored in windows whose sums fit the cache; the postings
 * of a window are found by bisection in each token's list.
 *
 * Precision: products and sums in double, in ascending order of token id, rounded once to f32. A product of two floats is exact
 * in double, so the score is what arithmetic without rounding gives but for the last bits of the sum, and it is the same
 * whether it is computed from postings (here) or from forward vectors (explain.c). A document without a shared token scores 0.
 *
 * Bounds: documents in a list are trusted to ascend only for speed. An entry outside the window ends the list, so a damaged
 * file gives wrong scores, never a write outside `sums`. */
#include "base/err.h"
#include "search/leg.h"

typedef struct sparse_job {
    workbench *bench;
    const leg_block *blocks;
    size_t n_blocks;
    const tri_query *queries;
    leg_scores *out;
} sparse_job;

static size_t find_doc(const index_pair *list, size_t n, uint32_t doc)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].id < doc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_postings(double *sums, const leg_block *block, const index_pair *list, size_t n, double weight)
{
    for (size_t i = find_doc(list, n, block->first); i < n; i++) {
        uint32_t at = list[i].id - block->first;
        if (at >= block->n) break;
        sums[at] += weight * list[i].weight;
    }
}

static void score_window(void *ctx, size_t task, size_t worker)
{
    const sparse_job *j = ctx;
    size_t q = task / j->n_blocks;
    const leg_block *block = &j->blocks[task % j->n_blocks];
    const tri_sparse_view *query = &j->queries[q].sparse;
    double *sums = j->bench->seats[worker].sums;
    float *out = j->out->values + q * j->out->n_docs + block->segment->first + block->first;
    for (uint32_t i = 0; i < block->n; i++) sums[i] = 0;
    for (size_t t = 0; t < query->count; t++) {
        size_t n;
        const index_pair *list = segment_postings(block->segment, query->ids[t], &n);
        add_postings(sums, block, list, n, query->weights[t]);
    }
    for (uint32_t i = 0; i < block->n; i++) out[i] = (float)sums[i];
}

tri_status leg_sparse_run(const tri_index *x, workbench *b, const tri_query *queries, size_t n, leg_scores *out, tri_error *err)
{
    leg_block *blocks;
    size_t n_blocks;
    TRI_TRY(leg_cut(x, b, WORKBENCH_WINDOW, 0, INDEX_NONE, &blocks, &n_blocks, err));
    sparse_job job = {b, blocks, n_blocks, queries, out};
    pool_run(b->threads, score_window, &job, n * n_blocks);
    return TRI_OK;
}
