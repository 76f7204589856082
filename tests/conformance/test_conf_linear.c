/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_linear.c — linear of every instruction set: near ref, and the same bits alone, in a batch, and on 1, 2 or 3
 * threads.
 *
 * Bound: the error of a sum of K products of mixed signs has a standard deviation near 0.65 u sum|x w| (each addition errs by
 * u/sqrt(3) of a partial sum that grows like sqrt(k)); 6 u sum|x w| is nine of them, and 4 u of each later value covers
 * bias, activation (tested alone in test_conf_activation.c) and residual. Slopes of the activations stay under 1.13. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

typedef struct shape {
    size_t m, n, k;
} shape;

/* Tiles are 12 x 32, 6 x 16, 4 x 8; slabs 512 deep; blocks 96 rows x 512 columns: the edges of each, and odd ones. */
static const shape shapes[] = {
    {1, 1, 1},     {1, 2, 3},      {2, 1, 5},     {3, 7, 4},      {5, 16, 24},   {7, 17, 64},    {12, 32, 24},  {13, 33, 65},
    {1, 1, 1024},  {40, 1, 384},   {1, 384, 384}, {4, 100, 511},  {6, 48, 512},  {8, 15, 513},   {25, 31, 100}, {95, 40, 33},
    {96, 64, 130}, {97, 530, 100}, {130, 8, 577}, {193, 65, 48},  {16, 1030, 17}, {2, 96, 1600}, {33, 128, 72}, {100, 9, 9},
};
static const activation activations[] = {ACT_NONE, ACT_GELU_ERF, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_RELU, ACT_SILU, ACT_TANH};

static double *bounds(const tensor *x, const tensor *w, const epilogue *e, const tensor *want)
{
    double *bound = conform_alloc(want->rows * want->cols * sizeof *bound);
    for (size_t i = 0; i < want->rows; i++)
        for (size_t j = 0; j < want->cols; j++) {
            double sum = 0, y = fabs(conform_row(want, i)[j]), bias = e->bias ? fabs(e->bias[j]) : 0;
            for (size_t k = 0; k < x->cols; k++) sum += fabs((double)conform_row(x, i)[k] * conform_row(w, j)[k]);
            double residual = e->residual ? fabs(conform_row(e->residual, i)[j]) : 0;
            bound[i * want->cols + j] = CONFORM_U * (1.13 * (6 * sum + 4 * (sum + bias)) + 4 * (y + residual));
        }
    return bound;
}

static void check_shape(rng *r, shape s, activation act, bool bias, bool residual, bool in_place)
{
    char what[128];
    tensor x = conform_random(r, s.m, s.k, rng_below(r, 4), 1), w = conform_random(r, s.n, s.k, 0, 1);
    tensor b = conform_random(r, 1, s.n, 0, 1), res = conform_random(r, s.m, s.n, rng_below(r, 4), 1);
    epilogue e = {bias ? b.data : NULL, act, residual ? &res : NULL};
    device judge = conform_open("ref", 0);
    packed_matrix *packed = conform_pack(&judge, w.data, DTYPE_F32, s.n, s.k);
    tensor want = conform_blank(s.m, s.n, 0);
    judge.c->ops->linear(judge.c, &x, packed, &e, &want);
    judge.c->ops->packed_free(packed);
    conform_close_device(&judge);
    double *bound = bounds(&x, &w, &e, &want);
    for (size_t i = 0; compute_isa(i); i++) {
        snprintf(what, sizeof what, "%s linear [%zu,%zu,%zu] act %d%s%s%s", compute_isa(i), s.m, s.n, s.k, (int)act,
                 bias ? " bias" : "", residual ? " residual" : "", in_place ? " in place" : "");
        device d = conform_open(compute_isa(i), 2);
        packed = conform_pack(&d, w.data, DTYPE_F32, s.n, s.k);
        tensor y = in_place ? conform_copy(&res) : conform_blank(s.m, s.n, rng_below(r, 4));
        epilogue mine = {e.bias, act, residual ? in_place ? &y : &res : NULL};
        d.c->ops->linear(d.c, &x, packed, &mine, &y);
        conform_close(what, &y, &want, bound, 0);
        conform_padding(what, &y);
        d.c->ops->packed_free(packed);
        conform_close_device(&d);
        conform_free(&y);
    }
    free(bound);
    conform_free(&x);
    conform_free(&w);
    conform_free(&b);
    conform_free(&res);
    conform_free(&want);
}

static void linear_near_ref(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 11);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_shape(&r, shapes[i], ACT_NONE, false, false, false);
        check_shape(&r, shapes[i], activations[i % 7], true, i % 2, i % 4 == 1);
    }
    for (size_t i = 0; i < 40; i++) {
        shape s = {rng_below(&r, 60) + 1, rng_below(&r, 120) + 1, rng_below(&r, 300) + 1};
        check_shape(&r, s, activations[rng_below(&r, 7)], rng_below(&r, 2), rng_below(&r, 2), rng_below(&r, 2));
    }
}

/* Rows of the batch, each computed alone and in every size of company up to `most`. */
static void check_company(device *d, const packed_matrix *w, const epilogue *e, const tensor *x, const tensor *all, size_t most)
{
    for (size_t n = 1; n <= most; n++)
        for (size_t first = 0; first + n <= x->rows; first += n) {
            tensor some = conform_slice(x, first, n), want = conform_slice(all, first, n), y = conform_blank(n, all->cols, 1);
            d->c->ops->linear(d->c, &some, w, e, &y);
            conform_same(d->c->ops->name, &y, &want);
            conform_free(&y);
        }
}

static void linear_same_bits(void **state)
{
    (void)state;
    static const shape list[] = {{130, 70, 100}, {131, 33, 700}, {37, 600, 33}, {60, 1, 1024}, {29, 384, 1100}};
    rng r;
    rng_seed(&r, 12);
    for (size_t s = 0; s < sizeof list / sizeof *list; s++) {
        tensor x = conform_random(&r, list[s].m, list[s].k, 1, 1), w = conform_random(&r, list[s].n, list[s].k, 0, 1);
        tensor bias = conform_random(&r, 1, list[s].n, 0, 1);
        epilogue e = {bias.data, ACT_GELU_ERF, NULL};
        for (size_t i = 0; compute_isa(i); i++) {
            tensor all = {0};
            for (int threads = 0; threads <= 3; threads++) {
                device d = conform_open(compute_isa(i), threads);
                packed_matrix *packed = conform_pack(&d, w.data, DTYPE_F32, list[s].n, list[s].k);
                tensor y = conform_blank(list[s].m, list[s].n, 2);
                d.c->ops->linear(d.c, &x, packed, &e, &y);
                if (threads == 0)
                    all = conform_copy(&y);
                else
                    conform_same(compute_isa(i), &y, &all);
                if (threads % 2 == 0 && strcmp(compute_isa(i), "ref") != 0) check_company(&d, packed, &e, &x, &all, 27);
                conform_free(&y);
                d.c->ops->packed_free(packed);
                conform_close_device(&d);
            }
            conform_free(&all);
        }
        conform_free(&x);
        conform_free(&w);
        conform_free(&bias);
    }
}

/* Parts of several types, unaligned, stacked: the result is that of their widened values. */
static void linear_packs_any_type(void **state)
{
    (void)state;
    enum { N0 = 19, N1 = 30, N2 = 5, N3 = 40, N = N0 + N1 + N2 + N3, K = 530 };
    rng r;
    rng_seed(&r, 13);
    tensor w = conform_random(&r, N, K, 0, 1), x = conform_random(&r, 3, K, 0, 1), want = conform_blank(3, N, 0);
    char *store = conform_alloc(N * K * sizeof(double) + 1), *at = store + 1; /* odd addresses for every type */
    static const dtype types[] = {DTYPE_F32, DTYPE_F16, DTYPE_F64, DTYPE_BF16};
    static const size_t rows[] = {N0, N1, N2, N3};
    matrix_part parts[4];
    float *value = w.data;
    for (size_t p = 0; p < 4; p++) {
        parts[p] = (matrix_part){at, types[p], rows[p], NULL};
        for (size_t i = 0; i < rows[p] * K; i++, value++) {
            uint16_t half = types[p] == DTYPE_F16 ? half_from_f32(*value) : bf16_from_f32(*value);
            double wide = *value;
            const void *bytes = types[p] == DTYPE_F32   ? (const void *)value
                                : types[p] == DTYPE_F64 ? (const void *)&wide
                                                        : &half;
            memcpy(at, bytes, dtype_size(types[p]));
            dtype_to_f32(value, at, types[p], 1);
            at += dtype_size(types[p]);
        }
    }
    for (size_t i = 0; compute_isa(i); i++) {
        device d = conform_open(compute_isa(i), 2);
        packed_matrix *widened = conform_pack(&d, w.data, DTYPE_F32, N, K), *packed;
        assert_int_equal(d.c->ops->pack(d.c, parts, 4, K, PRECISION_F32, NULL, &packed, NULL), TRI_OK);
        assert_true(d.c->ops->packed_bytes(packed) >= (size_t)N * K * 4);
        tensor y = conform_blank(3, N, 0);
        d.c->ops->linear(d.c, &x, widened, NULL, &want);
        d.c->ops->linear(d.c, &x, packed, NULL, &y);
        conform_same(compute_isa(i), &y, &want);
        d.c->ops->packed_free(packed);
        d.c->ops->packed_free(widened);
        conform_close_device(&d);
        conform_free(&y);
    }
    free(store);
    conform_free(&w);
    conform_free(&x);
    conform_free(&want);
}

/* A value that is not a number must not vanish on its way, whatever the activation. */
static void linear_keeps_nan(void **state)
{
    (void)state;
    float one = 1, x[20];
    for (size_t i = 0; i < 20; i++) x[i] = i % 3 ? NAN : 1;
    tensor in = tensor_f32(x, 20, 1, 1);
    for (size_t i = 0; compute_isa(i); i++) {
        device d = conform_open(compute_isa(i), 0);
        packed_matrix *packed = conform_pack(&d, &one, DTYPE_F32, 1, 1);
        for (size_t a = 0; a < sizeof activations / sizeof *activations; a++) {
            epilogue e = {NULL, activations[a], NULL};
            tensor y = conform_blank(20, 1, 0);
            d.c->ops->linear(d.c, &in, packed, &e, &y);
            for (size_t j = 0; j < 20; j++) assert_true(!isnan(conform_row(&y, j)[0]) == (j % 3 == 0));
            conform_free(&y);
        }
        d.c->ops->packed_free(packed);
        conform_close_device(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_near_ref),
        cmocka_unit_test(linear_same_bits),
        cmocka_unit_test(linear_packs_any_type),
        cmocka_unit_test(linear_keeps_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
