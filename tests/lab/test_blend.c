/* SPDX-License-Identifier: Apache-2.0 */
/* test_blend.c — trials are tri_fuse_runs and tri_eval bit by bit; the choice finds what was put there and nothing in noise;
 * folds follow from ids alone; with each allocation failing in turn nothing leaks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/rng.h"
#include "lab/blend.h"
#include "lab/fold.h"

enum { RUNS = 9, QUERIES = 40, DEPTH = 30, DOCS = 120, RELEVANT = 4 };

static char folder[64];
static tri_qrels *qrels;
static tri_run *runs[RUNS];

static void load_run(const char *path, tri_run **out)
{
    tri_error err;
    if (tri_run_load(path, out, &err)) fail_msg("%s", err.text);
}

/* Scores of few values, so that many are equal; run r finds a relevant document more often the higher r is. Query 0 is in no
 * run, query 1 in some; query 2 has more judgments than are counted one by one. */
static int setup(void **state)
{
    (void)state;
    char path[128];
    rng draw;
    tri_error err;
    rng_seed(&draw, 5);
    snprintf(folder, sizeof folder, "%s/tri-blend-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/qrels", folder);
    FILE *f = fopen(path, "w");
    for (int q = 0; q < QUERIES; q++)
        for (int d = 0; d < (q == 2 ? 90 : RELEVANT + 3); d++)
            fprintf(f, "q%d 0 d%d %d\n", q, d, d < RELEVANT ? d % 3 : d % 2 - 1);
    fclose(f);
    if (tri_qrels_load(path, &qrels, &err)) return -1;
    for (int r = 0; r < RUNS; r++) {
        snprintf(path, sizeof path, "%s/run%d", folder, r);
        f = fopen(path, "w");
        for (int q = 1; q < QUERIES + 3; q++) {
            if (q == 1 && r % 2) continue;
            for (int d = 0, n = 0; d < DOCS && n < DEPTH; d++) {
                bool relevant = d < RELEVANT;
                if (rng_uniform(&draw) > (relevant ? 0.5 : 0.3)) continue;
                double score = floor(rng_uniform(&draw) * 8 + (relevant ? 0.4 * r : 0)) / 4 - 0.5;
                fprintf(f, "q%d Q0 d%d %d %g x\n", q, d, ++n, score);
            }
            fprintf(f, "q%d Q0 last 99 -1 x\n", q);
        }
        fclose(f);
        load_run(path, &runs[r]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    for (int r = 0; r < RUNS; r++) tri_run_free(runs[r]);
    tri_qrels_free(qrels);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static tri_trials *make_trials(size_t n_runs, const char *metric)
{
    tri_trials *t;
    tri_error err;
    if (tri_trials_new(qrels, (const tri_run *const *)runs, n_runs, metric, &t, &err)) fail_msg("%s", err.text);
    return t;
}

static void check_recipe(const blend_recipe *r, const char *metric, const double *got)
{
    const tri_run *members[BLEND_MEMBERS];
    tri_fuse_options fuse = blend_recipe_options(r);
    tri_eval_options options;
    tri_run *fused;
    tri_report *report;
    for (size_t i = 0; i < r->n; i++) members[i] = runs[r->members[i]];
    tri_eval_options_init(&options);
    options.metrics = &metric;
    options.n_metrics = 1;
    assert_int_equal(tri_fuse_runs(members, r->n, &fuse, &fused, NULL), TRI_OK);
    assert_int_equal(tri_eval(qrels, fused, &options, &report, NULL), TRI_OK);
    assert_int_equal(tri_report_queries(report), QUERIES);
    for (size_t q = 0; q < QUERIES; q++)
        if (tri_report_value(report, 0, q) != got[q])
            fail_msg("%s, %s of %zu members, query %zu: %.17g, expected %.17g", metric, blend_recipe_method(r), r->n, q, got[q],
                     tri_report_value(report, 0, q));
    tri_report_free(report);
    tri_run_free(fused);
}

static void test_trials_are_fuse_and_eval(void **state)
{
    (void)state;
    static const char *const metrics[] = {"ndcg@10", "map", "bpref", "recall@20", "mrr", "rprec"};
    blend_space space;
    blend_space_init(&space);
    assert_int_equal(blend_space_all(&space, 4, 4, NULL), TRI_OK);
    tri_trial *list = calloc(space.n, sizeof *list);
    double *values = calloc(space.n * QUERIES, sizeof *values), *again = calloc(space.n * QUERIES, sizeof *values);
    for (size_t i = 0; i < space.n; i++) list[i] = blend_recipe_trial(&space.recipes[i]);
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        tri_trials *t = make_trials(4, metrics[m]);
        assert_int_equal(tri_trials_answered(t), QUERIES - 1);
        assert_int_equal(tri_trials_measure(t, list, space.n, 1, values, NULL, NULL, NULL), TRI_OK);
        assert_int_equal(tri_trials_measure(t, list, space.n, 3, again, NULL, NULL, NULL), TRI_OK);
        assert_memory_equal(values, again, space.n * QUERIES * sizeof *values);
        for (size_t i = 0; i < space.n; i++) check_recipe(&space.recipes[i], metrics[m], values + i * QUERIES);
        tri_trials_free(t);
    }
    free(list);
    free(values);
    free(again);
    blend_space_drop(&space);
}

static void test_space(void **state)
{
    (void)state;
    blend_space space;
    blend_space_init(&space);
    assert_int_equal(blend_space_all(&space, 6, 6, NULL), TRI_OK);
    /* 6 alone; 57 subsets in 8 ways; 15 pairs in 4 weightings, 20 triples in 6, 96 larger with one doubled, in 3 ways */
    assert_int_equal(space.n, 6 + 57 * 8 + (15 * 4 + 20 * 6 + 96) * 3);
    size_t n = space.n;
    assert_int_equal(blend_space_all(&space, 6, 6, NULL), TRI_OK); /* none twice */
    assert_int_equal(space.n, n);
    blend_space_drop(&space);
    blend_space_init(&space);
    assert_int_equal(blend_space_all(&space, 6, 1, NULL), TRI_OK);
    assert_int_equal(space.n, 6);
    blend_space_drop(&space);
}

static blend_options default_options(void)
{
    return (blend_options){.folds = 5, .most = 6, .seed = 1, .threads = 1};
}

/* What the rule promises, looked up again by hand. */
static void check_choice(const blend *b)
{
    double best = blend_mean(b, b->highest), sum = 0;
    for (size_t i = 0; i < b->space.n; i++)
        if (b->exhaustive) assert_true(blend_mean(b, i) <= best);
    assert_true(b->space.recipes[b->winner].n <= b->space.recipes[b->highest].n);
    assert_true(b->winner_score <= best && b->winner_score >= blend_mean(b, b->best_single) - 1e-12);
    for (size_t q = 0; q < b->n_queries; q++) {
        assert_true(b->unseen[q] == b->values[b->folds[b->fold_of[q]].winner][q]);
        sum += b->unseen[q];
    }
    assert_true(fabs(sum / (double)b->n_queries - b->unseen_score) < 1e-12);
    assert_int_equal(b->test.n, b->n_queries);
}

static void test_choice(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 5, RUNS}; /* the last is greedy */
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        tri_trials *t = make_trials(sizes[s], "ndcg@10");
        blend_options options = default_options();
        blend a, b;
        assert_int_equal(blend_choose(&a, t, sizes[s], &options, NULL), TRI_OK);
        assert_int_equal(a.exhaustive, sizes[s] <= BLEND_EXHAUSTIVE);
        check_choice(&a);
        options.threads = 2;
        assert_int_equal(blend_choose(&b, t, sizes[s], &options, NULL), TRI_OK);
        assert_true(a.winner == b.winner && a.unseen_score == b.unseen_score && a.space.n == b.space.n);
        blend_drop(&b);
        options.take_best = true;
        assert_int_equal(blend_choose(&b, t, sizes[s], &options, NULL), TRI_OK);
        assert_true(b.winner == b.highest && b.winner_score >= a.winner_score);
        blend_drop(&b);
        options.most = 1;
        assert_int_equal(blend_choose(&b, t, sizes[s], &options, NULL), TRI_OK);
        assert_int_equal(b.space.recipes[b.winner].n, 1);
        blend_drop(&b);
        options.folds = QUERIES + 1;
        assert_int_equal(blend_choose(&b, t, sizes[s], &options, NULL), TRI_ERR_ARGUMENT);
        blend_drop(&b);
        blend_drop(&a);
        tri_trials_free(t);
    }
}

/* A run twice, without equal scores, whose order rrf would settle in another way than trec_eval: no fusion of the two differs
 * from it, and the single one is taken. */
static void test_equals_are_simplest(void **state)
{
    (void)state;
    tri_run *saved[2] = {runs[0], runs[1]};
    char path[128];
    snprintf(path, sizeof path, "%s/distinct", folder);
    FILE *f = fopen(path, "w");
    for (int q = 0; q < QUERIES; q++)
        for (int d = 0; d < DEPTH; d++) fprintf(f, "q%d Q0 d%d %d %d x\n", q, (d + q) % DEPTH, d + 1, DEPTH - d);
    fclose(f);
    load_run(path, &runs[0]);
    load_run(path, &runs[1]);
    tri_trials *t = make_trials(2, "ndcg@10");
    blend_options options = default_options();
    blend b;
    assert_int_equal(blend_choose(&b, t, 2, &options, NULL), TRI_OK);
    assert_int_equal(b.space.recipes[b.winner].n, 1);
    assert_true(b.test.difference == 0 && b.test.p_t == 1 && b.test.p_random == 1);
    blend_drop(&b);
    tri_trials_free(t);
    for (int i = 0; i < 2; i++) {
        tri_run_free(runs[i]);
        runs[i] = saved[i];
    }
}

static void test_folds(void **state)
{
    (void)state;
    const char *ids[] = {"a", "b", "c", "d", "e", "f", "g"}, *turned[7];
    uint32_t first[7], second[7], counts[3] = {0};
    for (int i = 0; i < 7; i++) turned[i] = ids[6 - i];
    assert_int_equal(fold_assign(ids, 7, 3, 9, first, NULL), TRI_OK);
    assert_int_equal(fold_assign(turned, 7, 3, 9, second, NULL), TRI_OK);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(first[i], second[6 - i]);
        counts[first[i]]++;
    }
    assert_true(counts[0] == 3 && counts[1] == 2 && counts[2] == 2);
    assert_int_equal(fold_assign(ids, 7, 8, 9, first, NULL), TRI_ERR_ARGUMENT);
}

static void test_refused(void **state)
{
    (void)state;
    tri_trials *t;
    tri_error err;
    const tri_run *const *list = (const tri_run *const *)runs;
    assert_int_equal(tri_trials_new(qrels, list, 2, "num_ret", &t, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(tri_trials_new(qrels, list, 2, "no-such", &t, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(tri_trials_new(qrels, list, 2, "P", &t, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(tri_trials_new(qrels, list, 0, "map", &t, &err), TRI_ERR_ARGUMENT);
    t = make_trials(2, "map");
    uint32_t members[2] = {1, 0};
    double values[QUERIES];
    tri_trial trial = {.members = members, .n_members = 2, .method = TRI_FUSE_RRF, .rrf_k = 60};
    assert_int_equal(tri_trials_measure(t, &trial, 1, 1, values, NULL, NULL, &err), TRI_ERR_ARGUMENT); /* not ascending */
    members[0] = 0, members[1] = 2;
    assert_int_equal(tri_trials_measure(t, &trial, 1, 1, values, NULL, NULL, &err), TRI_ERR_ARGUMENT); /* no such run */
    members[1] = 1, trial.rrf_k = 0;
    assert_int_equal(tri_trials_measure(t, &trial, 1, 1, values, NULL, NULL, &err), TRI_ERR_ARGUMENT); /* divides by 0 */
    trial.method = TRI_FUSE_WEIGHTED;
    double weights[2] = {1e300, 1e300};
    trial.weights = weights;
    assert_int_equal(tri_trials_measure(t, &trial, 1, 1, values, NULL, NULL, &err), TRI_ERR_NUMERIC);
    tri_trials_free(t);
}

static tri_status whole(tri_error *err)
{
    tri_trials *t;
    blend b = {0};
    blend_options options = default_options();
    tri_status st = tri_trials_new(qrels, (const tri_run *const *)runs, 7, "ndcg@10", &t, err);
    if (st) return st;
    options.most = 2;
    st = blend_choose(&b, t, 7, &options, err);
    blend_drop(&b);
    tri_trials_free(t);
    return st;
}

static void test_faults(void **state)
{
    (void)state;
    tri_error err;
    uint64_t live = mem_live();
    for (uint64_t n = 1; n < 100000; n++) {
        fault_arm(FAULT_ALLOC, n, false);
        tri_status st = whole(&err);
        bool hit = fault_seen(FAULT_ALLOC) >= n;
        fault_arm(FAULT_ALLOC, 0, false);
        assert_true(mem_live() == live);
        if (!hit) {
            assert_int_equal(st, TRI_OK);
            return;
        }
        assert_int_equal(st, TRI_ERR_MEMORY);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials_are_fuse_and_eval),
        cmocka_unit_test(test_space),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_equals_are_simplest),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
