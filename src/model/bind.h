/* SPDX-License-Identifier: Apache-2.0 */
/* bind.h — from named tensors in files to what an encoder holds: found, of the right shape, in the backend's form. */
#ifndef TRI_MODEL_BIND_H
#define TRI_MODEL_BIND_H

#include "base/arena.h"
#include "compute/compute.h"
#include "formats/packed_file.h"
#include "formats/weights.h"
#include "trident/status.h"

enum { MAX_BOUND_PARTS = 3 };

/* A Linear that was bound: rows first_row .. first_row + n_each of each part, [n_each, k], one below the other. */
typedef struct bound_matrix {
    const char *key; /* ROOM:NAME+PARTS, e.g. ":encoder.layer.0.attention.self.query.weight+3", "multi:weight+1" */
    const weights *w;
    const weight *parts[MAX_BOUND_PARTS];
    size_t n_parts, first_row, n_each, k;
    precision p;
    bool same_input;       /* it reads what the matrix before it in the list reads: both must be smoothed alike */
    packed_matrix *matrix; /* borrowed; NULL when only planned */
} bound_matrix;

/* Row `row` of a bound matrix's part, as stored. */
static inline const void *bound_row(const bound_matrix *m, size_t part, size_t row)
{
    const weight *w = m->parts[part];
    return (const char *)w->data + (m->first_row + row) * m->k * dtype_size(w->type);
}
/* Bytes of its rows in the files. */
static inline uint64_t bound_bytes(const bound_matrix *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->n_parts; i++) bytes += (uint64_t)m->n_each * m->k * dtype_size(m->parts[i]->type);
    return bytes;
}

/* How a model's matrices come to be, and which they are: an exporter and a calibration walk over the list. */
typedef struct packing {
    compute *c;
    precision p;                  /* of the encoder's matrices */
    const packed_file *file;      /* NULL = packed from the weights */
    const processor_nodes *nodes; /* whose copies the file holds, if it holds several; borrowed */
    bool plan_only;               /* checked and listed; every result is NULL */
    arena *keep;                  /* the keys */
    bound_matrix *list;
    size_t n_list, cap_list;
} packing;
void packing_drop(packing *pk); /* the list; the matrices are their holders' */

/* Finds `name` and checks that its shape is [rows, cols] (cols 0: a vector [rows]) and its type a float. `why` (may be NULL)
 * names the configuration key that gave the expected size. Errors name file and tensor. */
tri_status bind_find(const weights *w, const char *name, size_t rows, size_t cols, const char *why, const weight **out,
                     tri_error *err);
/* A vector as f32 in device memory; freed with compute_free. */
tri_status bind_vector(compute *c, const weights *w, const char *name, size_t n, float **out, tri_error *err);
/* Several vectors one after the other (the bias of a fused matrix). */
tri_status bind_vectors(compute *c, const weights *w, const char *const *names, size_t n_names, size_t n_each, float **out,
                        tri_error *err);
/* A Linear made of n_names matrices [n_each, k], one below the other: adopted from pk->file, or packed from w, whose pages are
 * then given back. `room`: "" for the encoder's, "sparse", "multi", "dense0".. for heads. w outlives pk. */
tri_status bind_linear(packing *pk, const weights *w, const char *room, const char *const *names, size_t n_names, size_t n_each,
                       size_t k, precision p, packed_matrix **out, tri_error *err);
/* The same of rows first .. first + n of one tensor [of_rows, k]: of several matrices that a file keeps in one. */
tri_status bind_linear_rows(packing *pk, const weights *w, const char *room, const char *name, size_t of_rows, size_t first,
                            size_t n, size_t k, precision p, packed_matrix **out, tri_error *err);
/* Says of the matrix bound last that its input is that of the one before it. */
void bind_same_input(packing *pk);
/* Packs a bound matrix from the weights, whatever the list holds: for an exporter. smoothing [k] may be NULL. */
tri_status bind_pack(const packing *pk, const bound_matrix *m, const float *smoothing, packed_matrix **out, tri_error *err);
/* A table that is only gathered from: a view of the file, in its type. */
tri_status bind_table(const weights *w, const char *name, size_t rows, size_t cols, const char *why, tensor *out,
                      tri_error *err);

/* Names the first tensor that holds a NaN or an infinity: the words for a result that is not a number. */
bool bind_find_not_finite(const weights *w, const weight **out, size_t *element);

#endif
