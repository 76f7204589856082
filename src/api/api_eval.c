/* SPDX-License-Identifier: Apache-2.0 */
/* api_eval.c — include/trident/eval.h: arguments checked, then src/eval does it.
 *
 * Judgments and runs are tables (trec_table.h) behind two opaque names; this file owns the handles and nothing else. */
#include "trident/eval.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "eval/paired_test.h"
#include "eval/report.h"
#include "eval/trec_file.h"

static tri_status check_path(const char *path, const char *what, tri_error *err)
{
    return path && *path ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "no file was given for the %s", what);
}

/* ---- judgments and runs -------------------------------------------------------------------------------------------- */

tri_status tri_qrels_load(const char *path, tri_qrels **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the judgments was given");
    *out = NULL;
    TRI_TRY(check_path(path, "judgments", err));
    tri_qrels *qrels = mem_calloc(1, sizeof *qrels);
    if (!qrels) return err_memory(err, sizeof *qrels);
    trec_table_init(&qrels->table);
    tri_status st = trec_file_load(path, TREC_QRELS, &qrels->table, err);
    if (st) {
        tri_qrels_free(qrels);
        return st;
    }
    *out = qrels;
    return TRI_OK;
}

void tri_qrels_free(tri_qrels *qrels)
{
    if (!qrels) return;
    trec_table_drop(&qrels->table);
    mem_free(qrels);
}

tri_status tri_run_load(const char *path, tri_run **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the run was given");
    *out = NULL;
    TRI_TRY(check_path(path, "run", err));
    tri_run *run = mem_calloc(1, sizeof *run);
    if (!run) return err_memory(err, sizeof *run);
    trec_table_init(&run->table);
    tri_status st = trec_file_load(path, TREC_RUN, &run->table, err);
    if (st) {
        tri_run_free(run);
        return st;
    }
    *out = run;
    return TRI_OK;
}

tri_status tri_run_save(const tri_run *run, const char *path, const char *tag, tri_error *err)
{
    if (!run) return err_set(err, TRI_ERR_ARGUMENT, "no run was given");
    TRI_TRY(check_path(path, "run", err));
    return trec_file_save(&run->table, path, tag ? tag : "trident", err);
}

size_t tri_run_queries(const tri_run *run)
{
    return run ? run->table.n_queries : 0;
}

size_t tri_run_lines(const tri_run *run)
{
    return run ? run->table.n_rows : 0;
}

const char *tri_run_query_id(const tri_run *run, size_t query)
{
    return run && query < run->table.n_queries ? run->table.queries[query].id : NULL;
}

size_t tri_run_documents(const tri_run *run, size_t query)
{
    return run && query < run->table.n_queries ? run->table.queries[query].n : 0;
}

const char *tri_run_document(const tri_run *run, size_t query, size_t document, double *score)
{
    if (document >= tri_run_documents(run, query)) return NULL;
    const trec_row *row = &run->table.rows[run->table.queries[query].first + document];
    if (score) *score = row->value;
    return row->doc;
}

void tri_run_free(tri_run *run)
{
    if (!run) return;
    trec_table_drop(&run->table);
    mem_free(run);
}

/* ---- reports ------------------------------------------------------------------------------------------------------- */

void tri_eval_options_init(tri_eval_options *options)
{
    if (!options) return;
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

tri_status tri_eval(const tri_qrels *qrels, const tri_run *run, const tri_eval_options *options, tri_report **out,
                    tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the report was given");
    *out = NULL;
    if (!qrels || !run) return err_set(err, TRI_ERR_ARGUMENT, "no %s given", qrels ? "run was" : "judgments were");
    if (!options || options->struct_size < sizeof *options)
        return err_set(err, TRI_ERR_ARGUMENT, "evaluation options were not initialised by tri_eval_options_init");
    for (size_t i = 0; i < options->n_metrics; i++)
        if (!options->metrics || !options->metrics[i])
            return err_set(err, TRI_ERR_ARGUMENT, "metric name %zu is missing", i + 1);
    return report_new(&qrels->table, &run->table, options->metrics, options->n_metrics, options->only_present, out, err);
}

size_t tri_report_metrics(const tri_report *report)
{
    return report ? report->n_metrics : 0;
}

const char *tri_report_metric_name(const tri_report *report, size_t metric)
{
    return report && metric < report->n_metrics ? report->metrics[metric].name : NULL;
}

double tri_report_overall(const tri_report *report, size_t metric)
{
    return report && metric < report->n_metrics ? report->overall[metric] : 0;
}

size_t tri_report_queries(const tri_report *report)
{
    return report ? report->n_queries : 0;
}

const char *tri_report_query_id(const tri_report *report, size_t query)
{
    return report && query < report->n_queries ? report->ids[query] : NULL;
}

double tri_report_value(const tri_report *report, size_t metric, size_t query)
{
    if (!report || metric >= report->n_metrics || query >= report->n_queries) return 0;
    return report->values[metric * report->n_queries + query];
}

size_t tri_report_missing(const tri_report *report)
{
    return report ? report->n_missing : 0;
}

size_t tri_report_unjudged(const tri_report *report)
{
    return report ? report->n_unjudged : 0;
}

void tri_report_free(tri_report *report)
{
    report_free(report);
}

tri_status tri_report_test(const tri_report *a, const tri_report *b, size_t metric, size_t rounds, uint64_t seed,
                           tri_paired_test *out, tri_error *err)
{
    if (!a || !b || !out) return err_set(err, TRI_ERR_ARGUMENT, "a paired test needs two reports and a place for its result");
    return report_test(a, b, metric, rounds, seed, out, err);
}
