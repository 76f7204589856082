/* SPDX-License-Identifier: Apache-2.0 */
/* score.cu — MaxSim on the card. (dots are products: linear.cu.)
 *
 * A block has one document. A warp takes query rows in turn; a lane takes the document's rows lane, lane + 32, ...; then the
 * greatest of the warp, of equal ones the lowest row. The mean over query rows is summed in their order, in double. */
#include <string.h>

#include "compute/cuda/numbers.h"

typedef struct maxsim_args {
    view q, docs;
    const float *scales;       /* or NULL */
    const uint64_t *doc_start; /* [n_docs + 1] */
    float *scores;             /* [n_docs] */
    float *greatest;           /* [n_docs, q.rows] */
    int32_t *best;             /* [n_docs, q.rows] */
} maxsim_args;

DEVICE float dot_rows(const maxsim_args *a, size_t i, size_t row)
{
    float sum = 0;
    for (size_t d = 0; d < a->docs.cols; d++) sum = fmaf(view_at(a->q, i, d), view_at(a->docs, row, d), sum);
    return a->scales ? sum * a->scales[row] : sum;
}

KERNEL(maxsim)
{
    size_t doc = blockIdx.x, first = (size_t)a.doc_start[doc], n = (size_t)a.doc_start[doc + 1] - first, Q = a.q.rows;
    int lane = (int)threadIdx.x % WARP;
    for (size_t i = threadIdx.x / WARP; i < Q; i += ROW_WARPS) {
        float greatest = -INFINITY;
        int winner = 0;
        for (size_t j = (size_t)lane; j < n; j += WARP) {
            float one = dot_rows(&a, i, first + j);
            if (one > greatest) {
                greatest = one;
                winner = (int)j;
            }
        }
        for (int other = WARP / 2; other; other /= 2) {
            float theirs = __shfl_xor_sync(0xFFFFFFFFu, greatest, other);
            int row = __shfl_xor_sync(0xFFFFFFFFu, winner, other);
            if (theirs > greatest || (theirs == greatest && row < winner)) {
                greatest = theirs;
                winner = row;
            }
        }
        if (lane == 0) {
            a.greatest[doc * Q + i] = greatest;
            a.best[doc * Q + i] = winner;
        }
    }
    __syncthreads();
    if (threadIdx.x) return;
    double sum = 0;
    for (size_t i = 0; i < Q; i++) sum += (double)a.greatest[doc * Q + i];
    a.scores[doc] = n && Q ? (float)(sum / (double)Q) : 0;
}

/* As many documents as the ring of arguments has room for with their results. Returns how many were done. */
static size_t score_some(compute *c, maxsim_args *a, const uint64_t *doc_start, size_t n_docs, float *scores, int32_t *best)
{
    card *d = card_of(c);
    size_t Q = a->q.rows, each = sizeof *doc_start + sizeof *scores + 2 * Q * sizeof *best, n = (CARD_ARGS / 2) / each;
    char *unused;
    if (n > n_docs) n = n_docs;
    card_lock(d);
    if (!n) card_check(d, cudaErrorInvalidValue, "MaxSim of a query of over 200,000 rows");
    a->doc_start = (const uint64_t *)card_stage(d, doc_start, (n + 1) * sizeof *doc_start);
    a->scores = (float *)card_stage_room(d, n * sizeof *scores, &unused);
    a->greatest = (float *)card_stage_room(d, n * Q * sizeof(float), &unused);
    a->best = (int32_t *)card_stage_room(d, n * Q * sizeof *best, &unused);
    card_launch(d, "maxsim", KERNEL_OF(maxsim), dim3_of(n, 1), dim3_of(ROW_THREADS, 1), 0, a);
    card_fetch(d, scores, a->scores, n * sizeof *scores);
    if (best && Q) card_fetch(d, best, a->best, n * Q * sizeof *best);
    card_unlock(d);
    return d->failed == cudaSuccess ? n : n_docs;
}

void card_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                 float *scores, int32_t *best)
{
    maxsim_args a;
    memset(&a, 0, sizeof a);
    a.q = view_of(q);
    a.docs = view_of(docs);
    a.scales = scales;
    for (size_t at = 0, n; at < n_docs; at += n)
        n = score_some(c, &a, doc_start + at, n_docs - at, scores + at, best ? best + at * q->rows : NULL);
}
