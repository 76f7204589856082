/* SPDX-License-Identifier: Apache-2.0 */
/* test_golden_models.c — the whole encoder against the Python stack, on every instruction set of this machine, and on the card
 * (conform_card.h) in f32 with the same tolerances, in f16 and bf16 with upstream's own half precision as the yardstick.
 *
 * Tiny random checkpoints in real folder layouts (tests/golden/models; the full set beside the project when it is there). Each
 * tensor has its own tolerance in case.json: ten times the gap between upstream's own float32 run and float64, at least 1e-5.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conform_card.h"
#include "golden.h"
#include "model/model.h"
#include "model/session.h"
#include "model/text_batch.h"
#include "trident.h"

typedef struct opened {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    tri_input *inputs;
    uint32_t *ids;
    uint8_t *types;
    int64_t *cu;
    size_t n_texts, n_ids;
} opened;

static const char *isa_in_use; /* or a name of conform_card_name */
static const char *precision_in_use;

static void open_model(const char *dir, const char *ids_name, const char *cu_name, const golden *g, opened *o)
{
    tri_error err = {0};
    tri_engine_options eo;
    memset(o, 0, sizeof *o);
    tri_engine_options_init(&eo);
    bool on_card = strncmp(isa_in_use, "cuda", 4) == 0;
    eo.device = on_card ? "cuda" : "cpu";
    eo.isa = on_card ? NULL : isa_in_use;
    eo.invariant = strcmp(isa_in_use, "cuda invariant") == 0;
    eo.precision = precision_in_use;
    eo.threads = 2;
    assert_int_equal(tri_engine_open(&eo, &o->engine, &err), TRI_OK);
    if (tri_model_open(o->engine, dir, NULL, &o->m, &err)) fail_msg("%s: %s", dir, err.text);
    assert_int_equal(tri_session_new(o->m, NULL, &o->s, &err), TRI_OK);
    size_t n_cu, n_types;
    int64_t *ids = golden_integers(g, ids_name, &o->n_ids), *types = golden_integers(g, "token_type_ids", &n_types);
    o->cu = golden_integers(g, cu_name, &n_cu);
    assert_non_null(ids);
    assert_non_null(o->cu);
    o->n_texts = n_cu - 1;
    o->ids = malloc(o->n_ids * sizeof *o->ids + 1);
    o->inputs = calloc(o->n_texts, sizeof *o->inputs);
    for (size_t i = 0; i < o->n_ids; i++) o->ids[i] = (uint32_t)ids[i];
    o->types = calloc(o->n_ids, 1);
    for (size_t i = 0; types && i < o->n_ids; i++) o->types[i] = (uint8_t)types[i];
    for (size_t i = 0; i < o->n_texts; i++)
        o->inputs[i] =
            (tri_input){.ids = o->ids + o->cu[i], .type_ids = o->types + o->cu[i], .n_ids = (size_t)(o->cu[i + 1] - o->cu[i])};
    free(ids);
    free(types);
}

static void close_model(opened *o)
{
    tri_session_free(o->s);
    tri_model_close(o->m);
    tri_engine_close(o->engine);
    free(o->inputs);
    free(o->ids);
    free(o->types);
    free(o->cu);
}

static tri_embeddings *embed(const opened *o, size_t dim)
{
    tri_embed_options eo;
    tri_embeddings *e;
    tri_error err = {0};
    tri_embed_options_init(&eo);
    eo.dim = dim;
    if (tri_embed(o->s, &eo, o->inputs, o->n_texts, &e, &err)) fail_msg("%s", err.text);
    return e;
}

static void check(const golden *g, const char *name, const float *got, const float *want, size_t n)
{
    double tolerance = golden_tolerance(g, name), gap = golden_gap(got, want, n);
    if (!(gap <= tolerance)) fail_msg("%s %s on %s: off by %g, tolerance %g", g->dir, name, isa_in_use, gap, tolerance);
}

static void check_dense(const golden *g, const char *name, const tri_embeddings *e)
{
    size_t n;
    const float *want = golden_floats(g, name, &n);
    if (!want) return;
    for (size_t i = 0; i < tri_embeddings_count(e); i++) {
        tri_dense_view v = tri_embeddings_dense(e, i);
        assert_int_equal(v.dim * tri_embeddings_count(e), n);
        check(g, name, v.values, want + i * v.dim, v.dim);
    }
}

static void check_multi(const golden *g, const char *name, const tri_embeddings *e)
{
    size_t n, at = 0;
    const float *want = golden_floats(g, name, &n);
    if (!want) return;
    for (size_t i = 0; i < tri_embeddings_count(e); i++) {
        tri_multi_view v = tri_embeddings_multi(e, i);
        assert_int_equal(v.n_rows, tri_embeddings_tokens(e, i) - 1);
        assert_true(at + v.n_rows * v.dim <= n);
        check(g, name, v.rows, want + at, v.n_rows * v.dim);
        at += v.n_rows * v.dim;
    }
    assert_int_equal(at, n);
}

/* Compared as sparse vectors: an id may be missing or extra only if its weight is below the tolerance. */
static void check_sparse(const golden *g, const tri_embeddings *e)
{
    size_t n_ids, n_cu, n;
    int64_t *ids = golden_integers(g, "lex_ids", &n_ids), *cu = golden_integers(g, "lex_cu", &n_cu);
    const float *want = golden_floats(g, "lex_weights", &n);
    if (!ids || !cu || !want) return free(ids), free(cu);
    double tolerance = golden_tolerance(g, "lex_weights");
    for (size_t i = 0; i < tri_embeddings_count(e); i++) {
        tri_sparse_view v = tri_embeddings_sparse(e, i);
        size_t a = 0, b = (size_t)cu[i], end = (size_t)cu[i + 1];
        while (a < v.count || b < end) {
            int64_t ida = a < v.count ? v.ids[a] : INT64_MAX, idb = b < end ? ids[b] : INT64_MAX;
            double wa = ida <= idb ? (double)v.weights[a] : 0, wb = idb <= ida ? (double)want[b] : 0;
            if (!(fabs(wa - wb) <= tolerance)) fail_msg("%s text %zu: weight of an id is %g, expected %g", g->dir, i, wa, wb);
            a += ida <= idb;
            b += idb <= ida;
        }
    }
    free(ids);
    free(cu);
}

/* SPLADE: every word of the vocabulary has its weight in the case. */
static void check_splade(const golden *g, const tri_embeddings *e)
{
    size_t n;
    const float *want = golden_floats(g, "splade", &n);
    if (!want) return;
    size_t V = n / tri_embeddings_count(e);
    float *got = malloc(V * sizeof *got);
    for (size_t i = 0; i < tri_embeddings_count(e); i++) {
        tri_sparse_view v = tri_embeddings_sparse(e, i);
        memset(got, 0, V * sizeof *got);
        for (size_t j = 0; j < v.count; j++) {
            assert_true(v.ids[j] < V && v.weights[j] > 0 && (j == 0 || v.ids[j] > v.ids[j - 1]));
            got[v.ids[j]] = v.weights[j];
        }
        check(g, "splade", got, want + i * V, V);
    }
    free(got);
}

/* Rows of every text, in input order, straight from the encoder. */
static float *hidden_states(const opened *o)
{
    session *s = o->s;
    tri_embed_options eo;
    tri_embed_options_init(&eo);
    text_tokens *texts;
    size_t D = s->m->config.hidden;
    float *out = malloc(o->n_ids * D * sizeof *out);
    assert_int_equal(text_batch_tokenize(s, &eo, o->inputs, o->n_texts, &texts, NULL), TRI_OK);
    for (size_t i = 0; i < o->n_texts; i++) {
        uint64_t order = i;
        text_batch_pack(s, texts, &order, 0, 1, WANT_ALL_ROWS);
        tensor h = s->m->kind->encode(s->m->c, s->m->enc, &s->b, &s->ws);
        for (size_t t = 0; t < s->b.T; t++)
            compute_download(s->m->c, out + ((size_t)o->cu[i] + t) * D, (const float *)h.data + t * h.ld, D * sizeof *out);
        assert_int_equal(compute_sync(s->m->c, NULL), TRI_OK);
    }
    return out;
}

static void check_hidden(const golden *g, const opened *o)
{
    size_t n;
    const float *want = golden_floats(g, "last_hidden_state", &n);
    if (!want) return;
    float *h = hidden_states(o);
    check(g, "last_hidden_state", h, want, n);
    static const char *const pools[] = {[POOL_CLS] = "pool.cls",
                                        [POOL_MEAN] = "pool.mean",
                                        [POOL_MAX] = "pool.max",
                                        [POOL_MEAN_SQRT_LEN] = "pool.mean_sqrt_len_tokens",
                                        [POOL_WEIGHTED_MEAN] = "pool.weightedmean",
                                        [POOL_LAST] = "pool.lasttoken"};
    size_t D = o->m->config.hidden, B = o->n_texts;
    int32_t *start = malloc((B + 1) * sizeof *start);
    float *y = malloc(B * D * sizeof *y);
    for (size_t i = 0; i <= B; i++) start[i] = (int32_t)o->cu[i];
    for (size_t p = 0; p < sizeof pools / sizeof *pools && !o->m->c->memory; p++) { /* h is the host's */
        if (!(want = golden_floats(g, pools[p], &n))) continue;
        tensor x = tensor_f32(h, o->n_ids, D, D), out = tensor_f32(y, B, D, D);
        o->m->c->ops->pool(o->m->c, (pooling)p, &x, start, B, &out);
        check(g, pools[p], y, want, n);
    }
    free(y);
    free(start);
    free(h);
}

static void check_scores(const golden *g, const tri_embeddings *e)
{
    size_t n_pairs, n;
    int64_t *pairs = golden_integers(g, "pairs", &n_pairs);
    const float *dense = golden_floats(g, "score.dense", &n), *sparse = golden_floats(g, "score.sparse", &n),
                *multi = golden_floats(g, "score.colbert", &n);
    if (!pairs || !dense || !sparse || !multi) return free(pairs);
    for (size_t i = 0; i < n_pairs / 2; i++) {
        size_t q = (size_t)pairs[2 * i], p = (size_t)pairs[2 * i + 1];
        float d = tri_score_dense(tri_embeddings_dense(e, q), tri_embeddings_dense(e, p));
        float s = tri_score_sparse(tri_embeddings_sparse(e, q), tri_embeddings_sparse(e, p));
        float m = tri_score_multi(tri_embeddings_multi(e, q), tri_embeddings_multi(e, p));
        check(g, "score.dense", &d, dense + i, 1);
        check(g, "score.sparse", &s, sparse + i, 1);
        check(g, "score.colbert", &m, multi + i, 1);
    }
    free(pairs);
}

/* Text in, instead of ids: the same ids must come out of the folder's own tokenizer. */
static void check_tokens(const golden *g, const opened *o, const char *texts_key)
{
    json_t *texts = json_object_get(g->inputs, texts_key), *text;
    size_t i, max_length = (size_t)json_integer_value(json_object_get(json_object_get(g->facts, "recipe"), "max_length"));
    if (!o->m->tok) fail_msg("%s: %s", g->dir, o->m->tok_error.text);
    json_array_foreach(texts, i, text)
    {
        tri_tokenize_options to;
        tri_tokens t;
        tri_error err = {0};
        tri_text in = {json_string_value(text), json_string_length(text)};
        tri_tokenize_options_init(&to);
        to.max_length = max_length ? max_length : o->m->max_text;
        if (tri_tokenize(tri_model_tokenizer(o->m), &to, in, NULL, &t, &err)) fail_msg("%s text %zu: %s", g->dir, i, err.text);
        if (t.count != o->inputs[i].n_ids || memcmp(t.ids, o->inputs[i].ids, t.count * sizeof *t.ids) != 0)
            fail_msg("%s: text %zu gives other token ids than upstream", g->dir, i);
    }
}

static void run_case(const char *dir, const char *model_dir)
{
    golden g;
    opened o;
    size_t n;
    assert_true(golden_open(dir, &g));
    open_model(model_dir ? model_dir : g.model_dir, "input_ids", "cu_seqlens", &g, &o);
    tri_embeddings *e = embed(&o, 0);
    check_dense(&g, "dense", e);
    check_multi(&g, "colbert", e);
    check_sparse(&g, e);
    check_splade(&g, e);
    check_scores(&g, e);
    check_hidden(&g, &o);
    check_tokens(&g, &o, "texts");
    tri_embeddings_free(e);
    size_t dim = (size_t)json_integer_value(json_object_get(g.inputs, "truncate_dim"));
    if (dim) {
        e = embed(&o, dim);
        check_dense(&g, "dense_trunc", e);
        check_multi(&g, "colbert_trunc", e);
        tri_embeddings_free(e);
    }
    close_model(&o);
    if (golden_floats(&g, "cut_dense", &n)) {
        open_model(g.model_dir, "cut_input_ids", "cut_cu_seqlens", &g, &o);
        e = embed(&o, 0);
        check_dense(&g, "cut_dense", e);
        tri_embeddings_free(e);
        close_model(&o);
    }
    golden_close(&g);
}

static void run_case_everywhere(const char *dir)
{
    precision_in_use = "f32";
    for (size_t i = 0; (isa_in_use = compute_isa(i)); i++) run_case(dir, NULL);
    for (size_t i = 0; (isa_in_use = conform_card_name(i)); i++) run_case(dir, NULL);
}

/* ---- half precision on the card ---------------------------------------------------------------------------------------- */

static double least_cosine(const float *a, const float *b, size_t rows, size_t dim)
{
    double least = 1;
    for (size_t i = 0; i < rows; i++, a += dim, b += dim) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t j = 0; j < dim; j++) {
            ab += (double)a[j] * (double)b[j];
            aa += (double)a[j] * (double)a[j];
            bb += (double)b[j] * (double)b[j];
        }
        least = fmin(least, ab / sqrt(aa * bb));
    }
    return least;
}

/* No further from float64 than upstream's own run in this type; where the case does not say, 0.9999 (0.999 for bf16). */
static void check_half(const golden *g, const char *name, const char *key, const float *got, const float *want, size_t rows,
                       size_t dim)
{
    json_t *half = json_object_get(g->facts, "upstream_in_half_precision");
    json_t *limits = json_object_get(half, strcmp(precision_in_use, "f16") == 0 ? "fp16" : "bf16");
    double least = least_cosine(got, want, rows, dim), limit = json_number_value(json_object_get(limits, key));
    if (!limits) limit = strcmp(precision_in_use, "f16") == 0 ? 0.9999 : 0.999;
    if (!(least >= limit))
        fail_msg("%s %s on %s in %s: least cosine %.7f, upstream's %.7f", g->dir, name, isa_in_use, precision_in_use, least,
                 limit);
}

static void run_case_in_half(const char *dir)
{
    golden g;
    opened o;
    size_t n;
    assert_true(golden_open(dir, &g));
    open_model(g.model_dir, "input_ids", "cu_seqlens", &g, &o);
    tri_embeddings *e = embed(&o, 0);
    const float *dense = golden_floats(&g, "dense", &n), *multi = golden_floats(&g, "colbert", &n);
    size_t at = 0;
    for (size_t i = 0; i < tri_embeddings_count(e); i++) {
        tri_dense_view d = tri_embeddings_dense(e, i);
        if (dense) check_half(&g, "dense", "dense_min_cosine", d.values, dense + i * d.dim, 1, d.dim);
        if (!multi) continue;
        tri_multi_view m = tri_embeddings_multi(e, i);
        check_half(&g, "multi", "colbert_min_cosine", m.rows, multi + at, m.n_rows, m.dim);
        at += m.n_rows * m.dim;
    }
    tri_embeddings_free(e);
    close_model(&o);
    golden_close(&g);
}

static void test_half_precision_on_the_card(void **state)
{
    (void)state;
    static const char *const here[] = {"xlmr-m3-colbertdim", "bert-dense-old", "gte-ntk", "modernbert-v5"};
    static const char *const precisions[] = {"f16", "bf16"};
    if (!conform_card_name(0)) skip();
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
            char dir[4096];
            precision_in_use = precisions[p];
            isa_in_use = conform_card_name(i % 2);
            snprintf(dir, sizeof dir, "%s/tests/golden/models/%s", TEST_ROOT, here[i]);
            run_case_in_half(dir);
        }
    precision_in_use = "f32";
}

static void test_cases_in_the_repository(void **state)
{
    (void)state;
    static const char *const names[] = {"xlmr-m3-colbertdim", "xlmr-m3-edge", "bert-dense-old", "gte-ntk", "modernbert-v5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char dir[4096];
        snprintf(dir, sizeof dir, "%s/tests/golden/models/%s", TEST_ROOT, names[i]);
        run_case_everywhere(dir);
    }
}

static void test_cases_of_the_full_set(void **state)
{
    (void)state;
    static const char *const names[] = {
        "xlmr-m3",        "xlmr-m3-bin",  "xlmr-m3-f16", "xlmr-m3-bf16",    "xlmr-m3-trace", "xlmr-m3-colbertdim",
        "xlmr-m3-mean",   "xlmr-m3-edge", "xlmr-long",   "bert-mean",       "bert-dense",    "bert-dense-old",
        "bert-gammabeta", "bert-prefix",  "gte-ntk",     "gte-plain",       "gte-types",     "gte-unpacked",
        "gte-mixedb",     "gte-native",   "modernbert",  "modernbert-bias", "modernbert-v5", "splade"};
    if (!golden_shared()) skip();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char dir[4096];
        snprintf(dir, sizeof dir, "%s/golden/models/%s", golden_shared(), names[i]);
        run_case_everywhere(dir);
    }
}

/* Unusual but valid weight files: the same numbers, bit for bit. */
static void test_formats_give_the_same_bits(void **state)
{
    (void)state;
    char dir[4096], variant[4400];
    snprintf(dir, sizeof dir, "%s/tests/golden/models/formats", TEST_ROOT);
    isa_in_use = compute_isa(0);
    precision_in_use = "f32";
    golden g;
    opened o;
    assert_true(golden_open(dir, &g));
    open_model(g.model_dir, "input_ids", "cu_seqlens", &g, &o);
    tri_embeddings *plain = embed(&o, 0);
    json_t *variants = json_object_get(g.facts, "variants"), *v;
    size_t i;
    assert_true(json_array_size(variants) > 8);
    json_array_foreach(variants, i, v)
    {
        opened other;
        snprintf(variant, sizeof variant, "%s/%s", dir, json_string_value(json_object_get(v, "dir")));
        open_model(variant, "input_ids", "cu_seqlens", &g, &other);
        tri_embeddings *e = embed(&other, 0);
        check_dense(&g, "dense", e);
        check_multi(&g, "colbert", e);
        check_sparse(&g, e);
        for (size_t t = 0; t < o.n_texts; t++) {
            tri_dense_view a = tri_embeddings_dense(plain, t), b = tri_embeddings_dense(e, t);
            tri_multi_view c = tri_embeddings_multi(plain, t), d = tri_embeddings_multi(e, t);
            assert_memory_equal(a.values, b.values, a.dim * sizeof(float));
            assert_memory_equal(c.rows, d.rows, c.n_rows * c.dim * sizeof(float));
        }
        tri_embeddings_free(e);
        close_model(&other);
    }
    tri_embeddings_free(plain);
    close_model(&o);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_in_the_repository),
        cmocka_unit_test(test_cases_of_the_full_set),
        cmocka_unit_test(test_half_precision_on_the_card),
        cmocka_unit_test(test_formats_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
