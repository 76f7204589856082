/* SPDX-License-Identifier: Apache-2.0 */
/* packed.h — a Linear's weight as the CPU reads it: one layout a precision, the same for every instruction set.
 *
 * W [N, K] becomes panels of 16 columns (output channels); k goes in groups that fill 4 bytes:
 *
 *   panel: | group 0: [16][g] | group 1: [16][g] | ...     g = 1 (f32), 2 (bf16), 4 (int8): 64 bytes a group
 *   blob:  | panel 0 | panel 1 | ... | scales f32 | sums i32 | smoothing f32 | kept u32 | kept panels |     each part on 64
 *          bytes; scales and what follows them are int8's
 *
 * A group is one AVX-512 vector, two of AVX2, four of NEON, one row of an AMX tile. N is filled up to an even number of panels
 * and K to whole groups with zeros. int8: w = s8 * scales[n], s8 in -127..127 (symmetric, one scale a channel); sums[n] =
 * sum over k of s8, which takes the zero point of x out of the product: y = (acc - zero * sums[n]) * x's scale * scales[n].
 * smoothing[k] is what x is multiplied by before it is quantised (SmoothQuant, Xiao et al. 2022); absent where it is all 1.
 * kept: the columns whose smoothing is 0, ascending, and their weights as f32 panels of that many groups; absent where none is.
 *
 * These bytes are what `trident export packed` writes (docs/formats/packed.md); little-endian machines only. */
#ifndef TRI_COMPUTE_PACKED_H
#define TRI_COMPUTE_PACKED_H

#include "compute/compute.h"

enum {
    PANEL = 16,               /* columns of a panel */
    GROUP_BYTES = 64,         /* one group of a panel */
    PACKED_DEPTH_MAX = 65536, /* K of int8: 255 * 127 * 65536 < 2^31 */
};

struct packed_matrix {
    precision p;
    size_t n, k, groups, n_panels;
    const char *panels;
    const float *scales;    /* [n_panels * PANEL], int8 */
    const int32_t *sums;    /* [n_panels * PANEL], int8 */
    const float *smoothing; /* [k] or NULL */
    const uint32_t *kept;   /* [n_kept] */
    const char *kept_panels;
    size_t n_kept;
    size_t bytes;
    void *owned;                  /* the blob, when it is ours to free */
    const processor_nodes *nodes; /* whose copies lie step bytes apart; NULL: one copy */
    size_t step;
};

/* Elements of k in a group; the type of the operand x that goes with a precision. */
static inline size_t packed_group(precision p)
{
    return p == PRECISION_INT8 ? 4 : p == PRECISION_BF16 ? 2 : 1;
}
static inline dtype packed_operand(precision p)
{
    return p == PRECISION_INT8 ? DTYPE_U8 : p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_F32;
}
static inline const char *packed_panel(const packed_matrix *m, size_t panel)
{
    return m->panels + panel * m->groups * GROUP_BYTES;
}

/* Widens n elements of a stored float type: an instruction set's own where it has one. */
typedef void (*widen_fn)(float *to, const void *from, dtype type, size_t n);

/* The ops of compute_ops that every CPU backend shares. */
tri_status packed_make(compute *c, widen_fn widen, const matrix_part *parts, size_t n_parts, size_t k, precision p,
                       const float *smoothing, packed_matrix **out, tri_error *err);
tri_status packed_adopt(compute *c, const packed_place *place, size_t n, size_t k, precision p, packed_extras extras,
                        packed_matrix **out, tri_error *err);
/* A matrix with nodes, by the copy that is nearest to the caller's processor. */
packed_matrix packed_near(const packed_matrix *m);
void packed_free(packed_matrix *m);
size_t packed_bytes(const packed_matrix *m);
const void *packed_blob(const packed_matrix *m);
const float *packed_smoothing(const packed_matrix *m);
packed_extras packed_extras_of(const packed_matrix *m);

#endif
