/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_attention.c — attention of every instruction set in f32 and bf16: near ref on ragged batches, and the same bits for
 * a query row whichever other rows are asked for, whichever texts share the batch, on 1, 2 or 3 threads.
 *
 * Bound in f32: a score errs by 6 u sum|q k| scale (see test_conf_linear.c), which moves each probability by as much relative
 * to itself, twice (itself and the total); the sums over keys of p and p v err by less than 6 u more, exp by 2 u. All of it
 * times the greatest |v|. In bf16 the score errs by twice that, the exponential by 2^-13.7, the probability that meets v by
 * 2^-8 from its rounding and so does y: on top, all of it worst cases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

typedef struct batch {
    tensor qkv, q, y; /* q: the wanted rows, copied */
    int32_t *q_start, *kv_start, *q_rows;
    attention_args args;
} batch;

/* D columns of all rows from column `first`. */
static tensor columns(const tensor *t, size_t first, size_t D)
{
    tensor part = *t;
    part.data = (char *)t->data + first * dtype_size(t->type);
    part.cols = D;
    return part;
}

static size_t window; /* of the batches that are made */

/* Texts of the given lengths; of each, the first wanted[i] rows are queries (all when wanted is NULL). */
static batch make_batch(rng *r, dtype type, const int32_t *lengths, const int32_t *wanted, size_t B, size_t H, size_t dh,
                        float spread)
{
    batch b;
    size_t D = H * dh, size = dtype_size(type);
    b.q_start = conform_alloc((B + 1) * sizeof *b.q_start);
    b.kv_start = conform_alloc((B + 1) * sizeof *b.kv_start);
    b.q_start[0] = b.kv_start[0] = 0;
    for (size_t i = 0; i < B; i++) {
        b.q_start[i + 1] = b.q_start[i] + (wanted ? wanted[i] : lengths[i]);
        b.kv_start[i + 1] = b.kv_start[i] + lengths[i];
    }
    tensor wide = conform_random(r, (size_t)b.kv_start[B], 3 * D, 1, spread);
    b.qkv = type == DTYPE_F32 ? conform_copy(&wide) : conform_narrowed(&wide, type, NULL, 1);
    conform_free(&wide);
    b.q = conform_blank_as(type, (size_t)b.q_start[B], D, 0);
    b.q_rows = conform_alloc((size_t)b.q_start[B] * sizeof *b.q_rows);
    for (size_t i = 0; i < B; i++)
        for (int32_t j = 0; j < b.q_start[i + 1] - b.q_start[i]; j++) {
            b.q_rows[b.q_start[i] + j] = b.kv_start[i] + j;
            memcpy((char *)b.q.data + (size_t)(b.q_start[i] + j) * b.q.ld * size,
                   (const char *)b.qkv.data + (size_t)(b.kv_start[i] + j) * b.qkv.ld * size, D * size);
        }
    b.y = conform_blank_as(type, (size_t)b.q_start[B], D, 3);
    b.args = (attention_args){.q = b.q,
                              .k = columns(&b.qkv, D, D),
                              .v = columns(&b.qkv, 2 * D, D),
                              .y = b.y,
                              .q_start = b.q_start,
                              .kv_start = b.kv_start,
                              .B = B,
                              .H = H,
                              .scale = 1 / sqrtf((float)dh),
                              .window = window,
                              .q_rows = wanted ? b.q_rows : NULL};
    return b;
}

static void drop_batch(batch *b)
{
    free(b->q_start);
    free(b->kv_start);
    free(b->q_rows);
    conform_free(&b->qkv);
    conform_free(&b->q);
    conform_free(&b->y);
}

static void run_ref(const attention_args *a, tensor *want)
{
    device judge = conform_open("ref", 0);
    attention_args copy = *a;
    *want = conform_blank_as(a->y.type, a->y.rows, a->y.cols, 0);
    copy.y = *want;
    judge.c->ops->attention(judge.c, &copy);
    conform_close_device(&judge);
}

static void check_batch(rng *r, dtype type, const char *name, const int32_t *lengths, const int32_t *wanted, size_t B, size_t H,
                        size_t dh, float spread)
{
    char what[128];
    size_t pairs = 0;
    for (size_t i = 0; i < B; i++) pairs += (size_t)lengths[i] * (size_t)(wanted ? wanted[i] : lengths[i]);
    if (!conform_affordable(pairs * H * dh / 16)) return;
    batch b = make_batch(r, type, lengths, wanted, B, H, dh, spread);
    tensor want;
    run_ref(&b.args, &want);
    double scores = 6 * CONFORM_U * (double)dh * spread * spread * b.args.scale / 2; /* E|q k| of uniforms is spread^2 / 4 */
    double bound = (2 * scores + 8 * CONFORM_U) * spread;
    if (type != DTYPE_F32) bound = (4 * scores + 2 * 0x1p-13 + 2 * 0x1p-8) * spread;
    for (size_t i = 0; conform_isa(i); i++) {
        if (strcmp(conform_isa(i), "ref") == 0 || !conform_has(conform_isa(i), type) || conform_is_twin(conform_isa(i)))
            continue;
        snprintf(what, sizeof what, "%s attention %s %s B=%zu H=%zu dh=%zu", conform_isa(i), dtype_name(type), name, B, H, dh);
        device d = conform_open(conform_isa(i), 2);
        d.c->ops->attention(d.c, &b.args);
        conform_close(what, &b.y, &want, NULL, bound);
        conform_padding(what, &b.y);
        conform_close_device(&d);
    }
    conform_free(&want);
    drop_batch(&b);
}

static const dtype types[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
enum { N_TYPES = sizeof types / sizeof *types };

static void attention_near_ref(void **state)
{
    (void)state;
    static const int32_t ragged[] = {1, 17, 0, 64, 5, 33, 256, 257, 12}, one_each[] = {1, 1, 0, 1, 1, 1, 1, 1, 1};
    static const int32_t some[] = {0, 17, 0, 13, 5, 1, 40, 30, 12}, lone[] = {700}, ones[] = {1, 1, 1, 1, 1};
    static const size_t widths[] = {1, 8, 16, 24, 32, 33, 64, 96, 128, 130, 512, 520};
    rng r;
    rng_seed(&r, 21);
    for (const dtype *t = types; t < types + N_TYPES; t++) {
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            size_t H = widths[i] > 100 ? 1 : 3;
            bool slow = widths[i] > 60 || widths[i] % 2; /* for ref, which is also what computes half groups and wide heads */
            check_batch(&r, *t, "ragged", ragged, slow ? one_each : NULL, 9, H, widths[i], 2);
            if (widths[i] <= 128) check_batch(&r, *t, "some", ragged, some, 9, H, widths[i], 1);
        }
        check_batch(&r, *t, "long", lone, NULL, 1, 1, 64, 1);
        check_batch(&r, *t, "ones", ones, NULL, 5, 4, 32, 1);
        check_batch(&r, *t, "sharp", ragged, NULL, 9, 2, 64, 12); /* scores of +-200: one key takes all */
    }
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

/* The third text of `all` in a batch of its own. */
static void check_alone(const char *isa, const batch *all)
{
    static const int32_t start[] = {0, 300};
    tensor y = conform_blank_as(all->y.type, 300, all->y.cols, 0), want = conform_slice(&all->y, 31, 300);
    attention_args lone = all->args;
    lone.q = conform_slice(&all->q, 31, 300);
    lone.k = conform_slice(&all->args.k, 31, 300);
    lone.v = conform_slice(&all->args.v, 31, 300);
    lone.y = y;
    lone.q_start = lone.kv_start = start;
    lone.B = 1;
    device d = conform_open(isa, 2);
    d.c->ops->attention(d.c, &lone);
    conform_same(isa, &y, &want);
    conform_close_device(&d);
    conform_free(&y);
}

static void check_same_bits(const char *isa, dtype type, size_t dh)
{
    if (!conform_has(isa, type) || conform_is_twin(isa)) return;
    static const int32_t lengths[] = {30, 1, 300, 7, 530}, first[] = {1, 1, 1, 1, 1}, some[] = {29, 0, 13, 5, 200};
    static const int32_t alone[] = {0, 0, 300, 0, 0};
    const int32_t *const subsets[] = {NULL, first, some, alone};
    rng r;
    rng_seed(&r, 22);
    batch all = make_batch(&r, type, lengths, NULL, 5, 3, dh, 1);
    device d = conform_open(isa, 0);
    d.c->ops->attention(d.c, &all.args);
    conform_close_device(&d);
    for (size_t s = 0; s < 4; s++)
        for (int threads = 1; threads <= 3; threads++) {
            rng_seed(&r, 22);
            batch b = make_batch(&r, type, lengths, subsets[s], 5, 3, dh, 1);
            check_rows(isa, &b, &all.y, all.q_start, threads);
            drop_batch(&b);
        }
    check_alone(isa, &all);
    drop_batch(&all);
}

static void attention_same_bits(void **state)
{
    (void)state;
    static const size_t widths[] = {64, 24, 32};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t i = 0; conform_isa(i); i++) {
            if (strcmp(conform_isa(i), "ref") == 0) continue; /* one row at a time */
            if (!conform_affordable(100 * widths[w] * widths[w])) continue;
            for (const dtype *t = types; t < types + N_TYPES; t++) check_same_bits(conform_isa(i), *t, widths[w]);
        }
}

/* Windows narrower than a block of keys, of its width, over several, and wider than every text. */
static void attention_in_a_window(void **state)
{
    (void)state;
    static const int32_t ragged[] = {1, 17, 0, 64, 5, 33, 256, 257, 12}, some[] = {0, 17, 0, 13, 5, 1, 40, 30, 12},
                         lone[] = {700};
    static const size_t windows[] = {1, 8, 31, 64, 65, 100, 1000};
    rng r;
    rng_seed(&r, 23);
    for (const dtype *t = types; t < types + N_TYPES; t++)
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
            window = windows[i];
            check_batch(&r, *t, "window", ragged, NULL, 9, 2, 32, 2);
            check_batch(&r, *t, "window some", ragged, some, 9, 2, 24, 1);
            check_batch(&r, *t, "window sharp", ragged, some, 9, 1, 64, 12);
            if (i % 2) check_batch(&r, *t, "window long", lone, NULL, 1, 1, 64, 1);
            check_batch(&r, *t, "window wide head", ragged, some, 9, 1, 520, 1);
        }
    for (size_t i = 0; conform_isa(i); i++) {
        if (strcmp(conform_isa(i), "ref") == 0 || !conform_affordable(100 * 64 * 64)) continue;
        for (window = 8; window < 128; window += 56)
            for (const dtype *t = types; t < types + N_TYPES; t++) check_same_bits(conform_isa(i), *t, 64);
    }
    window = 0;
}

static void attention_without_keys_is_zero(void **state)
{
    (void)state;
    static const int32_t q_start[] = {0, 2}, kv_start[] = {0, 0};
    float q[2 * 8] = {1}, y[2 * 8];
    for (size_t i = 0; conform_isa(i); i++) {
        device d = conform_open(conform_isa(i), 0);
        memset(y, 0xFF, sizeof y);
        attention_args a = {tensor_f32(q, 2, 8, 8),
                            tensor_f32(q, 0, 8, 8),
                            tensor_f32(q, 0, 8, 8),
                            tensor_f32(y, 2, 8, 8),
                            q_start,
                            kv_start,
                            1,
                            1,
                            1,
                            0,
                            NULL};
        d.c->ops->attention(d.c, &a);
        for (size_t j = 0; j < 16; j++) assert_true(y[j] == 0);
        memset(y, 0xFF, sizeof y);
        a.q.type = a.k.type = a.v.type = a.y.type = DTYPE_BF16;
        d.c->ops->attention(d.c, &a);
        for (size_t j = 0; j < 8; j++) assert_true(y[j] == 0); /* twice as many halves */
        conform_close_device(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_near_ref),
        cmocka_unit_test(attention_same_bits),
        cmocka_unit_test(attention_in_a_window),
        cmocka_unit_test(attention_without_keys_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
