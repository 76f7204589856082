/* SPDX-License-Identifier: Apache-2.0 */
/* ref_narrow.c — y = x * smoothing in a narrower type.
 *
 * bf16: nearest, ties to even. u8: one scale and zero point a row, spread over [min(least, 0), max(greatest, 0)], so that zero
 * is a step of its own: scale = range / 255, zero = round(-least / scale), q = round(value / scale) + zero. The divisions are
 * one: by range, into 255 / range; a range for which that is infinite (2^-119) counts as none. The steps in f32 are the same
 * in every backend, so are the bytes. */
#include <math.h>

#include "compute/ref/ref.h"

static void quantise_row(const tensor *x, size_t row, const float *smoothing, const tensor *y)
{
    uint8_t *out = (uint8_t *)y->data + row * y->ld;
    float least = 0, greatest = 0, taint = 0;
    for (size_t i = 0; i < x->cols; i++) {
        float v = smoothing ? ref_get(x, row, i) * smoothing[i] : ref_get(x, row, i);
        least = v < least ? v : least;
        greatest = v > greatest ? v : greatest;
        taint += v * 0.0f;
    }
    float range = greatest - least, steps = range > 0x1p-119f ? 255 / range : 0, zero = rintf(-least * steps);
    for (size_t i = 0; i < x->cols; i++) {
        float v = smoothing ? ref_get(x, row, i) * smoothing[i] : ref_get(x, row, i), q = rintf(v * steps) + zero;
        out[i] = taint != 0 ? 0 : (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
    }
    for (size_t i = x->cols; i % 4; i++) out[i] = 0;
    y->scales[row] = taint != 0 ? (row_scale){NAN, 0} : (row_scale){range / 255, (int32_t)zero};
}

void ref_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y)
{
    (void)c;
    for (size_t i = 0; i < x->rows; i++) {
        if (y->type == DTYPE_U8) {
            quantise_row(x, i, smoothing, y);
            continue;
        }
        for (size_t j = 0; j < x->cols; j++) {
            float v = ref_get(x, i, j);
            ref_put(y, i, j, (double)(smoothing ? v * smoothing[j] : v));
        }
    }
}
