/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_attention.c — attention of every instruction set: near ref on ragged batches, and the same bits for a query row
 * whichever other rows are asked for, whichever texts share the batch, on 1, 2 or 3 threads.
 *
 * Bound: a score errs by 6 u sum|q k| scale (see test_conf_linear.c), which moves each probability by as much relative to
 * itself, twice (itself and the total); the sums over keys of p and p v err by less than 6 u more, exp by 2 u. All of it times
 * the greatest |v|. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

typedef struct batch {
    tensor qkv, q, y; /* q: the wanted rows, copied */
    int32_t *q_start, *kv_start;
    attention_args args;
} batch;

/* Texts of the given lengths; of each, the first wanted[i] rows are queries (all when wanted is NULL). */
static batch make_batch(rng *r, const int32_t *lengths, const int32_t *wanted, size_t B, size_t H, size_t dh, float spread)
{
    batch b;
    size_t D = H * dh, kv = 0, n = 0;
    b.q_start = conform_alloc((B + 1) * sizeof *b.q_start);
    b.kv_start = conform_alloc((B + 1) * sizeof *b.kv_start);
    b.q_start[0] = b.kv_start[0] = 0;
    for (size_t i = 0; i < B; i++) {
        b.q_start[i + 1] = b.q_start[i] + (wanted ? wanted[i] : lengths[i]);
        b.kv_start[i + 1] = b.kv_start[i] + lengths[i];
    }
    kv = (size_t)b.kv_start[B];
    n = (size_t)b.q_start[B];
    b.qkv = conform_random(r, kv, 3 * D, 1, spread);
    b.q = conform_blank(n, D, 0);
    for (size_t i = 0; i < B; i++)
        for (int32_t j = 0; j < b.q_start[i + 1] - b.q_start[i]; j++)
            memcpy(conform_row(&b.q, (size_t)(b.q_start[i] + j)), conform_row(&b.qkv, (size_t)(b.kv_start[i] + j)),
                   D * sizeof(float));
    b.y = conform_blank(n, D, 3);
    float *base = b.qkv.data;
    b.args = (attention_args){b.q,       tensor_f32(base + D, kv, D, b.qkv.ld), tensor_f32(base + 2 * D, kv, D, b.qkv.ld),
                              b.y,       b.q_start,
                              b.kv_start, B,
                              H,         1 / sqrtf((float)dh)};
    return b;
}

static void drop_batch(batch *b)
{
    free(b->q_start);
    free(b->kv_start);
    conform_free(&b->qkv);
    conform_free(&b->q);
    conform_free(&b->y);
}

static void run_ref(const attention_args *a, tensor *want)
{
    device judge = conform_open("ref", 0);
    attention_args copy = *a;
    *want = conform_blank(a->y.rows, a->y.cols, 0);
    copy.y = *want;
    judge.c->ops->attention(judge.c, &copy);
    conform_close_device(&judge);
}

static void check_batch(rng *r, const char *name, const int32_t *lengths, const int32_t *wanted, size_t B, size_t H, size_t dh,
                        float spread)
{
    char what[128];
    batch b = make_batch(r, lengths, wanted, B, H, dh, spread);
    tensor want;
    run_ref(&b.args, &want);
    double scores = 6 * CONFORM_U * (double)dh * spread * spread * b.args.scale / 2; /* E|q k| of uniforms is spread^2 / 4 */
    double bound = (2 * scores + 8 * CONFORM_U) * spread;
    for (size_t i = 0; compute_isa(i); i++) {
        snprintf(what, sizeof what, "%s attention %s B=%zu H=%zu dh=%zu", compute_isa(i), name, B, H, dh);
        device d = conform_open(compute_isa(i), 2);
        d.c->ops->attention(d.c, &b.args);
        conform_close(what, &b.y, &want, NULL, bound);
        conform_padding(what, &b.y);
        conform_close_device(&d);
    }
    conform_free(&want);
    drop_batch(&b);
}

static void attention_near_ref(void **state)
{
    (void)state;
    static const int32_t ragged[] = {1, 17, 0, 64, 5, 33, 256, 257, 12}, one_each[] = {1, 1, 0, 1, 1, 1, 1, 1, 1};
    static const int32_t some[] = {0, 17, 0, 13, 5, 1, 40, 30, 12}, lone[] = {700}, ones[] = {1, 1, 1, 1, 1};
    static const size_t widths[] = {1, 8, 16, 24, 32, 33, 64, 96, 128, 130, 512, 520};
    rng r;
    rng_seed(&r, 21);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        size_t H = widths[i] > 100 ? 1 : 3;
        check_batch(&r, "ragged", ragged, widths[i] > 100 ? one_each : NULL, 9, H, widths[i], 2);
        if (widths[i] <= 130) check_batch(&r, "some", ragged, some, 9, H, widths[i], 1);
    }
    check_batch(&r, "long", lone, NULL, 1, 1, 64, 1);
    check_batch(&r, "ones", ones, NULL, 5, 4, 32, 1);
    check_batch(&r, "sharp", ragged, NULL, 9, 2, 64, 12); /* scores of +-200: one key takes all */
}

/* Row i of every answer against row `from[i]` of the answer to everything. */
static void check_rows(const char *isa, const batch *some, const tensor *all, const int32_t *all_start, int threads)
{
    device d = conform_open(isa, threads);
    d.c->ops->attention(d.c, &some->args);
    for (size_t i = 0; i < some->args.B; i++) {
        size_t n = (size_t)(some->q_start[i + 1] - some->q_start[i]);
        tensor got = conform_slice(&some->y, (size_t)some->q_start[i], n), want = conform_slice(all, (size_t)all_start[i], n);
        conform_same(isa, &got, &want);
    }
    conform_close_device(&d);
}

static void attention_same_bits(void **state)
{
    (void)state;
    static const int32_t lengths[] = {30, 1, 300, 7, 530}, first[] = {1, 1, 1, 1, 1}, some[] = {29, 0, 13, 5, 200};
    static const int32_t alone[] = {0, 0, 300, 0, 0};
    static const size_t widths[] = {32, 64, 24};
    for (size_t w = 0; w < 3; w++)
        for (size_t i = 0; compute_isa(i); i++) {
            rng r;
            rng_seed(&r, 22);
            batch all = make_batch(&r, lengths, NULL, 5, 3, widths[w], 1);
            device d = conform_open(compute_isa(i), 0);
            d.c->ops->attention(d.c, &all.args);
            conform_close_device(&d);
            const int32_t *const subsets[] = {NULL, first, some, alone};
            for (size_t s = 0; s < 4; s++)
                for (int threads = 1; threads <= 3; threads++) {
                    rng_seed(&r, 22);
                    batch b = make_batch(&r, lengths, subsets[s], 5, 3, widths[w], 1);
                    check_rows(compute_isa(i), &b, &all.y, all.q_start, threads);
                    drop_batch(&b);
                }
            /* the third text in a batch of its own */
            attention_args lone = all.args;
            tensor y = conform_blank(300, all.y.cols, 0), want = conform_slice(&all.y, 31, 300);
            static const int32_t start[] = {0, 300};
            lone.q = conform_slice(&all.q, 31, 300);
            lone.k = conform_slice(&all.args.k, 31, 300);
            lone.v = conform_slice(&all.args.v, 31, 300);
            lone.y = y;
            lone.q_start = lone.kv_start = start;
            lone.B = 1;
            d = conform_open(compute_isa(i), 2);
            d.c->ops->attention(d.c, &lone);
            conform_same(compute_isa(i), &y, &want);
            conform_close_device(&d);
            conform_free(&y);
            drop_batch(&all);
        }
}

static void attention_without_keys_is_zero(void **state)
{
    (void)state;
    static const int32_t q_start[] = {0, 2}, kv_start[] = {0, 0};
    float q[2 * 8] = {1}, y[2 * 8];
    for (size_t i = 0; compute_isa(i); i++) {
        device d = conform_open(compute_isa(i), 0);
        memset(y, 0xFF, sizeof y);
        attention_args a = {tensor_f32(q, 2, 8, 8), tensor_f32(q, 0, 8, 8), tensor_f32(q, 0, 8, 8), tensor_f32(y, 2, 8, 8),
                            q_start,                kv_start,               1,                      1,
                            1};
        d.c->ops->attention(d.c, &a);
        for (size_t j = 0; j < 16; j++) assert_true(y[j] == 0);
        conform_close_device(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_near_ref),
        cmocka_unit_test(attention_same_bits),
        cmocka_unit_test(attention_without_keys_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
