/* SPDX-License-Identifier: Apache-2.0 */
/* ref_layernorm.c — y = (x [+ residual] - mean) / sqrt(var + eps) * gamma + beta, population variance (torch nn.LayerNorm).
 *
 * x + residual is rounded to f32 first, as a model that stores the sum would have it, and as the fast kernel does. */
#include <math.h>

#include "compute/ref/ref.h"

void ref_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                   const tensor *y, const narrow_copy *also)
{
    for (size_t i = 0; i < x->rows; i++) {
        const float *in = (const float *)x->data + i * x->ld;
        const float *add = residual ? (const float *)residual->data + i * residual->ld : NULL;
        float *out = (float *)y->data + i * y->ld;
        size_t D = x->cols;
        double sum = 0, squares = 0;
        for (size_t d = 0; d < D; d++) {
            out[d] = add ? in[d] + add[d] : in[d];
            sum += out[d];
        }
        double mean = sum / (double)D;
        for (size_t d = 0; d < D; d++) squares += (out[d] - mean) * (out[d] - mean);
        double inverse = 1 / sqrt(squares / (double)D + eps);
        for (size_t d = 0; d < D; d++) out[d] = (float)((out[d] - mean) * inverse * gamma[d] + (beta ? beta[d] : 0));
    }    if (also) ref_narrow(c, y, also->smoothing, &also->to);
}
