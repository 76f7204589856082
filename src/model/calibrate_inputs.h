/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_inputs.h — how great are the inputs of each Linear, channel by channel, on real texts?
 *
 *   input_table t;
 *   TRI_TRY(input_table_init(&t, &m->pk, err));               all memory is taken here: watching cannot fail
 *   observer watch = input_table_observer(&t);
 *   session->ws.watch = &watch;   ... embed_run ...
 *   const input_facts *f = input_table_find(&t, m->key);
 *   input_table_drop(&t); */
#ifndef TRI_MODEL_CALIBRATE_INPUTS_H
#define TRI_MODEL_CALIBRATE_INPUTS_H

#include "base/arena.h"
#include "model/arch.h"
#include "model/bind.h"

typedef struct input_facts {
    const char *key; /* of the matrix that reads it: bound_matrix.key */
    const packed_matrix *matrix;
    size_t place, k;  /* place: in the packing's list */
    uint64_t n_rows;  /* seen */
    double *squares;  /* [k] sum of squares over them */
    float *smoothing; /* [k], filled by calibrate_smooth */
} input_facts;

typedef struct input_table {
    arena memory;
    input_facts *items; /* the encoder's matrices, in the packing's order */
    size_t n, next;     /* next: where the search for the matrix at hand begins */
    pool *threads;      /* borrowed */
} input_table;

/* Of the encoder's matrices of an open model in f32. The keys are copied; the matrices are compared, never read. */
tri_status input_table_init(input_table *t, const packing *pk, tri_error *err);
void input_table_drop(input_table *t); /* a zeroed one is fine */
observer input_table_observer(input_table *t);
const input_facts *input_table_find(const input_table *t, const char *key); /* NULL = none of this name */

#endif
