/* SPDX-License-Identifier: Apache-2.0 */
/* test_report.c — trec_eval's figures to 1e-9 on the golden cases of the repository; names of metrics; properties that hold for
 * any ranking; nothing leaks when memory or a read fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/rng.h"
#include "trident/eval.h"

#define GOLDEN TEST_ROOT "/tests/golden/eval/"
#define TOLERANCE 1e-9 /* the contract with trec_eval; what is seen is 3e-16 */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static tri_report *report_of(const char *qrels_path, const char *run_path, const char *const *names, size_t n, int only_present)
{
    tri_error err = {0};
    tri_qrels *qrels;
    tri_run *run;
    tri_report *report;
    tri_eval_options options;
    tri_eval_options_init(&options);
    options.metrics = names;
    options.n_metrics = n;
    options.only_present = only_present;
    if (tri_qrels_load(qrels_path, &qrels, &err) != TRI_OK) fail_msg("%s", err.text);
    if (tri_run_load(run_path, &run, &err) != TRI_OK) fail_msg("%s", err.text);
    if (tri_eval(qrels, run, &options, &report, &err) != TRI_OK) fail_msg("%s", err.text);
    tri_qrels_free(qrels);
    tri_run_free(run);
    return report; /* outlives both */
}

static size_t metric_at(const tri_report *r, const char *name)
{
    for (size_t m = 0; m < tri_report_metrics(r); m++)
        if (!strcmp(tri_report_metric_name(r, m), name)) return m;
    fail_msg("no metric %s in the report", name);
    return 0;
}

static size_t query_at(const tri_report *r, const char *id)
{
    for (size_t q = 0; q < tri_report_queries(r); q++)
        if (!strcmp(tri_report_query_id(r, q), id)) return q;
    fail_msg("no query %s in the report", id);
    return 0;
}

/* ---- golden -------------------------------------------------------------------------------------------------------- */

static void compare_overall(const tri_report *r, const json_t *expected, const char *what)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)expected, name, value)
    {
        double got = tri_report_overall(r, metric_at(r, name));
        if (!(fabs(got - json_number_value(value)) <= TOLERANCE))
            fail_msg("%s %s: %.17g, expected %.17g", what, name, got, json_number_value(value));
    }
}

static void compare_queries(const tri_report *r, const json_t *expected)
{
    const char *id, *name;
    json_t *metrics, *value;
    json_object_foreach((json_t *)expected, id, metrics)
    {
        size_t q = query_at(r, id);
        json_object_foreach(metrics, name, value)
        {
            double got = tri_report_value(r, metric_at(r, name), q);
            if (!(fabs(got - json_number_value(value)) <= TOLERANCE))
                fail_msg("%s %s: %.17g, expected %.17g", id, name, got, json_number_value(value));
        }
    }
}

static void test_golden_cases(void **state)
{
    (void)state;
    static const char *const cases[] = {"ties", "holes", "float32", "unicode"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char qrels[256], run[256], path[256];
        snprintf(qrels, sizeof qrels, GOLDEN "%s/qrels.txt", cases[i]);
        snprintf(run, sizeof run, GOLDEN "%s/run.txt", cases[i]);
        snprintf(path, sizeof path, GOLDEN "%s/expected.json", cases[i]);
        json_t *expected = json_load_file(path, 0, NULL);
        assert_non_null(expected);
        for (int only_present = 0; only_present < 2; only_present++) {
            tri_report *r = report_of(qrels, run, NULL, 0, only_present);
            compare_overall(r, json_object_get(expected, only_present ? "all" : "all_complete"), cases[i]);
            compare_queries(r, json_object_get(expected, "per_query"));
            assert_int_equal(tri_report_missing(r), json_integer_value(json_object_get(expected, "judged_missing_from_run")));
            tri_report_free(r);
        }
        json_decref(expected);
    }
}

/* Measures that the golden cases lack, worked out by trec_eval 9.0.8 on one small case with a hole in the pool, a negative
 * judgment and a document that nobody judged. */
static void test_rare_measures(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double value;
    } expected[] = {{"num_q", 1},
                    {"num_ret", 5},
                    {"num_rel", 2},
                    {"num_rel_ret", 2},
                    {"num_nonrel_judged_ret", 1},
                    {"map", 0.325},
                    {"gm_map", 0.325},
                    {"infAP", 0.375002499950001},
                    {"iprec_at_recall_0.50", 0.4},
                    {"11pt_avg", 0.4},
                    {"Rprec_mult_1.60", 0.25},
                    {"bpref", 0},
                    {"gm_bpref", 1e-5},
                    {"utility", -1},
                    {"binG", 0.43067655807339306},
                    {"G", 0.4160686411271093},
                    {"ndcg", 0.45777815652719006},
                    {"ndcg_rel", 0.3107378158607799},
                    {"Rndcg", 0.1525927188423967},
                    {"relative_P_5", 1},
                    {"set_P", 0.4},
                    {"set_relative_P", 1},
                    {"set_recall", 1},
                    {"set_map", 0.4},
                    {"set_F", 0.5714285714285715}};
    write_file("rare.qrels", "1 0 a 1\n1 0 b 0\n1 0 c 2\n1 0 d -1\n1 0 e -2\n");
    write_file("rare.run", "1 Q0 a 1 .5 t\n1 Q0 b 2 .6 t\n1 Q0 c 3 .4 t\n1 Q0 d 4 .9 t\n1 Q0 x 5 .8 t\n");
    tri_report *r = report_of("rare.qrels", "rare.run", NULL, 0, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        double got = tri_report_overall(r, metric_at(r, expected[i].name));
        if (!(fabs(got - expected[i].value) <= TOLERANCE))
            fail_msg("%s: %.17g, expected %.17g", expected[i].name, got, expected[i].value);
    }
    tri_report_free(r);
    unlink("rare.qrels");
    unlink("rare.run");
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

static void test_names_mean_the_same(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"ndcg@10", "ndcg_cut_10"}, {"NDCG@10", "ndcg_cut.10"}, {"recall@100", "recall_100"},
        {"mrr", "recip_rank"},      {"map@100", "map_cut_100"}, {"p@5", "P_5"},
        {"rprec", "Rprec"},         {"success@1", "success_1"}, {"iprec_at_recall@0.2", "iprec_at_recall_0.20"},
        {"precision@7", "P.7"},     {"ndcg", "NDCG"},           {"mrr@3", "recip_rank_3"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        tri_report *r = report_of(GOLDEN "holes/qrels.txt", GOLDEN "holes/run.txt", pairs[i], 2, 0);
        assert_int_equal(tri_report_metrics(r), 2);
        assert_string_equal(tri_report_metric_name(r, 0), pairs[i][0]); /* as asked for */
        assert_true(tri_report_overall(r, 0) == tri_report_overall(r, 1));
        tri_report_free(r);
    }
}

static void test_families_and_repeats(void **state)
{
    (void)state;
    static const char *const names[] = {"success", "map", "map", "success_5"};
    tri_report *r = report_of(GOLDEN "holes/qrels.txt", GOLDEN "holes/run.txt", names, 4, 0);
    assert_int_equal(tri_report_metrics(r), 4); /* success_1 success_5 success_10 map */
    assert_string_equal(tri_report_metric_name(r, 1), "success_5");
    assert_string_equal(tri_report_metric_name(r, 3), "map");
    tri_report_free(r);
}

static void test_unknown_names_list_the_known(void **state)
{
    (void)state;
    static const char *const bad[] = {"foo",   "ndcg@",   "ndcg@0", "ndcg@-1", "ndcg@1.5",     "@10", "",
                                      "map@x", "bpref@5", "P@inf",  "P_",      "ndcg_cut@1@2", "_"};
    tri_qrels *qrels;
    tri_run *run;
    tri_error err;
    assert_int_equal(tri_qrels_load(GOLDEN "holes/qrels.txt", &qrels, &err), TRI_OK);
    assert_int_equal(tri_run_load(GOLDEN "holes/run.txt", &run, &err), TRI_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tri_report *r = (tri_report *)&err;
        tri_eval_options o;
        tri_eval_options_init(&o);
        o.metrics = &bad[i];
        o.n_metrics = 1;
        assert_int_equal(tri_eval(qrels, run, &o, &r, &err), TRI_ERR_ARGUMENT);
        assert_null(r);
        assert_non_null(strstr(err.text, bad[i]));
        assert_non_null(strstr(err.hint, "ndcg_cut@k"));
        assert_non_null(strstr(err.hint, ", G")); /* the last one: the list fits */
    }
    tri_qrels_free(qrels);
    tri_run_free(run);
}

/* ---- properties ---------------------------------------------------------------------------------------------------- */

/* One query, 30 documents, 10 of them relevant with grades 1..3, in the order of `order`. */
static tri_report *report_of_order(const int order[30])
{
    FILE *f = fopen("order.run", "wb");
    assert_non_null(f);
    for (int i = 0; i < 30; i++) fprintf(f, "q Q0 d%02d 1 %d t\n", order[i], 100 - i);
    fclose(f);
    return report_of("order.qrels", "order.run", NULL, 0, 0);
}

static void test_bounds_and_best_order(void **state)
{
    (void)state;
    FILE *f = fopen("order.qrels", "wb");
    assert_non_null(f);
    for (int i = 0; i < 10; i++) fprintf(f, "q 0 d%02d %d\n", i, 3 - i % 3);
    for (int i = 10; i < 20; i++) fprintf(f, "q 0 d%02d 0\n", i);
    fclose(f);
    int best[30] = {0, 3, 6, 9, 1, 4, 7, 2, 5, 8};
    for (int i = 10; i < 30; i++) best[i] = i;
    tri_report *top = report_of_order(best);
    assert_true(fabs(tri_report_overall(top, metric_at(top, "ndcg")) - 1) < 1e-15);
    assert_true(fabs(tri_report_overall(top, metric_at(top, "map")) - 1) < 1e-15);
    rng r;
    rng_seed(&r, 7);
    for (int round = 0; round < 50; round++) {
        int order[30];
        memcpy(order, best, sizeof order);
        for (int i = 29; i > 0; i--) {
            int j = (int)rng_below(&r, (uint64_t)i + 1), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        tri_report *got = report_of_order(order);
        for (size_t m = 0; m < tri_report_metrics(got); m++) {
            const char *name = tri_report_metric_name(got, m);
            double value = tri_report_overall(got, m);
            if (strncmp(name, "num_", 4) && strcmp(name, "utility")) assert_true(value >= 0 && value <= 1 + 1e-15);
            /* nothing beats the best order; the interpolated and set measures may equal it */
            assert_true(value <= tri_report_overall(top, m) + 1e-15);
        }
        tri_report_free(got);
    }
    tri_report_free(top);
    unlink("order.qrels");
    unlink("order.run");
}

static void test_missing_queries(void **state)
{
    (void)state;
    static const char *const names[] = {"map", "num_rel", "num_q", "gm_map"};
    write_file("missing.qrels", "a 0 d 1\nb 0 d 1\nc 0 d 0\n");
    write_file("missing.run", "a Q0 d 1 1 t\nz Q0 d 1 1 t\n");
    tri_report *r = report_of("missing.qrels", "missing.run", names, 4, 0);
    assert_int_equal(tri_report_queries(r), 3);
    assert_int_equal(tri_report_missing(r), 2);
    assert_int_equal(tri_report_unjudged(r), 1);
    assert_true(fabs(tri_report_overall(r, 0) - 1.0 / 3) < 1e-15);
    assert_true(tri_report_overall(r, 1) == 2 && tri_report_overall(r, 2) == 3);
    assert_true(fabs(tri_report_overall(r, 3) - pow(1e-10, 1.0 / 3)) < 1e-15);
    tri_report_free(r);
    r = report_of("missing.qrels", "missing.run", names, 4, 1);
    assert_int_equal(tri_report_queries(r), 1);
    assert_true(tri_report_overall(r, 0) == 1 && tri_report_overall(r, 1) == 1);
    tri_report_free(r);
    unlink("missing.qrels");
    unlink("missing.run");
}

static void test_nothing_in_common(void **state)
{
    (void)state;
    tri_error err;
    tri_qrels *qrels;
    tri_run *run;
    tri_report *r;
    tri_eval_options o;
    write_file("apart.qrels", "a 0 d 1\n");
    write_file("apart.run", "b Q0 d 1 1 t\n");
    assert_int_equal(tri_qrels_load("apart.qrels", &qrels, &err), TRI_OK);
    assert_int_equal(tri_run_load("apart.run", &run, &err), TRI_OK);
    tri_eval_options_init(&o);
    assert_int_equal(tri_eval(qrels, run, &o, &r, &err), TRI_OK);
    assert_true(tri_report_overall(r, metric_at(r, "map")) == 0);
    tri_report_free(r);
    o.only_present = 1; /* a mean over nothing */
    assert_int_equal(tri_eval(qrels, run, &o, &r, &err), TRI_ERR_MISMATCH);
    tri_qrels_free(qrels);
    tri_run_free(run);
    unlink("apart.qrels");
    unlink("apart.run");
}

/* ---- faults -------------------------------------------------------------------------------------------------------- */

static tri_status whole_story(tri_error *err)
{
    tri_qrels *qrels = NULL;
    tri_run *run = NULL;
    tri_report *r = NULL;
    tri_eval_options o;
    tri_paired_test test;
    tri_eval_options_init(&o);
    tri_status st = tri_qrels_load(GOLDEN "unicode/qrels.txt", &qrels, err);
    if (!st) st = tri_run_load(GOLDEN "unicode/run.txt", &run, err);
    if (!st) st = tri_eval(qrels, run, &o, &r, err);
    if (!st) st = tri_report_test(r, r, 0, 10, 1, &test, err);
    tri_report_free(r);
    tri_run_free(run);
    tri_qrels_free(qrels);
    return st;
}

static void test_every_fault_is_survived(void **state)
{
    (void)state;
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (uint64_t nth = 1;; nth++) {
            tri_error err = {0};
            uint64_t live = mem_live();
            fault_arm(kind, nth, false);
            tri_status st = whole_story(&err);
            bool passed = fault_seen(kind) < nth;
            fault_arm(kind, 0, false);
            assert_int_equal(mem_live(), live);
            if (passed) {
                assert_int_equal(st, TRI_OK);
                break;
            }
            assert_int_equal(st, kind == FAULT_ALLOC ? TRI_ERR_MEMORY : TRI_ERR_IO);
            assert_true(err.text[0] != 0);
        }
    }
}

/* Scratch files go to a folder of this process's own. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_cases),
        cmocka_unit_test(test_rare_measures),
        cmocka_unit_test(test_names_mean_the_same),
        cmocka_unit_test(test_families_and_repeats),
        cmocka_unit_test(test_unknown_names_list_the_known),
        cmocka_unit_test(test_bounds_and_best_order),
        cmocka_unit_test(test_missing_queries),
        cmocka_unit_test(test_nothing_in_common),
        cmocka_unit_test(test_every_fault_is_survived),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
