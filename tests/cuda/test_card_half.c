/* SPDX-License-Identifier: Apache-2.0 */
/* test_card_half.c — f16, which only cards have: the row ops near ref (products and attention are in tests/conformance), what
 * lies beyond its range, and a model whose residual stream does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"
#include "conform_card.h"
#include "trident.h"

static device open_card(const char *name)
{
    assert_non_null(name);
    return conform_open(name, 0);
}

/* Finite values stay finite, the others stay what they are: the bytes of ref. */
static void narrow_is_bounded(void **state)
{
    (void)state;
    static const float ends[] = {0,     -0.0f, 1,      65504,   65519, 65520,    1e6f,     -1e30f,
                                 3e38f, 1e-8f, -1e-8f, 6.1e-5f, NAN,   INFINITY, -INFINITY};
    enum { N = sizeof ends / sizeof *ends };
    rng r;
    rng_seed(&r, 71);
    tensor x = conform_random(&r, 9, N, 1, 3), want = conform_narrowed(&x, DTYPE_F16, NULL, 2);
    memcpy(conform_row(&x, 4), ends, sizeof ends);
    conform_free(&want);
    want = conform_narrowed(&x, DTYPE_F16, NULL, 2);
    assert_true(conform_get(&want, 4, 6) == 65504 && conform_get(&want, 4, 7) == -65504 && isinf(conform_get(&want, 4, 13)));
    for (size_t i = 0; conform_card_name(i); i++) {
        device d = open_card(conform_card_name(i));
        tensor y = conform_blank_as(DTYPE_F16, 9, N, 2);
        d.c->ops->narrow(d.c, &x, NULL, &y);
        conform_same(conform_card_name(i), &y, &want);
        conform_padding(conform_card_name(i), &y);
        conform_free(&y);
        conform_close_device(&d);
    }
    conform_free(&x);
    conform_free(&want);
}

static void layernorm_also_in_half(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 72);
    tensor x = conform_random(&r, 7, 33, 1, 2), gamma = conform_random(&r, 1, 33, 0, 1);
    device d = open_card(conform_card_name(0));
    tensor y = conform_blank(7, 33, 0), low = conform_blank_as(DTYPE_F16, 7, 33, 2);
    narrow_copy also = {low, NULL};
    d.c->ops->layernorm(d.c, &x, NULL, gamma.data, NULL, 1e-5f, &y, &also);
    tensor want = conform_narrowed(&y, DTYPE_F16, NULL, 0);
    conform_same("layernorm also", &low, &want);
    conform_padding("layernorm also", &low);
    conform_close_device(&d);
    conform_free(&x);
    conform_free(&gamma);
    conform_free(&y);
    conform_free(&low);
    conform_free(&want);
}

/* One rounding of f16 apart, and what erf or a cosine may err. */
static void glu_and_rotate_in_half(void **state)
{
    (void)state;
    enum { D = 24, T = 11 };
    rng r;
    rng_seed(&r, 73);
    tensor a = conform_random(&r, T, D, 0, 2), b = conform_random(&r, T, D, 0, 2), angles = conform_random(&r, T, D / 2, 0, 1);
    tensor gate = conform_narrowed(&a, DTYPE_F16, NULL, 1), up = conform_narrowed(&b, DTYPE_F16, NULL, 3);
    int32_t positions[T];
    for (int32_t i = 0; i < T; i++) positions[i] = T - 1 - i;
    tensor want_glu = conform_blank_as(DTYPE_F16, T, D, 0), want_rotate = conform_copy(&gate);
    rotate_args turn = {.x = want_rotate, .H = 2, .positions = positions, .table = angles.data};
    device judge = conform_open("ref", 0), d = open_card(conform_card_name(0));
    judge.c->ops->glu(judge.c, &gate, &up, ACT_GELU_ERF, &want_glu);
    judge.c->ops->rotate(judge.c, &turn);
    tensor y = conform_blank_as(DTYPE_F16, T, D, 1), x = conform_copy(&gate);
    d.c->ops->glu(d.c, &gate, &up, ACT_GELU_ERF, &y);
    turn.x = x;
    d.c->ops->rotate(d.c, &turn);
    conform_close("glu", &y, &want_glu, NULL, 4 * 0x1p-10);
    conform_padding("glu", &y);
    conform_close("rotate", &x, &want_rotate, NULL, 4 * 0x1p-10);
    conform_padding("rotate", &x);
    conform_close_device(&judge);
    conform_close_device(&d);
    tensor *const all[] = {&a, &b, &angles, &gate, &up, &want_glu, &want_rotate, &y, &x};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) conform_free(all[i]);
}

static void a_weight_beyond_half_is_refused(void **state)
{
    (void)state;
    const float w[4] = {1, 2, 70000, 4}, fine[4] = {1, 2, 65504, 4};
    const matrix_part far = {w, DTYPE_F32, 2}, near = {fine, DTYPE_F32, 2};
    device d = open_card(conform_card_name(0));
    packed_matrix *m;
    tri_error err;
    assert_int_equal(d.c->ops->pack(d.c, &far, 1, 2, PRECISION_F16, NULL, &m, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "beyond its range of 65504"));
    assert_non_null(strstr(err.hint, "bf16"));
    assert_null(m);
    assert_int_equal(d.c->ops->pack(d.c, &near, 1, 2, PRECISION_F16, NULL, &m, &err), TRI_OK);
    d.c->ops->packed_free(m);
    assert_int_equal(d.c->ops->pack(d.c, &far, 1, 2, PRECISION_FP8, NULL, &m, &err), TRI_ERR_UNSUPPORTED);
    conform_close_device(&d);
}

/* Feed-forward outputs of some 200,000 in one channel, as BGE-M3's outliers overflow a plain f16 network: the residual stream
 * is f32, so a row is finite and near what f32 makes of it. One layer by hand, from ops. */
static void outliers_stay_finite(void **state)
{
    (void)state;
    enum { T = 12, D = 64, F = 128 };
    rng r;
    rng_seed(&r, 74);
    tensor x = conform_random(&r, T, D, 0, 1), wide = conform_random(&r, F, D, 0, 0.2f),
           back = conform_random(&r, D, F, 0, 0.2f);
    tensor gamma = conform_random(&r, 1, D, 0, 1), beta = conform_random(&r, 1, D, 0, 0.1f), out[2];
    for (size_t j = 0; j < F; j++) conform_row(&back, 7)[j] = 20000; /* one channel of W down: a sum of 128 of them */
    for (size_t half = 0; half < 2; half++) {
        precision p = half ? PRECISION_F16 : PRECISION_F32;
        dtype t = half ? DTYPE_F16 : DTYPE_F32;
        device d = open_card(conform_card_name(0));
        packed_matrix *up = conform_pack_as(&d, &wide, p, NULL), *down = conform_pack_as(&d, &back, p, NULL);
        tensor in = half ? conform_narrowed(&x, t, NULL, 0) : conform_copy(&x), middle = conform_blank_as(t, T, F, 0);
        out[half] = conform_copy(&x);
        epilogue gelu = {NULL, ACT_GELU_ERF, NULL}, add = {NULL, ACT_NONE, &out[half]};
        d.c->ops->linear(d.c, &in, up, &gelu, &middle);
        d.c->ops->linear(d.c, &middle, down, &add, &out[half]);
        double greatest = 0;
        for (size_t i = 0; i < T; i++) greatest = fmax(greatest, fabs(conform_get(&out[half], i, 7)));
        assert_true(greatest > 65504 && isfinite(greatest));
        d.c->ops->layernorm(d.c, &out[half], NULL, gamma.data, beta.data, 1e-5f, &out[half], NULL);
        d.c->ops->packed_free(up);
        d.c->ops->packed_free(down);
        conform_free(&in);
        conform_free(&middle);
        conform_close_device(&d);
    }
    conform_close("a layer with outliers", &out[1], &out[0], NULL, 0.01);
    tensor *const all[] = {&x, &wide, &back, &gamma, &beta, &out[0], &out[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) conform_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(narrow_is_bounded),      cmocka_unit_test(layernorm_also_in_half),
        cmocka_unit_test(glu_and_rotate_in_half), cmocka_unit_test(a_weight_beyond_half_is_refused),
        cmocka_unit_test(outliers_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
