/* SPDX-License-Identifier: Apache-2.0 */
/* ref_pool.c — one row a sequence, from its rows start[b] .. start[b+1].
 *
 * Sums run in f32 in row order, products rounded before they are added, and end in a division: the steps of
 * sentence-transformers' Pooling module over torch f32, so that results agree to the last bits (its weighted mean counts
 * positions from 1). A sequence without rows gives zeros. A NaN in any row of a column stays in max. */
#include <math.h>
#include <string.h>

#include "compute/ref/ref.h"

static void pool_max(const float *x, size_t ld, size_t n, size_t D, float *y)
{
    memcpy(y, x, D * sizeof *y);
    for (size_t i = 1; i < n; i++)
        for (size_t d = 0; d < D; d++)
            if (x[i * ld + d] > y[d] || isnan(x[i * ld + d])) y[d] = x[i * ld + d];
}

static void pool_sum(const float *x, size_t ld, size_t n, size_t D, bool weighted, float divisor, float *y)
{
    memset(y, 0, D * sizeof *y);
    for (size_t i = 0; i < n; i++) {
        float weight = weighted ? (float)(i + 1) : 1;
        for (size_t d = 0; d < D; d++) y[d] += x[i * ld + d] * weight;
    }
    for (size_t d = 0; d < D; d++) y[d] /= divisor;
}

static void pool_one(pooling kind, const float *x, size_t ld, size_t n, size_t D, float *y)
{
    float weights = 0;
    switch (kind) {
    case POOL_CLS: memcpy(y, x, D * sizeof *y); break;
    case POOL_LAST: memcpy(y, x + (n - 1) * ld, D * sizeof *y); break;
    case POOL_MAX: pool_max(x, ld, n, D, y); break;
    case POOL_MEAN: pool_sum(x, ld, n, D, false, (float)n, y); break;
    case POOL_MEAN_SQRT_LEN: pool_sum(x, ld, n, D, false, sqrtf((float)n), y); break;
    case POOL_WEIGHTED_MEAN:
        for (size_t i = 0; i < n; i++) weights += (float)(i + 1);
        pool_sum(x, ld, n, D, true, weights, y);
        break;
    }
}

void ref_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y)
{
    (void)c;
    for (size_t b = 0; b < B; b++) {
        size_t first = (size_t)start[b], n = (size_t)start[b + 1] - first;
        float *out = (float *)y->data + b * y->ld;
        if (n == 0)
            memset(out, 0, y->cols * sizeof *out);
        else
            pool_one(kind, (const float *)x->data + first * x->ld, x->ld, n, y->cols, out);
    }
}
