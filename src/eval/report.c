/* SPDX-License-Identifier: Apache-2.0 */
/* report.c — how good is this run against these judgments?
 *
 *   for each judged query      (order of the judgments)
 *     join                     run rows and judgment rows, both in ascending document id: one merge gives each hit its grade
 *     order                    score as float32 descending, equal ones by id descending; the rank column plays no part
 *     measure                  every metric on the grades in that order
 *   overall                    mean, sum, or exponential of the mean logarithm, as each metric says
 *
 * Matches trec_eval 9.0.8: with -c (a judged query that the run lacks is a query with nothing retrieved) by default, without it
 * when `only_present`. Queries of the run without judgments are left out either way, and counted. Equal to 1e-9 or better: sums
 * run in double in rank order as there; only the order of queries in the mean may differ. */
#include "eval/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "eval/paired_test.h"

/* Scratch for one query, sized for the largest. */
typedef struct hit {
    float score;
    uint32_t place; /* in ascending order of ids */
    int32_t grade;
} hit;
typedef struct scratch {
    hit *hits;       /* [most retrieved] */
    int32_t *grades; /* [most retrieved] */
    int32_t *ideal;  /* [most judged] */
} scratch;

static int by_score_then_id_descending(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->place > y->place ? -1 : x->place < y->place;
}

static int descending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x > y ? -1 : x < y;
}

static void join_grades(const trec_row *judged, size_t n_judged, const trec_row *found, size_t n_found, hit *hits)
{
    size_t j = 0;
    for (size_t i = 0; i < n_found; i++) {
        int order = 1;
        while (j < n_judged && (order = trec_row_order(&judged[j], &found[i])) < 0) j++;
        int32_t grade = j < n_judged && order == 0 ? (int32_t)judged[j].value : GRADE_NOT_IN_POOL;
        if (j < n_judged && order == 0 && grade < 0) grade = GRADE_NOT_JUDGED;
        hits[i] = (hit){.score = (float)found[i].value, .place = (uint32_t)i, .grade = grade};
    }
}

/* found NULL: the run lacks the query. */
static ranking rank_query(const trec_table *qrels, const trec_query *query, const trec_table *run, const trec_query *found,
                          scratch *s)
{
    const trec_row *judged = qrels->rows + query->first;
    ranking r = {.grades = s->grades, .ideal = s->ideal, .n_ret = found ? found->n : 0};
    for (size_t i = 0; i < query->n; i++) {
        int32_t grade = (int32_t)judged[i].value;
        if (grade_relevant(grade)) s->ideal[r.n_rel++] = grade;
        r.n_nonrel += grade_nonrelevant(grade);
    }
    qsort(s->ideal, r.n_rel, sizeof *s->ideal, descending);
    if (!found) return r;
    join_grades(judged, query->n, run->rows + found->first, found->n, s->hits);
    qsort(s->hits, found->n, sizeof *s->hits, by_score_then_id_descending);
    for (size_t i = 0; i < found->n; i++) {
        s->grades[i] = s->hits[i].grade;
        r.n_rel_ret += grade_relevant(s->grades[i]);
    }
    return r;
}

static double sum_up(const double *values, size_t n, metric_overall how)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += values[i];
    if (how == OVERALL_SUM) return sum;
    double mean = n ? sum / (double)n : 0;
    return how == OVERALL_GEOMETRIC ? exp(mean) : mean;
}

static size_t most_rows(const trec_table *t)
{
    size_t most = 1;
    for (size_t i = 0; i < t->n_queries; i++) most = t->queries[i].n > most ? t->queries[i].n : most;
    return most;
}

static tri_status scratch_reset(scratch *s, const trec_table *qrels, const trec_table *run, tri_error *err)
{
    size_t retrieved = most_rows(run), judged = most_rows(qrels);
    s->hits = mem_array(retrieved, sizeof *s->hits);
    s->grades = mem_array(retrieved, sizeof *s->grades);
    s->ideal = mem_array(judged, sizeof *s->ideal);
    return s->hits && s->grades && s->ideal ? TRI_OK : err_memory(err, (retrieved + judged) * sizeof *s->hits);
}

static void scratch_drop(scratch *s)
{
    mem_free(s->hits);
    mem_free(s->grades);
    mem_free(s->ideal);
}

static size_t count_shared(const trec_table *a, const trec_table *b)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_queries; i++) n += trec_table_find(b, a->queries[i].id, a->queries[i].id_len) != NULL;
    return n;
}

static tri_status reserve(tri_report *r, size_t n_queries, tri_error *err)
{
    r->ids = mem_calloc(n_queries, sizeof *r->ids);
    r->overall = mem_calloc(r->n_metrics, sizeof *r->overall);
    size_t cells;
    bool fits = mul_size(r->n_metrics, n_queries, &cells);
    r->values = fits ? mem_calloc(cells, sizeof *r->values) : NULL;
    r->n_queries = n_queries;
    return r->ids && r->overall && r->values ? TRI_OK : err_memory(err, fits ? cells * sizeof *r->values : SIZE_MAX);
}

static tri_status measure_all(tri_report *r, const trec_table *qrels, const trec_table *run, bool only_present, scratch *s,
                              tri_error *err)
{
    size_t at = 0;
    for (size_t i = 0; i < qrels->n_queries; i++) {
        const trec_query *query = &qrels->queries[i];
        const trec_query *found = trec_table_find(run, query->id, query->id_len);
        if (!found && only_present) continue;
        r->ids[at] = arena_copy(&r->text, query->id, query->id_len);
        if (!r->ids[at]) return err_memory(err, query->id_len);
        ranking ranked = rank_query(qrels, query, run, found, s);
        for (size_t m = 0; m < r->n_metrics; m++)
            r->values[m * r->n_queries + at] = r->metrics[m].kind->run(&ranked, r->metrics[m].cut);
        at++;
    }
    for (size_t m = 0; m < r->n_metrics; m++)
        r->overall[m] = sum_up(r->values + m * r->n_queries, r->n_queries, r->metrics[m].kind->overall);
    return TRI_OK;
}

tri_status report_new(const trec_table *qrels, const trec_table *run, const char *const *metrics, size_t n, bool only_present,
                      tri_report **out, tri_error *err)
{
    scratch s = {0};
    *out = NULL;
    tri_report *r = mem_calloc(1, sizeof *r);
    if (!r) return err_memory(err, sizeof *r);
    arena_init(&r->text, 0);
    size_t shared = count_shared(qrels, run);
    r->n_missing = qrels->n_queries - shared;
    r->n_unjudged = run->n_queries - shared;
    tri_status st = metric_resolve(metrics, n, &r->metrics, &r->n_metrics, err);
    if (!st && only_present && !shared)
        st = err_set(err, TRI_ERR_MISMATCH, "none of the run's %zu queries is among the %zu judged ones", run->n_queries,
                     qrels->n_queries);
    if (!st) st = reserve(r, only_present ? shared : qrels->n_queries, err);
    if (!st) st = scratch_reset(&s, qrels, run, err);
    if (!st) st = measure_all(r, qrels, run, only_present, &s, err);
    scratch_drop(&s);
    if (st) {
        report_free(r);
        return st;
    }
    *out = r;
    return TRI_OK;
}

void report_free(tri_report *r)
{
    if (!r) return;
    mem_free(r->metrics);
    arena_drop(&r->text);
    mem_free(r->ids);
    mem_free(r->values);
    mem_free(r->overall);
    mem_free(r);
}

/* ---- two reports --------------------------------------------------------------------------------------------------- */

/* differences: room for a->n_queries; in a's order. */
static tri_status pair_values(const tri_report *a, const tri_report *b, size_t metric, double *differences, size_t *n,
                              tri_error *err)
{
    strmap places;
    strmap_init(&places);
    tri_status st = strmap_reserve(&places, b->n_queries);
    for (size_t i = 0; !st && i < b->n_queries; i++)
        st = strmap_put(&places, b->ids[i], strlen(b->ids[i]), (uint32_t)i, NULL, &(bool){false});
    *n = 0;
    for (size_t i = 0; !st && i < a->n_queries; i++) {
        uint32_t j;
        if (!strmap_find(&places, a->ids[i], strlen(a->ids[i]), &j)) continue;
        differences[(*n)++] = a->values[metric * a->n_queries + i] - b->values[metric * b->n_queries + j];
    }
    strmap_drop(&places);
    return st ? err_memory(err, b->n_queries * sizeof *differences) : TRI_OK;
}

tri_status report_test(const tri_report *a, const tri_report *b, size_t metric, size_t rounds, uint64_t seed,
                       tri_paired_test *out, tri_error *err)
{
    if (metric >= a->n_metrics || metric >= b->n_metrics || strcmp(a->metrics[metric].name, b->metrics[metric].name) != 0)
        return err_set(err, TRI_ERR_MISMATCH, "the two reports have no common metric at place %zu", metric);
    size_t n;
    double *differences = mem_array(a->n_queries, sizeof *differences);
    if (!differences) return err_memory(err, a->n_queries * sizeof *differences);
    tri_status st = pair_values(a, b, metric, differences, &n, err);
    if (!st && !n) st = err_set(err, TRI_ERR_MISMATCH, "the two reports have no query in common");
    if (!st) paired_test_run(differences, n, rounds, seed, out);
    mem_free(differences);
    return st;
}
