/* SPDX-License-Identifier: Apache-2.0 */
/* ref_linear.c — y = act(x.W^T + bias) + residual, one element at a time, from the panels of packed.h.
 *
 * f32 and bf16: products and their sum in double. int8: the sum of (x - zero) * w in 64-bit integers, then the same few steps
 * in f32 that every backend takes, so that they can be compared bit by bit; kept columns are added in double. The GELU is
 * torch's nn.GELU(): x * Phi(x), here with erfc so that the far negative side keeps its digits. The tanh form, quick GELU and
 * SiLU follow their published definitions. */
#include <math.h>
#include <string.h>

#include "compute/packed.h"
#include "compute/ref/ref.h"

tri_status ref_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                    packed_matrix **out, tri_error *err)
{
    return packed_make(c, dtype_to_f32, parts, n_parts, k, p, smoothing, out, err);
}

double ref_activate(activation act, double v)
{
    const double root_half = 0.70710678118654752440, root_2_over_pi = 0.79788456080286535588;
    switch (act) {
    case ACT_NONE: return v;
    case ACT_GELU_ERF: return 0.5 * v * erfc(-v * root_half);
    case ACT_GELU_TANH: return v / (1 + exp(-2 * root_2_over_pi * (v + 0.044715 * v * v * v)));
    case ACT_QUICK_GELU: return v / (1 + exp(-1.702 * v));
    case ACT_RELU: return v < 0 ? 0 : v;
    case ACT_SILU: return v / (1 + exp(-v));
    case ACT_TANH: return tanh(v);
    }
    return v;
}

/* A card's rounding to f16: what is finite stays so. */
static uint16_t half_within(float value)
{
    const float most = 65504;
    if (!isfinite(value)) return half_from_f32(value);
    return half_from_f32(value > most ? most : value < -most ? -most : value);
}

float ref_get(const tensor *t, size_t row, size_t col)
{
    size_t at = row * t->ld + col;
    switch (t->type) {
    case DTYPE_BF16: return bf16_to_f32(((const uint16_t *)t->data)[at]);
    case DTYPE_F16: return half_to_f32(((const uint16_t *)t->data)[at]);
    case DTYPE_U8: return (float)(((const uint8_t *)t->data)[at] - t->scales[row].zero) * t->scales[row].scale;
    default: return ((const float *)t->data)[at];
    }
}

void ref_put(const tensor *t, size_t row, size_t col, double value)
{
    size_t at = row * t->ld + col;
    if (t->type == DTYPE_BF16 || t->type == DTYPE_F16) {
        ((uint16_t *)t->data)[at] = t->type == DTYPE_F16 ? half_within((float)value) : bf16_from_f32((float)value);
        if (col + 1 == t->cols && t->cols % 2) ((uint16_t *)t->data)[at + 1] = 0;
    } else {
        ((float *)t->data)[at] = (float)value;
    }
}

/* Element k of column n, in the panel's own type. */
static const void *element(const packed_matrix *w, size_t n, size_t k)
{
    size_t group = packed_group(w->p), size = 4 / group;
    return packed_panel(w, n / PANEL) + k / group * GROUP_BYTES + (n % PANEL * group + k % group) * size;
}

static double sum_floats(const tensor *x, size_t row, const packed_matrix *w, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < w->k; k++) {
        float f;
        uint16_t h;
        if (w->p == PRECISION_F32) {
            memcpy(&f, element(w, n, k), sizeof f);
        } else {
            memcpy(&h, element(w, n, k), sizeof h);
            f = bf16_to_f32(h);
        }
        sum += (double)ref_get(x, row, k) * f;
    }
    return sum;
}

static float sum_integers(const tensor *x, size_t row, const packed_matrix *w, size_t n)
{
    const uint8_t *values = (const uint8_t *)x->data + row * x->ld;
    int64_t sum = 0;
    for (size_t k = 0; k < w->k; k++)
        sum += (int64_t)(values[k] - x->scales[row].zero) * *(const int8_t *)element(w, n, k);
    float scaled = (float)(int32_t)sum * x->scales[row].scale;
    return scaled * w->scales[n];
}

/* What the kept columns give, from the rows that x was made from. */
static double sum_kept(const tensor *x, size_t row, const packed_matrix *w, size_t n)
{
    tensor whole = {.data = (void *)(uintptr_t)x->from.data, .type = x->from.type, .ld = x->from.ld};
    double sum = 0;
    for (size_t i = 0; i < w->n_kept; i++) {
        float weight;
        memcpy(&weight, w->kept_panels + ((n / PANEL * w->n_kept + i) * PANEL + n % PANEL) * sizeof weight, sizeof weight);
        sum += (double)ref_get(&whole, row, w->kept[i]) * (double)weight;
    }
    return sum;
}

void ref_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    (void)c;
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < w->n; j++) {
            double sum = w->p == PRECISION_INT8 ? (double)sum_integers(x, i, w, j) : sum_floats(x, i, w, j);
            if (w->n_kept) sum = (double)(float)(sum + sum_kept(x, i, w, j));
            if (e && e->bias) sum = w->p == PRECISION_INT8 ? (double)((float)sum + e->bias[j]) : sum + (double)e->bias[j];
            if (e) sum = ref_activate(e->act, sum);
            if (e && e->residual) sum += (double)ref_get(e->residual, i, j);
            ref_put(y, i, j, sum);
        }
}
