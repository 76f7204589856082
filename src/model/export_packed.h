/* SPDX-License-Identifier: Apache-2.0 */
/* export_packed.h — writes a model's matrices, packed, into one file beside it. */
#ifndef TRI_MODEL_EXPORT_PACKED_H
#define TRI_MODEL_EXPORT_PACKED_H

#include "base/limits.h"
#include "base/log.h"
#include "compute/compute.h"
#include "model/bind.h"

/* What a calibration says of one int8 matrix: its smoothing [k] (0: the channel is kept in f32), borrowed until the next call,
 * or NULL. */
typedef tri_status (*smoothing_fn)(void *ctx, const bound_matrix *m, const float **smoothing, tri_error *err);

typedef struct packed_export {
    precision p;
    const char *version;     /* of this program, for the recipe */
    const char *to;          /* NULL = trident-PRECISION.packed in the model's folder */
    bool force;              /* write even when the same is there */
    const char *calibration; /* JSON value for the recipe: texts, method, losses; NULL = none */
    smoothing_fn smoothing;  /* asked for each int8 matrix; NULL: int8 cannot be made */
    void *smoothing_ctx;
    tri_progress_fn progress; /* in bytes of weights */
    void *progress_ctx;
} packed_export;

typedef struct packed_export_result {
    char path[LIMIT_PATH];
    uint64_t bytes; /* of the file */
    size_t n_matrices;
    bool was_there; /* the same recipe for the same weights: nothing was written */
} packed_export_result;

/* One matrix is held at a time, beside the mapped weights. Where the file is there, made by the same recipe from the same
 * weights, nothing is done; where only the weights' times have changed, the matrices are copied under the new times. */
tri_status export_packed(compute *c, log_hook log, const char *path, const packed_export *o, packed_export_result *result,
                         tri_error *err);
/* The same matrices of the same weights under another recipe: o's version and calibration. f: a packed file for o->p of the
 * model folder `path`; where it lies, and whether it still has a name, does not matter. */
tri_status export_packed_relabel(const packed_file *f, const char *path, const packed_export *o, packed_export_result *result,
                                tri_error *err);
/* Where export_packed would write. */
tri_status export_packed_path(precision p, const char *to, const char *path, char out[LIMIT_PATH], tri_error *err);

#endif
