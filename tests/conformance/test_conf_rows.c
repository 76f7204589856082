/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_rows.c — narrow, layernorm, embed, normalize, gather and pool of every instruction set: near ref, in place, and the
 * same bits for a row alone and on 1, 2 or 3 threads; the narrow copies of layernorm and embed are what narrow makes of them.
 *
 * Bounds. LayerNorm: mean and deviation come from short chains (4 vectors), each within a few u; the subtraction then errs by
 * u (|x| + |mean|), all scaled by gamma / deviation: 8 u of that, and 4 u of the result. normalize: 4 u. gather: none. pool
 * and narrow: the same f32 steps as ref in the same order, so bit for bit. (Not of what is below 2^-126, which the bf16
 * instructions take as zero.) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

static const size_t widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 24, 31, 63, 64, 65, 100, 384, 1000, 1024, 1027};
enum { N_WIDTHS = sizeof widths / sizeof *widths };
static const float eps = 1e-5f;

static double *layernorm_bounds(const tensor *sum, const float *gamma, const tensor *want)
{
    double *bound = conform_alloc(sum->rows * sum->cols * sizeof *bound);
    for (size_t i = 0; i < sum->rows; i++) {
        const float *x = conform_row(sum, i);
        double mean = 0, squares = 0;
        for (size_t d = 0; d < sum->cols; d++) mean += x[d] / (double)sum->cols;
        for (size_t d = 0; d < sum->cols; d++) squares += (x[d] - mean) * (x[d] - mean) / (double)sum->cols;
        for (size_t d = 0; d < sum->cols; d++)
            bound[i * sum->cols + d] = CONFORM_U * (8 * (fabs(x[d]) + fabs(mean)) / sqrt(squares + eps) * fabs(gamma[d]) +
                                                    4 * fabs(conform_row(want, i)[d]) + 4);
    }
    return bound;
}

static void check_layernorm(rng *r, size_t rows, size_t D, bool residual, bool beta, float offset)
{
    char what[128];
    tensor x = conform_random(r, rows, D, 1, 1), more = conform_random(r, rows, D, 2, 1), want = conform_blank(rows, D, 0);
    tensor gamma = conform_random(r, 1, D, 0, 1), shift = conform_random(r, 1, D, 0, 1), sum = conform_blank(rows, D, 0);
    for (size_t i = 0; i < rows; i++)
        for (size_t d = 0; d < D; d++) {
            conform_row(&x, i)[d] += offset;
            conform_row(&sum, i)[d] = conform_row(&x, i)[d] + (residual ? conform_row(&more, i)[d] : 0);
        }
    const float *b = beta ? shift.data : NULL;
    device judge = conform_open("ref", 0);
    judge.c->ops->layernorm(judge.c, &x, residual ? &more : NULL, gamma.data, b, eps, &want, NULL);
    conform_close_device(&judge);
    double *bound = layernorm_bounds(&sum, gamma.data, &want);
    for (size_t i = 0; conform_isa(i); i++) {
        snprintf(what, sizeof what, "%s layernorm [%zu,%zu] offset %g", conform_isa(i), rows, D, (double)offset);
        tensor all = {0};
        for (int threads = 0; threads <= 3; threads++) {
            device d = conform_open(conform_isa(i), threads);
            tensor y = threads % 2 ? conform_copy(&x) : conform_blank(rows, D, 3);
            d.c->ops->layernorm(d.c, threads % 2 ? &y : &x, residual ? &more : NULL, gamma.data, b, eps, &y, NULL);
            if (threads == 0) {
                conform_close(what, &y, &want, bound, 0);
                all = conform_copy(&y);
            }
            conform_same(what, &y, &all);
            conform_padding(what, &y);
            tensor one = conform_slice(&x, rows / 2, 1), more_one = conform_slice(&more, rows / 2, 1);
            tensor alone = conform_blank(1, D, 0), same = conform_slice(&all, rows / 2, 1);
            d.c->ops->layernorm(d.c, &one, residual ? &more_one : NULL, gamma.data, b, eps, &alone, NULL);
            conform_same(what, &alone, &same);
            conform_free(&alone);
            conform_free(&y);
            conform_close_device(&d);
        }
        conform_free(&all);
    }
    free(bound);
    conform_free(&x);
    conform_free(&more);
    conform_free(&want);
    conform_free(&gamma);
    conform_free(&shift);
    conform_free(&sum);
}

static void layernorm_near_ref(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 31);
    for (size_t w = 0; w < N_WIDTHS; w++) {
        check_layernorm(&r, 1, widths[w], false, true, 0);
        check_layernorm(&r, 37, widths[w], true, w % 2, 0);
        check_layernorm(&r, 5, widths[w], w % 2, true, 100); /* a mean far from 0: one pass over squares would lose it */
    }
}

/* ---- narrow ----------------------------------------------------------------------------------------------------------- */

/* Rows of several sizes and offsets, all of one sign, zeros, one value alone, and ends of what is finite. */
static tensor make_rows(rng *r, size_t rows, size_t D)
{
    tensor x = conform_random(r, rows, D, 1, 1);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < D; j++) {
            float *v = conform_row(&x, i) + j;
            switch (i % 8) {
            case 1:
                *v *= 1e-20f;
                break;
            case 2:
                *v = fabsf(*v) + 3;
                break;
            case 3:
                *v = -fabsf(*v);
                break;
            case 4:
                *v = 0;
                break;
            case 5:
                *v = j == D / 2 ? *v : 0;
                break;
            case 6:
                *v *= 1e30f;
                break;
            case 7:
                *v = (float)((int)(*v * 8)) / 2;
                break; /* many ties */
            default:
                break;
            }
        }
    return x;
}

static void check_narrow(rng *r, const tensor *x, dtype to, const float *smoothing)
{
    char what[128];
    tensor want = conform_narrowed(x, to, smoothing, 0);
    for (size_t i = 0; conform_isa(i); i++) {
        snprintf(what, sizeof what, "%s narrow [%zu,%zu] %s to %s%s", conform_isa(i), x->rows, x->cols, dtype_name(x->type),
                 dtype_name(to), smoothing ? " smoothed" : "");
        for (int threads = 0; threads <= 3; threads++) {
            device d = conform_open(conform_isa(i), threads);
            tensor y = conform_blank_as(to, x->rows, x->cols, rng_below(r, 4)), alone = conform_blank_as(to, 1, x->cols, 0);
            tensor one = conform_slice(x, x->rows / 2, 1), same = conform_slice(&want, x->rows / 2, 1);
            d.c->ops->narrow(d.c, x, smoothing, &y);
            d.c->ops->narrow(d.c, &one, smoothing, &alone);
            conform_same(what, &y, &want);
            conform_same(what, &alone, &same);
            conform_padding(what, &y);
            conform_padding(what, &alone);
            conform_free(&y);
            conform_free(&alone);
            conform_close_device(&d);
        }
    }
    conform_free(&want);
}

static const dtype narrow_types[] = {DTYPE_F32, DTYPE_BF16, DTYPE_U8};

static void narrow_equals_ref(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 35);
    for (size_t w = 0; w < N_WIDTHS; w++) {
        tensor x = make_rows(&r, 41, widths[w]), smoothing = conform_random(&r, 1, widths[w], 0, 1);
        tensor half = conform_narrowed(&x, DTYPE_BF16, NULL, 2);
        for (size_t t = 0; t < 3; t++) {
            check_narrow(&r, &x, narrow_types[t], NULL);
            check_narrow(&r, &x, narrow_types[t], smoothing.data);
            check_narrow(&r, &half, narrow_types[t], NULL);
            check_narrow(&r, &half, narrow_types[t], smoothing.data);
        }
        conform_free(&x);
        conform_free(&half);
        conform_free(&smoothing);
    }
}

/* ref's u8 is within half a step, and zero is exact. */
static void narrow_is_near(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 36);
    tensor x = make_rows(&r, 40, 100), y = conform_narrowed(&x, DTYPE_U8, NULL, 0);
    for (size_t i = 0; i < x.rows; i++)
        for (size_t j = 0; j < x.cols; j++) {
            double v = conform_row(&x, i)[j], got = conform_get(&y, i, j), step = (double)y.scales[i].scale;
            assert_true(fabs(got - v) <= step * 0.5001);
            if (v == 0) assert_true(got == 0);
        }
    conform_free(&x);
    conform_free(&y);
}

/* Rows whose 255 / range is infinite become zeros; those just above it do not. */
static void narrow_of_next_to_nothing(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 39);
    tensor x = conform_random(&r, 8, 50, 0, 1);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 50; j++) conform_row(&x, i)[j] *= i % 2 ? 0x1p-125f : 0x1p-117f;
    check_narrow(&r, &x, DTYPE_U8, NULL);
    tensor y = conform_narrowed(&x, DTYPE_U8, NULL, 0);
    for (size_t i = 1; i < 8; i += 2)
        for (size_t j = 0; j < 50; j++) assert_true(conform_get(&y, i, j) == 0);
    conform_free(&x);
    conform_free(&y);
}

/* A value that is not finite, wherever it stands in the row: bf16 keeps it, a u8 row gets scale NaN, other rows are as they
 * were. */
static void narrow_keeps_nan(void **state)
{
    (void)state;
    static const float wild[] = {NAN, INFINITY, -INFINITY};
    rng r;
    rng_seed(&r, 37);
    for (size_t w = 0; w < 12; w++)
        for (size_t at = 0; at < widths[w]; at += 1 + widths[w] / 7) {
            tensor x = conform_random(&r, 7, widths[w], 0, 1);
            for (size_t i = 0; i < 3; i++) conform_row(&x, 2 * i + 1)[at] = wild[i];
            for (size_t t = 0; t < 3; t++) check_narrow(&r, &x, narrow_types[t], NULL);
            tensor half = conform_narrowed(&x, DTYPE_BF16, NULL, 0);
            check_narrow(&r, &half, DTYPE_U8, NULL);
            tensor bytes = conform_narrowed(&x, DTYPE_U8, NULL, 0);
            for (size_t i = 0; i < 7; i++) assert_true(isnan(bytes.scales[i].scale) == (i % 2 == 1));
            conform_free(&x);
            conform_free(&half);
            conform_free(&bytes);
        }
}

/* ---- what narrows its result too ---------------------------------------------------------------------------------------- */

/* also's copy against narrow of y by the same device. */
static void check_also(device *d, const char *what, const tensor *y, const narrow_copy *also)
{
    tensor want = conform_blank_as(also->to.type, y->rows, y->cols, 0);
    d->c->ops->narrow(d->c, y, also->smoothing, &want);
    conform_same(what, &also->to, &want);
    conform_padding(what, &also->to);
    conform_free(&want);
}

static void layernorm_also_narrows(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 38);
    for (size_t w = 0; w < N_WIDTHS; w++) {
        size_t D = widths[w];
        tensor x = conform_random(&r, 33, D, 1, 1), gamma = conform_random(&r, 1, D, 0, 1),
               smoothing = conform_random(&r, 1, D, 0, 1);
        for (size_t i = 0; conform_isa(i); i++)
            for (size_t t = 0; t < 6; t++) {
                device d = conform_open(conform_isa(i), 2);
                narrow_copy also = {conform_blank_as(narrow_types[t / 2], 33, D, 2), t % 2 ? smoothing.data : NULL};
                tensor y = conform_blank(33, D, 0), plain = conform_blank(33, D, 0);
                d.c->ops->layernorm(d.c, &x, &x, gamma.data, NULL, eps, &plain, NULL);
                d.c->ops->layernorm(d.c, &x, &x, gamma.data, NULL, eps, &y, &also);
                conform_same(conform_isa(i), &y, &plain);
                check_also(&d, conform_isa(i), &y, &also);
                conform_free(&also.to);
                conform_free(&y);
                conform_free(&plain);
                conform_close_device(&d);
            }
        conform_free(&x);
        conform_free(&gamma);
        conform_free(&smoothing);
    }
}

/* ---- embed -------------------------------------------------------------------------------------------------------------- */

/* The word table in `type`, starting at an odd address as a view into a file may. */
static char *store_table(const tensor *table, dtype type, char **block)
{
    size_t size = dtype_size(type), n = table->rows * table->cols;
    char *to = *block = conform_alloc(n * size + 1);
    to++;
    for (size_t i = 0; i < n; i++) {
        float value = ((const float *)table->data)[i];
        uint16_t half = type == DTYPE_F16 ? half_from_f32(value) : bf16_from_f32(value);
        memcpy(to + i * size, type == DTYPE_F32 ? (const void *)&value : &half, size);
    }
    return to;
}

static void check_embed(rng *r, size_t T, size_t D, dtype type, bool types, bool type_table)
{
    enum { WORDS = 50, POSITIONS = 20, TYPES = 2 };
    char what[128], *block;
    tensor word = conform_random(r, WORDS, D, 0, 1), position = conform_random(r, POSITIONS, D, 0, 1);
    tensor segment = conform_random(r, TYPES, D, 0, 1), gamma = conform_random(r, 1, D, 0, 1),
           beta = conform_random(r, 1, D, 0, 1);
    uint32_t *ids = conform_alloc(T * sizeof *ids);
    int32_t *positions = conform_alloc(T * sizeof *positions);
    uint8_t *kinds = conform_alloc(T);
    for (size_t i = 0; i < T; i++) {
        ids[i] = (uint32_t)rng_below(r, WORDS);
        positions[i] = (int32_t)rng_below(r, POSITIONS);
        kinds[i] = (uint8_t)rng_below(r, TYPES);
    }
    tensor stored = {store_table(&word, type, &block), type, WORDS, D, D, NULL, {0}}, want = conform_blank(T, D, 0), none = {0};
    embed_args a = {
        ids,  positions, types ? kinds : NULL, stored, position, type_table ? segment : none, gamma.data, beta.data, eps,
        want, NULL};
    device judge = conform_open("ref", 0);
    judge.c->ops->embed(judge.c, &a);
    conform_close_device(&judge);
    for (size_t i = 0; conform_isa(i); i++) {
        snprintf(what, sizeof what, "%s embed [%zu,%zu] %s", conform_isa(i), T, D, dtype_name(type));
        device d = conform_open(conform_isa(i), 2);
        a.y = conform_blank(T, D, 1);
        d.c->ops->embed(d.c, &a);
        /* sums of three in +-1, deviation about 1 but arbitrarily small for D = 1, where both give beta */
        conform_close(what, &a.y, &want, NULL, D > 3 ? 64 * CONFORM_U : 0.02);
        conform_padding(what, &a.y);
        narrow_copy also = {conform_blank_as(type == DTYPE_F16 ? DTYPE_U8 : DTYPE_BF16, T, D, 1), types ? beta.data : NULL};
        tensor plain = conform_copy(&a.y);
        a.also = &also;
        d.c->ops->embed(d.c, &a);
        conform_same(what, &a.y, &plain);
        check_also(&d, what, &a.y, &also);
        a.also = NULL;
        conform_free(&also.to);
        conform_free(&plain);
        conform_free(&a.y);
        conform_close_device(&d);
    }
    free(ids);
    free(positions);
    free(kinds);
    free(block);
    conform_free(&word);
    conform_free(&position);
    conform_free(&segment);
    conform_free(&gamma);
    conform_free(&beta);
    conform_free(&want);
}

static void embed_near_ref(void **state)
{
    (void)state;
    static const dtype types[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    rng r;
    rng_seed(&r, 32);
    for (size_t w = 0; w < N_WIDTHS; w++)
        for (size_t t = 0; t < 3; t++) check_embed(&r, 1 + w * 3, widths[w], types[t], w % 2, w % 3);
}

static void normalize_near_ref(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 33);
    for (size_t w = 0; w < N_WIDTHS; w++) {
        tensor x = conform_random(&r, 40, widths[w], 1, 3), want = conform_blank(40, widths[w], 0);
        memset(conform_row(&x, 7), 0, widths[w] * sizeof(float));               /* zero stays zero */
        for (size_t d = 0; d < widths[w]; d++) conform_row(&x, 9)[d] *= 1e-15f; /* shorter than 1e-12: divided by that */
        for (size_t i = 0; conform_isa(i); i++) {
            device judge = conform_open("ref", 0), d = conform_open(conform_isa(i), 3);
            judge.c->ops->normalize(judge.c, &x, &want);
            tensor y = conform_blank(40, widths[w], 2), in_place = conform_copy(&x);
            d.c->ops->normalize(d.c, &x, &y);
            conform_close(conform_isa(i), &y, &want, NULL, 4 * CONFORM_U);
            conform_padding(conform_isa(i), &y);
            d.c->ops->normalize(d.c, &in_place, &in_place);
            conform_same(conform_isa(i), &in_place, &y);
            conform_close_device(&judge);
            conform_close_device(&d);
            conform_free(&y);
            conform_free(&in_place);
        }
        conform_free(&x);
        conform_free(&want);
    }
}

/* ---- rotate and glu ----------------------------------------------------------------------------------------------------- */

/* Angles of positions in no order; with `rows`, every other row of the pass. */
static void check_rotate(rng *r, dtype type, size_t T, size_t H, size_t dh, bool picked)
{
    enum { POSITIONS = 40 };
    char what[128];
    tensor table = conform_random(r, POSITIONS, dh, 0, 1), wide = conform_random(r, T, H * dh, 1, 2);
    tensor x = type == DTYPE_F32 ? conform_copy(&wide) : conform_narrowed(&wide, type, NULL, 1);
    int32_t *positions = conform_alloc(2 * T * sizeof *positions), *rows = conform_alloc(T * sizeof *rows);
    for (size_t i = 0; i < 2 * T; i++) positions[i] = (int32_t)rng_below(r, POSITIONS);
    for (size_t i = 0; i < T; i++) rows[i] = (int32_t)(2 * i + 1);
    rotate_args a = {.x = conform_copy(&x), .H = H, .positions = positions, .rows = picked ? rows : NULL, .table = table.data};
    tensor want = a.x;
    device judge = conform_open("ref", 0);
    judge.c->ops->rotate(judge.c, &a);
    conform_close_device(&judge);
    for (size_t i = 0; conform_isa(i); i++)
        for (int threads = 0; threads < 3; threads += 2) {
            snprintf(what, sizeof what, "%s rotate %s T=%zu H=%zu dh=%zu", conform_isa(i), dtype_name(type), T, H, dh);
            device d = conform_open(conform_isa(i), threads);
            a.x = conform_copy(&x);
            d.c->ops->rotate(d.c, &a);
            conform_close(what, &a.x, &want, NULL,
                          type == DTYPE_F32 ? 16 * CONFORM_U : 0x1p-6); /* values to 4: an ulp of bf16 */
            conform_padding(what, &a.x);
            conform_free(&a.x);
            conform_close_device(&d);
        }
    conform_free(&want);
    conform_free(&x);
    conform_free(&wide);
    conform_free(&table);
    free(positions);
    free(rows);
}

static void rotate_near_ref(void **state)
{
    (void)state;
    static const size_t heads[] = {2, 6, 8, 24, 32, 64, 66, 128};
    rng r;
    rng_seed(&r, 41);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        for (int picked = 0; picked < 2; picked++) {
            check_rotate(&r, DTYPE_F32, 9, 3, heads[i], picked);
            check_rotate(&r, DTYPE_BF16, 9, 4, heads[i], picked);
        }
}

/* In place of gate and in place of up, as the halves of one wide row. */
static void check_glu(rng *r, dtype type, size_t rows, size_t F, activation act)
{
    char what[128];
    tensor wide = conform_random(r, rows, 2 * F, 1, 3);
    tensor x = type == DTYPE_F32 ? conform_copy(&wide) : conform_narrowed(&wide, type, NULL, 1);
    for (int gate_first = 0; gate_first < 2; gate_first++) {
        tensor want = conform_blank_as(type, rows, F, 0), half[2] = {x, x};
        half[0].cols = half[1].cols = F;
        half[1].data = (char *)x.data + F * dtype_size(type);
        device judge = conform_open("ref", 0);
        judge.c->ops->glu(judge.c, &half[!gate_first], &half[gate_first], act, &want);
        conform_close_device(&judge);
        for (size_t i = 0; conform_isa(i); i++) {
            snprintf(what, sizeof what, "%s glu %s [%zu,%zu] %d", conform_isa(i), dtype_name(type), rows, F, (int)act);
            device d = conform_open(conform_isa(i), 2);
            tensor y = conform_blank_as(type, rows, F, 1), place = conform_copy(&x), in[2] = {place, place};
            d.c->ops->glu(d.c, &half[!gate_first], &half[gate_first], act, &y);
            conform_close(what, &y, &want, NULL,
                          type == DTYPE_F32 ? 64 * CONFORM_U : 0x1p-5); /* values to 9: half an ulp of bf16 */
            conform_padding(what, &y);
            in[0].cols = in[1].cols = F;
            in[1].data = (char *)place.data + F * dtype_size(type);
            d.c->ops->glu(d.c, &in[!gate_first], &in[gate_first], act, &in[0]);
            conform_same(what, &in[0], &y);
            conform_free(&y);
            conform_free(&place);
            conform_close_device(&d);
        }
        conform_free(&want);
    }
    conform_free(&x);
    conform_free(&wide);
}

static void glu_near_ref(void **state)
{
    (void)state;
    static const size_t wide[] = {1, 2, 3, 15, 16, 17, 33, 80, 200};
    rng r;
    rng_seed(&r, 42);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        for (activation act = ACT_NONE; act <= ACT_TANH; act++) {
            check_glu(&r, DTYPE_F32, 7, wide[i], act);
            check_glu(&r, DTYPE_BF16, 7, wide[i], act);
        }
}

static void gather_copies(void **state)
{
    (void)state;
    static const int32_t rows[] = {5, 0, 5, 9, 3};
    rng r;
    rng_seed(&r, 34);
    tensor x = conform_random(&r, 10, 33, 2, 1);
    for (size_t i = 0; conform_isa(i); i++) {
        device d = conform_open(conform_isa(i), 2);
        tensor y = conform_blank(5, 33, 1);
        d.c->ops->gather(d.c, &x, rows, &y);
        for (size_t j = 0; j < 5; j++)
            assert_memory_equal(conform_row(&y, j), conform_row(&x, (size_t)rows[j]), 33 * sizeof(float));
        conform_padding(conform_isa(i), &y);
        conform_free(&y);
        conform_close_device(&d);
    }
    conform_free(&x);
}

static void pool_equals_ref(void **state)
{
    (void)state;
    static const int32_t start[] = {0, 1, 1, 4, 30, 31, 50};
    enum { B = 6 };
    rng r;
    rng_seed(&r, 35);
    for (size_t w = 0; w < N_WIDTHS; w++) {
        tensor x = conform_random(&r, 50, widths[w], 1, 1);
        conform_row(&x, 40)[widths[w] / 2] = NAN;
        for (pooling kind = POOL_CLS; kind <= POOL_LAST; kind++)
            for (size_t i = 0; conform_isa(i); i++) {
                device judge = conform_open("ref", 0), d = conform_open(conform_isa(i), 2);
                tensor want = conform_blank(B, widths[w], 0), y = conform_blank(B, widths[w], 2);
                judge.c->ops->pool(judge.c, kind, &x, start, B, &want);
                d.c->ops->pool(d.c, kind, &x, start, B, &y);
                conform_close(conform_isa(i), &y, &want, NULL, 0);
                conform_padding(conform_isa(i), &y);
                conform_close_device(&judge);
                conform_close_device(&d);
                conform_free(&want);
                conform_free(&y);
            }
        conform_free(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(narrow_equals_ref), cmocka_unit_test(narrow_is_near),     cmocka_unit_test(narrow_of_next_to_nothing),
        cmocka_unit_test(narrow_keeps_nan),  cmocka_unit_test(layernorm_near_ref), cmocka_unit_test(layernorm_also_narrows),
        cmocka_unit_test(embed_near_ref),    cmocka_unit_test(normalize_near_ref), cmocka_unit_test(gather_copies),
        cmocka_unit_test(pool_equals_ref),   cmocka_unit_test(rotate_near_ref),    cmocka_unit_test(glu_near_ref),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
