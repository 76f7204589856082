/* SPDX-License-Identifier: Apache-2.0 */
/* test_anchors.c — published models against the values that others published for them: the first components of one text's
 * vector, and one pair's logit. They settle theta, its scaling, the gated layer's halves, the template and the heads at once.
 *
 * Each needs its real weights ($TRI_MODELS, or ~/.cache/trident/models) and is skipped without. The values are those of
 * text-embeddings-inference's snapshot tests on a CPU in f32 (unnormalised, with GELU by tanh): directions of the components
 * listed agree to 0.9995, logits to 0.02. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pulled_model.h"
#include "trident.h"

enum { MAX_VALUES = 8 };

static const char question[] = "What is Deep Learning?";

typedef struct opened {
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
} opened;

static void open_model(const char *folder, opened *o)
{
    tri_error err = {0};
    assert_int_equal(tri_engine_open(NULL, &o->engine, &err), TRI_OK);
    if (tri_model_open(o->engine, folder, NULL, &o->m, &err)) fail_msg("%s", err.text);
    assert_int_equal(tri_session_new(o->m, NULL, &o->s, &err), TRI_OK);
}

static void close_model(opened *o)
{
    tri_session_free(o->s);
    tri_model_close(o->m);
    tri_engine_close(o->engine);
}

static void check_direction(const char *folder, const double *want, size_t n)
{
    opened o;
    tri_error err = {0};
    tri_embeddings *e;
    tri_text text = {question, sizeof question - 1};
    double dot = 0, got2 = 0, want2 = 0;
    open_model(folder, &o);
    if (tri_embed_texts(o.s, NULL, &text, 1, &e, &err)) fail_msg("%s", err.text);
    tri_dense_view dense = tri_embeddings_dense(e, 0);
    assert_true(dense.dim >= n);
    for (size_t i = 0; i < n; i++) {
        double got = (double)dense.values[i];
        dot += got * want[i];
        got2 += got * got;
        want2 += want[i] * want[i];
    }
    double cosine = dot / sqrt(got2 * want2);
    if (!(cosine > 0.9995)) fail_msg("%s: cosine %.6f of the first %zu components", folder, cosine, n);
    tri_embeddings_free(e);
    close_model(&o);
}

static void check_logit(const char *name, double want)
{
    opened o;
    tri_error err = {0};
    tri_pair_score got;
    static const char passage[] = "Deep Learning is not...";
    tri_pair pair = {.query = {question, sizeof question - 1}, .passage = {passage, sizeof passage - 1}};
    if (!pulled_model(name)) skip();
    open_model(pulled_model(name), &o);
    if (tri_rerank(o.s, NULL, &pair, 1, &got, &err)) fail_msg("%s", err.text);
    if (!(fabs((double)got.logit - want) < 0.02)) fail_msg("%s: logit %g, published %g", name, (double)got.logit, want);
    close_model(&o);
}

/* ---- embedders ------------------------------------------------------------------------------------------------------ */

static void minilm(void **state)
{
    (void)state;
    static const double want[] = {-0.59060, -0.25252, 0.14972, 0.05488, -0.11783, -0.16678, -0.23310, -0.07095};
    const char *folder = pulled_model("sentence-transformers/all-MiniLM-L6-v2");
    if (!folder) folder = pulled_model("minilm");
    if (!folder) skip();
    check_direction(folder, want, MAX_VALUES);
}

static void gte_multilingual_base(void **state)
{
    (void)state;
    static const double want[] = {0.01661, -0.57381, -1.26470, 0.11431, 1.13953, -1.63114, -0.68933, 1.27549};
    const char *folder = pulled_model("Alibaba-NLP/gte-multilingual-base");
    if (!folder) skip();
    check_direction(folder, want, MAX_VALUES);
}

static void gte_base_en(void **state)
{
    (void)state;
    static const double want[] = {0.44151, 0.61067, 0.06949, -0.59306, 0.88158, -0.10978, 0.08877, -0.20833};
    const char *folder = pulled_model("Alibaba-NLP/gte-base-en-v1.5");
    if (!folder) skip();
    check_direction(folder, want, MAX_VALUES);
}

static void arctic_embed_m(void **state)
{
    (void)state;
    static const double want[] = {1.75356, 0.79910, -1.10668, -0.33090, 1.00413, -0.79057};
    const char *folder = pulled_model("Snowflake/snowflake-arctic-embed-m-v2.0");
    if (!folder) skip();
    check_direction(folder, want, 6);
}

/* The published folder names no pooling: a folder of links beside a 1_Pooling that asks for the mean. */
static void modernbert_base(void **state)
{
    (void)state;
    static const double want[] = {0.34932, -0.51038, -0.33733, -0.14399, 0.42294, 0.08094};
    const char *folder = pulled_model("answerdotai/ModernBERT-base");
    char with_mean[] = "/tmp/tri-anchor-XXXXXX", command[8400];
    if (!folder) skip();
    assert_non_null(mkdtemp(with_mean));
    snprintf(
        command, sizeof command,
        "ln -s '%s'/* %s/ && mkdir -p %s/1_Pooling && echo '{\"pooling_mode_mean_tokens\": true}' > %s/1_Pooling/config.json",
        folder, with_mean, with_mean, with_mean);
    assert_int_equal(system(command), 0);
    check_direction(with_mean, want, 6);
    snprintf(command, sizeof command, "rm -rf %s", with_mean);
    assert_int_equal(system(command), 0);
}

/* ---- rerankers ------------------------------------------------------------------------------------------------------ */

static void gte_multilingual_reranker(void **state)
{
    (void)state;
    check_logit("Alibaba-NLP/gte-multilingual-reranker-base", -0.74173);
}

static void gte_reranker_modernbert(void **state)
{
    (void)state;
    check_logit("Alibaba-NLP/gte-reranker-modernbert-base", 2.13616);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minilm),
        cmocka_unit_test(gte_multilingual_base),
        cmocka_unit_test(gte_base_en),
        cmocka_unit_test(arctic_embed_m),
        cmocka_unit_test(modernbert_base),
        cmocka_unit_test(gte_multilingual_reranker),
        cmocka_unit_test(gte_reranker_modernbert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
