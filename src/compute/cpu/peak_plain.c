/* SPDX-License-Identifier: Apache-2.0 */
/* peak_plain.c — peak_rate.h's loop in plain C, for the backend that is plain C: the baseline's vectors of four, a
 * multiplication and an addition, contraction being off in the build. bf16 is computed in f32, and int8 in whatever the
 * compiler finds, which no loop of ours would be the peak of: f32's stands for both. */
#include "compute/peak_rate.h"

typedef float vector __attribute__((vector_size(16)));

enum { N_CHAINS = 12 };
#define CHAINS(X) X(a, 0) X(b, 1) X(c, 2) X(d, 3) X(e, 4) X(f, 5) X(g, 6) X(h, 7) X(i, 8) X(j, 9) X(k, 10) X(l, 11)

static volatile float sink; /* so that the chains are wanted */

static void f32_plain(size_t rounds)
{
    const vector factor = {0.707f, 0.707f, 0.707f, 0.707f}, term = {0.318f, 0.318f, 0.318f, 0.318f};
#define BEGIN(x, value) vector x = {value, value, value, value}; /* equal chains would be merged into one */
#define STEP(x, value) x = x * factor + term;
#define TAKE(x, value) sum += x;
    CHAINS(BEGIN)
    for (; rounds > 0; rounds--) {
        CHAINS(STEP)
    }
    vector sum = {0, 0, 0, 0};
    CHAINS(TAKE)
    sink = sum[0] + sum[1] + sum[2] + sum[3];
}

#define F32                                                                                                                    \
    {                                                                                                                          \
        f32_plain, N_CHAINS * 4 * 2                                                                                            \
    }
const peak_loops peak_plain[] = {{"generic", F32, F32, F32}, {0}};
