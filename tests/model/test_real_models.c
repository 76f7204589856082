/* SPDX-License-Identifier: Apache-2.0 */
/* test_real_models.c — the demonstration models against torch, per text and head, from ids and from text.
 *
 * Needs the pulled models ($TRI_MODELS, or ~/.cache/trident/models) and the full reference set; skipped otherwise. 2e-5
 * absolute on every head: two f32 evaluations of twelve layers in different orders of summation, with room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "pulled_model.h"
#include "trident.h"

static const double tolerance = 2e-5;

typedef struct real {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    golden g; /* only `expected` is used */
} real;

static void real_open(real *r, const char *folder, size_t max_length)
{
    tri_error err = {0};
    tri_session_options so;
    memset(r, 0, sizeof *r);
    assert_int_equal(tri_engine_open(NULL, &r->engine, &err), TRI_OK);
    if (tri_model_open(r->engine, folder, NULL, &r->m, &err)) fail_msg("%s", err.text);
    tri_session_options_init(&so);
    so.max_length = max_length;
    assert_int_equal(tri_session_new(r->m, &so, &r->s, &err), TRI_OK);
}

static void real_close(real *r)
{
    tri_session_free(r->s);
    tri_model_close(r->m);
    tri_engine_close(r->engine);
}

static const float *floats_of(const golden *g, size_t i, const char *what, size_t *n)
{
    char name[64];
    snprintf(name, sizeof name, "%zu.%s", i, what);
    return golden_floats(g, name, n);
}

static uint32_t *ids_of(const golden *g, size_t i, const char *what, size_t *n)
{
    char name[64];
    snprintf(name, sizeof name, "%zu.%s", i, what);
    int64_t *wide = golden_integers(g, name, n);
    if (!wide) return NULL;
    uint32_t *ids = malloc(*n * sizeof *ids + 1);
    for (size_t j = 0; j < *n; j++) ids[j] = (uint32_t)wide[j];
    free(wide);
    return ids;
}

static void compare(const char *set, size_t i, const char *head, const float *got, const float *want, size_t n)
{
    double gap = golden_gap(got, want, n);
    if (!(gap <= tolerance)) fail_msg("%s text %zu: %s is off by %g, tolerance %g", set, i, head, gap, tolerance);
}

static void compare_text(const golden *g, const char *set, size_t i, const tri_embeddings *e, size_t at)
{
    size_t n, n_ids;
    const float *dense = floats_of(g, i, "dense", &n);
    tri_dense_view d = tri_embeddings_dense(e, at);
    assert_int_equal(d.dim, n);
    compare(set, i, "dense", d.values, dense, n);
    const float *multi = floats_of(g, i, "multi", &n);
    tri_multi_view m = tri_embeddings_multi(e, at);
    if (multi) {
        assert_int_equal(m.n_rows * m.dim, n);
        compare(set, i, "multi", m.rows, multi, n);
    }
    const float *values = floats_of(g, i, "sparse_weights", &n);
    uint32_t *ids = ids_of(g, i, "sparse_ids", &n_ids);
    tri_sparse_view s = tri_embeddings_sparse(e, at);
    if (values && ids) {
        assert_int_equal(s.count, n);
        assert_memory_equal(s.ids, ids, n * sizeof *ids);
        compare(set, i, "sparse", s.weights, values, n);
    }
    free(ids);
}

static void run_set(real *r, const char *set, const char *vectors, const json_t *texts)
{
    golden g = {0};
    tri_error err = {0};
    assert_int_equal(weights_open_file(vectors, &g.expected, &err), TRI_OK);
    assert_true(json_array_size(texts) >= 12);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *t = json_array_get(texts, i), *body = json_is_object(t) ? json_object_get(t, "text") : t;
        size_t n, n_got;
        uint32_t *ids = ids_of(&g, i, "input_ids", &n);
        tri_input in[2] = {{.ids = ids, .n_ids = n}, {.text = {json_string_value(body), json_string_length(body)}}};
        tri_embed_options o;
        tri_embeddings *e;
        tri_embed_options_init(&o);
        o.prompt = json_string_value(json_object_get(t, "prompt"));
        if (tri_embed(r->s, &o, in, 2, &e, &err)) fail_msg("%s text %zu: %s", set, i, err.text);
        const uint32_t *got = tri_embeddings_ids(e, 1, &n_got);
        if (n_got != n || memcmp(got, ids, n * sizeof *ids) != 0)
            fail_msg("%s text %zu: %zu token ids, upstream has %zu, or they differ", set, i, n_got, n);
        compare_text(&g, set, i, e, 0);
        compare_text(&g, set, i, e, 1);
        tri_embeddings_free(e);
        free(ids);
    }
    weights_close(g.expected);
}

static void test_small_m3(void **state)
{
    (void)state;
    static const char *const sets[] = {"xquad-zh", "xquad-en", "xquad-ar", "cmrc2018", "cranfield", "scifact"};
    const char *shared = golden_shared(), *folder = pulled_model("small-m3");
    if (!shared || !folder) skip();
    real r;
    real_open(&r, folder, 512);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char path[4400];
        json_error_t error;
        snprintf(path, sizeof path, "%s/golden/small-m3/%s.texts.json", shared, sets[i]);
        json_t *texts = json_load_file(path, JSON_ALLOW_NUL, &error);
        snprintf(path, sizeof path, "%s/golden/small-m3/%s.vectors.safetensors", shared, sets[i]);
        run_set(&r, sets[i], path, texts);
        json_decref(texts);
    }
    real_close(&r);
}

static void test_minilm(void **state)
{
    (void)state;
    const char *shared = golden_shared(), *folder = pulled_model("minilm");
    if (!shared || !folder) skip();
    real r;
    char path[4400];
    json_error_t error;
    real_open(&r, folder, 256);
    snprintf(path, sizeof path, "%s/golden/minilm/texts.json", shared);
    json_t *all = json_load_file(path, JSON_ALLOW_NUL, &error);
    snprintf(path, sizeof path, "%s/golden/minilm/vectors.safetensors", shared);
    run_set(&r, "minilm", path, json_object_get(all, "texts"));
    json_decref(all);
    real_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_m3), cmocka_unit_test(test_minilm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
