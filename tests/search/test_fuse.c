/* SPDX-License-Identifier: Apache-2.0 */
/* test_fuse.c — each way of fusing against its formula worked by hand; properties: order of arguments, of documents, bounds;
 * what is refused; fusion of run files and its ties; nothing leaks when memory fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/rng.h"
#include "search/fuse.h"

/* list 1: documents 7 2 9; list 2: documents 2 5 */
static const uint32_t docs1[] = {7, 2, 9}, docs2[] = {2, 5};
static const double scores1[] = {0.9, 0.6, 0.3}, scores2[] = {4, 2};
enum { D2, D5, D7, D9, N_UNION };

static fuse_rules rules_of(int method)
{
    return (fuse_rules){.method = method, .norm = TRI_NORM_DEFAULT, .rrf_k = 60};
}

static void fuse_two(const fuse_rules *rules, double w1, double w2, double out[N_UNION])
{
    const fuse_list lists[] = {{docs1, scores1, 3, w1}, {docs2, scores2, 2, w2}};
    static const uint32_t expected[N_UNION] = {2, 5, 7, 9};
    fuse_hit hits[5];
    size_t n;
    tri_error err = {0};
    if (fuse_run(lists, 2, rules, hits, &n, &err) != TRI_OK) fail_msg("%s", err.text);
    assert_int_equal(n, N_UNION);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(hits[i].doc, expected[i]);
        out[i] = hits[i].score;
    }
}

static void near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-14 * fmax(1, fabs(expected)))) fail_msg("%.17g, expected %.17g", got, expected);
}

static void test_rrf(void **state)
{
    (void)state;
    double s[N_UNION];
    fuse_rules r = rules_of(TRI_FUSE_RRF);
    fuse_two(&r, 1, 1, s);
    near(s[D7], 1.0 / 60);
    near(s[D2], 1.0 / 61 + 1.0 / 60);
    near(s[D9], 1.0 / 62);
    r.rrf_base = 1;
    r.missing = TRI_MISSING_ZERO; /* says nothing about ranks */
    fuse_two(&r, 2, 0.5, s);
    near(s[D7], 2.0 / 61);
    near(s[D2], 2.0 / 62 + 0.5 / 61);
    near(s[D5], 0.5 / 62);
}

static void test_weighted(void **state)
{
    (void)state;
    double s[N_UNION];
    fuse_rules r = rules_of(TRI_FUSE_WEIGHTED);
    fuse_two(&r, 0.4, 0.2, s);
    near(s[D2], 0.4 * 0.6 + 0.2 * 4);
    near(s[D5], 0.2 * 2);
    near(s[D7], 0.4 * 0.9);
    r.missing = TRI_MISSING_ZERO; /* FlagEmbedding's recipe: the same without normalisation */
    fuse_two(&r, 0.4, 0.2, s);
    near(s[D7], 0.4 * 0.9);
    r.norm = TRI_NORM_MINMAX; /* list 1 with one 0 more (document 5), list 2 with two */
    fuse_two(&r, 1, 1, s);
    near(s[D2], 0.6 / 0.9 + 1);
    near(s[D5], 0 + 0.5);
    near(s[D7], 1 + 0);
}

static void test_combsum_and_combmnz(void **state)
{
    (void)state;
    double s[N_UNION], m[N_UNION];
    fuse_rules r = rules_of(TRI_FUSE_COMBSUM);
    fuse_two(&r, 1, 1, s);
    near(s[D2], 0.5 + 1);
    near(s[D5], 0);
    near(s[D7], 1);
    near(s[D9], 0);
    r.method = TRI_FUSE_COMBMNZ;
    fuse_two(&r, 1, 1, m);
    near(m[D2], 2 * s[D2]);
    near(m[D7], s[D7]);
    r.norm = TRI_NORM_ZSCORE;
    fuse_two(&r, 1, 1, m);
    near(m[D2], 2 * (0 + 1)); /* the middle of three, the upper of two: population std */
    near(m[D7], sqrt(1.5));
    near(m[D5], -1);
}

static void test_dbsf(void **state)
{
    (void)state;
    double s[N_UNION];
    fuse_rules r = rules_of(TRI_FUSE_DBSF);
    fuse_two(&r, 1, 1, s);
    near(s[D7], 0.5 + 0.3 / (6 * 0.3)); /* sample std of list 1: 0.3 */
    near(s[D2], 0.5 + 0.5 + 1 / (6 * sqrt(2)));
    near(s[D5], 0.5 - 1 / (6 * sqrt(2)));
}

static double alone(int method, int norm, const double *scores, size_t n, size_t at)
{
    static const uint32_t docs[] = {0, 1, 2, 3};
    const fuse_list list = {docs, scores, n, 1};
    fuse_rules r = rules_of(method);
    fuse_hit hits[4];
    size_t n_out;
    r.norm = norm;
    assert_int_equal(fuse_run(&list, 1, &r, hits, &n_out, NULL), TRI_OK);
    assert_int_equal(n_out, n);
    return hits[at].score;
}

static void test_equal_scores(void **state)
{
    (void)state;
    static const double same[] = {0.1, 0.1, 0.1}; /* their mean, in double, is not 0.1 */
    for (size_t n = 1; n <= 3; n += 2) {
        assert_true(alone(TRI_FUSE_DBSF, TRI_NORM_DEFAULT, same, n, 0) == 0.5);
        assert_true(alone(TRI_FUSE_COMBSUM, TRI_NORM_MINMAX, same, n, 0) == 1);
        assert_true(alone(TRI_FUSE_COMBSUM, TRI_NORM_ZSCORE, same, n, 0) == 0);
        assert_true(alone(TRI_FUSE_WEIGHTED, TRI_NORM_DEFAULT, same, n, 0) == 0.1);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const uint32_t twice[] = {3, 3};
    static const double huge[] = {1e308, 1e308};
    fuse_list lists[] = {{docs1, scores1, 3, 1}, {twice, scores2, 2, 1}};
    fuse_hit hits[5];
    size_t n;
    tri_error err;
    fuse_rules r = rules_of(TRI_FUSE_RRF);
    assert_int_equal(fuse_run(lists, 2, &r, hits, &n, &err), TRI_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "list 2"));
    r.rrf_k = 0; /* 1 / 0 for the first */
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_ERR_ARGUMENT);
    r.rrf_base = 1;
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_OK);
    r.rrf_base = 2;
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_ERR_ARGUMENT);
    r = rules_of(5);
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_ERR_ARGUMENT);
    r = rules_of(TRI_FUSE_WEIGHTED);
    r.norm = 4;
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_ERR_ARGUMENT);
    r = rules_of(TRI_FUSE_WEIGHTED);
    lists[0].weight = NAN;
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_ERR_ARGUMENT);
    lists[0] = (fuse_list){docs2, huge, 2, 100};
    assert_int_equal(fuse_run(lists, 1, &r, hits, &n, &err), TRI_ERR_NUMERIC);
    assert_int_equal(fuse_run(NULL, 0, &r, hits, &n, &err), TRI_OK);
    assert_int_equal(n, 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(tri_fuse_by_name("weighted"), TRI_FUSE_WEIGHTED);
    assert_int_equal(tri_fuse_by_name("rrf"), TRI_FUSE_RRF);
    assert_int_equal(tri_fuse_by_name("combsum"), TRI_FUSE_COMBSUM);
    assert_int_equal(tri_fuse_by_name("combmnz"), TRI_FUSE_COMBMNZ);
    assert_int_equal(tri_fuse_by_name("dbsf"), TRI_FUSE_DBSF);
    assert_int_equal(tri_fuse_by_name("borda"), -1);
    assert_int_equal(tri_fuse_by_name(NULL), -1);
    assert_int_equal(tri_norm_by_name("none"), TRI_NORM_NONE);
    assert_int_equal(tri_norm_by_name("minmax"), TRI_NORM_MINMAX);
    assert_int_equal(tri_norm_by_name("zscore"), TRI_NORM_ZSCORE);
    assert_int_equal(tri_norm_by_name("default"), -1);
}

/* ---- properties ---------------------------------------------------------------------------------------------------- */

enum { MOST = 400 };
typedef struct random_list {
    uint32_t docs[MOST];
    double scores[MOST];
    size_t n;
} random_list;

static void draw(random_list *l, rng *r, uint32_t top)
{
    l->n = 1 + rng_below(r, MOST - 1);
    for (size_t i = 0; i < l->n;) { /* distinct documents, scores descending with ties */
        uint32_t doc = (uint32_t)rng_below(r, top);
        bool seen = false;
        for (size_t j = 0; j < i; j++) seen = seen || l->docs[j] == doc;
        if (!seen) l->docs[i++] = doc;
    }
    for (size_t i = 0; i < l->n; i++) l->scores[i] = (i ? l->scores[i - 1] : 5) - (double)rng_below(r, 4) / 8;
}

static void test_random_lists(void **state)
{
    (void)state;
    static random_list a, b;
    static fuse_hit hits[2 * MOST], swapped[2 * MOST];
    rng r;
    rng_seed(&r, 11);
    for (int round = 0; round < 200; round++) {
        /* ordinals over all of 32 bits: every pass of the radix sort */
        uint32_t top = round % 2 ? UINT32_MAX : 600;
        draw(&a, &r, top);
        draw(&b, &r, top);
        fuse_rules rules = {.method = round % 5, .norm = (round / 5) % 4, .rrf_k = 60, .missing = round / 20 % 2};
        const fuse_list ab[] = {{a.docs, a.scores, a.n, 0.5}, {b.docs, b.scores, b.n, 2}};
        const fuse_list ba[] = {ab[1], ab[0]};
        size_t n, m;
        assert_int_equal(fuse_run(ab, 2, &rules, hits, &n, NULL), TRI_OK);
        assert_int_equal(fuse_run(ba, 2, &rules, swapped, &m, NULL), TRI_OK);
        assert_true(n == m && n >= a.n && n >= b.n && n <= a.n + b.n);
        for (size_t i = 0; i < n; i++) {
            if (i) assert_true(hits[i].doc > hits[i - 1].doc);
            assert_true(isfinite(hits[i].score));
            assert_true(hits[i].doc == swapped[i].doc && hits[i].score == swapped[i].score); /* a + b == b + a */
            if (rules.method == TRI_FUSE_RRF) assert_true(hits[i].score > 0 && hits[i].score <= 2.5 / 60);
        }
    }
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/trident-test-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    return chdir("/") == 0 ? rmdir(folder) : -1; /* fails when a test left a file */
}

static tri_run *run_of(const char *text)
{
    tri_error err = {0};
    tri_run *run;
    FILE *f = fopen("in.run", "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    if (tri_run_load("in.run", &run, &err) != TRI_OK) fail_msg("%s", err.text);
    unlink("in.run");
    return run;
}

static void expect_fused(const tri_run *const *runs, size_t n, const tri_fuse_options *o, const char *expected)
{
    tri_error err = {0};
    tri_run *fused;
    char text[1024];
    if (tri_fuse_runs(runs, n, o, &fused, &err) != TRI_OK) fail_msg("%s", err.text);
    assert_int_equal(tri_run_save(fused, "out.run", "t", &err), TRI_OK);
    tri_run_free(fused);
    FILE *f = fopen("out.run", "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    unlink("out.run");
    assert_string_equal(text, expected);
}

static void test_runs(void **state)
{
    (void)state;
    /* b and a swap places, c is in one; q2 is only in the first, q3 only in the second; ranks and file order mean nothing */
    tri_run *first = run_of("q1 Q0 b 9 1 x\nq1 Q0 a 1 2 x\nq2 Q0 z 1 1 x\n");
    tri_run *second = run_of("q3 Q0 y 1 1 x\nq1 Q0 a 1 0.5 x\nq1 Q0 b 2 0.75 x\nq1 Q0 c 3 0.25 x\n");
    const tri_run *const runs[] = {first, second};
    tri_fuse_options o;
    tri_fuse_options_init(&o);
    o.method = TRI_FUSE_RRF;
    expect_fused(runs, 2, &o,
                 "q1 Q0 a 1 0.03306011 t\nq1 Q0 b 2 0.03306011 t\nq1 Q0 c 3 0.016129032 t\n"
                 "q2 Q0 z 1 0.016666668 t\nq3 Q0 y 1 0.016666668 t\n");
    static const double weights[] = {1, 4};
    o.method = TRI_FUSE_WEIGHTED;
    o.weights = weights;
    expect_fused(runs, 2, &o, "q1 Q0 a 1 4 t\nq1 Q0 b 2 4 t\nq1 Q0 c 3 1 t\nq2 Q0 z 1 1 t\nq3 Q0 y 1 4 t\n");
    tri_run_free(first);
    tri_run_free(second);
}

/* Three lists in which two documents trade ranks: equal in arithmetic, and in double only up to the order of addition. */
static void test_ties_are_settled_in_float32(void **state)
{
    (void)state;
    tri_run *a = run_of("q Q0 m 1 3 x\nq Q0 k 2 2 x\nq Q0 l 3 1 x\n");
    tri_run *b = run_of("q Q0 k 1 3 x\nq Q0 l 2 2 x\nq Q0 m 3 1 x\n");
    tri_run *c = run_of("q Q0 l 1 3 x\nq Q0 m 2 2 x\nq Q0 k 3 1 x\n");
    const tri_run *const runs[] = {a, b, c};
    tri_fuse_options o;
    tri_fuse_options_init(&o);
    o.method = TRI_FUSE_RRF;
    o.rrf_base = 1;
    expect_fused(runs, 3, &o, "q Q0 k 1 0.048395492 t\nq Q0 l 2 0.048395492 t\nq Q0 m 3 0.048395492 t\n");
    tri_run_free(a);
    tri_run_free(b);
    tri_run_free(c);
}

static void test_runs_refused(void **state)
{
    (void)state;
    tri_run *a = run_of("q Q0 m 1 3e38 x\n"), *b = run_of("q Q0 m 1 3e38 x\n"), *out;
    const tri_run *const runs[] = {a, b}, *const hole[] = {a, NULL};
    tri_fuse_options o;
    tri_error err;
    tri_fuse_options_init(&o);
    assert_int_equal(tri_fuse_runs(runs, 2, &o, &out, &err), TRI_ERR_NUMERIC); /* 6e38 is no float32 */
    assert_non_null(strstr(err.text, "query \"q\""));
    assert_null(out);
    assert_int_equal(tri_fuse_runs(hole, 2, &o, &out, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(tri_fuse_runs(runs, 0, &o, &out, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(tri_fuse_runs(runs, 2, NULL, &out, &err), TRI_ERR_ARGUMENT);
    tri_run_free(a);
    tri_run_free(b);
}

static void test_every_fault_is_survived(void **state)
{
    (void)state;
    tri_run *a = run_of("q Q0 m 1 3 x\nq Q0 k 2 2 x\nr Q0 l 3 1 x\n"), *b = run_of("q Q0 k 1 3 x\nq Q0 l 2 2 x\n");
    const tri_run *const runs[] = {a, b};
    tri_fuse_options o;
    tri_fuse_options_init(&o);
    for (uint64_t nth = 1;; nth++) {
        tri_run *out;
        uint64_t live = mem_live();
        fault_arm(FAULT_ALLOC, nth, false);
        tri_status st = tri_fuse_runs(runs, 2, &o, &out, NULL);
        bool passed = fault_seen(FAULT_ALLOC) < nth;
        fault_arm(FAULT_ALLOC, 0, false);
        tri_run_free(out);
        assert_int_equal(mem_live(), live);
        assert_int_equal(st, passed ? TRI_OK : TRI_ERR_MEMORY);
        if (passed) break;
    }
    tri_run_free(a);
    tri_run_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rrf),
        cmocka_unit_test(test_weighted),
        cmocka_unit_test(test_combsum_and_combmnz),
        cmocka_unit_test(test_dbsf),
        cmocka_unit_test(test_equal_scores),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_random_lists),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_ties_are_settled_in_float32),
        cmocka_unit_test(test_runs_refused),
        cmocka_unit_test(test_every_fault_is_survived),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
