/* SPDX-License-Identifier: Apache-2.0 */
/* ref_attention.c — y = softmax(q.k^T * scale).v, one query row of one head at a time.
 *
 * Two passes over the keys: the greatest score, then the weighted sum. The sum is kept for COLUMNS columns of v at once and
 * the scores are computed anew for the next ones, so that no buffer depends on the text's length or the head's width. */
#include <math.h>

#include "compute/ref/ref.h"

enum { COLUMNS = 64 };

/* One head of one sequence. */
typedef struct head {
    const float *k, *v; /* [n, dh] at their strides */
    size_t k_ld, v_ld, n, dh;
    double scale;
} head;

static double score(const head *h, const float *q, size_t key)
{
    const float *k = h->k + key * h->k_ld;
    double sum = 0;
    for (size_t d = 0; d < h->dh; d++) sum += (double)q[d] * k[d];
    return sum * h->scale;
}

static void attend(const head *h, const float *q, float *y)
{
    double greatest = -INFINITY;
    for (size_t key = 0; key < h->n; key++) greatest = fmax(greatest, score(h, q, key));
    for (size_t d0 = 0; d0 < h->dh; d0 += COLUMNS) {
        size_t width = h->dh - d0 < COLUMNS ? h->dh - d0 : COLUMNS;
        double acc[COLUMNS] = {0}, total = 0;
        for (size_t key = 0; key < h->n; key++) {
            double p = exp(score(h, q, key) - greatest);
            total += p;
            for (size_t d = 0; d < width; d++) acc[d] += p * h->v[key * h->v_ld + d0 + d];
        }
        for (size_t d = 0; d < width; d++) y[d0 + d] = h->n ? (float)(acc[d] / total) : 0;
    }
}

void ref_attention(compute *c, const attention_args *a)
{
    (void)c;
    size_t dh = a->q.cols / a->H;
    for (size_t b = 0; b < a->B; b++) {
        size_t first = (size_t)a->kv_start[b], n = (size_t)a->kv_start[b + 1] - first;
        for (size_t hd = 0; hd < a->H; hd++) {
            const float *k = (const float *)a->k.data + first * a->k.ld + hd * dh;
            const float *v = (const float *)a->v.data + first * a->v.ld + hd * dh;
            head h = {k, v, a->k.ld, a->v.ld, n, dh, a->scale};
            for (size_t i = (size_t)a->q_start[b]; i < (size_t)a->q_start[b + 1]; i++)
                attend(&h, (const float *)a->q.data + i * a->q.ld + hd * dh, (float *)a->y.data + i * a->y.ld + hd * dh);
        }
    }
}
