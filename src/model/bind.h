/* SPDX-License-Identifier: Apache-2.0 */
/* bind.h — from named tensors in files to what an encoder holds: found, of the right shape, in the backend's form. */
#ifndef TRI_MODEL_BIND_H
#define TRI_MODEL_BIND_H

#include "compute/compute.h"
#include "formats/weights.h"
#include "trident/status.h"

/* Finds `name` and checks that its shape is [rows, cols] (cols 0: a vector [rows]) and its type a float. `why` (may be NULL)
 * names the configuration key that gave the expected size. Errors name file and tensor. */
tri_status bind_find(const weights *w, const char *name, size_t rows, size_t cols, const char *why, const weight **out,
                     tri_error *err);
/* A vector as f32 in device memory; freed with compute_free. */
tri_status bind_vector(compute *c, const weights *w, const char *name, size_t n, float **out, tri_error *err);
/* Several vectors one after the other (the bias of a fused matrix). */
tri_status bind_vectors(compute *c, const weights *w, const char *const *names, size_t n_names, size_t n_each, float **out,
                        tri_error *err);
/* A Linear made of n_names matrices [n_each, k], one below the other, packed. */
tri_status bind_linear(compute *c, const weights *w, const char *const *names, size_t n_names, size_t n_each, size_t k,
                       packed_matrix **out, tri_error *err);
/* A table that is only gathered from: a view of the file where the type allows. */
tri_status bind_table(const weights *w, const char *name, size_t rows, size_t cols, const char *why, tensor *out,
                      tri_error *err);
/* A small table as f32 in device memory; out->data freed with compute_free. */
tri_status bind_table_f32(compute *c, const weights *w, const char *name, size_t rows, size_t cols, const char *why,
                          tensor *out, tri_error *err);

/* Names the first tensor that holds a NaN or an infinity: the words for a result that is not a number. */
bool bind_find_not_finite(const weights *w, const weight **out, size_t *element);

#endif
