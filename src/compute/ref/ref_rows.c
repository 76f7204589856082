/* SPDX-License-Identifier: Apache-2.0 */
/* ref_rows.c — gather (y[i] = x[rows[i]], any element type) and normalize (y = x / max(||x||2, 1e-12), torch's
 * nn.functional.normalize). */
#include <math.h>
#include <string.h>

#include "compute/ref/ref.h"

void ref_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y)
{
    (void)c;
    size_t size = dtype_size(x->type);
    for (size_t i = 0; i < y->rows; i++)
        memcpy((char *)y->data + i * y->ld * size, (const char *)x->data + (size_t)rows[i] * x->ld * size, y->cols * size);
}

void ref_normalize(compute *c, const tensor *x, const tensor *y)
{
    (void)c;
    for (size_t i = 0; i < x->rows; i++) {
        const float *in = (const float *)x->data + i * x->ld;
        float *out = (float *)y->data + i * y->ld;
        double squares = 0;
        for (size_t d = 0; d < x->cols; d++) squares += (double)in[d] * in[d];
        double length = fmax(sqrt(squares), 1e-12);
        for (size_t d = 0; d < x->cols; d++) out[d] = (float)(in[d] / length);
    }
}
