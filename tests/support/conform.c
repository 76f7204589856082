/* SPDX-License-Identifier: Apache-2.0 */
/* conform.c — see conform.h. Padding is one bit pattern, a NaN that arithmetic does not make, checked after each op. */
#include "conform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t PADDING = 0x7FADBEEF;

device conform_open(const char *isa, int threads)
{
    device d = {NULL, NULL};
    tri_error err = {0};
    if ((threads && pool_new(threads, &d.threads, &err)) || compute_open(isa, d.threads, &d.c, &err)) fail_msg("%s", err.text);
    return d;
}

void conform_close_device(device *d)
{
    compute_close(d->c);
    if (d->threads) pool_free(d->threads);
}

void *conform_alloc(size_t bytes)
{
    void *block = malloc(bytes ? bytes : 1);
    assert_non_null(block);
    return block;
}

float *conform_row(const tensor *t, size_t i) { return (float *)t->data + i * t->ld; }

tensor conform_blank(size_t rows, size_t cols, size_t pad)
{
    size_t ld = cols + pad;
    uint32_t *data = conform_alloc(rows * ld * sizeof *data);
    for (size_t i = 0; i < rows * ld; i++) data[i] = PADDING;
    return tensor_f32((float *)(void *)data, rows, cols, ld);
}

tensor conform_random(rng *r, size_t rows, size_t cols, size_t pad, float scale)
{
    tensor t = conform_blank(rows, cols, pad);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) conform_row(&t, i)[j] = (float)(2 * rng_uniform(r) - 1) * scale;
    return t;
}

tensor conform_copy(const tensor *t)
{
    tensor copy = *t;
    size_t bytes = t->rows * t->ld * sizeof(float);
    copy.data = conform_alloc(bytes);
    memcpy(copy.data, t->data, bytes);
    return copy;
}

tensor conform_slice(const tensor *t, size_t first_row, size_t rows)
{
    return tensor_f32(conform_row(t, first_row), rows, t->cols, t->ld);
}

void conform_free(tensor *t)
{
    free(t->data);
    t->data = NULL;
}

void conform_close(const char *what, const tensor *got, const tensor *want, const double *bound, double flat)
{
    assert_true(got->rows == want->rows && got->cols == want->cols);
    for (size_t i = 0; i < got->rows; i++)
        for (size_t j = 0; j < got->cols; j++) {
            double g = conform_row(got, i)[j], w = conform_row(want, i)[j], most = bound ? bound[i * got->cols + j] : flat;
            if (!(fabs(g - w) <= most) && !(isnan(g) && isnan(w)) && g != w)
                fail_msg("%s: [%zu,%zu] is %.9g, expected %.9g within %.3g, differs by %.3g", what, i, j, g, w, most,
                         fabs(g - w));
        }
}

void conform_same(const char *what, const tensor *got, const tensor *want)
{
    assert_true(got->rows == want->rows && got->cols == want->cols);
    for (size_t i = 0; i < got->rows; i++)
        for (size_t j = 0; j < got->cols; j++) {
            const float *g = conform_row(got, i) + j, *w = conform_row(want, i) + j;
            if (memcmp(g, w, sizeof *g) != 0)
                fail_msg("%s: [%zu,%zu] is %.9g, expected the same bits as %.9g", what, i, j, (double)*g, (double)*w);
        }
}

void conform_padding(const char *what, const tensor *t)
{
    for (size_t i = 0; i < t->rows; i++)
        for (size_t j = t->cols; j < t->ld; j++)
            if (memcmp(conform_row(t, i) + j, &PADDING, sizeof PADDING) != 0)
                fail_msg("%s: wrote past column %zu of row %zu", what, t->cols, i);
}

packed_matrix *conform_pack(device *d, const void *w, dtype type, size_t n, size_t k)
{
    matrix_part part = {w, type, n, NULL};
    packed_matrix *m = NULL;
    tri_error err = {0};
    if (d->c->ops->pack(d->c, &part, 1, k, PRECISION_F32, NULL, &m, &err)) fail_msg("%s", err.text);
    return m;
}
