/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_score.c — dots and MaxSim: documents streamed once, in blocks that stay in cache while all queries pass.
 *
 * Bound by the documents' bytes for few queries, so F16 and I8 are widened in registers; neither op needs scratch, so both may
 * be called from any thread at any time. */
#include <assert.h>
#include <math.h>

#include "compute/cpu/cpu.h"

enum {
    DOT_PAIRS_MAX = 16,      /* of a tile: dot_queries * dot_docs */
    DOC_BLOCK_BYTES = 98304, /* documents held in L2 while queries pass */
    QUERY_BLOCK = 256,       /* query rows of a task of dots; query rows whose best MaxSim keeps on the stack */
};

typedef struct score_job {
    const cpu_kernels *kernels;
    const tensor *q, *docs, *y;
    const float *scales;
    size_t doc_bytes, doc_block, doc_blocks; /* bytes a row, rows a block */
    const uint64_t *doc_start;
    float *scores;
    int32_t *best;
} score_job;

/* out[i * dot_docs + j] = q row first_q + i . docs row first + j, scaled; n <= dot_docs. Documents past n repeat the first. */
static void score_tile(const score_job *job, size_t first_q, size_t n_q, size_t first, size_t n, float *out)
{
    const cpu_kernels *kernels = job->kernels;
    const void *docs[DOT_PAIRS_MAX];
    for (size_t j = 0; j < kernels->dot_docs; j++)
        docs[j] = (const char *)job->docs->data + (first + (j < n ? j : 0)) * job->doc_bytes;
    kernels->dots(out, (const float *)job->q->data + first_q * job->q->ld, job->q->ld, n_q, docs, job->docs->type,
                  job->q->cols);
    if (job->scales)
        for (size_t i = 0; i < n_q; i++)
            for (size_t j = 0; j < n; j++) out[i * kernels->dot_docs + j] *= job->scales[first + j];
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void dots_block(void *ctx, size_t task, size_t worker)
{
    const score_job *job = ctx;
    size_t queries = job->kernels->dot_queries, docs = job->kernels->dot_docs;
    size_t q0 = task / job->doc_blocks * QUERY_BLOCK, q_end = least(q0 + QUERY_BLOCK, job->q->rows);
    size_t d0 = task % job->doc_blocks * job->doc_block, d_end = least(d0 + job->doc_block, job->docs->rows);
    float out[DOT_PAIRS_MAX];
    (void)worker;
    for (size_t q = q0; q < q_end; q += queries)
        for (size_t d = d0; d < d_end; d += docs) {
            size_t n_q = least(queries, q_end - q), n = least(docs, d_end - d);
            score_tile(job, q, n_q, d, n, out);
            for (size_t i = 0; i < n_q; i++)
                for (size_t j = 0; j < n; j++) ((float *)job->y->data)[(q + i) * job->y->ld + d + j] = out[i * docs + j];
        }
}

static score_job describe(compute *c, const tensor *q, const tensor *docs, const float *scales)
{
    score_job job = {.kernels = cpu_kernels_of(c), .q = q, .docs = docs, .scales = scales};
    assert(q->cols == docs->cols && job.kernels->dot_queries * job.kernels->dot_docs <= DOT_PAIRS_MAX);
    job.doc_bytes = docs->ld * dtype_size(docs->type);
    job.doc_block = (DOC_BLOCK_BYTES / (job.doc_bytes + 1) / job.kernels->dot_docs + 1) * job.kernels->dot_docs;
    return job;
}

void cpu_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y)
{
    score_job job = describe(c, q, docs, scales);
    if (q->rows == 0 || docs->rows == 0) return;
    job.y = y;
    size_t each = cpu_blocks(docs->rows, 4 * cpu_threads(c)); /* few documents: four tasks a thread, in whole tiles */
    each = cpu_blocks(each, job.kernels->dot_docs) * job.kernels->dot_docs;
    job.doc_block = least(job.doc_block, each);
    job.doc_blocks = cpu_blocks(docs->rows, job.doc_block);
    pool_run(c->threads, dots_block, &job, job.doc_blocks * cpu_blocks(q->rows, QUERY_BLOCK));
}

typedef struct winner {
    float greatest;
    int32_t row; /* from the document's first */
} winner;

/* Rows in ascending order and a strict comparison: the lowest row wins a tie. */
static void raise_winners(const score_job *job, size_t q0, size_t n_queries, uint64_t first, uint64_t row, uint64_t end,
                          winner *winners)
{
    size_t queries = job->kernels->dot_queries, docs = job->kernels->dot_docs;
    float out[DOT_PAIRS_MAX];
    for (size_t q = 0; q < n_queries; q += queries)
        for (uint64_t d = row; d < end; d += docs) {
            size_t n_q = least(queries, n_queries - q), n = least(docs, end - d);
            score_tile(job, q0 + q, n_q, d, n, out);
            for (size_t i = 0; i < n_q; i++)
                for (size_t j = 0; j < n; j++)
                    if (out[i * docs + j] > winners[q + i].greatest)
                        winners[q + i] = (winner){out[i * docs + j], (int32_t)(d + j - first)};
        }
}

static void maxsim_doc(void *ctx, size_t task, size_t worker)
{
    const score_job *job = ctx;
    uint64_t first = job->doc_start[task], end = job->doc_start[task + 1];
    size_t Q = job->q->rows;
    double sum = 0;
    (void)worker;
    for (size_t q0 = 0; q0 < Q; q0 += QUERY_BLOCK) {
        winner winners[QUERY_BLOCK];
        size_t n = least(QUERY_BLOCK, Q - q0);
        for (size_t i = 0; i < n; i++) winners[i] = (winner){-INFINITY, 0};
        for (uint64_t row = first; row < end; row += job->doc_block)
            raise_winners(job, q0, n, first, row, least(row + job->doc_block, end), winners);
        for (size_t i = 0; i < n; i++) {
            sum += winners[i].greatest;
            if (job->best) job->best[task * Q + q0 + i] = winners[i].row;
        }
    }
    job->scores[task] = Q == 0 || first == end ? 0 : (float)(sum / (double)Q);
}

void cpu_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                float *scores, int32_t *best)
{
    score_job job = describe(c, q, docs, scales);
    job.doc_start = doc_start;
    job.scores = scores;
    job.best = best;
    pool_run(c->threads, maxsim_doc, &job, n_docs);
}
