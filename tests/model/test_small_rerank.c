/* SPDX-License-Identifier: Apache-2.0 */
/* test_small_rerank.c — the demonstration's reranker against torch on its reference pairs, in three languages; its order kept
 * in bf16; and the two stories that it is there for: which advice prevents a cold, and which clause holds the amount.
 *
 * Needs the pulled model ($TRI_MODELS, or ~/.cache/trident/models), skipped otherwise. 1e-4 on logits of up to 9: two f32
 * evaluations of twelve layers in different orders of summation, with room. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "pulled_model.h"
#include "trident.h"

enum { MAX_PAIRS = 64 };

typedef struct opened {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
} opened;

static const char *model_folder(void)
{
    return pulled_model("small-rerank");
}

static void open_model(const char *precision, opened *o)
{
    tri_error err = {0};
    tri_engine_options eo;
    tri_engine_options_init(&eo);
    eo.precision = precision;
    assert_int_equal(tri_engine_open(&eo, &o->engine, &err), TRI_OK);
    if (tri_model_open(o->engine, model_folder(), NULL, &o->m, &err)) fail_msg("%s", err.text);
    assert_int_equal(tri_session_new(o->m, NULL, &o->s, &err), TRI_OK);
}

static void close_model(opened *o)
{
    tri_session_free(o->s);
    tri_model_close(o->m);
    tri_engine_close(o->engine);
}

static void score(const opened *o, const tri_rerank_options *ro, const tri_pair *pairs, size_t n, tri_pair_score *out)
{
    tri_error err = {0};
    if (tri_rerank(o->s, ro, pairs, n, out, &err)) fail_msg("%s", err.text);
}

static tri_pair pair_of(const char *query, const char *passage)
{
    return (tri_pair){.query = {query, strlen(query)}, .passage = {passage, strlen(passage)}};
}

static json_t *load_reference(void)
{
    json_error_t why;
    json_t *root = json_load_file(TEST_ROOT "/tests/golden/small-rerank/reference.json", 0, &why);
    if (!root) fail_msg("%s", why.text);
    return root;
}

static size_t read_pairs(const json_t *root, tri_pair *pairs, double *logits, size_t *n_tokens)
{
    json_t *list = json_object_get(root, "pairs"), *item;
    size_t i;
    assert_true(json_array_size(list) > 8 && json_array_size(list) < MAX_PAIRS);
    json_array_foreach(list, i, item)
    {
        pairs[i] =
            pair_of(json_string_value(json_object_get(item, "query")), json_string_value(json_object_get(item, "passage")));
        logits[i] = json_number_value(json_object_get(item, "logit"));
        n_tokens[i] = json_array_size(json_object_get(item, "ids"));
    }
    return json_array_size(list);
}

static void logits_are_torch(void **state)
{
    (void)state;
    tri_pair pairs[MAX_PAIRS];
    tri_pair_score got[MAX_PAIRS];
    double logits[MAX_PAIRS];
    size_t n_tokens[MAX_PAIRS];
    opened o;
    if (!model_folder()) skip();
    json_t *root = load_reference();
    size_t n = read_pairs(root, pairs, logits, n_tokens);
    open_model("f32", &o);
    score(&o, NULL, pairs, n, got);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i].tokens, n_tokens[i]);
        double gap = fabs((double)got[i].logit - logits[i]), sigmoid = 1 / (1 + exp(-logits[i]));
        if (!(gap <= 1e-4)) fail_msg("pair %zu: logit %g, torch %g", i, (double)got[i].logit, logits[i]);
        assert_true(fabs((double)got[i].score - sigmoid) < 1e-5);
    }
    close_model(&o);
    json_decref(root);
}

/* In a narrow type a logit moves, but no two that lie a tenth apart change places. */
static void order_is_kept_in_bf16(void **state)
{
    (void)state;
    tri_pair pairs[MAX_PAIRS];
    tri_pair_score got[MAX_PAIRS];
    double logits[MAX_PAIRS];
    size_t n_tokens[MAX_PAIRS];
    opened o;
    if (!model_folder()) skip();
    json_t *root = load_reference();
    size_t n = read_pairs(root, pairs, logits, n_tokens);
    open_model("bf16", &o);
    score(&o, NULL, pairs, n, got);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (logits[i] > logits[j] + 0.1) assert_true(got[i].logit > got[j].logit);
    close_model(&o);
    json_decref(root);
}

static void the_advice_and_the_clause(void **state)
{
    (void)state;
    static const char cold[] =
        "\xe5\xa6\x82\xe4\xbd\x95\xe9\xa2\x84\xe9\x98\xb2\xe6\x84\x9f\xe5\x86\x92"; /* how to prevent a cold */
    /* drinking water and washing hands keeps viruses off; apples have vitamin C and help immunity; running is good exercise */
    static const char *const advice[3] = {"\xe5\xa4\x9a\xe5\x96\x9d\xe6\xb0\xb4\xe3\x80\x81\xe5\x8b\xa4\xe6\xb4\x97\xe6\x89\x8b"
                                          "\xe5\x8f\xaf\xe4\xbb\xa5\xe6\x9c\x89\xe6\x95\x88"
                                          "\xe9\x98\xb2\xe6\xad\xa2\xe7\x97\x85\xe6\xaf\x92\xe4\xbc\xa0\xe6\x92\xad",
                                          "\xe8\x8b\xb9\xe6\x9e\x9c\xe5\xaf\x8c\xe5\x90\xab\xe7\xbb\xb4\xe7\x94\x9f\xe7\xb4\xa0"
                                          "C\xef\xbc\x8c\xe6\x9c\x89\xe5\x8a\xa9"
                                          "\xe4\xba\x8e\xe5\xa2\x9e\xe5\xbc\xba\xe5\x85\x8d\xe7\x96\xab\xe5\x8a\x9b",
                                          "\xe8\xb7\x91\xe6\xad\xa5\xe6\x98\xaf\xe4\xb8\x80\xe7\xa7\x8d\xe5\xbe\x88\xe5\xa5\xbd"
                                          "\xe7\x9a\x84\xe6\x9c\x89\xe6\xb0\xa7"
                                          "\xe8\xbf\x90\xe5\x8a\xa8"};
    tri_pair pairs[MAX_PAIRS];
    tri_pair_score got[MAX_PAIRS];
    double logits[MAX_PAIRS];
    size_t n_tokens[MAX_PAIRS];
    opened o;
    if (!model_folder()) skip();
    open_model("f32", &o);
    for (size_t i = 0; i < 3; i++) pairs[i] = pair_of(cold, advice[i]);
    score(&o, NULL, pairs, 3, got);
    assert_true(got[0].logit > got[1].logit + 1 && got[0].logit > got[2].logit + 1);
    json_t *root = load_reference();
    size_t n = read_pairs(root, pairs, logits, n_tokens); /* its first three: advice, what a cold is, the stock market */
    score(&o, NULL, pairs, 3, got);
    assert_true(got[0].logit > got[1].logit && got[1].logit > got[2].logit);
    score(&o, NULL, pairs + n - 2, 2, got); /* the amount of the penalty: the clause that names it, and one on the term */
    assert_true(got[0].logit > got[1].logit + 1);
    json_decref(root);
    close_model(&o);
}

/* A fact past the end of the window is found by windows, and not without. */
static void windows_find_what_a_cut_loses(void **state)
{
    (void)state;
    static char passage[1 << 16];
    tri_pair_score got[3];
    tri_rerank_options ro;
    opened o;
    if (!model_folder()) skip();
    for (size_t i = 0; i < 60; i++) strcat(passage, "Photosynthesis turns sunlight into sugar. ");
    strcat(passage, "The Panthers defense gave up just 308 points, ranking sixth in the league. ");
    for (size_t i = 0; i < 20; i++) strcat(passage, "Photosynthesis turns sunlight into sugar. ");
    tri_pair pair = pair_of("How many points did the Panthers defense surrender?", passage);
    open_model("f32", &o);
    tri_rerank_options_init(&ro);
    for (int windows = TRI_WINDOWS_CUT; windows <= TRI_WINDOWS_MEAN; windows++) {
        ro.windows = windows;
        score(&o, &ro, &pair, 1, &got[windows]);
    }
    assert_true(got[TRI_WINDOWS_CUT].passage_cut > 0 && got[TRI_WINDOWS_CUT].windows == 1);
    assert_true(got[TRI_WINDOWS_MAX].passage_cut == 0 && got[TRI_WINDOWS_MAX].windows > 2);
    assert_true(got[TRI_WINDOWS_MAX].logit > got[TRI_WINDOWS_CUT].logit + 2);
    assert_true(got[TRI_WINDOWS_MAX].logit > got[TRI_WINDOWS_MEAN].logit);
    close_model(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_torch),
        cmocka_unit_test(order_is_kept_in_bf16),
        cmocka_unit_test(the_advice_and_the_clause),
        cmocka_unit_test(windows_find_what_a_cut_loses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
