/* SPDX-License-Identifier: Apache-2.0 */
/* report.h — metric values of one run, per query and over all. */
#ifndef TRI_EVAL_REPORT_H
#define TRI_EVAL_REPORT_H

#include "eval/metric.h"
#include "eval/trec_table.h"
#include "trident/eval.h"

struct tri_report {
    metric_use *metrics;
    size_t n_metrics;
    arena text;       /* query ids: a report outlives its judgments and run */
    const char **ids; /* [n_queries] in the judgments' order */
    size_t n_queries;
    size_t n_missing;  /* judged queries that the run lacks */
    size_t n_unjudged; /* queries of the run without judgments */
    double *values;    /* [n_metrics, n_queries] */
    double *overall;   /* [n_metrics] */
};

/* metrics: n names as metric_resolve takes them. only_present leaves out the judged queries that the run lacks. */
tri_status report_new(const trec_table *qrels, const trec_table *run, const char *const *metrics, size_t n, bool only_present,
                      tri_report **out, tri_error *err);
void report_free(tri_report *r);
/* tri_report_test, its arguments checked for NULL */
tri_status report_test(const tri_report *a, const tri_report *b, size_t metric, size_t rounds, uint64_t seed,
                       tri_paired_test *out, tri_error *err);

#endif
