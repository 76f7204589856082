/* SPDX-License-Identifier: Apache-2.0 */
/* ref.h — the judge: every op as plain scalar loops, one file an op. Contracts are those of compute_ops.
 *
 * Sums, exp, erf and square roots are done in double and rounded once to f32, so a difference between a fast kernel and this
 * one is the fast kernel's error (pooling alone sums in f32, as compute.h asks). One thread, no scratch, no allocation. */
#ifndef TRI_COMPUTE_REF_H
#define TRI_COMPUTE_REF_H

#include "compute/compute.h"

/* Element [row, col] of a tensor of any type in f32, and back; the last element of a row writes the row's tail of zeros too. */
float ref_get(const tensor *t, size_t row, size_t col);
void ref_put(const tensor *t, size_t row, size_t col, double value);

tri_status ref_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                    packed_matrix **out, tri_error *err);
void ref_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y);
void ref_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y);
double ref_activate(activation act, double v);
void ref_embed(compute *c, const embed_args *a);
void ref_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                   const tensor *y, const narrow_copy *also);
void ref_attention(compute *c, const attention_args *a);
void ref_rotate(compute *c, const rotate_args *a);
void ref_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y);
void ref_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y);
void ref_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y);
void ref_normalize(compute *c, const tensor *x, const tensor *y);
void ref_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y);
void ref_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                float *scores, int32_t *best);

#endif
