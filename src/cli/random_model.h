/* SPDX-License-Identifier: Apache-2.0 */
/* random_model.h — a model folder of a known shape with random weights: as fast as the real one, and as hard to quantise as is
 * asked for, without downloading two gigabytes. It has no tokenizer and gives dense vectors that mean nothing. */
#ifndef TRI_CLI_RANDOM_MODEL_H
#define TRI_CLI_RANDOM_MODEL_H

#include "base/half.h"
#include "trident/types.h"

#define RANDOM_MODEL_SHAPES "bge-m3|small-m3"

typedef struct random_model {
    const char *shape;    /* one of RANDOM_MODEL_SHAPES */
    size_t layers, vocab; /* 0 = the shape's own */
    size_t n_outliers;    /* channels that stand out thirtyfold */
    uint64_t seed;
    dtype type; /* F32 or BF16 */
} random_model;

/* Makes the folder; one that holds a model already is refused. progress in bytes of weights, may be NULL. */
tri_status random_model_write(const random_model *m, const char *dir, tri_progress_fn progress, void *ctx, tri_error *err);

#endif
