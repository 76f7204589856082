/* SPDX-License-Identifier: Apache-2.0 */
/* sizes.h — how much of a card's memory things take: one arithmetic for the plugin, which allocates, and for the library,
 * which forecasts, also where there is no card. tests/cuda compares the two. */
#ifndef TRI_COMPUTE_CUDA_SIZES_H
#define TRI_COMPUTE_CUDA_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "compute/compute.h"

enum {
    CARD_PAGE = 512,               /* what an allocation is rounded up to */
    CARD_SPACE = 32 << 20,         /* cuBLASLt's workspace */
    CARD_SUMS = 64 << 20,          /* f32 of a product on its way to a narrower type */
    CARD_ARGS = 4 << 20,           /* half of the ring of id and offset arrays: a million rows */
    CARD_FERRY = 8 << 20,          /* half of the ring of weights and results */
    CARD_ROWS_MAX = CARD_ARGS / 4, /* rows of one pass */
    CARD_PASS_ROWS = 8192,         /* of a pass when no text is longer: 16 to 32 MiB of activations, most of a level-2 cache */
};

static inline uint64_t card_rounded(uint64_t bytes)
{
    return ((bytes ? bytes : 1) + CARD_PAGE - 1) / CARD_PAGE * CARD_PAGE;
}

/* What an open card holds before any model: workspaces, the two rings, a word. The context and the kernels' code come on top;
 * they are the driver's. */
static inline uint64_t card_fixed_bytes(void)
{
    return card_rounded(CARD_SPACE) + card_rounded(CARD_SUMS) + card_rounded(2 * CARD_ARGS) + card_rounded(2 * CARD_FERRY) +
           card_rounded(sizeof(int));
}

static inline dtype card_type(precision p)
{
    return p == PRECISION_F32 ? DTYPE_F32 : p == PRECISION_F16 ? DTYPE_F16 : p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_I8;
}

/* Elements from one row of a weight to the next: whole 16 bytes, which tensor cores read. */
static inline size_t card_weight_ld(precision p, size_t k)
{
    size_t group = 16 / dtype_size(card_type(p));
    return (k + group - 1) / group * group;
}

/* Where the parts of a weight [n, k] begin in its block. */
typedef struct card_layout {
    size_t scales, sums, smoothing, kept, kept_panels, bytes;
} card_layout;

static inline size_t card_part(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += (bytes + 63) / 64 * 64;
    return here;
}

static inline card_layout card_lay_out(precision p, size_t n, size_t k, packed_extras extras)
{
    card_layout l = {0, 0, 0, 0, 0, 0};
    size_t at = 0, panels = (n + 31) / 32 * 2;
    card_part(&at, n * card_weight_ld(p, k) * dtype_size(card_type(p)));
    if (p == PRECISION_INT8) {
        l.scales = card_part(&at, n * sizeof(float));
        l.sums = card_part(&at, n * sizeof(int32_t));
        l.smoothing = card_part(&at, extras.smoothed ? k * sizeof(float) : 0);
        l.kept = card_part(&at, extras.n_kept * sizeof(uint32_t));
        l.kept_panels = card_part(&at, panels * extras.n_kept * 64);
    }
    l.bytes = at;
    return l;
}

#endif
