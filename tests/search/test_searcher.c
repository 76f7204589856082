/* SPDX-License-Identifier: Apache-2.0 */
/* test_searcher.c — search against a plain scan in double, and its properties: segments, deletes, threads, companions and
 * candidates change nothing that they must not; ties, thresholds, rescoring, explanation, refusals. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/half.h"
#include "index/collection.h"
#include "toy_index.h"

enum { DOCS = 150, QUERIES = 9 };
/* f32 dot products of unit vectors of 24 values against double: 24 roundings of 2^-24 each. */
static const double close_f32 = 24.0 / (1 << 24);

static void must(tri_status st, const tri_error *err)
{
    if (st != TRI_OK) fail_msg("%s: %s", tri_status_name(st), err->text);
}

static tri_index *build(char dir[256], const toy_docs *t, size_t n_commits, int store)
{
    tri_error err;
    tri_index *x;
    toy_folder(dir);
    must(toy_build(dir, t, n_commits, store, &err), &err);
    must(tri_index_open(dir, TRI_INDEX_READ, &x, &err), &err);
    return x;
}

static void drop(tri_index *x, const char *dir)
{
    tri_index_close(x);
    toy_remove(dir);
}

static tri_search_options defaults(void)
{
    tri_search_options o;
    tri_search_options_init(&o);
    o.threads = 1;
    return o;
}

static tri_hits *ask(const tri_index *x, const tri_search_options *o, const tri_query *q, size_t n)
{
    tri_error err;
    tri_hits *h = NULL;
    must(tri_search(x, o, q, n, &h, &err), &err);
    return h;
}

/* ---- the plain scan --------------------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

static double plain_sparse(tri_sparse_view a, tri_sparse_view b)
{
    double sum = 0;
    for (size_t i = 0; i < a.count; i++)
        for (size_t j = 0; j < b.count; j++)
            if (a.ids[i] == b.ids[j]) sum += (double)a.weights[i] * b.weights[j];
    return sum;
}

static double plain_multi(tri_multi_view q, tri_multi_view d)
{
    double sum = 0;
    if (!q.n_rows || !d.n_rows) return 0;
    for (size_t i = 0; i < q.n_rows; i++) {
        double best = -2;
        for (size_t j = 0; j < d.n_rows; j++) best = fmax(best, dot(q.rows + i * q.dim, d.rows + j * d.dim, q.dim));
        sum += best;
    }
    return sum / (double)q.n_rows;
}

static void assert_near(double found, double expected)
{
    if (!(fabs(found - expected) <= close_f32)) fail_msg("found %.9g, expected %.9g", found, expected);
}

static void assert_ordered(const tri_hit *h, size_t n)
{
    for (size_t i = 1; i < n; i++)
        assert_true(h[i - 1].score > h[i].score || (h[i - 1].score == h[i].score && h[i - 1].ordinal < h[i].ordinal));
}

static bool same_float(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* by key, because ordinals and addresses differ between indexes */
static void assert_same(const tri_hits *a, const tri_hits *b, size_t n_queries)
{
    for (size_t q = 0; q < n_queries; q++) {
        size_t n, m;
        const tri_hit *x = tri_hits_get(a, q, &n), *y = tri_hits_get(b, q, &m);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(x[i].key.len, y[i].key.len);
            assert_memory_equal(x[i].key.bytes, y[i].key.bytes, x[i].key.len);
            assert_true(same_float(x[i].score, y[i].score) && same_float(x[i].dense, y[i].dense));
            assert_true(same_float(x[i].sparse, y[i].sparse) && same_float(x[i].multi, y[i].multi));
            assert_int_equal(x[i].kept, y[i].kept);
        }
    }
}

static void test_every_leg_scores_as_a_plain_scan_does(void **state)
{
    (void)state;
    static const int modes[] = {TRI_MODE_DENSE, TRI_MODE_SPARSE, TRI_MODE_MULTI, TRI_MODE_HYBRID};
    char dir[256];
    toy_docs t = toy_docs_new(DOCS + QUERIES, 20);
    toy_docs kept = {DOCS, t.docs};
    tri_index *x = build(dir, &kept, 1, TRI_STORE_F32);
    tri_search_options o = defaults();
    o.k = 1000; /* more than there are */
    for (size_t m = 0; m < 4; m++) {
        o.mode = modes[m];
        for (size_t i = 0; i < QUERIES; i++) {
            tri_query q = toy_query(&t, DOCS + i);
            tri_hits *hits = ask(x, &o, &q, 1);
            size_t n;
            const tri_hit *h = tri_hits_get(hits, 0, &n);
            assert_int_equal(n, DOCS);
            assert_ordered(h, n);
            for (size_t r = 0; r < n; r++) {
                const tri_document *d = &t.docs[h[r].ordinal];
                double dense = dot(q.dense.values, d->dense.values, TOY_DENSE), sparse = plain_sparse(q.sparse, d->sparse);
                double multi = plain_multi(q.multi, d->multi), all = 0.4 * dense + 0.2 * sparse + 0.4 * multi;
                assert_int_equal(h[r].key.len, d->key.len);
                assert_memory_equal(h[r].key.bytes, d->key.bytes, d->key.len);
                assert_memory_equal(h[r].text.bytes, d->text.bytes, d->text.len);
                assert_near(h[r].score, m == 0 ? dense : m == 1 ? sparse : m == 2 ? multi : all);
                if (m == 0 || m == 3) assert_near(h[r].dense, dense);
                if (m == 1 || m == 3) assert_true(h[r].sparse == (float)sparse); /* rounded once: exact */
                if (m == 2 || m == 3) assert_near(h[r].multi, multi);
                assert_int_equal(isnan(h[r].dense), m == 1 || m == 2);
                assert_int_equal(isnan(h[r].sparse), m == 0 || m == 2);
                assert_int_equal(isnan(h[r].multi), m == 0 || m == 1);
                assert_int_equal(h[r].kept, 1);
            }
            tri_hits_free(hits);
        }
    }
    drop(x, dir);
    toy_docs_free(&t);
}

static void test_the_first_k_are_the_first_k_of_all(void **state)
{
    (void)state;
    char dir[256];
    toy_docs t = toy_docs_new(DOCS, 21);
    tri_index *x = build(dir, &t, 1, TRI_STORE_F16);
    tri_search_options o = defaults();
    tri_query q = toy_query(&t, 3);
    o.k = DOCS;
    tri_hits *all = ask(x, &o, &q, 1);
    for (size_t k = 1; k < DOCS; k += 13) {
        size_t n;
        o.k = k;
        tri_hits *some = ask(x, &o, &q, 1);
        const tri_hit *a = tri_hits_get(all, 0, NULL), *b = tri_hits_get(some, 0, &n);
        assert_int_equal(n, k);
        for (size_t i = 0; i < k; i++) assert_true(a[i].ordinal == b[i].ordinal && same_float(a[i].score, b[i].score));
        tri_hits_free(some);
    }
    tri_hits_free(all);
    drop(x, dir);
    toy_docs_free(&t);
}

/* Every way of asking that the property tests go through. */
static size_t variants(tri_search_options out[32])
{
    size_t n = 0;
    tri_search_options o = defaults();
    for (int mode = 0; mode <= 4; mode = mode ? mode * 2 : 1) {
        o.mode = mode;
        out[n++] = o;
    }
    o = defaults();
    for (int fuse = TRI_FUSE_WEIGHTED; fuse <= TRI_FUSE_DBSF; fuse++)
        for (size_t candidates = 0; candidates <= 7; candidates += 7) {
            o.fuse = fuse;
            o.candidates = candidates;
            o.threshold = fuse % 3;
            o.threshold_value = 0.16 * fuse;
            out[n++] = o;
        }
    o = defaults();
    o.rescore_multi = 1;
    out[n++] = o;
    o.candidates = 5;
    o.mode = TRI_MODE_SPARSE;
    out[n++] = o;
    o = defaults();
    o.weights[0] = 0;
    out[n++] = o;
    return n;
}

static void test_segments_threads_and_companions_change_nothing(void **state)
{
    (void)state;
    static const int stores[] = {TRI_STORE_F32, TRI_STORE_F16, TRI_STORE_INT8};
    tri_search_options all[32];
    toy_docs t = toy_docs_new(DOCS, 22);
    tri_query q[QUERIES];
    for (size_t i = 0; i < QUERIES; i++) q[i] = toy_query(&t, i * 11);
    size_t n = variants(all);
    for (size_t s = 0; s < 3; s++) {
        char dir[256], dir7[256];
        /* 7 segments of one, many merged into one and a few of the other */
        tri_index *x = build(dir, &t, s == 1 ? 53 : 1, stores[s]), *x7 = build(dir7, &t, 7, stores[s]);
        for (size_t v = 0; v < n; v++) {
            tri_search_options two = all[v];
            two.threads = 2;
            tri_hits *one = ask(x, &all[v], q, QUERIES), *seven = ask(x7, &all[v], q, QUERIES),
                     *threads = ask(x, &two, q, QUERIES);
            assert_same(one, seven, QUERIES);
            assert_same(one, threads, QUERIES);
            for (size_t i = 0; i < QUERIES; i++) {
                size_t m, k;
                tri_hits *alone = ask(x7, &two, &q[i], 1);
                const tri_hit *a = tri_hits_get(one, i, &m), *b = tri_hits_get(alone, 0, &k);
                assert_int_equal(m, k);
                for (size_t r = 0; r < m; r++) assert_true(a[r].ordinal == b[r].ordinal && same_float(a[r].score, b[r].score));
                tri_hits_free(alone);
            }
            tri_hits_free(one);
            tri_hits_free(seven);
            tri_hits_free(threads);
        }
        drop(x, dir);
        drop(x7, dir7);
    }
    toy_docs_free(&t);
}

static void test_deleting_is_as_never_having_been_there(void **state)
{
    (void)state;
    tri_search_options all[32];
    char dir[256], dir_without[256];
    tri_error err;
    toy_docs t = toy_docs_new(60, 23), left = {0, calloc(60, sizeof(tri_document))};
    tri_query q[4];
    tri_index *w;
    for (size_t i = 0; i < 4; i++) q[i] = toy_query(&t, i * 3);
    toy_folder(dir);
    must(toy_build(dir, &t, 3, TRI_STORE_F16, &err), &err);
    must(tri_index_open(dir, TRI_INDEX_WRITE, &w, &err), &err);
    for (size_t i = 0; i < t.n; i++) {
        size_t missing;
        if (i % 4 == 1)
            must(tri_index_delete(w, &t.docs[i].key, 1, &missing, &err), &err);
        else
            left.docs[left.n++] = t.docs[i];
    }
    must(tri_index_commit(w, &err), &err);
    tri_index *without = build(dir_without, &left, 1, TRI_STORE_F16);
    size_t n = variants(all);
    for (size_t v = 0; v < n; v++) {
        all[v].k = 100;
        tri_hits *a = ask(w, &all[v], q, 4), *b = ask(without, &all[v], q, 4); /* the writer's handle shows its commit */
        assert_same(a, b, 4);
        tri_hits_free(a);
        tri_hits_free(b);
    }
    drop(w, dir);
    drop(without, dir_without);
    free(left.docs);
    toy_docs_free(&t);
}

static void test_equal_scores_stand_in_order_of_insertion(void **state)
{
    (void)state;
    char dir[256];
    toy_docs one = toy_docs_new(1, 24), t = {20, calloc(20, sizeof(tri_document))};
    char keys[20][8];
    for (size_t i = 0; i < 20; i++) {
        t.docs[i] = one.docs[0];
        snprintf(keys[i], sizeof keys[i], "k%zu", 19 - i);
        t.docs[i].key = toy_text(keys[i]);
    }
    tri_index *x = build(dir, &t, 4, TRI_STORE_F16);
    tri_search_options all[32];
    tri_query q = toy_query(&one, 0);
    size_t n = variants(all);
    for (size_t v = 0; v < n; v++) {
        size_t m;
        bool by_rank =
            all[v].mode == TRI_MODE_HYBRID && all[v].fuse == TRI_FUSE_RRF; /* ranks of equals differ: still in order */
        all[v].k = all[v].candidates ? all[v].candidates : 20;
        tri_hits *hits = ask(x, &all[v], &q, 1);
        const tri_hit *h = tri_hits_get(hits, 0, &m);
        assert_int_equal(m, all[v].k);
        for (size_t i = 0; i < m; i++) {
            assert_int_equal(h[i].ordinal, i);
            if (!by_rank) assert_true(h[i].score == h[0].score);
            if (!by_rank && all[v].threshold == TRI_THRESHOLD_MEANSTD) assert_int_equal(h[i].kept, 1);
        }
        tri_hits_free(hits);
    }
    drop(x, dir);
    free(t.docs);
    toy_docs_free(&one);
}

static void test_as_many_candidates_as_documents_is_every_document(void **state)
{
    (void)state;
    char dir[256];
    toy_docs t = toy_docs_new(DOCS, 25);
    tri_index *x = build(dir, &t, 2, TRI_STORE_F16);
    tri_query q[QUERIES];
    for (size_t i = 0; i < QUERIES; i++) q[i] = toy_query(&t, i);
    tri_search_options o = defaults();
    o.k = DOCS;
    for (o.fuse = TRI_FUSE_WEIGHTED; o.fuse <= TRI_FUSE_DBSF; o.fuse++) {
        o.candidates = 0;
        tri_hits *all = ask(x, &o, q, QUERIES);
        for (o.candidates = DOCS; o.candidates <= SIZE_MAX / 2; o.candidates = o.candidates == DOCS ? DOCS * 5 : SIZE_MAX) {
            tri_hits *many = ask(x, &o, q, QUERIES);
            assert_same(all, many, QUERIES);
            tri_hits_free(many);
        }
        tri_hits_free(all);
    }
    drop(x, dir);
    toy_docs_free(&t);
}

/* A candidate that only one leg returned has its other scores computed, and stands as it would among all documents. */
static void test_missing_scores_of_candidates_are_computed(void **state)
{
    (void)state;
    char dir[256];
    toy_docs t = toy_docs_new(DOCS, 26);
    tri_index *x = build(dir, &t, 1, TRI_STORE_F16);
    tri_search_options o = defaults(), all = defaults();
    o.k = all.k = DOCS;
    o.candidates = 6;
    for (size_t i = 0; i < 20; i++) {
        tri_query q = toy_query(&t, i);
        size_t n, m, at = 0;
        tri_hits *few = ask(x, &o, &q, 1), *every = ask(x, &all, &q, 1);
        const tri_hit *a = tri_hits_get(few, 0, &n), *b = tri_hits_get(every, 0, &m);
        assert_true(n >= 6 && n <= 18);
        for (size_t r = 0; r < n; r++, at++) { /* a subsequence of the full ranking, score for score */
            while (at < m && b[at].ordinal != a[r].ordinal) at++;
            assert_true(at < m);
            assert_true(same_float(a[r].score, b[at].score) && same_float(a[r].dense, b[at].dense));
            assert_true(same_float(a[r].sparse, b[at].sparse) && same_float(a[r].multi, b[at].multi));
        }
        tri_hits_free(few);
        tri_hits_free(every);
    }
    drop(x, dir);
    toy_docs_free(&t);
}

static void test_rescoring_orders_the_others_candidates_by_multi(void **state)
{
    (void)state;
    char dir[256];
    toy_docs t = toy_docs_new(DOCS, 27);
    tri_index *x = build(dir, &t, 3, TRI_STORE_INT8);
    tri_search_options dense = defaults(), multi = defaults(), o = defaults();
    tri_query q = toy_query(&t, 7);
    dense.mode = TRI_MODE_DENSE;
    dense.k = 20;
    multi.mode = TRI_MODE_MULTI;
    multi.k = DOCS;
    o.mode = TRI_MODE_DENSE;
    o.rescore_multi = 1;
    o.candidates = 20;
    o.k = DOCS;
    tri_hits *d = ask(x, &dense, &q, 1), *m = ask(x, &multi, &q, 1), *r = ask(x, &o, &q, 1);
    size_t n, n_all;
    const tri_hit *h = tri_hits_get(r, 0, &n), *from = tri_hits_get(d, 0, NULL), *by = tri_hits_get(m, 0, &n_all);
    assert_int_equal(n, 20);
    assert_ordered(h, n);
    for (size_t i = 0; i < n; i++) {
        size_t a = 0, b = 0;
        while (a < 20 && from[a].ordinal != h[i].ordinal) a++;
        while (b < n_all && by[b].ordinal != h[i].ordinal) b++;
        assert_true(a < 20 && b < n_all);
        assert_true(same_float(h[i].score, by[b].score) && same_float(h[i].multi, by[b].multi));
        assert_true(same_float(h[i].dense, from[a].score) && isnan(h[i].sparse));
    }
    tri_hits_free(d);
    tri_hits_free(m);
    tri_hits_free(r);
    tri_error err;
    tri_hits *none = NULL;
    o.mode = TRI_MODE_MULTI;
    assert_int_equal(tri_search(x, &o, &q, 1, &none, &err), TRI_ERR_ARGUMENT);
    drop(x, dir);
    toy_docs_free(&t);
}

/* The seed's recipe by hand: 1 / (60 + rank from 0), lists without the document add nothing. */
static void test_rrf_is_the_recipe(void **state)
{
    (void)state;
    char dir[256];
    toy_docs t = toy_docs_new(DOCS, 28);
    tri_index *x = build(dir, &t, 1, TRI_STORE_F32);
    for (int base = 0; base <= 1; base++)
        for (size_t depth = 0; depth <= 10; depth += 10) {
            double expected[DOCS] = {0};
            tri_search_options o = defaults();
            tri_query q = toy_query(&t, 30);
            size_t n, stood = 0;
            o.k = depth ? depth : DOCS;
            for (o.mode = 1; o.mode <= 4; o.mode *= 2) {
                tri_hits *hits = ask(x, &o, &q, 1);
                const tri_hit *h = tri_hits_get(hits, 0, &n);
                for (size_t i = 0; i < n; i++)
                    if (o.mode != TRI_MODE_SPARSE || h[i].score > 0) expected[h[i].ordinal] += 1 / (60.0 + (double)i + base);
                tri_hits_free(hits);
            }
            for (size_t i = 0; i < DOCS; i++) stood += expected[i] > 0;
            o.mode = TRI_MODE_HYBRID;
            o.fuse = TRI_FUSE_RRF;
            o.rrf_base = base;
            o.candidates = depth;
            o.k = DOCS;
            tri_hits *hits = ask(x, &o, &q, 1);
            const tri_hit *h = tri_hits_get(hits, 0, &n);
            assert_int_equal(n, stood);
            assert_ordered(h, n);
            for (size_t i = 0; i < n; i++) assert_true(fabs(h[i].score - expected[h[i].ordinal]) < 1e-8);
            tri_hits_free(hits);
        }
    drop(x, dir);
    toy_docs_free(&t);
}

static void test_thresholds_mark_and_never_drop(void **state)
{
    (void)state;
    char dir[256];
    toy_docs t = toy_docs_new(DOCS, 29);
    tri_index *x = build(dir, &t, 1, TRI_STORE_F32);
    for (size_t i = 0; i < QUERIES; i++) {
        tri_query q = toy_query(&t, i);
        tri_search_options o = defaults();
        o.k = 25;
        size_t n, m;
        tri_hits *plain = ask(x, &o, &q, 1);
        const tri_hit *p = tri_hits_get(plain, 0, &n);
        double mean = 0, var = 0;
        for (size_t r = 0; r < n; r++) mean += p[r].score / (double)n;
        for (size_t r = 0; r < n; r++) var += (p[r].score - mean) * (p[r].score - mean) / (double)n;
        for (o.threshold = TRI_THRESHOLD_MEANSTD; o.threshold <= TRI_THRESHOLD_MAX; o.threshold++) {
            o.threshold_value = o.threshold == TRI_THRESHOLD_MAX ? 0.16 : 0.8;
            double limit = o.threshold == TRI_THRESHOLD_MAX ? p[0].score * (1 - 0.16) : mean - 0.8 * sqrt(var);
            tri_hits *marked = ask(x, &o, &q, 1);
            const tri_hit *h = tri_hits_get(marked, 0, &m);
            assert_int_equal(n, m);
            for (size_t r = 0; r < n; r++) {
                assert_true(same_float(h[r].score, p[r].score));
                if (fabs(h[r].score - limit) > 1e-6) assert_int_equal(h[r].kept, h[r].score >= limit);
            }
            tri_hits_free(marked);
        }
        tri_hits_free(plain);
    }
    drop(x, dir);
    toy_docs_free(&t);
}

static void test_an_empty_index_answers_nothing(void **state)
{
    (void)state;
    char dir[256];
    toy_docs none = toy_docs_new(0, 1), t = toy_docs_new(2, 30);
    tri_index *x = build(dir, &none, 1, TRI_STORE_F16);
    tri_search_options all[32];
    tri_query q[2] = {toy_query(&t, 0), toy_query(&t, 1)};
    size_t n = variants(all), m = 9;
    for (size_t v = 0; v < n; v++) {
        tri_hits *h = ask(x, &all[v], q, 2);
        tri_hits_get(h, 1, &m);
        assert_int_equal(m, 0);
        tri_hits_free(h);
        tri_hits_free(ask(x, &all[v], NULL, 0));
    }
    assert_null(tri_hits_get(NULL, 0, &m));
    tri_hits_free(NULL);
    drop(x, dir);
    toy_docs_free(&none);
    toy_docs_free(&t);
}

static void refused(const tri_index *x, const tri_search_options *o, const tri_query *q, tri_status expected, const char *word)
{
    tri_error err;
    tri_hits *h = NULL;
    assert_int_equal(tri_search(x, o, q, 1, &h, &err), expected);
    assert_null(h);
    if (!strstr(err.text, word)) fail_msg("\"%s\" is not in: %s", word, err.text);
}

static void test_what_cannot_be_searched_is_refused(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    tri_index *x;
    toy_docs t = toy_docs_new(3, 31);
    toy_folder(dir);
    tri_index_options io = toy_options(TRI_STORE_F16);
    io.want = TRI_DENSE | TRI_SPARSE;
    must(tri_index_create(dir, &io, &x, &err), &err);
    must(tri_index_add(x, t.docs, 3, &err), &err);
    must(tri_index_commit(x, &err), &err);
    tri_query q = toy_query(&t, 0), bad = q;
    tri_search_options o = defaults();
    refused(x, &o, &q, TRI_ERR_UNSUPPORTED, "multi");
    o.weights[2] = 0;
    tri_hits_free(ask(x, &o, &q, 1)); /* a leg of weight 0 is not asked for */
    o.weights[1] = NAN;
    refused(x, &o, &q, TRI_ERR_ARGUMENT, "sparse");
    memset(o.weights, 0, sizeof o.weights);
    refused(x, &o, &q, TRI_ERR_ARGUMENT, "weights");
    o = defaults();
    o.mode = TRI_MODE_DENSE;
    bad.dense.dim = 7;
    refused(x, &o, &bad, TRI_ERR_MISMATCH, "7");
    float values[TOY_DENSE] = {INFINITY};
    bad.dense = (tri_dense_view){values, TOY_DENSE};
    refused(x, &o, &bad, TRI_ERR_NUMERIC, "dense");
    o.k = 0;
    refused(x, &o, &q, TRI_ERR_ARGUMENT, "k");
    o = defaults();
    o.mode = 3;
    refused(x, &o, &q, TRI_ERR_ARGUMENT, "mode");
    o = defaults();
    o.struct_size = 1;
    refused(x, &o, &q, TRI_ERR_ARGUMENT, "options");
    drop(x, dir);
    toy_docs_free(&t);
}

static void test_an_explanation_adds_up_to_the_score(void **state)
{
    (void)state;
    static const int stores[] = {TRI_STORE_F32, TRI_STORE_F16, TRI_STORE_INT8};
    toy_docs t = toy_docs_new(DOCS, 32);
    for (size_t s = 0; s < 3; s++) {
        char dir[256];
        tri_error err;
        tri_index *x = build(dir, &t, 2, stores[s]);
        tri_search_options o = defaults();
        o.k = DOCS;
        tri_query q = toy_query(&t, 40);
        tri_hits *hits = ask(x, &o, &q, 1);
        size_t n_hits, n;
        const tri_hit *h = tri_hits_get(hits, 0, &n_hits);
        for (size_t i = 0; i < n_hits; i++) {
            tri_match m[TOY_VOCAB + 8], few[2];
            const tri_document *d = &t.docs[h[i].ordinal];
            double sparse = 0, multi = 0;
            size_t rows = 0;
            must(tri_explain(x, &q, h[i].ordinal, m, TOY_VOCAB + 8, &n, &err), &err);
            for (size_t k = 0; k < n; k++) {
                assert_true(k == 0 || m[k - 1].weight >= m[k].weight);
                if (m[k].leg == TRI_SPARSE) {
                    sparse += m[k].weight;
                    assert_int_equal(m[k].query_id, m[k].passage_id);
                } else {
                    multi += m[k].weight;
                    rows++;
                    assert_int_equal(m[k].query_id, UINT32_MAX);
                    assert_int_equal(m[k].passage_id, d->multi_ids[m[k].passage_row]);
                }
            }
            assert_near(sparse, h[i].sparse);
            assert_near(rows ? multi / (double)rows : 0, h[i].multi);
            must(tri_explain(x, &q, h[i].ordinal, few, 2, &n, &err), &err);
            for (size_t k = 0; k < n && k < 2; k++) assert_true(few[k].weight == m[k].weight && few[k].leg == m[k].leg);
        }
        assert_int_equal(tri_explain(x, &q, DOCS, NULL, 0, &n, &err), TRI_ERR_NOT_FOUND);
        tri_hits_free(hits);
        drop(x, dir);
    }
    toy_docs_free(&t);
}

typedef struct asker {
    pthread_t thread;
    const tri_index *x;
    const tri_query *q;
    tri_search_options o;
    tri_hits *hits[8];
} asker;

static void *ask_often(void *arg)
{
    asker *a = arg;
    for (size_t i = 0; i < 8; i++)
        if (tri_search(a->x, &a->o, a->q, QUERIES, &a->hits[i], NULL) != TRI_OK) a->hits[i] = NULL;
    return NULL;
}

static void test_one_handle_serves_many_threads(void **state)
{
    (void)state;
    char dir[256];
    asker askers[4];
    toy_docs t = toy_docs_new(DOCS, 34);
    tri_index *x = build(dir, &t, 2, TRI_STORE_F16);
    tri_query q[QUERIES];
    for (size_t i = 0; i < QUERIES; i++) q[i] = toy_query(&t, i);
    for (size_t i = 0; i < 4; i++) {
        askers[i] = (asker){.x = x, .q = q, .o = defaults()};
        askers[i].o.threads = 1 + (int)(i % 2);
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
    for (size_t i = 0; i < 32; i++) {
        assert_non_null(askers[i / 8].hits[i % 8]);
        assert_same(askers[0].hits[0], askers[i / 8].hits[i % 8], QUERIES);
    }
    for (size_t i = 0; i < 32; i++) tri_hits_free(askers[i / 8].hits[i % 8]);
    drop(x, dir);
    toy_docs_free(&t);
}

static void test_a_warm_search_allocates_its_result_alone(void **state)
{
    (void)state;
    char dir[256];
    tri_search_options all[32];
    toy_docs t = toy_docs_new(DOCS, 33);
    uint64_t live = mem_live();
    tri_index *x = build(dir, &t, 2, TRI_STORE_F16);
    tri_query q[3] = {toy_query(&t, 1), toy_query(&t, 2), toy_query(&t, 5)};
    size_t n = variants(all);
    for (int round = 0; round < 2; round++)
        for (size_t v = 0; v < n; v++) {
            bool fuses = all[v].fuse != TRI_FUSE_WEIGHTED; /* fuse_run has scratch of its own */
            tri_hits_free(ask(x, &all[v], q, 3));
            uint64_t before = mem_count();
            tri_hits_free(ask(x, &all[v], q, 3));
            if (round && !fuses) assert_int_equal(mem_count() - before, 1);
        }
    drop(x, dir);
    assert_int_equal(mem_live(), live);
    toy_docs_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_leg_scores_as_a_plain_scan_does),
        cmocka_unit_test(test_the_first_k_are_the_first_k_of_all),
        cmocka_unit_test(test_segments_threads_and_companions_change_nothing),
        cmocka_unit_test(test_deleting_is_as_never_having_been_there),
        cmocka_unit_test(test_equal_scores_stand_in_order_of_insertion),
        cmocka_unit_test(test_as_many_candidates_as_documents_is_every_document),
        cmocka_unit_test(test_missing_scores_of_candidates_are_computed),
        cmocka_unit_test(test_rescoring_orders_the_others_candidates_by_multi),
        cmocka_unit_test(test_rrf_is_the_recipe),
        cmocka_unit_test(test_thresholds_mark_and_never_drop),
        cmocka_unit_test(test_an_empty_index_answers_nothing),
        cmocka_unit_test(test_what_cannot_be_searched_is_refused),
        cmocka_unit_test(test_an_explanation_adds_up_to_the_score),
        cmocka_unit_test(test_one_handle_serves_many_threads),
        cmocka_unit_test(test_a_warm_search_allocates_its_result_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
