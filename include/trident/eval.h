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

/* TREC form or BEIR .tsv with a header, told apart by content; "-" is standard input. Refused, naming the line: a (query,
 * document) pair given twice, a score that is not a finite float32, a grade that is not a whole number; and an empty file. */
TRI_API tri_status tri_qrels_load(const char *path, tri_qrels **out, tri_error *err);
TRI_API void tri_qrels_free(tri_qrels *qrels);
TRI_API tri_status tri_run_load(const char *path, tri_run **out, tri_error *err);
/* TREC form: qid Q0 docid rank score tag, score descending, then document id ascending; appears whole or not at all. "-" is
 * standard output. Ids with white space in them (BEIR allows that) are TRI_ERR_UNSUPPORTED. */
TRI_API tri_status tri_run_save(const tri_run *run, const char *path, const char *tag, tri_error *err);
TRI_API size_t tri_run_queries(const tri_run *run);
TRI_API size_t tri_run_lines(const tri_run *run);
/* Query i in the order of first appearance, its documents in ascending id order; NULL and 0 past the end. */
TRI_API const char *tri_run_query_id(const tri_run *run, size_t query);
TRI_API size_t tri_run_documents(const tri_run *run, size_t query);
TRI_API const char *tri_run_document(const tri_run *run, size_t query, size_t document, double *score);
TRI_API void tri_run_free(tri_run *run);

typedef struct tri_eval_options {
    size_t struct_size;
    const char *const *metrics; /* names such as "ndcg@10", "recall_100", "map"; unknown names are TRI_ERR_ARGUMENT, and the
                                   hint lists the known */
    size_t n_metrics;           /* 0 = "all": every measure of trec_eval at its default cut-offs and 1, 3, 50 */
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
TRI_API size_t tri_report_missing(const tri_report *report);  /* judged queries that the run lacks */
TRI_API size_t tri_report_unjudged(const tri_report *report); /* queries of the run without judgments: left out */
TRI_API void tri_report_free(tri_report *report);

/* Paired over the queries both reports have; two-sided. p_random: Fisher randomisation, sign flips of the differences,
 * (c+1)/(rounds+1), with a generator of its own seed so that the same reports give the same p. */
typedef struct tri_paired_test {
    double difference; /* mean of a - b */
    double effect;     /* the mean over the sample std of the differences (Cohen's d of paired samples); infinite when they are
                          all equal and not 0 */
    double p_t, p_random;
    size_t n;
} tri_paired_test;
/* `metric` must have the same name in both reports; rounds 0 = 100,000. Reports without a common query are TRI_ERR_MISMATCH. */
TRI_API tri_status tri_report_test(const tri_report *a, const tri_report *b, size_t metric, size_t rounds, uint64_t seed,
                                   tri_paired_test *out, tri_error *err);

#ifdef __cplusplus
}
#endif
#endif
