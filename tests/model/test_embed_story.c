/* SPDX-License-Identifier: Apache-2.0 */
/* test_embed_story.c — src/model/embed.c read aloud: one text through every stage on the tiny model, with the shape and the
 * first values of each, and what must hold between one stage and the next. Run it by hand to see a text become three vectors.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "model/session.h"
#include "model/text_batch.h"
#include "trident.h"

static void show(const char *stage, const char *shape, const float *v, size_t n)
{
    printf("# %-28s %-12s", stage, shape);
    for (size_t i = 0; i < n && i < 4; i++) printf(" % .4f", (double)v[i]);
    printf(n > 4 ? " ...\n" : "\n");
}

static void test_a_text_becomes_three_vectors(void **state)
{
    (void)state;
    tri_engine *engine;
    tri_model *m;
    tri_session *s;
    tri_error err = {0};
    char shape[64];
    tri_embed_options o;
    tri_embed_options_init(&o);
    tri_input in = {.text = {"three vectors from one pass", 27}};
    assert_int_equal(tri_engine_open(NULL, &engine, &err), TRI_OK);
    assert_int_equal(tri_model_open(engine, TEST_ROOT "/tests/golden/tiny/model", NULL, &m, &err), TRI_OK);
    assert_int_equal(tri_session_new(m, NULL, &s, &err), TRI_OK);
    size_t D = m->config.hidden;

    text_tokens *t; /* text -> ids */
    assert_int_equal(text_batch_tokenize(s, &o, &in, 1, &t, &err), TRI_OK);
    printf("# %-28s [%zu]         ", "ids", t[0].n);
    for (size_t i = 0; i < t[0].n; i++) printf(" %u", t[0].ids[i]);
    printf("\n");
    assert_int_equal(t[0].ids[0], 0);
    assert_int_equal(t[0].ids[t[0].n - 1], 2);

    uint64_t order = 0; /* ids -> rows, positions from pad + 1 */
    assert_int_equal(text_batch_pack(s, t, &order, 0, 1, WANT_ALL_ROWS), 1);
    assert_int_equal(s->b.T, t[0].n);
    assert_int_equal(s->b.positions[0], 2);

    tensor h = m->kind->encode(m->c, m->enc, &s->b, &s->ws); /* rows -> hidden states */
    snprintf(shape, sizeof shape, "[%zu, %zu]", h.rows, h.cols);
    show("hidden states", shape, h.data, D);
    assert_int_equal(h.rows, t[0].n);

    tri_embeddings *e; /* the same through the front door */
    assert_int_equal(tri_embed(s, &o, &in, 1, &e, &err), TRI_OK);
    tri_dense_view dense = tri_embeddings_dense(e, 0);
    tri_sparse_view sparse = tri_embeddings_sparse(e, 0);
    tri_multi_view multi = tri_embeddings_multi(e, 0);
    snprintf(shape, sizeof shape, "[%zu]", dense.dim);
    show("dense: <s>, unit length", shape, dense.values, dense.dim);
    snprintf(shape, sizeof shape, "{%zu}", sparse.count);
    show("sparse: weights by id", shape, sparse.weights, sparse.count);
    snprintf(shape, sizeof shape, "[%zu, %zu]", multi.n_rows, multi.dim);
    show("multi: every row but <s>", shape, multi.rows, multi.dim);
    assert_true(fabsf(tri_score_dense(dense, dense) - 1) < 1e-5f);
    assert_int_equal(multi.n_rows, t[0].n - 1);
    tri_embeddings_free(e);
    tri_session_free(s);
    tri_model_close(m);
    tri_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_text_becomes_three_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
