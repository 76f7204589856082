/* SPDX-License-Identifier: Apache-2.0 */
/* conform.c — see conform.h. Padding is one bit pattern, in F32 and BF16 a NaN that arithmetic does not make, checked after
 * each op. */
#include "conform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform_card.h"
#include "emulated.h"

static const unsigned char PADDING[4] = {0xEF, 0xBE, 0xAD, 0x7F}; /* element j of a row holds its last bytes */

/* ---- devices ---------------------------------------------------------------------------------------------------------- */

/* The emulated ones and the card come before the machine's: "ref" stays the last. */
const char *conform_isa(size_t i)
{
    size_t emulated = 0;
    while (emulated_isa(emulated)) emulated++;
    if (i < emulated) return emulated_isa(i);
    size_t cards = 0;
    while (conform_card_name(cards)) cards++;
    i -= emulated;
    return i < cards ? conform_card_name(i) : compute_isa(i - cards);
}

bool conform_has(const char *isa, dtype type)
{
    return type != DTYPE_F16 || strncmp(isa, "cuda", 4) == 0 || strcmp(isa, "ref") == 0;
}

bool conform_is_twin(const char *isa)
{
    return strcmp(isa, "cuda invariant") == 0;
}

bool conform_affordable(size_t work)
{
#if defined(CONFORM_LIGHT)
    return work <= 60000; /* every edge of a tile and most of a slab's are among those; both emulations then take a minute */
#else
    return work > 0;
#endif
}

device conform_open(const char *isa, int threads)
{
    device d = {NULL, NULL};
    tri_error err = {0};
    if (threads && pool_new(threads, &d.threads, &err)) fail_msg("%s", err.text);
    if (emulated_open(isa, d.threads, &d.c) || conform_card_open(isa, d.threads, &d.c)) return d;
    if (compute_open(isa, d.threads, &d.c, &err)) fail_msg("%s", err.text);
    return d;
}

void conform_close_device(device *d)
{
    if (!emulated_close(d->c)) compute_close(d->c);
    if (d->threads) pool_free(d->threads);
}

/* ---- tensors ---------------------------------------------------------------------------------------------------------- */

void *conform_alloc(size_t bytes)
{
    void *block = malloc(bytes ? bytes : 1);
    assert_non_null(block);
    return block;
}

static char *element(const tensor *t, size_t i, size_t j)
{
    return (char *)t->data + (i * t->ld + j) * dtype_size(t->type);
}

float *conform_row(const tensor *t, size_t i)
{
    return (float *)(void *)element(t, i, 0);
}

double conform_get(const tensor *t, size_t i, size_t j)
{
    const char *at = element(t, i, j);
    float f;
    if (t->type == DTYPE_U8) return ((double)*(const uint8_t *)at - t->scales[i].zero) * (double)t->scales[i].scale;
    dtype_to_f32(&f, at, t->type, 1);
    return f;
}

/* Elements up to the end of the row's last group of 4 bytes. */
static size_t grouped(const tensor *t)
{
    size_t group = 4 / dtype_size(t->type);
    return (t->cols + group - 1) / group * group;
}

tensor conform_blank_as(dtype type, size_t rows, size_t cols, size_t pad)
{
    tensor t = {.type = type, .rows = rows, .cols = cols};
    size_t size = dtype_size(type);
    t.ld = grouped(&t) + pad;
    t.data = conform_alloc(rows * t.ld * size);
    for (size_t i = 0; i < rows * t.ld; i++) memcpy(element(&t, 0, i), PADDING + 4 - size, size);
    if (type == DTYPE_U8) {
        t.scales = conform_alloc(rows * sizeof *t.scales);
        for (size_t i = 0; i < rows; i++) t.scales[i] = (row_scale){-1, -1};
    }
    return t;
}

tensor conform_blank(size_t rows, size_t cols, size_t pad)
{
    return conform_blank_as(DTYPE_F32, rows, cols, pad);
}

tensor conform_random(rng *r, size_t rows, size_t cols, size_t pad, float scale)
{
    tensor t = conform_blank(rows, cols, pad);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) conform_row(&t, i)[j] = (float)(2 * rng_uniform(r) - 1) * scale;
    return t;
}

tensor conform_narrowed(const tensor *x, dtype type, const float *smoothing, size_t pad)
{
    tensor y = conform_blank_as(type, x->rows, x->cols, pad);
    device judge = conform_open("ref", 0);
    judge.c->ops->narrow(judge.c, x, smoothing, &y);
    conform_close_device(&judge);
    return y;
}

tensor conform_copy(const tensor *t)
{
    tensor copy = *t;
    size_t bytes = t->rows * t->ld * dtype_size(t->type);
    copy.data = conform_alloc(bytes);
    memcpy(copy.data, t->data, bytes);
    if (t->scales) {
        copy.scales = conform_alloc(t->rows * sizeof *t->scales);
        memcpy(copy.scales, t->scales, t->rows * sizeof *t->scales);
    }
    return copy;
}

tensor conform_slice(const tensor *t, size_t first_row, size_t rows)
{
    tensor slice = *t;
    slice.data = element(t, first_row, 0);
    slice.rows = rows;
    if (t->scales) slice.scales = t->scales + first_row;
    if (t->from.data) slice.from.data = (const char *)t->from.data + first_row * t->from.ld * dtype_size(t->from.type);
    return slice;
}

void conform_free(tensor *t)
{
    free(t->data);
    free(t->scales);
    t->data = NULL;
    t->scales = NULL;
}

/* ---- comparison ------------------------------------------------------------------------------------------------------- */

void conform_close(const char *what, const tensor *got, const tensor *want, const double *bound, double flat)
{
    assert_true(got->rows == want->rows && got->cols == want->cols);
    for (size_t i = 0; i < got->rows; i++)
        for (size_t j = 0; j < got->cols; j++) {
            double g = conform_get(got, i, j), w = conform_get(want, i, j), most = bound ? bound[i * got->cols + j] : flat;
            if (!(fabs(g - w) <= most) && !(isnan(g) && isnan(w)) && g != w)
                fail_msg("%s: [%zu,%zu] is %.9g, expected %.9g within %.3g, differs by %.3g", what, i, j, g, w, most,
                         fabs(g - w));
        }
}

void conform_same(const char *what, const tensor *got, const tensor *want)
{
    assert_true(got->rows == want->rows && got->cols == want->cols && got->type == want->type);
    for (size_t i = 0; i < got->rows; i++) {
        if (got->scales && memcmp(&got->scales[i], &want->scales[i], sizeof *got->scales) != 0)
            fail_msg("%s: row %zu has scale %.9g and zero %d, expected %.9g and %d", what, i, (double)got->scales[i].scale,
                     (int)got->scales[i].zero, (double)want->scales[i].scale, (int)want->scales[i].zero);
        for (size_t j = 0; j < got->cols; j++)
            if (memcmp(element(got, i, j), element(want, i, j), dtype_size(got->type)) != 0)
                fail_msg("%s: [%zu,%zu] is %.9g, expected the same bits as %.9g", what, i, j, conform_get(got, i, j),
                         conform_get(want, i, j));
    }
}

void conform_padding(const char *what, const tensor *t)
{
    static const char zeros[4];
    size_t size = dtype_size(t->type), groups = grouped(t);
    for (size_t i = 0; i < t->rows; i++) {
        for (size_t j = t->cols; j < groups; j++)
            if (memcmp(element(t, i, j), zeros, size) != 0) fail_msg("%s: row %zu does not end in zeros", what, i);
        for (size_t j = groups; j < t->ld; j++)
            if (memcmp(element(t, i, j), PADDING + 4 - size, size) != 0)
                fail_msg("%s: wrote past column %zu of row %zu", what, groups, i);
    }
}

/* ---- weights ---------------------------------------------------------------------------------------------------------- */

static packed_matrix *pack(device *d, matrix_part part, size_t k, precision p, const float *smoothing)
{
    packed_matrix *m = NULL;
    tri_error err = {0};
    if (d->c->ops->pack(d->c, &part, 1, k, p, smoothing, &m, &err)) fail_msg("%s", err.text);
    return m;
}

packed_matrix *conform_pack(device *d, const void *w, dtype type, size_t n, size_t k)
{
    return pack(d, (matrix_part){w, type, n}, k, PRECISION_F32, NULL);
}

packed_matrix *conform_pack_as(device *d, const tensor *w, precision p, const float *smoothing)
{
    assert_true(w->type == DTYPE_F32 && w->ld == w->cols);
    return pack(d, (matrix_part){w->data, DTYPE_F32, w->rows}, w->cols, p, smoothing);
}
