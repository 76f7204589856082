/* SPDX-License-Identifier: Apache-2.0 */
/* test_golden_rerankers.c — cross-encoders against the Python stack, on every instruction set of this machine and on the card:
 * logits from ids and from text, the activation that the folder asks for, the cutting rule of its upstream, and the same bits
 * in any company.
 *
 * Tolerances are those of case.json: ten times the gap between upstream's own float32 run and float64, at least 1e-5. */
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
#include "conform_card.h"
#include "golden.h"
#include "model/model.h"
#include "model/session.h"
#include "trident.h"

typedef struct opened {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    tri_pair *pairs;
    uint32_t *ids;
    uint8_t *types;
    size_t n;
} opened;

static const char *isa_in_use;

static void open_case(const golden *g, const char *ids_name, const char *cu_name, opened *o)
{
    tri_error err = {0};
    tri_engine_options eo;
    size_t n_ids, n_cu, n_types;
    memset(o, 0, sizeof *o);
    tri_engine_options_init(&eo);
    bool on_card = strncmp(isa_in_use, "cuda", 4) == 0;
    eo.device = on_card ? "cuda" : "cpu";
    eo.isa = on_card ? NULL : isa_in_use;
    eo.invariant = strcmp(isa_in_use, "cuda invariant") == 0;
    eo.precision = "f32";
    eo.threads = 2;
    assert_int_equal(tri_engine_open(&eo, &o->engine, &err), TRI_OK);
    if (tri_model_open(o->engine, g->model_dir, NULL, &o->m, &err)) fail_msg("%s: %s", g->dir, err.text);
    assert_int_equal(tri_session_new(o->m, NULL, &o->s, &err), TRI_OK);
    int64_t *ids = golden_integers(g, ids_name, &n_ids), *cu = golden_integers(g, cu_name, &n_cu);
    int64_t *types = golden_integers(g, "token_type_ids", &n_types);
    assert_non_null(ids);
    assert_non_null(cu);
    o->n = n_cu - 1;
    o->ids = malloc(n_ids * sizeof *o->ids + 1);
    o->types = calloc(n_ids, 1);
    o->pairs = calloc(o->n, sizeof *o->pairs);
    for (size_t i = 0; i < n_ids; i++) {
        o->ids[i] = (uint32_t)ids[i];
        if (types) o->types[i] = (uint8_t)types[i];
    }
    for (size_t i = 0; i < o->n; i++)
        o->pairs[i] = (tri_pair){.ids = o->ids + cu[i], .type_ids = o->types + cu[i], .n_ids = (size_t)(cu[i + 1] - cu[i])};
    free(ids);
    free(cu);
    free(types);
}

static void close_case(opened *o)
{
    tri_session_free(o->s);
    tri_model_close(o->m);
    tri_engine_close(o->engine);
    free(o->pairs);
    free(o->ids);
    free(o->types);
}

static void score(const opened *o, const tri_rerank_options *ro, const tri_pair *pairs, size_t n, tri_pair_score *out)
{
    tri_error err = {0};
    if (tri_rerank(o->s, ro, pairs, n, out, &err)) fail_msg("%s", err.text);
}

static void check(const golden *g, const char *name, const tri_pair_score *got, size_t n, bool logit)
{
    size_t n_want;
    const float *want = golden_floats(g, name, &n_want);
    if (!want) return;
    double tolerance = golden_tolerance(g, name);
    assert_int_equal(n, n_want);
    for (size_t i = 0; i < n; i++) {
        double gap = fabs((double)(logit ? got[i].logit : got[i].score) - (double)want[i]);
        if (!(gap <= tolerance))
            fail_msg("%s %s pair %zu on %s: off by %g, tolerance %g", g->dir, name, i, isa_in_use, gap, tolerance);
    }
}

/* Each pair alone, and all but the first together: the bits of all together. */
static void check_company(const opened *o, const tri_rerank_options *ro, const tri_pair_score *all)
{
    tri_pair_score *some = calloc(o->n, sizeof *some);
    for (size_t i = 0; i < o->n; i++) {
        score(o, ro, &o->pairs[i], 1, some);
        assert_memory_equal(&some->logit, &all[i].logit, sizeof(float));
    }
    score(o, ro, o->pairs + 1, o->n - 1, some);
    for (size_t i = 1; i < o->n; i++) assert_memory_equal(&some[i - 1].logit, &all[i].logit, sizeof(float));
    free(some);
}

/* The texts give the ids of the case, by way of the folder's own tokenizer and cutting rule. */
static void check_texts(const golden *g, const opened *o, size_t max_length, const char *logits)
{
    json_t *list = json_object_get(g->inputs, "text_pairs"), *item;
    size_t i;
    tri_rerank_options ro;
    tri_rerank_options_init(&ro);
    ro.max_length = max_length;
    if (!list) return;
    assert_int_equal(json_array_size(list), o->n);
    tri_pair *texts = calloc(o->n, sizeof *texts);
    tri_pair_score *got = calloc(o->n, sizeof *got);
    json_array_foreach(list, i, item)
    {
        json_t *q = json_array_get(item, 0), *p = json_array_get(item, 1);
        texts[i] = (tri_pair){.query = {json_string_value(q), json_string_length(q)},
                              .passage = {json_string_value(p), json_string_length(p)}};
    }
    score(o, &ro, texts, o->n, got);
    for (i = 0; i < o->n; i++)
        if (got[i].tokens != o->pairs[i].n_ids)
            fail_msg("%s pair %zu: %zu tokens, upstream has %zu", g->dir, i, got[i].tokens, o->pairs[i].n_ids);
    check(g, logits, got, o->n, true);
    free(texts);
    free(got);
}

static void run_cut(const golden *g)
{
    size_t n, max_length = (size_t)json_integer_value(json_object_get(g->inputs, "cut_max_length"));
    opened o;
    if (!golden_floats(g, "cut_logits", &n)) return;
    open_case(g, "cut_input_ids", "cut_cu_seqlens", &o);
    check_texts(g, &o, max_length, "cut_logits");
    close_case(&o);
}

static void run_case(const char *dir)
{
    golden g;
    opened o;
    assert_true(golden_open(dir, &g));
    open_case(&g, "input_ids", "cu_seqlens", &o);
    tri_pair_score *got = calloc(o.n, sizeof *got);
    tri_rerank_options ro;
    tri_rerank_options_init(&ro);
    score(&o, &ro, o.pairs, o.n, got);
    check(&g, "logits", got, o.n, true);
    check(&g, "scores", got, o.n, false);
    ro.activation = TRI_SCORE_SIGMOID;
    score(&o, &ro, o.pairs, o.n, got);
    check(&g, "sigmoid", got, o.n, false);
    check_company(&o, &ro, got);
    check_texts(&g, &o, 0, "logits");
    free(got);
    close_case(&o);
    run_cut(&g);
    golden_close(&g);
}

static void run_everywhere(const char *root, const char *name)
{
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/%s", root, name);
    for (size_t i = 0; (isa_in_use = compute_isa(i)); i++) run_case(dir);
    for (size_t i = 0; (isa_in_use = conform_card_name(i)); i++) run_case(dir);
}

static void cases_in_the_repository(void **state)
{
    (void)state;
    static const char *const names[] = {"bert-ce-identity", "modernbert-ce-mean"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) run_everywhere(TEST_ROOT "/tests/golden/models", names[i]);
}

static void cases_of_the_full_set(void **state)
{
    (void)state;
    static const char *const names[] = {"xlmr-reranker", "bert-ce-identity", "bert-ce-identity-oldkey", "bert-ce-sigmoid",
                                        "bert-ce-st6",   "gte-reranker",     "modernbert-ce-cls",       "modernbert-ce-mean"};
    char root[4096];
    if (!golden_shared()) skip();
    snprintf(root, sizeof root, "%s/golden/models", golden_shared());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) run_everywhere(root, names[i]);
}

/* A reranker gives no vectors, and an encoder no scores: each says what to use. */
static void each_model_says_what_it_is(void **state)
{
    (void)state;
    tri_error err = {0};
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    tri_embeddings *e;
    tri_pair_score score_out;
    tri_pair pair = {.query = {"a", 1}, .passage = {"b", 1}};
    tri_text text = {"a", 1};
    assert_int_equal(tri_engine_open(NULL, &engine, &err), TRI_OK);
    assert_int_equal(tri_model_open(engine, TEST_ROOT "/tests/golden/models/bert-ce-identity/model", NULL, &m, &err), TRI_OK);
    tri_model_info info = {.struct_size = sizeof info};
    tri_model_info_get(m, &info);
    assert_int_equal(info.reranks, 1);
    assert_string_equal(info.score_activation, "identity");
    assert_int_equal(info.want, 0);
    assert_int_equal(tri_session_new(m, NULL, &s, &err), TRI_OK);
    assert_int_equal(tri_embed_texts(s, NULL, &text, 1, &e, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "trident rerank"));
    assert_int_equal(tri_rerank(s, NULL, &pair, 0, NULL, &err), TRI_OK);
    tri_session_free(s);
    tri_model_close(m);
    assert_int_equal(tri_model_open(engine, TEST_ROOT "/tests/golden/models/bert-dense-old/model", NULL, &m, &err), TRI_OK);
    assert_int_equal(tri_session_new(m, NULL, &s, &err), TRI_OK);
    assert_int_equal(tri_rerank(s, NULL, &pair, 1, &score_out, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "trident score"));
    tri_session_free(s);
    tri_model_close(m);
    tri_engine_close(engine);
}

static tri_status open_and_score(const char *dir, tri_error *err)
{
    tri_engine *engine = NULL;
    tri_model *m = NULL;
    tri_session *s = NULL;
    tri_engine_options eo;
    tri_pair_score scores[3];
    static const char longest[] =
        "limu hati fage vede besa limu hati fage vede besa limu hati fage vede besa limu hati fage vede besa limu";
    tri_pair pairs[3] = {{.query = {"limu", 4}, .passage = {"hati", 4}},
                         {.query = {"limu", 4}, .passage = {longest, sizeof longest - 1}},
                         {.query = {"", 0}, .passage = {"", 0}}};
    tri_rerank_options ro;
    tri_rerank_options_init(&ro);
    ro.max_length = 20;
    ro.windows = TRI_WINDOWS_MEAN;
    tri_engine_options_init(&eo);
    eo.isa = "generic";
    eo.threads = 1;
    tri_status st = tri_engine_open(&eo, &engine, err);
    if (!st) st = tri_model_open(engine, dir, NULL, &m, err);
    if (!st) st = tri_session_new(m, NULL, &s, err);
    if (!st) st = tri_rerank(s, &ro, pairs, 3, scores, err);
    if (!st) assert_true(scores[1].windows > 1 && scores[0].windows == 1);
    tri_session_free(s);
    tri_model_close(m);
    tri_engine_close(engine);
    return st;
}

/* Each allocation, then each read, of opening and scoring fails in turn: a status, no crash, nothing left behind. */
static void every_allocation_and_read_may_fail(void **state)
{
    (void)state;
    static const char *const dirs[] = {TEST_ROOT "/tests/golden/models/bert-ce-identity/model",
                                       TEST_ROOT "/tests/golden/models/modernbert-ce-mean/model"};
    const fault_kind kinds[] = {FAULT_ALLOC, FAULT_READ};
    uint64_t live = mem_live();
    for (size_t d = 0; d < 2; d++)
        for (size_t kind = 0; kind < 2; kind++) {
            size_t n_failed = 0;
            for (uint64_t nth = 1; nth < 100000; nth++) {
                tri_error err = {0};
                fault_arm(kinds[kind], nth, false);
                tri_status st = open_and_score(dirs[d], &err);
                bool reached = fault_seen(kinds[kind]) >= nth;
                fault_arm(kinds[kind], 0, false);
                if (st) assert_true(err.text[0] != 0);
                n_failed += st != TRI_OK;
                assert_int_equal(mem_live(), live);
                if (!reached) break;
            }
            assert_true(n_failed > 3);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_in_the_repository),
        cmocka_unit_test(cases_of_the_full_set),
        cmocka_unit_test(each_model_says_what_it_is),
        cmocka_unit_test(every_allocation_and_read_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
