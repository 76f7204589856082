/* SPDX-License-Identifier: Apache-2.0 */
/* api_trials.c — tri_trials_* of include/trident/experimental.h: a thousand fusions of the same runs in the time of a few.
 *
 *   once          a query's documents over all runs become numbers (run_union.h), each run's list of them is ordered, grades
 *                 are looked up
 *   a query       what a place of a list is worth is found once for each voice: (run, rule, weight); where a missing document
 *                 adds nothing it does not depend on the other runs (fuse_terms)
 *   a trial       the voices of its members are added up in their order; a judged document's rank is the number of documents
 *                 before it
 *
 * Sums, their rounding to float32 and the order of equal scores are those of tri_fuse_runs and tri_eval, so the values are
 * theirs bit by bit. Queries are shared out among threads; a query's work touches only its own column of values. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/run_union.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/sort.h"
#include "eval/metric.h"
#include "eval/paired_test.h"
#include "trident/experimental.h"

enum {
    QUERIES_A_TURN = 64, /* between two looks at the caller's progress */
    COUNTED_RANKS = 48,  /* up to so many judged documents are ranked by counting, more by sorting */
    WORTH_A_THREAD = 20000,
};

typedef struct trial_query {
    const char *id;
    fuse_list *lists; /* [n_runs] */
    size_t n_docs;
    int32_t *grades;  /* [n_docs] */
    uint32_t *judged; /* [n_judged] documents that have a grade */
    size_t n_judged;
    int32_t *ideal; /* [n_rel] */
    size_t n_rel, n_nonrel;
} trial_query;

struct tri_trials {
    arena memory;
    metric_use *metric;
    size_t n_runs, n_queries, n_answered;
    trial_query *queries;
    size_t most_docs, most_places; /* of a query: documents; the longest list */
};

/* ---- reading the runs once ----------------------------------------------------------------------------------------- */

static int descending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x > y ? -1 : x < y;
}

static void *keep(tri_trials *t, const void *from, size_t n, size_t size)
{
    void *copy = arena_array(&t->memory, n, size);
    if (copy && n) memcpy(copy, from, n * size);
    return copy;
}

static tri_status keep_lists(tri_trials *t, const run_union *u, trial_query *q, tri_error *err)
{
    q->lists = arena_calloc(&t->memory, t->n_runs, sizeof *q->lists);
    if (!q->lists) return err_memory(err, t->n_runs * sizeof *q->lists);
    for (size_t i = 0; i < t->n_runs; i++) {
        const fuse_list *from = &u->ranked[i];
        uint32_t *docs = keep(t, from->docs, from->n, sizeof *docs);
        double *scores = keep(t, from->scores, from->n, sizeof *scores);
        if (!docs || !scores) return err_memory(err, from->n * sizeof *scores);
        q->lists[i] = (fuse_list){docs, scores, from->n, 1};
        if (from->n > t->most_places) t->most_places = from->n;
    }
    q->n_docs = u->n_docs;
    if (u->n_docs > t->most_docs) t->most_docs = u->n_docs;
    t->n_answered += u->n_docs > 0;
    return TRI_OK;
}

/* Both sides lie in ascending id order. */
static tri_status keep_grades(tri_trials *t, const run_union *u, const trec_table *qrels, const trec_query *query,
                              trial_query *q, tri_error *err)
{
    const trec_row *rows = qrels->rows + query->first;
    q->grades = arena_array(&t->memory, u->n_docs, sizeof *q->grades);
    q->judged = arena_array(&t->memory, query->n, sizeof *q->judged);
    q->ideal = arena_array(&t->memory, query->n, sizeof *q->ideal);
    if (!q->grades || !q->judged || !q->ideal) return err_memory(err, (u->n_docs + query->n) * sizeof *q->grades);
    for (size_t i = 0; i < query->n; i++) {
        int32_t grade = (int32_t)rows[i].value;
        if (grade_relevant(grade)) q->ideal[q->n_rel++] = grade;
        q->n_nonrel += grade_nonrelevant(grade);
    }
    qsort(q->ideal, q->n_rel, sizeof *q->ideal, descending);
    for (size_t d = 0, j = 0; d < u->n_docs; d++) {
        int order = 1;
        while (j < query->n && (order = trec_row_order(&rows[j], u->docs[d])) < 0) j++;
        q->grades[d] = GRADE_NOT_IN_POOL;
        if (j == query->n || order != 0) continue;
        q->grades[d] = rows[j].value < 0 ? GRADE_NOT_JUDGED : (int32_t)rows[j].value;
        q->judged[q->n_judged++] = (uint32_t)d;
    }
    return TRI_OK;
}

static tri_status read_queries(tri_trials *t, const trec_table *qrels, const tri_run *const *runs, tri_error *err)
{
    run_union u;
    tri_status st = run_union_init(&u, runs, t->n_runs, err);
    for (size_t i = 0; !st && i < qrels->n_queries; i++) {
        const trec_query *query = &qrels->queries[i];
        trial_query *q = &t->queries[i];
        q->id = arena_copy(&t->memory, query->id, query->id_len);
        if (!q->id) st = err_memory(err, query->id_len);
        if (!st) st = run_union_query(&u, (tri_text){query->id, query->id_len}, err);
        if (!st) st = keep_lists(t, &u, q, err);
        if (!st) st = keep_grades(t, &u, qrels, query, q, err);
    }
    run_union_drop(&u);
    if (!st && !t->n_answered)
        st =
            err_set(err, TRI_ERR_MISMATCH, "none of the %zu judged queries is in any of the %zu runs", t->n_queries, t->n_runs);
    return st;
}

static tri_status choose_metric(tri_trials *t, const char *metric, tri_error *err)
{
    size_t n;
    TRI_TRY(metric_resolve(&metric, 1, &t->metric, &n, err));
    if (n != 1) return err_set(err, TRI_ERR_ARGUMENT, "\"%s\" stands for %zu metrics, a choice needs one", metric, n);
    if (t->metric->kind->overall == OVERALL_MEAN) return TRI_OK;
    return err_set(err, TRI_ERR_ARGUMENT, "the overall figure of \"%s\" is no mean over queries", metric);
}

tri_status tri_trials_new(const tri_qrels *qrels, const tri_run *const *runs, size_t n_runs, const char *metric,
                          tri_trials **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the trials was given");
    *out = NULL;
    if (!qrels || !runs || !n_runs || !metric)
        return err_set(err, TRI_ERR_ARGUMENT, "trials need judgments, runs and the name of a metric");
    for (size_t i = 0; i < n_runs; i++)
        if (!runs[i]) return err_set(err, TRI_ERR_ARGUMENT, "run %zu of %zu is missing", i + 1, n_runs);
    tri_trials *t = mem_calloc(1, sizeof *t);
    if (!t) return err_memory(err, sizeof *t);
    arena_init(&t->memory, 0);
    t->n_runs = n_runs;
    t->n_queries = qrels->table.n_queries;
    t->queries = arena_calloc(&t->memory, t->n_queries, sizeof *t->queries);
    tri_status st = t->queries ? choose_metric(t, metric, err) : err_memory(err, t->n_queries * sizeof *t->queries);
    if (!st) st = read_queries(t, &qrels->table, runs, err);
    if (st) {
        tri_trials_free(t);
        return st;
    }
    *out = t;
    return TRI_OK;
}

size_t tri_trials_queries(const tri_trials *trials)
{
    return trials ? trials->n_queries : 0;
}

const char *tri_trials_query_id(const tri_trials *trials, size_t query)
{
    return trials && query < trials->n_queries ? trials->queries[query].id : NULL;
}

size_t tri_trials_answered(const tri_trials *trials)
{
    return trials ? trials->n_answered : 0;
}

void tri_trials_free(tri_trials *trials)
{
    if (!trials) return;
    arena_drop(&trials->memory);
    mem_free(trials->metric);
    mem_free(trials);
}

/* ---- voices -------------------------------------------------------------------------------------------------------- */

typedef struct voice {
    uint32_t run;
    fuse_rules rules;
    double weight;
} voice;

typedef struct work {
    const tri_trials *t;
    const tri_trial *list;
    size_t n, first; /* trials; the first query of this turn */
    voice *voices;
    size_t n_voices;
    uint32_t *voice_of; /* trial after trial, member after member */
    double *values;     /* [n, n_queries] */
    struct bench *benches;
} work;

/* One a worker. */
typedef struct bench {
    double *terms; /* [n_voices, most_places] */
    double *sums;  /* [most_docs] */
    uint32_t *counts;
    uint64_t *keys, *sorted;
    int32_t *grades;
    tri_status status;
    tri_error err;
} bench;

static bool same_voice(const voice *a, const voice *b)
{
    return a->run == b->run && a->weight == b->weight && a->rules.method == b->rules.method && a->rules.norm == b->rules.norm &&
           a->rules.rrf_k == b->rules.rrf_k && a->rules.rrf_base == b->rules.rrf_base;
}

static tri_status check_trial(const tri_trials *t, const tri_trial *trial, tri_error *err)
{
    for (size_t i = 0; i < trial->n_members; i++)
        if (trial->members[i] >= t->n_runs || (i && trial->members[i] <= trial->members[i - 1]))
            return err_set(err, TRI_ERR_ARGUMENT, "the members of a trial are not ascending places among %zu runs", t->n_runs);
    return trial->n_members ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "a trial without members");
}

static tri_status list_voices(work *w, arena *memory, tri_error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < w->n; i++) {
        TRI_TRY(check_trial(w->t, &w->list[i], err));
        total += w->list[i].n_members;
    }
    w->voices = arena_array(memory, total, sizeof *w->voices);
    w->voice_of = arena_array(memory, total, sizeof *w->voice_of);
    if (!w->voices || !w->voice_of) return err_memory(err, total * sizeof *w->voices);
    for (size_t i = 0; i < w->n; i++)
        for (size_t m = 0; m < w->list[i].n_members; m++) {
            const tri_trial *trial = &w->list[i];
            voice v = {
                .run = trial->members[m],
                .rules = {.method = trial->method, .norm = trial->norm, .rrf_k = trial->rrf_k, .rrf_base = trial->rrf_base},
                .weight = trial->weights ? trial->weights[m] : 1};
            size_t k = 0;
            while (k < w->n_voices && !same_voice(&w->voices[k], &v)) k++;
            if (k == w->n_voices) w->voices[w->n_voices++] = v;
            w->voice_of[at++] = (uint32_t)k;
        }
    return TRI_OK;
}

static tri_status make_bench(bench *b, const work *w, arena *memory, tri_error *err)
{
    const tri_trials *t = w->t;
    b->terms = arena_array(memory, w->n_voices * t->most_places, sizeof *b->terms);
    b->sums = arena_array(memory, t->most_docs, sizeof *b->sums);
    b->counts = arena_array(memory, t->most_docs, sizeof *b->counts);
    b->keys = arena_array(memory, t->most_docs, sizeof *b->keys);
    b->sorted = arena_array(memory, t->most_docs, sizeof *b->sorted);
    b->grades = arena_array(memory, t->most_docs, sizeof *b->grades);
    return b->terms && b->sums && b->counts && b->keys && b->sorted && b->grades
               ? TRI_OK
               : err_memory(err, w->n_voices * t->most_places * sizeof *b->terms);
}

/* ---- one query ----------------------------------------------------------------------------------------------------- */

/* Ascending keys are falling scores, equal ones falling document numbers: trec_eval's order. */
static uint64_t order_key(float score, uint32_t doc)
{
    uint32_t bits;
    score += 0.0f; /* -0 equals 0 */
    memcpy(&bits, &score, sizeof bits);
    bits = bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
    return (uint64_t)bits << 32 | (uint32_t)~doc;
}

static tri_status add_voices(const work *w, const trial_query *q, size_t trial, const uint32_t *voices, bench *b, size_t *n_ret)
{
    const tri_trial *of = &w->list[trial];
    memset(b->sums, 0, q->n_docs * sizeof *b->sums);
    memset(b->counts, 0, q->n_docs * sizeof *b->counts);
    for (size_t m = 0; m < of->n_members; m++) {
        const fuse_list *list = &q->lists[of->members[m]];
        const double *terms = b->terms + voices[m] * w->t->most_places;
        for (size_t i = 0; i < list->n; i++) {
            b->sums[list->docs[i]] += terms[i];
            b->counts[list->docs[i]]++;
        }
    }
    bool times = fuse_times_lists(of->method);
    *n_ret = 0;
    for (size_t d = 0; d < q->n_docs; d++) {
        double score = times ? b->sums[d] * b->counts[d] : b->sums[d];
        if (!(fabs(score) <= FLT_MAX))
            return err_set(&b->err, TRI_ERR_NUMERIC, "a fused score of query \"%s\" is more than a float32 holds", q->id);
        b->keys[d] = b->counts[d] ? order_key((float)score, (uint32_t)d) : UINT64_MAX;
        *n_ret += b->counts[d] > 0;
    }
    return TRI_OK;
}

static size_t count_before(const uint64_t *keys, size_t n, uint64_t key)
{
    size_t before = 0;
    for (size_t i = 0; i < n; i++) before += keys[i] < key;
    return before;
}

static double measure_ranking(const tri_trials *t, const trial_query *q, bench *b, size_t n_ret)
{
    ranking r = {.grades = b->grades, .n_ret = n_ret, .ideal = q->ideal, .n_rel = q->n_rel, .n_nonrel = q->n_nonrel};
    if (q->n_judged <= COUNTED_RANKS) {
        for (size_t i = 0; i < n_ret; i++) b->grades[i] = GRADE_NOT_IN_POOL;
        for (size_t i = 0; i < q->n_judged; i++) {
            uint32_t doc = q->judged[i];
            if (!b->counts[doc]) continue;
            b->grades[count_before(b->keys, q->n_docs, b->keys[doc])] = q->grades[doc];
            r.n_rel_ret += grade_relevant(q->grades[doc]);
        }
    } else {
        memcpy(b->sorted, b->keys, q->n_docs * sizeof *b->keys);
        sort_u64(b->sorted, q->n_docs);
        for (size_t i = 0; i < n_ret; i++) {
            b->grades[i] = q->grades[(uint32_t)~b->sorted[i]];
            r.n_rel_ret += grade_relevant(b->grades[i]);
        }
    }
    return t->metric->kind->run(&r, t->metric->cut);
}

static tri_status measure_query(const work *w, size_t query, bench *b)
{
    const tri_trials *t = w->t;
    const trial_query *q = &t->queries[query];
    for (size_t v = 0; v < w->n_voices; v++) {
        fuse_list list = q->lists[w->voices[v].run];
        list.weight = w->voices[v].weight;
        TRI_TRY(fuse_terms(&list, &w->voices[v].rules, b->terms + v * t->most_places, &b->err));
    }
    const uint32_t *voices = w->voice_of;
    for (size_t i = 0; i < w->n; i++) {
        size_t n_ret;
        TRI_TRY(add_voices(w, q, i, voices, b, &n_ret));
        w->values[i * t->n_queries + query] = measure_ranking(t, q, b, n_ret);
        voices += w->list[i].n_members;
    }
    return TRI_OK;
}

static void run_task(void *ctx, size_t task, size_t worker)
{
    const work *w = ctx;
    bench *b = &w->benches[worker];
    if (!b->status) b->status = measure_query(w, w->first + task, b);
}

/* ---- all queries --------------------------------------------------------------------------------------------------- */

static tri_status measure_turns(work *w, pool *threads, tri_progress_fn progress, void *ctx, tri_error *err)
{
    size_t n_workers = threads ? (size_t)pool_size(threads) : 1;
    for (w->first = 0; w->first < w->t->n_queries; w->first += QUERIES_A_TURN) {
        size_t left = w->t->n_queries - w->first, n = left < QUERIES_A_TURN ? left : QUERIES_A_TURN;
        pool_run(threads, run_task, w, n);
        for (size_t i = 0; i < n_workers; i++)
            if (w->benches[i].status) {
                if (err) *err = w->benches[i].err;
                return w->benches[i].status;
            }
        if (progress && progress(ctx, (w->first + n) * w->n, w->t->n_queries * w->n))
            return err_set(err, TRI_ERR_CANCELLED, "the trials were cancelled");
    }
    return TRI_OK;
}

tri_status tri_trials_measure(const tri_trials *trials, const tri_trial *list, size_t n, int threads, double *values,
                              tri_progress_fn progress, void *progress_ctx, tri_error *err)
{
    if (!trials || (n && (!list || !values)) || threads < 0)
        return err_set(err, TRI_ERR_ARGUMENT, "trials need a list of fusions and a place for their values");
    if (!n) return TRI_OK;
    arena memory;
    pool *crew = NULL;
    work w = {.t = trials, .list = list, .n = n, .values = values};
    if (!threads) threads = pool_default_threads();
    if ((uint64_t)n * trials->n_queries < WORTH_A_THREAD) threads = 1;
    arena_init(&memory, 0);
    tri_status st = list_voices(&w, &memory, err);
    w.benches = st ? NULL : arena_calloc(&memory, (size_t)threads, sizeof *w.benches);
    if (!st && !w.benches) st = err_memory(err, (size_t)threads * sizeof *w.benches);
    for (int i = 0; !st && i < threads; i++) st = make_bench(&w.benches[i], &w, &memory, err);
    if (!st && threads > 1) st = pool_new(threads, &crew, err);
    if (!st) st = measure_turns(&w, crew, progress, progress_ctx, err);
    pool_free(crew);
    arena_drop(&memory);
    return st;
}

tri_status tri_paired_test_run(const double *a, const double *b, size_t n, size_t rounds, uint64_t seed, tri_paired_test *out,
                               tri_error *err)
{
    if (!a || !b || !n || !out) return err_set(err, TRI_ERR_ARGUMENT, "a paired test needs values and a place for its result");
    double *differences = mem_array(n, sizeof *differences);
    if (!differences) return err_memory(err, n * sizeof *differences);
    for (size_t i = 0; i < n; i++) differences[i] = a[i] - b[i];
    paired_test_run(differences, n, rounds, seed, out);
    mem_free(differences);
    return TRI_OK;
}
