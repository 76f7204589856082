/* SPDX-License-Identifier: Apache-2.0 */
/* eval.h — how good is a ranking: trec_eval 9.0.8's figures, per query and overall, and paired tests between runs.
 *
 * Scores are compared as float32, ties by descending document id (byte order), whatever the file's order or rank column. */
#ifndef TRIDENT_EVAL_H
#define TRIDENT_EVAL_H

#include "trident/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* TREC form or BEIR .tsv with a header, told apart by content. */
TRI_API tri_status tri_qrels_load(const char *path, tri_qrels **out, tri_error *err);
TRI_API void tri_qrels_free(tri_qrels *qrels);
TRI_API tri_status tri_run_load(const char *path, tri_run **out, tri_error *err);
/* TREC form: qid Q0 docid rank score tag; appears whole or not at all. "-" is standard output. */
TRI_API tri_status tri_run_save(const tri_run *run, const char *path, const char *tag, tri_error *err);
TRI_API size_t tri_run_queries(const tri_run *run);
TRI_API size_t tri_run_lines(const tri_run *run);
TRI_API void tri_run_free(tri_run *run);

typedef struct tri_eval_options {
    size_t struct_size;
    const char *const *metrics; /* names such as "ndcg@10", "recall_100", "map"; unknown names are TRI_ERR_ARGUMENT and listed */
    size_t n_metrics;           /* 0 = "all" */
    int only_present;           /* 1: judged queries that the run lacks are left out (--no-complete) */
} tri_eval_options;
TRI_API void tri_eval_options_init(tri_eval_options *options);
TRI_API tri_status tri_eval(const tri_qrels *qrels, const tri_run *run, const tri_eval_options *options, tri_report **out,
                            tri_error *err);

TRI_API size_t tri_report_metrics(const tri_report *report);
TRI_API const char *tri_report_metric_name(const tri_report *report, size_t metric); /* as asked for */
TRI_API double tri_report_overall(const tri_report *report, size_t metric);
TRI_API size_t tri_report_queries(const tri_report *report);
TRI_API const char *tri_report_query_id(const tri_report *report, size_t query);
TRI_API double tri_report_value(const tri_report *report, size_t metric, size_t query);
TRI_API void tri_report_free(tri_report *report);

/* Paired over the queries both reports have; two-sided. p_random: Fisher randomisation, sign flips of the differences,
 * (c+1)/(rounds+1), with a generator of its own seed so that the same reports give the same p. */
typedef struct tri_paired_test {
    double difference; /* mean of a - b */
    double p_t, p_random;
    size_t n;
} tri_paired_test;
TRI_API tri_status tri_report_test(const tri_report *a, const tri_report *b, size_t metric, size_t rounds, uint64_t seed,
                                   tri_paired_test *out, tri_error *err);

#ifdef __cplusplus
}
#endif
#endif
