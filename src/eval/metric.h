/* SPDX-License-Identifier: Apache-2.0 */
/* metric.h — one query's ranking as a metric sees it, and what a metric is.
 *
 * To add one: write metric_<name>.c with a `const metric_kind metric_<name>[]` ended by a row without a name, add its line to
 * list.h and its row to docs/metrics.md. The functions are pure: a ranking and a cut-off in, a number out. */
#ifndef TRI_EVAL_METRIC_H
#define TRI_EVAL_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"

/* Grades of documents without one; trec_eval's RELVALUE_NONPOOL and RELVALUE_UNJUDGED. A negative grade in the judgments means
 * "in the pool, not judged". */
enum { GRADE_NOT_IN_POOL = -1, GRADE_NOT_JUDGED = -2 };
/* A document counts as relevant from this grade on (trec_eval -l 1). */
enum { GRADE_RELEVANT = 1 };

typedef struct ranking {
    const int32_t *grades; /* [n_ret] grade of the document at each rank, best first */
    size_t n_ret;
    const int32_t *ideal; /* [n_rel] grades of all relevant documents, descending */
    size_t n_rel;
    size_t n_rel_ret; /* relevant among the retrieved */
    size_t n_nonrel;  /* judged 0, retrieved or not */
} ranking;

/* What a metric's values over all queries add up to. */
typedef enum { OVERALL_MEAN, OVERALL_SUM, OVERALL_GEOMETRIC } metric_overall;
typedef enum { CUT_NONE, CUT_RANK, CUT_FRACTION } metric_cut;

typedef struct metric_kind {
    const char *name; /* trec_eval's; with a cut-off it is followed by _<cut> */
    const char *also; /* other names of it, separated by spaces; NULL = none */
    metric_cut cut;
    metric_overall overall; /* GEOMETRIC: the values of single queries are logarithms, as trec_eval has it */
    const double *cuts;     /* those that a bare name and "all" stand for, ended by -1; NULL = none */
    double (*run)(const ranking *r, double cut);
} metric_kind;

/* Cut-offs of rank metrics under "all": trec_eval's 5 10 15 20 30 100 200 500 1000, and 1, 3 and 50 which papers use. */
extern const double metric_rank_cuts[];

static inline bool grade_relevant(int32_t grade)
{
    return grade >= GRADE_RELEVANT;
}
static inline bool grade_nonrelevant(int32_t grade)
{
    return grade >= 0 && grade < GRADE_RELEVANT;
}
/* Relevant documents among the first `depth`. */
size_t ranking_relevant(const ranking *r, size_t depth);
/* 0 where there is nothing to divide by, as trec_eval leaves it */
static inline double metric_ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}
/* A share of the relevant documents as a number of them, rounded as trec_eval 9.0.8 does: up, unless within 0.1 of the whole
 * number below (version 10 changed it). */
static inline size_t metric_share(const ranking *r, double share)
{
    return (size_t)(share * (double)r->n_rel + 0.9);
}
/* What a geometric mean is taken over: the logarithm, with trec_eval's MIN_GEO_MEAN as the floor that keeps one query without
 * any hit from making the mean 0. */
double metric_log(double value);

#define METRIC(name) extern const metric_kind metric_##name[];
#include "eval/list.h"
#undef METRIC

/* ---- names --------------------------------------------------------------------------------------------------------- */

enum { METRIC_NAME_MAX = 64 };
typedef struct metric_use {
    const metric_kind *kind;
    double cut;
    char name[METRIC_NAME_MAX]; /* as asked for; trec_eval's where a bare family name or "all" was asked for */
} metric_use;

/* "ndcg@10", "ndcg_cut_10", "ndcg_cut.10", "P" (every default cut-off), "all"; letter case is free. names NULL or n 0 = "all".
 * A name asked for twice counts once. *out is the caller's (mem_free). Unknown names are TRI_ERR_ARGUMENT; the hint lists the
 * known. */
tri_status metric_resolve(const char *const *names, size_t n, metric_use **out, size_t *n_out, tri_error *err);

#endif
