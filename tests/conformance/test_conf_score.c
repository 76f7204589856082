/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_score.c — dots and MaxSim of every instruction set over F32, F16 and I8 documents: near ref, the same bits for a
 * pair in any company and on 1, 2 or 3 threads, ties to the lowest row.
 *
 * Bound: 6 u sum|q d| as in test_conf_linear.c, and 2 u of the result for the scale and the mean. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

typedef struct docs {
    tensor t;
    tensor scales; /* [1, n] */
    const float *scale;
} docs;

static docs make_docs(rng *r, size_t n, size_t D, dtype type)
{
    size_t ld = D + 1, size = dtype_size(type);
    docs d = {{conform_alloc(n * ld * size), type, n, D, ld, NULL, {0}}, conform_random(r, 1, n, 0, 0.01f), NULL};
    for (size_t i = 0; i < n * ld; i++) {
        float value = (float)(2 * rng_uniform(r) - 1);
        if (type == DTYPE_F32) ((float *)d.t.data)[i] = value;
        if (type == DTYPE_F16) ((uint16_t *)d.t.data)[i] = half_from_f32(value);
        if (type == DTYPE_I8) ((int8_t *)d.t.data)[i] = (int8_t)(value * 127);
    }
    d.scale = type == DTYPE_I8 ? d.scales.data : NULL;
    return d;
}

static void drop_docs(docs *d)
{
    free(d->t.data);
    conform_free(&d->scales);
}

static double greatest_of(dtype type)
{
    return type == DTYPE_I8 ? 127 * 0.01 : 1;
}

static const dtype kept[] = {DTYPE_F32, DTYPE_F16, DTYPE_I8};

static void check_dots(rng *r, size_t M, size_t n, size_t D, dtype type)
{
    char what[128];
    docs d = make_docs(r, n, D, type);
    tensor q = conform_random(r, M, D, 1, 1), want = conform_blank(M, n, 0);
    device judge = conform_open("ref", 0);
    judge.c->ops->dots(judge.c, &q, &d.t, d.scale, &want);
    conform_close_device(&judge);
    for (size_t i = 0; conform_isa(i); i++) {
        tensor all = {0};
        snprintf(what, sizeof what, "%s dots [%zu,%zu,%zu] %s", conform_isa(i), M, n, D, dtype_name(type));
        for (int threads = 0; threads <= 3; threads++) {
            device dev = conform_open(conform_isa(i), threads);
            tensor y = conform_blank(M, n, 2);
            dev.c->ops->dots(dev.c, &q, &d.t, d.scale, &y);
            if (threads == 0) {
                conform_close(what, &y, &want, NULL, CONFORM_U * 8 * (double)D * greatest_of(type));
                all = conform_copy(&y);
            }
            conform_same(what, &y, &all);
            conform_padding(what, &y);
            tensor one = conform_slice(&q, M / 2, 1), alone = conform_blank(1, n, 0), same = conform_slice(&all, M / 2, 1);
            dev.c->ops->dots(dev.c, &one, &d.t, d.scale, &alone);
            conform_same(what, &alone, &same);
            conform_free(&alone);
            conform_free(&y);
            conform_close_device(&dev);
        }
        conform_free(&all);
    }
    conform_free(&q);
    conform_free(&want);
    drop_docs(&d);
}

static void dots_near_ref(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},    {1, 5, 7},     {2, 3, 16},    {3, 8, 17},    {4, 9, 24},   {5, 100, 64},
                                       {7, 301, 65}, {1, 400, 384}, {9, 40, 1024}, {300, 11, 32}, {13, 13, 100}};
    rng r;
    rng_seed(&r, 41);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t t = 0; t < 3; t++) check_dots(&r, shapes[s][0], shapes[s][1], shapes[s][2], kept[t]);
}

/* The scores, and the winners where no two rows are nearer than rounding. */
static void check_maxsim(rng *r, size_t Q, const uint64_t *start, size_t n_docs, size_t D, dtype type)
{
    char what[128];
    docs d = make_docs(r, (size_t)start[n_docs], D, type);
    tensor q = conform_random(r, Q, D, 1, 1), want = conform_blank(1, n_docs, 0);
    int32_t *best = conform_alloc((n_docs * Q + 1) * sizeof *best), *mine = conform_alloc((n_docs * Q + 1) * sizeof *mine);
    device judge = conform_open("ref", 0);
    judge.c->ops->maxsim(judge.c, &q, &d.t, d.scale, start, n_docs, want.data, best);
    conform_close_device(&judge);
    for (size_t i = 0; conform_isa(i); i++) {
        tensor first = {0};
        snprintf(what, sizeof what, "%s maxsim Q=%zu docs=%zu D=%zu %s", conform_isa(i), Q, n_docs, D, dtype_name(type));
        for (int threads = 0; threads <= 3; threads++) {
            device dev = conform_open(conform_isa(i), threads);
            tensor y = conform_blank(1, n_docs, 0);
            dev.c->ops->maxsim(dev.c, &q, &d.t, d.scale, start, n_docs, y.data, threads ? mine : NULL);
            if (threads == 0) first = conform_copy(&y);
            conform_close(what, &y, &want, NULL, CONFORM_U * 8 * (double)D * greatest_of(type));
            conform_same(what, &y, &first);
            for (size_t j = 0; threads && j < n_docs * Q; j++) assert_int_equal(mine[j], best[j]);
            conform_free(&y);
            conform_close_device(&dev);
        }
        conform_free(&first);
    }
    free(best);
    free(mine);
    conform_free(&q);
    conform_free(&want);
    drop_docs(&d);
}

static void maxsim_near_ref(void **state)
{
    (void)state;
    static const uint64_t start[] = {0, 1, 1, 6, 40, 44, 200, 203};
    static const size_t rows[] = {0, 1, 2, 3, 5, 32, 300}, widths[] = {8, 64, 100, 384};
    rng r;
    rng_seed(&r, 42);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t t = 0; t < 3; t++) check_maxsim(&r, rows[i], start, 7, widths[(i + t) % 4], kept[t]);
}

static void maxsim_ties_to_the_lowest(void **state)
{
    (void)state;
    float q[] = {1, 0}, rows[] = {0, 1, 2, 0, 2, 5, 2, 1, 1, 1}; /* dot products 0 2 2 2 1 */
    uint64_t start[] = {0, 5, 5};
    tensor query = tensor_f32(q, 1, 2, 2), table = tensor_f32(rows, 5, 2, 2);
    for (size_t i = 0; conform_isa(i); i++) {
        float scores[2];
        int32_t best[2];
        device d = conform_open(conform_isa(i), 0);
        d.c->ops->maxsim(d.c, &query, &table, NULL, start, 2, scores, best);
        assert_true(scores[0] == 2 && best[0] == 1);
        assert_true(scores[1] == 0 && best[1] == 0);
        conform_close_device(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_near_ref),
        cmocka_unit_test(maxsim_near_ref),
        cmocka_unit_test(maxsim_ties_to_the_lowest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
