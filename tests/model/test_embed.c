/* SPDX-License-Identifier: Apache-2.0 */
/* test_embed.c — properties of encoding: companions, order, threads and wanted outputs change no bit; a warm pass allocates
 * nothing but its result; every allocation and read may fail; limits are told with their numbers. On the tiny M3 model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "trident.h"

#define TINY TEST_ROOT "/tests/golden/tiny/model"
enum { N_INPUTS = 40, MAX_IDS = 120 };

static uint32_t ids[N_INPUTS][MAX_IDS];
static tri_input inputs[N_INPUTS];

typedef struct stack {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
} stack;

static tri_status stack_open(stack *k, const char *isa, int threads, size_t batch_tokens, tri_error *err)
{
    tri_engine_options eo;
    tri_session_options so;
    memset(k, 0, sizeof *k);
    tri_engine_options_init(&eo);
    tri_session_options_init(&so);
    eo.isa = isa;
    eo.threads = threads;
    so.batch_tokens = batch_tokens;
    tri_status st = tri_engine_open(&eo, &k->engine, err);
    if (!st) st = tri_model_open(k->engine, TINY, NULL, &k->m, err);
    if (!st) st = tri_session_new(k->m, &so, &k->s, err);
    return st;
}

static void stack_close(stack *k)
{
    tri_session_free(k->s);
    tri_model_close(k->m);
    tri_engine_close(k->engine);
}

static tri_embeddings *embed(stack *k, const tri_input *in, size_t n, unsigned want)
{
    tri_embed_options o;
    tri_embeddings *e;
    tri_error err = {0};
    tri_embed_options_init(&o);
    o.want = want;
    if (tri_embed(k->s, &o, in, n, &e, &err)) fail_msg("%s", err.text);
    return e;
}

static void same_text(const tri_embeddings *a, size_t i, const tri_embeddings *b, size_t j, unsigned want)
{
    if (want & TRI_DENSE) {
        tri_dense_view x = tri_embeddings_dense(a, i), y = tri_embeddings_dense(b, j);
        assert_int_equal(x.dim, y.dim);
        assert_memory_equal(x.values, y.values, x.dim * sizeof(float));
    }
    if (want & TRI_SPARSE) {
        tri_sparse_view x = tri_embeddings_sparse(a, i), y = tri_embeddings_sparse(b, j);
        assert_int_equal(x.count, y.count);
        if (x.count) assert_memory_equal(x.ids, y.ids, x.count * sizeof(uint32_t));
        if (x.count) assert_memory_equal(x.weights, y.weights, x.count * sizeof(float));
    }
    if (want & TRI_MULTI) {
        tri_multi_view x = tri_embeddings_multi(a, i), y = tri_embeddings_multi(b, j);
        assert_int_equal(x.n_rows, y.n_rows);
        assert_memory_equal(x.rows, y.rows, x.n_rows * x.dim * sizeof(float));
    }
}

static void test_companions_threads_and_wants_change_no_bit(void **state)
{
    (void)state;
    for (size_t a = 0; compute_isa(a); a++) {
        stack whole;
        assert_int_equal(stack_open(&whole, compute_isa(a), 1, 0, NULL), TRI_OK);
        tri_embeddings *all = embed(&whole, inputs, N_INPUTS, TRI_ALL);
        for (int threads = 1; threads <= 3; threads++) {
            stack k;
            assert_int_equal(stack_open(&k, compute_isa(a), threads, threads == 2 ? 0 : 128, NULL), TRI_OK);
            tri_input reversed[N_INPUTS];
            for (size_t i = 0; i < N_INPUTS; i++) reversed[i] = inputs[N_INPUTS - 1 - i];
            tri_embeddings *back = embed(&k, reversed, N_INPUTS, TRI_ALL), *dense = embed(&k, inputs, N_INPUTS, TRI_DENSE);
            for (size_t i = 0; i < N_INPUTS; i++) {
                same_text(all, i, back, N_INPUTS - 1 - i, TRI_ALL);
                same_text(all, i, dense, i, TRI_DENSE);
                if (i % 8) continue;
                tri_embeddings *alone = embed(&k, inputs + i, 1, TRI_ALL);
                same_text(all, i, alone, 0, TRI_ALL);
                tri_embeddings_free(alone);
            }
            tri_embeddings_free(back);
            tri_embeddings_free(dense);
            stack_close(&k);
        }
        tri_embeddings_free(all);
        stack_close(&whole);
    }
}

static void test_outputs_are_what_they_say(void **state)
{
    (void)state;
    stack k;
    assert_int_equal(stack_open(&k, NULL, 2, 0, NULL), TRI_OK);
    tri_embeddings *e = embed(&k, inputs, N_INPUTS, 0);
    for (size_t i = 0; i < N_INPUTS; i++) {
        tri_dense_view d = tri_embeddings_dense(e, i);
        tri_sparse_view s = tri_embeddings_sparse(e, i);
        tri_multi_view m = tri_embeddings_multi(e, i);
        assert_true(fabsf(tri_score_dense(d, d) - 1) < 1e-5f);
        assert_int_equal(m.n_rows, inputs[i].n_ids - 1);
        for (size_t j = 0; j < s.count; j++) {
            assert_true(s.weights[j] > 0);
            assert_true(j == 0 || s.ids[j] > s.ids[j - 1]);
            assert_true(s.ids[j] > 3); /* <s> <pad> </s> <unk> */
        }
        if (m.n_rows) assert_true(fabsf(tri_score_multi(m, m) - 1) < 1e-5f);
    }
    tri_embeddings_free(e);
    stack_close(&k);
}

static void test_a_warm_pass_allocates_only_its_result(void **state)
{
    (void)state;
    stack k;
    assert_int_equal(stack_open(&k, NULL, 2, 0, NULL), TRI_OK);
    tri_embeddings_free(embed(&k, inputs, N_INPUTS, 0));
    for (int round = 0; round < 3; round++) {
        uint64_t before = mem_count();
        tri_embeddings *e = embed(&k, inputs, N_INPUTS, 0);
        assert_int_equal(mem_count() - before, 1);
        tri_embeddings_free(e);
    }
    stack_close(&k);
}

static void test_texts_and_limits(void **state)
{
    (void)state;
    stack k;
    tri_error err = {0};
    assert_int_equal(stack_open(&k, NULL, 2, 0, &err), TRI_OK);
    static char long_text[100000];
    for (size_t i = 0; i < sizeof long_text; i += 2) memcpy(long_text + i, "a ", 2);
    tri_text texts[3] = {{"", 0}, {long_text, sizeof long_text}, {"bad \xFF bytes\0and a zero", 22}};
    tri_embed_options o;
    tri_embeddings *e;
    tri_embed_options_init(&o);
    assert_int_equal(tri_embed_texts(k.s, &o, texts, 3, &e, &err), TRI_OK);
    assert_int_equal(tri_embeddings_tokens(e, 0), 2); /* the two specials, as upstream */
    assert_int_equal(tri_embeddings_sparse(e, 0).count, 0);
    assert_int_equal(tri_embeddings_multi(e, 0).n_rows, 1);
    assert_false(tri_embeddings_truncated(e, 0));
    assert_true(tri_embeddings_truncated(e, 1));
    assert_int_equal(tri_embeddings_bad_bytes(e, 2), 1);
    tri_embeddings_free(e);
    o.on_long = TRI_LONG_ERROR;
    assert_int_equal(tri_embed_texts(k.s, &o, texts, 3, &e, &err), TRI_ERR_LIMIT);
    assert_non_null(strstr(err.text, "input 1"));
    assert_non_null(strstr(err.text, "tokens, the limit is"));
    assert_null(e);
    assert_int_equal(tri_embed_texts(k.s, &o, NULL, 0, &e, &err), TRI_OK);
    assert_int_equal(tri_embeddings_count(e), 0);
    tri_embeddings_free(e);
    o.dim = 100000;
    assert_int_equal(tri_embed_texts(k.s, &o, texts, 1, &e, &err), TRI_ERR_ARGUMENT);
    tri_session_options so;
    tri_session *s;
    tri_session_options_init(&so);
    so.memory_limit = 1000;
    assert_int_equal(tri_session_new(k.m, &so, &s, &err), TRI_ERR_LIMIT);
    so.memory_limit = 0;
    so.max_length = 1000000;
    assert_int_equal(tri_session_new(k.m, &so, &s, &err), TRI_ERR_ARGUMENT);
    stack_close(&k);
}

/* Each allocation, then each read, of opening and encoding fails in turn: a status, no crash, nothing left behind. */
static void test_every_allocation_and_read_may_fail(void **state)
{
    (void)state;
    tri_text texts[2] = {{"one text", 8}, {"another, longer text", 20}};
    uint64_t live = mem_live();
    const fault_kind kinds[] = {FAULT_ALLOC, FAULT_READ};
    for (size_t kind = 0; kind < 2; kind++) {
        uint64_t n_failed = 0;
        for (uint64_t nth = 1; nth < 100000; nth++) {
            stack k;
            tri_error err = {0};
            tri_embeddings *e = NULL;
            fault_arm(kinds[kind], nth, false);
            tri_status st = stack_open(&k, "generic", 1, 0, &err);
            if (!st) st = tri_embed_texts(k.s, NULL, texts, 2, &e, &err);
            bool reached = fault_seen(kinds[kind]) >= nth;
            fault_arm(kinds[kind], 0, false);
            if (st) assert_true(err.text[0] != 0);
            n_failed += st != TRI_OK;
            tri_embeddings_free(e);
            stack_close(&k);
            assert_int_equal(mem_live(), live);
            if (!reached) break;
        }
        assert_true(n_failed > 3);
    }
}

static int make_inputs(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 7);
    for (size_t i = 0; i < N_INPUTS; i++) {
        size_t n = i < 4 ? i + 1 : 2 + rng_below(&r, MAX_IDS - 2);
        for (size_t j = 0; j < n; j++) ids[i][j] = (uint32_t)(4 + rng_below(&r, 200));
        ids[i][0] = 0;
        if (n > 1) ids[i][n - 1] = 2;
        inputs[i] = (tri_input){.ids = ids[i], .n_ids = n};
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_companions_threads_and_wants_change_no_bit), cmocka_unit_test(test_outputs_are_what_they_say),
        cmocka_unit_test(test_a_warm_pass_allocates_only_its_result),      cmocka_unit_test(test_texts_and_limits),
        cmocka_unit_test(test_every_allocation_and_read_may_fail),
    };
    return cmocka_run_group_tests(tests, make_inputs, NULL);
}
