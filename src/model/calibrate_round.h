/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_round.h — how is each weight rounded, once it is known what its inputs look like? */
#ifndef TRI_MODEL_CALIBRATE_ROUND_H
#define TRI_MODEL_CALIBRATE_ROUND_H

#include "model/calibrate_inputs.h"
#include "model/export_packed.h"

/* Rounds one matrix after the other; holds the one at hand. */
typedef struct rounder {
    compute *c;
    const input_table *inputs;
    int8_t *rows;   /* [n, k] */
    float *scales;  /* [n] */
    float *columns; /* [k] how much a difference in this column weighs */
    float *scratch; /* [workers, k] */
} rounder;

void rounder_init(rounder *r, compute *c, const input_table *inputs);
void rounder_drop(rounder *r);
/* A matrix_recipe_fn; ctx is the rounder. */
tri_status rounder_recipe(void *ctx, const bound_matrix *m, matrix_recipe *out, tri_error *err);

#endif
