/* SPDX-License-Identifier: Apache-2.0 */
/* ref_attention.c — y = softmax(q.k^T * scale).v, one query row of one head at a time.
 *
 * Two passes over the keys: the greatest score, then the weighted sum. The sum is kept for COLUMNS columns of v at once and
 * the scores are computed anew for the next ones, so that no buffer depends on the text's length or the head's width. */
#include <math.h>

#include "compute/ref/ref.h"

enum { COLUMNS = 64 };

/* One head of one sequence, as one query sees it: n keys from row `first`, dh columns from `column`. */
typedef struct head {
    const attention_args *a;
    size_t first, n, column, dh;
} head;

static double score(const head *h, size_t row, size_t key)
{
    double sum = 0;
    for (size_t d = 0; d < h->dh; d++)
        sum += (double)ref_get(&h->a->q, row, h->column + d) * ref_get(&h->a->k, h->first + key, h->column + d);
    return sum * h->a->scale;
}

static void attend(const head *h, size_t row)
{
    double greatest = -INFINITY;
    for (size_t key = 0; key < h->n; key++) {
        double one = score(h, row, key); /* not fmax: gcc 12 for AArch64 breaks on that loop */
        if (one > greatest) greatest = one;
    }
    for (size_t d0 = 0; d0 < h->dh; d0 += COLUMNS) {
        size_t width = h->dh - d0 < COLUMNS ? h->dh - d0 : COLUMNS;
        double acc[COLUMNS] = {0}, total = 0;
        for (size_t key = 0; key < h->n; key++) {
            double p = exp(score(h, row, key) - greatest);
            total += p;
            for (size_t d = 0; d < width; d++) acc[d] += p * ref_get(&h->a->v, h->first + key, h->column + d0 + d);
        }
        for (size_t d = 0; d < width; d++) ref_put(&h->a->y, row, h->column + d0 + d, h->n ? acc[d] / total : 0);
    }
}

/* The keys of the sequence [first, end) that query `row` sees; `here`: the row of k that it is. */
static head seen_by(const attention_args *a, size_t first, size_t end, size_t here, size_t column, size_t dh)
{
    size_t from = first, to = end;
    if (a->window) {
        if (here > first + a->window) from = here - a->window;
        if (end > here + a->window + 1) to = here + a->window + 1;
    }
    return (head){a, from, to - from, column, dh};
}

void ref_attention(compute *c, const attention_args *a)
{
    (void)c;
    size_t dh = a->q.cols / a->H;
    for (size_t b = 0; b < a->B; b++) {
        size_t first = (size_t)a->kv_start[b], end = (size_t)a->kv_start[b + 1], first_q = (size_t)a->q_start[b];
        for (size_t hd = 0; hd < a->H; hd++)
            for (size_t i = first_q; i < (size_t)a->q_start[b + 1]; i++) {
                size_t here = a->q_rows ? (size_t)a->q_rows[i] : first + (i - first_q);
                head h = seen_by(a, first, end, here, hd * dh, dh);
                attend(&h, i);
            }
    }
}
