/* SPDX-License-Identifier: Apache-2.0 */
/* test_card.c — a card from the outside: which device is picked and why, what its memory takes, and what happens when it is
 * full, fails, or is of another plugin. On the emulated card, whose every call can be made to fail. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "compute/cuda/sizes.h"
#include "conform_card.h"
#include "../cuda/include/cuda_runtime.h"
#include "trident.h"

#define MODEL TEST_ROOT "/tests/golden/models/xlmr-m3-colbertdim/model"

static emulated_controls *card;

/* The plugin is in the process already; its controls have a name. */
static int find_controls(void **state)
{
    (void)state;
    emulated_controls *(*entry)(void);
    unsetenv("TRI_REQUIRE"); /* beside a real card too it is the emulated one that can be made to fail */
    assert_non_null(conform_card_name(0));
    void *library = dlopen(TEST_BUILD "/libtrident_cuda_emulated.so", RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(library);
    void *symbol = dlsym(library, "emulated_cuda");
    memcpy(&entry, &symbol, sizeof entry);
    card = entry();
    return 0;
}

static tri_status open_engine(const char *device, const char *type, int invariant, tri_engine **out, tri_error *err)
{
    tri_engine_options o;
    tri_engine_options_init(&o);
    o.device = device;
    o.precision = type;
    o.invariant = invariant;
    o.threads = 1;
    return tri_engine_open(&o, out, err);
}

/* ---- which device, and why ---------------------------------------------------------------------------------------------- */

static void auto_takes_the_card(void **state)
{
    (void)state;
    tri_engine *e;
    tri_error err;
    assert_int_equal(open_engine("auto", NULL, 0, &e, &err), TRI_OK);
    assert_string_equal(tri_engine_describe(e), "cuda:0 Emulated card f16");
    assert_string_equal(tri_engine_why(e), "");
    tri_engine_close(e);
    assert_int_equal(open_engine("cuda:0", "bf16", 1, &e, &err), TRI_OK);
    assert_string_equal(tri_engine_describe(e), "cuda:0 Emulated card bf16 invariant");
    tri_engine_close(e);
    assert_int_equal(open_engine("cpu", NULL, 0, &e, &err), TRI_OK);
    assert_int_equal(strncmp(tri_engine_describe(e), "cpu ", 4), 0);
    tri_engine_close(e);
}

typedef struct trouble {
    int cards, driver;
    bool has_code;
    size_t taken;
    tri_status status;
    const char *device, *text, *hint;
} trouble;

static void auto_says_why_not(void **state)
{
    (void)state;
    static const trouble troubles[] = {
        {0, 13000, true, 0, TRI_ERR_NOT_FOUND, "cuda", "no CUDA-capable device", "nvidia-smi"},
        {1, 12040, true, 0, TRI_ERR_NOT_FOUND, "cuda", "the driver is for CUDA 12.4, the plugin for 13.0",
         "newer NVIDIA driver"},
        {1, 13000, false, 0, TRI_ERR_UNSUPPORTED, "cuda", "it is sm_90, the plugin holds code for", "-DTRI_CUDA_ARCHS=90"},
        {2, 13000, true, 0, TRI_ERR_NOT_FOUND, "cuda:7", "could not open card 7: there are 2", "cuda:0 to cuda:1"},
        {1, 13000, true, ((size_t)16 << 30) - 1000, TRI_ERR_MEMORY, "cuda", "no memory left", "--device cpu"},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        const trouble *t = &troubles[i];
        const emulated_controls before = *card;
        tri_engine *e;
        tri_error err;
        uint64_t live = mem_live();
        card->cards = t->cards;
        card->driver = t->driver;
        card->has_code = t->has_code;
        card->bytes_taken = t->taken;
        assert_int_equal(open_engine(t->device, NULL, 0, &e, &err), t->status);
        assert_non_null(strstr(err.text, t->text));
        assert_non_null(strstr(err.hint, t->hint));
        assert_null(e);
        if (strcmp(t->device, "cuda") == 0) {
            assert_int_equal(open_engine("auto", NULL, 0, &e, &err), TRI_OK);
            assert_int_equal(strncmp(tri_engine_describe(e), "cpu ", 4), 0);
            assert_non_null(strstr(tri_engine_why(e), t->text));
            tri_engine_close(e);
        }
        card->cards = before.cards;
        card->driver = before.driver;
        card->has_code = before.has_code;
        card->bytes_taken = before.bytes_taken;
        assert_int_equal(mem_live(), live);
        assert_int_equal(card->blocks, 0);
        assert_int_equal(card->handles, 0);
    }
}

static void words_that_name_no_device(void **state)
{
    (void)state;
    static const char *const words[] = {"", "cuda:", "cuda:x", "cuda:-1", "cuda0", "gpu", "CUDA", "cuda:99999999999"};
    tri_engine *e;
    tri_error err;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_int_equal(open_engine(words[i], NULL, 0, &e, &err), TRI_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.hint, "cuda:N"));
    }
    assert_int_equal(open_engine("cuda", "fp8", 0, &e, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "auto (f16), f32, bf16, f16, int8"));
    assert_int_equal(open_engine("cpu", "f16", 0, &e, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "auto (f32), f32, bf16, int8"));
    assert_int_equal(card->blocks, 0);
}

static void facts_of_a_card(void **state)
{
    (void)state;
    tri_card c = {.struct_size = sizeof c};
    tri_error err;
    assert_int_equal(tri_card_get(0, &c, &err), TRI_OK);
    assert_string_equal(c.name, "Emulated card");
    assert_int_equal(c.cards, 1);
    assert_int_equal(c.major, 9);
    assert_true(c.bytes_total == (uint64_t)16 << 30 && c.runs_here);
    assert_non_null(strstr(c.plugin, "libtrident_cuda_emulated.so"));
    assert_int_equal(tri_card_get(3, &c, &err), TRI_ERR_NOT_FOUND);
    assert_int_equal(c.cards, 1);
}

/* ---- encoding ----------------------------------------------------------------------------------------------------------- */

typedef struct opened {
    tri_engine *e;
    tri_model *m;
    tri_session *s;
} opened;

static tri_status open_all(const char *device, const char *type, int invariant, size_t batch_tokens, opened *o, tri_error *err)
{
    tri_session_options so;
    tri_model_options mo;
    memset(o, 0, sizeof *o);
    tri_session_options_init(&so);
    tri_model_options_init(&mo);
    mo.no_tokenizer = 1;
    so.batch_tokens = batch_tokens;
    so.max_length = 64;
    tri_status st = open_engine(device, type, invariant, &o->e, err);
    if (!st) st = tri_model_open(o->e, MODEL, &mo, &o->m, err);
    if (!st) st = tri_session_new(o->m, &so, &o->s, err);
    return st;
}

static void close_all(opened *o)
{
    tri_session_free(o->s);
    tri_model_close(o->m);
    tri_engine_close(o->e);
}

enum { TEXTS = 6 };
static uint32_t ids[TEXTS][64];

/* Texts of 5, 16, 27, ... tokens. */
static tri_input text_of(size_t i)
{
    size_t n = 5 + 11 * i;
    for (size_t j = 0; j < n; j++) ids[i][j] = j == 0 ? 0 : j + 1 == n ? 2 : (uint32_t)(5 + (i * 31 + j * 7) % 90);
    return (tri_input){.ids = ids[i], .n_ids = n};
}

static tri_status encode(opened *o, size_t first, size_t n, tri_embeddings **out, tri_error *err)
{
    tri_input inputs[TEXTS];
    tri_embed_options eo;
    tri_embed_options_init(&eo);
    for (size_t i = 0; i < n; i++) inputs[i] = text_of(first + i);
    return tri_embed(o->s, &eo, inputs, n, out, err);
}

/* To the byte, before anything was computed; and all of it goes back. */
static void forecast_is_exact(void **state)
{
    (void)state;
    static const char *const precisions[] = {"f32", "f16", "bf16"};
    uint64_t live = mem_live();
    for (size_t p = 0; p < 3; p++)
        for (size_t rows = 64; rows <= 4096; rows *= 8) {
            opened o;
            tri_error err;
            tri_embeddings *e;
            tri_session_options so;
            tri_card_forecast f = {.struct_size = sizeof f};
            assert_int_equal(open_all("cuda", precisions[p], 0, rows, &o, &err), TRI_OK);
            uint64_t with = card->bytes;
            tri_session_free(o.s);
            o.s = NULL;
            uint64_t without = card->bytes;
            tri_session_options_init(&so);
            so.batch_tokens = rows;
            so.max_length = 64;
            assert_int_equal(tri_session_forecast_card(o.m, &so, &f, &err), TRI_OK);
            assert_int_equal(f.total, with);
            assert_int_equal(f.fixed + f.weights, without);
            assert_int_equal(f.fixed, card_fixed_bytes());
            assert_int_equal(f.card, (uint64_t)16 << 30);
            assert_int_equal(f.available, f.card - without);
            assert_int_equal(tri_session_new(o.m, &so, &o.s, &err), TRI_OK);
            card->peak = card->bytes;
            assert_int_equal(encode(&o, 0, TEXTS, &e, &err), TRI_OK);
            assert_int_equal(card->peak, with);
            tri_embeddings_free(e);
            close_all(&o);
            assert_int_equal(card->bytes, 0);
            assert_int_equal(card->blocks, 0);
            assert_int_equal(card->handles, 0);
        }
    assert_int_equal(mem_live(), live);
}

static void assert_same_bits(const tri_embeddings *a, size_t i, const tri_embeddings *b, size_t j)
{
    tri_dense_view d = tri_embeddings_dense(a, i), e = tri_embeddings_dense(b, j);
    tri_sparse_view s = tri_embeddings_sparse(a, i), t = tri_embeddings_sparse(b, j);
    tri_multi_view m = tri_embeddings_multi(a, i), n = tri_embeddings_multi(b, j);
    assert_memory_equal(d.values, e.values, d.dim * sizeof(float));
    assert_true(s.count == t.count && m.n_rows == n.n_rows);
    assert_memory_equal(s.weights, t.weights, s.count * sizeof(float));
    assert_memory_equal(m.rows, n.rows, m.n_rows * m.dim * sizeof(float));
}

static void invariant_alone_or_in_company(void **state)
{
    (void)state;
    static const char *const precisions[] = {"f32", "f16", "bf16"};
    for (size_t p = 0; p < 3; p++) {
        opened o;
        tri_error err;
        tri_embeddings *all, *one;
        assert_int_equal(open_all("cuda", precisions[p], 1, 100, &o, &err), TRI_OK);
        assert_int_equal(encode(&o, 0, TEXTS, &all, &err), TRI_OK);
        assert_int_equal(card->products, 0); /* none of cuBLASLt's */
        for (size_t i = 0; i < TEXTS; i++) {
            assert_int_equal(encode(&o, i, 1, &one, &err), TRI_OK);
            assert_same_bits(one, 0, all, i);
            tri_embeddings_free(one);
        }
        tri_embeddings_free(all);
        close_all(&o);
    }
}

/* Pass by pass smaller, with a word; the same vectors. Without room for one text, the numbers. */
static void full_card_takes_smaller_passes(void **state)
{
    (void)state;
    opened o;
    tri_error err;
    tri_embeddings *roomy, *tight;
    assert_int_equal(open_all("cuda", "f16", 1, 4096, &o, &err), TRI_OK);
    uint64_t needed = card->bytes;
    assert_int_equal(encode(&o, 0, TEXTS, &roomy, &err), TRI_OK);
    close_all(&o);
    card->bytes_taken = card->bytes_total - needed + 1; /* a byte too little for passes of 4096 */
    assert_int_equal(open_all("cuda", "f16", 1, 4096, &o, &err), TRI_OK);
    assert_true(card->bytes < needed);
    assert_int_equal(encode(&o, 0, TEXTS, &tight, &err), TRI_OK);
    for (size_t i = 0; i < TEXTS; i++) assert_same_bits(roomy, i, tight, i);
    tri_session_free(o.s);
    o.s = NULL;
    tri_session_options so;
    tri_session_options_init(&so);
    so.max_length = 64;
    card->bytes_taken = card->bytes_total - card->bytes - 4096;
    assert_int_equal(tri_session_new(o.m, &so, &o.s, &err), TRI_ERR_MEMORY);
    assert_non_null(strstr(err.text, "a text of 64 tokens takes 1 MiB of the card, 0 of its 16384 MiB are free"));
    assert_non_null(strstr(err.hint, "--device cpu"));
    card->bytes_taken = 0;
    close_all(&o);
    tri_embeddings_free(roomy);
    tri_embeddings_free(tight);
    assert_int_equal(card->blocks, 0);
}

/* Each call of opening, loading and encoding fails in turn: an error with words, and nothing is kept. */
static void any_call_may_fail(void **state)
{
    (void)state;
    static const cudaError_t failures[] = {cudaErrorIllegalAddress, cudaErrorMemoryAllocation};
    uint64_t live = mem_live();
    for (size_t f = 0; f < 2; f++) {
        bool failed = true;
        for (uint64_t nth = 1; failed; nth += 1 + nth / 40) {
            opened o;
            tri_error err = {0};
            tri_embeddings *e = NULL;
            card->fail_at = nth;
            card->fail_with = failures[f];
            tri_status st = open_all("cuda", "f16", 0, 100, &o, &err);
            if (!st) st = encode(&o, 0, 2, &e, &err);
            failed = card->fail_at == 0;
            card->fail_at = 0;
            if (st) assert_true(err.text[0] && st == err.status);
            if (failed && !st) assert_non_null(e); /* what failed was put right: asked for less, or looked at again */
            tri_embeddings_free(e);
            close_all(&o);
            assert_int_equal(card->bytes, 0);
            assert_int_equal(card->handles, 0);
            assert_int_equal(mem_live(), live);
        }
    }
}

/* A card that failed says the same until it is opened again. */
static void failure_is_kept(void **state)
{
    (void)state;
    opened o;
    tri_error err;
    tri_embeddings *e;
    assert_int_equal(open_all("cuda", "f16", 0, 100, &o, &err), TRI_OK);
    card->fail_at = 5;
    card->fail_with = cudaErrorLaunchFailure;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(encode(&o, 0, 2, &e, &err), TRI_ERR_STATE);
        assert_non_null(strstr(err.text, "card 0 (Emulated card) failed"));
        assert_non_null(strstr(err.text, "unspecified launch failure"));
        assert_null(e);
    }
    close_all(&o);
    assert_int_equal(open_all("cuda", "f16", 0, 100, &o, &err), TRI_OK);
    assert_int_equal(encode(&o, 0, 2, &e, &err), TRI_OK);
    tri_embeddings_free(e);
    close_all(&o);
}

/* ---- two callers -------------------------------------------------------------------------------------------------------- */

typedef struct caller {
    tri_model *m;
    const tri_embeddings *want;
    size_t first;
} caller;

static void *call(void *ctx)
{
    const caller *c = ctx;
    opened o = {.m = c->m};
    tri_session_options so;
    tri_session_options_init(&so);
    so.max_length = so.batch_tokens = 64;
    assert_int_equal(tri_session_new(c->m, &so, &o.s, NULL), TRI_OK);
    for (int round = 0; round < 4; round++) {
        tri_embeddings *e;
        assert_int_equal(encode(&o, c->first, TEXTS / 2, &e, NULL), TRI_OK);
        for (size_t i = 0; i < TEXTS / 2; i++) assert_same_bits(e, i, c->want, c->first + i);
        tri_embeddings_free(e);
    }
    tri_session_free(o.s);
    return NULL;
}

static void two_sessions_share_a_card(void **state)
{
    (void)state;
    opened o;
    tri_error err;
    tri_embeddings *want;
    pthread_t threads[2];
    assert_int_equal(open_all("cuda", "f16", 1, 64, &o, &err), TRI_OK);
    assert_int_equal(encode(&o, 0, TEXTS, &want, &err), TRI_OK);
    caller callers[2] = {{o.m, want, 0}, {o.m, want, TEXTS / 2}};
    for (size_t i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    for (size_t i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    tri_embeddings_free(want);
    close_all(&o);
    assert_int_equal(card->blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_takes_the_card),
        cmocka_unit_test(auto_says_why_not),
        cmocka_unit_test(words_that_name_no_device),
        cmocka_unit_test(facts_of_a_card),
        cmocka_unit_test(invariant_alone_or_in_company),
        cmocka_unit_test(forecast_is_exact),
        cmocka_unit_test(full_card_takes_smaller_passes),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(failure_is_kept),
        cmocka_unit_test(two_sessions_share_a_card),
    };
    return cmocka_run_group_tests(tests, find_controls, NULL);
}
