/* SPDX-License-Identifier: Apache-2.0 */
/* test_compute.c — opening devices, what their errors say, that every op slot is filled (the support table), that no op
 * allocates, and that packing gives up cleanly at each allocation that fails. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "conform.h"

static void isa_list_ends_with_ref(void **state)
{
    (void)state;
    size_t n = 0;
    while (compute_isa(n)) n++;
    assert_true(n >= 2);
    assert_string_equal(compute_isa(n - 1), "ref");
    assert_string_equal(compute_isa(n - 2), "generic");
    device best = conform_open(NULL, 0);
    assert_string_equal(best.c->ops->name, compute_isa(0));
    conform_close_device(&best);
}

static void unknown_isa_lists_the_known(void **state)
{
    (void)state;
    tri_error err;
    compute *c = (compute *)&err;
    assert_int_equal(compute_open("abacus", NULL, &c, &err), TRI_ERR_UNSUPPORTED);
    assert_null(c);
    assert_non_null(strstr(err.text, "abacus"));
    assert_non_null(strstr(err.text, "generic, ref"));
}

static void support_table(void **state)
{
    (void)state;
    static const char *const ops[] = {"pack",   "linear", "embed",     "layernorm", "attention",
                                      "gather", "pool",   "normalize", "dots",      "maxsim"};
    enum { N = sizeof ops / sizeof *ops };
    print_message("%-10s", "");
    for (size_t i = 0; compute_isa(i); i++) print_message("%9s", compute_isa(i));
    for (size_t o = 0; o < N; o++) {
        print_message("\n%-10s", ops[o]);
        for (size_t i = 0; compute_isa(i); i++) {
            device d = conform_open(compute_isa(i), 0);
            const compute_ops *t = d.c->ops;
            const bool have[N] = {t->pack && t->packed_free && t->packed_bytes, t->linear, t->embed, t->layernorm, t->attention,
                                  t->gather, t->pool, t->normalize, t->dots, t->maxsim};
            print_message("%9s", have[o] ? "yes" : "no");
            assert_true(have[o]);
            conform_close_device(&d);
        }
    }
    print_message("\n");
}

static void pack_refuses(void **state)
{
    (void)state;
    float w[4] = {1, 2, 3, 4};
    matrix_part whole = {w, DTYPE_F32, 2}, bytes = {w, DTYPE_I8, 2}, none = {w, DTYPE_F32, 0};
    for (size_t i = 0; compute_isa(i); i++) {
        device d = conform_open(compute_isa(i), 0);
        packed_matrix *m = (packed_matrix *)w;
        tri_error err;
        assert_int_equal(d.c->ops->pack(d.c, &whole, 1, 2, PRECISION_F16, NULL, &m, &err), TRI_ERR_UNSUPPORTED);
        assert_null(m);
        assert_non_null(strstr(err.text, "int8"));
        assert_non_null(strstr(err.text, "f32"));
        assert_int_equal(d.c->ops->pack(d.c, &bytes, 1, 2, PRECISION_F32, NULL, &m, &err), TRI_ERR_UNSUPPORTED);
        assert_int_equal(d.c->ops->pack(d.c, &none, 1, 2, PRECISION_F32, NULL, &m, &err), TRI_ERR_ARGUMENT);
        assert_int_equal(d.c->ops->pack(d.c, &whole, 1, 0, PRECISION_F32, NULL, &m, NULL), TRI_ERR_ARGUMENT);
        whole.n = SIZE_MAX / 2;
        assert_int_equal(d.c->ops->pack(d.c, &whole, 1, 8, PRECISION_F32, NULL, &m, &err), TRI_ERR_MEMORY);
        whole.n = 2;
        d.c->ops->packed_free(NULL);
        conform_close_device(&d);
    }
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    float w[6] = {1, 2, 3, 4, 5, 6};
    matrix_part part = {w, DTYPE_F32, 2};
    for (size_t i = 0; compute_isa(i); i++) {
        uint64_t live = mem_live();
        bool failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            compute *c = NULL;
            packed_matrix *m = NULL;
            void *block = NULL;
            fault_arm(FAULT_ALLOC, nth, true);
            tri_status st = compute_open(compute_isa(i), NULL, &c, NULL);
            if (!st) st = c->ops->pack(c, &part, 1, 3, PRECISION_F32, NULL, &m, NULL);
            if (!st) st = compute_alloc(c, 100, &block, NULL);
            failed = st != TRI_OK;
            fault_arm(FAULT_ALLOC, 0, false);
            if (failed) assert_int_equal(st, TRI_ERR_MEMORY);
            if (block) compute_free(c, block);
            if (m) c->ops->packed_free(m);
            compute_close(c);
            assert_int_equal(mem_live(), live);
        }
    }
}

/* Every op once, on shapes that use tails and several tasks. */
typedef struct everything {
    tensor x, y, wide, narrow;
    packed_matrix *w;
    float *gamma;
    uint32_t ids[40];
    int32_t positions[40], start[4];
    uint64_t doc_start[4];
    float scores[3];
} everything;

static everything make_everything(device *d)
{
    rng r;
    rng_seed(&r, 51);
    everything e = {.x = conform_random(&r, 40, 96, 0, 1),
                    .y = conform_blank(40, 96, 0),
                    .wide = conform_blank(40, 288, 0),
                    .narrow = conform_blank(40, 40, 0),
                    .start = {0, 13, 13, 40},
                    .doc_start = {0, 13, 13, 40}};
    tensor w = conform_random(&r, 288, 96, 0, 0.1f), gamma = conform_random(&r, 1, 96, 0, 1);
    e.w = conform_pack(d, w.data, DTYPE_F32, 288, 96);
    e.gamma = gamma.data;
    for (size_t i = 0; i < 40; i++) {
        e.ids[i] = (uint32_t)(39 - i);
        e.positions[i] = (int32_t)i;
    }
    conform_free(&w);
    return e;
}

static void run_everything(compute *c, const everything *e)
{
    const compute_ops *ops = c->ops;
    tensor none = {0}, pooled = conform_slice(&e->y, 0, 3);
    epilogue gelu = {NULL, ACT_GELU_ERF, NULL};
    float *qkv = e->wide.data;
    embed_args embed = {e->ids, e->positions, NULL, e->x, e->x, none, e->gamma, NULL, 1e-5f, e->y, NULL};
    attention_args attention = {tensor_f32(qkv, 40, 96, 288),
                                tensor_f32(qkv + 96, 40, 96, 288),
                                tensor_f32(qkv + 192, 40, 96, 288),
                                e->y,
                                e->start,
                                e->start,
                                3,
                                3,
                                0.18f,
                                0,
                                NULL};
    ops->embed(c, &embed);
    ops->linear(c, &e->y, e->w, &gelu, &e->wide);
    ops->attention(c, &attention);
    ops->layernorm(c, &e->y, &e->x, e->gamma, NULL, 1e-5f, &e->y, NULL);
    ops->normalize(c, &e->y, &e->y);
    ops->dots(c, &e->x, &e->y, NULL, &e->narrow);
    ops->maxsim(c, &e->x, &e->y, NULL, e->doc_start, 3, (float *)e->scores, NULL);
    ops->gather(c, &e->x, e->positions, &e->y);
    ops->pool(c, POOL_MEAN, &e->x, e->start, 3, &pooled);
    assert_int_equal(compute_sync(c, NULL), TRI_OK);
}

static void drop_everything(device *d, everything *e)
{
    d->c->ops->packed_free(e->w);
    conform_free(&e->x);
    conform_free(&e->y);
    conform_free(&e->wide);
    conform_free(&e->narrow);
    tensor gamma = tensor_f32(e->gamma, 1, 96, 96);
    conform_free(&gamma);
}

static void no_op_allocates(void **state)
{
    (void)state;
    for (size_t i = 0; compute_isa(i); i++) {
        device d = conform_open(compute_isa(i), 2);
        everything e = make_everything(&d);
        uint64_t before = mem_count();
        run_everything(d.c, &e);
        assert_int_equal(mem_count(), before);
        drop_everything(&d, &e);
        conform_close_device(&d);
    }
}

typedef struct caller {
    device *d;
    everything e;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    for (int i = 0; i < 50; i++) run_everything(c->d->c, &c->e);
    return NULL;
}

/* Two sessions share one device: jobs of one task run beside the pool's, so scratch must not be told apart by worker alone. */
static void two_callers_share_a_device(void **state)
{
    (void)state;
    for (size_t i = 0; compute_isa(i); i++)
        for (int threads = 0; threads <= 2; threads++) {
            device d = conform_open(compute_isa(i), threads);
            caller callers[2] = {{&d, make_everything(&d)}, {&d, make_everything(&d)}};
            everything alone = make_everything(&d);
            pthread_t other;
            assert_int_equal(pthread_create(&other, NULL, call_often, &callers[1]), 0);
            call_often(&callers[0]);
            pthread_join(other, NULL);
            run_everything(d.c, &alone);
            for (int j = 0; j < 2; j++) {
                conform_same(compute_isa(i), &callers[j].e.narrow, &alone.narrow);
                conform_same(compute_isa(i), &callers[j].e.wide, &alone.wide);
                drop_everything(&d, &callers[j].e);
            }
            drop_everything(&d, &alone);
            conform_close_device(&d);
        }
}

static void empty_calls_do_nothing(void **state)
{
    (void)state;
    float one = 1;
    for (size_t i = 0; compute_isa(i); i++) {
        device d = conform_open(compute_isa(i), 2);
        packed_matrix *w = conform_pack(&d, &one, DTYPE_F32, 1, 1);
        tensor none = tensor_f32(&one, 0, 1, 1);
        int32_t start[1] = {0};
        attention_args a = {none, none, none, none, start, start, 0, 1, 1, 0, NULL};
        d.c->ops->linear(d.c, &none, w, NULL, &none);
        d.c->ops->attention(d.c, &a);
        d.c->ops->layernorm(d.c, &none, NULL, &one, NULL, 1, &none, NULL);
        d.c->ops->normalize(d.c, &none, &none);
        d.c->ops->gather(d.c, &none, start, &none);
        d.c->ops->pool(d.c, POOL_MEAN, &none, start, 0, &none);
        d.c->ops->dots(d.c, &none, &none, NULL, &none);
        d.c->ops->maxsim(d.c, &none, &none, NULL, (const uint64_t[]){0}, 0, &one, NULL);
        compute_upload(d.c, NULL, NULL, 0);
        assert_true(one == 1);
        d.c->ops->packed_free(w);
        conform_close_device(&d);
    }
    compute_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isa_list_ends_with_ref), cmocka_unit_test(unknown_isa_lists_the_known),
        cmocka_unit_test(support_table),          cmocka_unit_test(pack_refuses),
        cmocka_unit_test(each_allocation_may_fail), cmocka_unit_test(no_op_allocates),
        cmocka_unit_test(two_callers_share_a_device), cmocka_unit_test(empty_calls_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
