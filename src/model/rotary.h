/* SPDX-License-Identifier: Apache-2.0 */
/* rotary.h — rotary positions: what config.json says of them, and the table of angles that it means. */
#ifndef TRI_MODEL_ROTARY_H
#define TRI_MODEL_ROTARY_H

#include "formats/json.h"
#include "model/model_config.h"

/* rope_theta and rope_scaling, or rope_parameters. A kind of scaling that is not computed is an error. */
tri_status rotary_config(const json_t *o, const model_config *c, double theta, rotary *out, tri_error *err);
/* One set of rope_parameters: rope_theta, rope_type ("default", "linear", "dynamic"), factor. */
tri_status rotary_parameters(const json_t *o, const model_config *c, double theta, rotary *out, tri_error *err);
/* Are theta and divisor positive, and heads of even width? */
tri_status rotary_check(const rotary *r, const model_config *c, tri_error *err);

/* The table of rotate_args for positions 0 .. positions - 1: out [positions, dh]. In f32 as upstream makes it, so that the
 * angles are the same: frequency, then position times frequency, then cosine and sine. */
void rotary_table(const rotary *r, size_t positions, size_t dh, float *out);

#endif
