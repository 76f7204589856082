/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_smooth.h — by what is each input channel multiplied before it is rounded? */
#ifndef TRI_MODEL_CALIBRATE_SMOOTH_H
#define TRI_MODEL_CALIBRATE_SMOOTH_H

#include "model/calibrate_inputs.h"
#include "model/export_packed.h"

/* Finds the smoothing of every encoder matrix of an open model, from its weights and the facts of its inputs, where it is put;
 * matrices that read the same input get the same one. */
tri_status calibrate_smooth(const packing *pk, input_table *t, tri_error *err);

/* A smoothing_fn; ctx is the input_table. */
tri_status calibrate_smooth_of(void *ctx, const bound_matrix *m, const float **smoothing, tri_error *err);

#endif
