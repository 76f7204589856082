/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_smooth.h — by what is each input channel multiplied before it is rounded? */
#ifndef TRI_MODEL_CALIBRATE_SMOOTH_H
#define TRI_MODEL_CALIBRATE_SMOOTH_H

#include "model/calibrate_inputs.h"

/* Chooses a smoothing for each encoder matrix of an open model in f32, and notes it in the facts (input_facts.smoothing);
 * matrices that read the same input get the same one. progress in matrices; may be NULL. */
tri_status calibrate_smooth(const packing *pk, input_table *t, tri_progress_fn progress, void *progress_ctx, tri_error *err);

#endif
