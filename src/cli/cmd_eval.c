/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eval.c — `trident eval QRELS RUN...`: how good are these runs, and could the difference be chance?
 *
 * Figures are trec_eval 9.0.8's. A table for reading (four decimals, as trec_eval prints), or JSON with every digit of the
 * double. Few metrics make columns and runs rows; many metrics ("all") make rows and runs columns. Judged queries that a run
 * lacks and queries without judgments change what a mean is over: each is told on standard error with its number. */
#include "cli/cli.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "cli/json_out.h"
#include "cli/text_table.h"
#include "trident/eval.h"

/* Fixed, so that the same files give the same p; the digits carry no meaning. */
static const uint64_t test_seed = 20240131;

enum { COLUMNS_MAX = 10 }; /* metrics side by side in a terminal of 120 columns */

struct eval_args {
    const char *metrics, *base;
    bool no_complete, per_query;
};

#define FIELD(name) offsetof(struct eval_args, name)
static const flag flags[] = {
    {"metrics", 0, FLAG_TEXT, "NAMES", "ndcg@10,recall@100,mrr,map,p@5,success@1,rprec,bpref",
     "metrics, separated by commas, or all", FIELD(metrics)},
    {"no-complete", 0, FLAG_SWITCH, NULL, NULL, "leave out judged queries that the run lacks instead of counting them as zero",
     FIELD(no_complete)},
    {"per-query", 0, FLAG_SWITCH, NULL, NULL, "the figures of every query too", FIELD(per_query)},
    {"test", 0, FLAG_TEXT, "BASE_RUN", NULL, "paired tests of every run against this one", FIELD(base)},
    FLAG_END};

typedef struct eval_job {
    cli *c;
    const struct eval_args *args;
    arena memory;
    const char **names; /* [n_names] of metrics, as asked for */
    size_t n_names;
    tri_qrels *qrels;
    tri_report **reports;   /* [c->n_args - 1] */
    tri_report *base;       /* NULL without --test */
    tri_paired_test *tests; /* [c->n_args - 1, metrics of base] */
    buf out;
} eval_job;

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static tri_status split_names(eval_job *job, tri_error *err)
{
    const char *p = job->args->metrics;
    job->names = arena_array(&job->memory, strlen(p) + 1, sizeof *job->names);
    if (!job->names) return err_memory(err, strlen(p));
    for (;;) {
        size_t len = strcspn(p, ",");
        size_t blank = strspn(p, " ");
        const char *word = p + (blank < len ? blank : len);
        size_t word_len = len - (size_t)(word - p);
        while (word_len && word[word_len - 1] == ' ') word_len--;
        if (!word_len) return cli_usage(job->c, err, "--metrics has an empty name: \"%s\"", job->args->metrics);
        char *name = arena_copy(&job->memory, word, word_len);
        if (!name) return err_memory(err, word_len);
        job->names[job->n_names++] = name;
        if (!p[len]) return TRI_OK;
        p += len + 1;
    }
}

static tri_status evaluate(eval_job *job, const char *path, tri_report **out, tri_error *err)
{
    tri_eval_options options;
    tri_run *found;
    tri_eval_options_init(&options);
    options.metrics = job->names;
    options.n_metrics = job->n_names;
    options.only_present = job->args->no_complete;
    TRI_TRY(cli_check_stop(err));
    TRI_TRY(tri_run_load(path, &found, err));
    tri_status st = tri_eval(job->qrels, found, &options, out, err);
    size_t n_queries = tri_run_queries(found);
    tri_run_free(found);
    if (st == TRI_ERR_MISMATCH) return err_prefix(err, st, "could not evaluate %s: ", path);
    TRI_TRY(st);
    size_t missing = tri_report_missing(*out), unjudged = tri_report_unjudged(*out);
    size_t judged = tri_report_queries(*out) + (options.only_present ? missing : 0);
    if (missing)
        cli_note(job->c, "%s lacks %zu of the %zu judged queries: %s", path, missing, judged,
                 options.only_present ? "left out" : "counted as zero (--no-complete leaves them out)");
    if (unjudged) cli_note(job->c, "%s: %zu of its %zu queries without judgments: left out", path, unjudged, n_queries);
    return TRI_OK;
}

static tri_status check_names(cli *c, tri_error *err)
{
    for (size_t i = 1; i < c->n_args; i++)
        for (size_t k = 1; k < i; k++)
            if (!strcmp(c->args[i], c->args[k])) return cli_usage(c, err, "the run %s is named twice", c->args[i]);
    return TRI_OK;
}

static tri_status read_files(eval_job *job, tri_error *err)
{
    cli *c = job->c;
    TRI_TRY(tri_qrels_load(c->args[0], &job->qrels, err));
    for (size_t i = 1; i < c->n_args; i++) TRI_TRY(evaluate(job, c->args[i], &job->reports[i - 1], err));
    if (!job->args->base) return TRI_OK;
    for (size_t i = 1; i < c->n_args; i++)
        if (!strcmp(c->args[i], job->args->base)) job->base = job->reports[i - 1];
    return job->base ? TRI_OK : evaluate(job, job->args->base, &job->base, err);
}

static tri_status test_all(eval_job *job, tri_error *err)
{
    size_t n_runs = job->c->n_args - 1, n_metrics = tri_report_metrics(job->base);
    if (!job->base) return TRI_OK;
    job->tests = arena_calloc(&job->memory, n_runs * n_metrics, sizeof *job->tests);
    if (!job->tests) return err_memory(err, n_runs * n_metrics * sizeof *job->tests);
    for (size_t i = 0; i < n_runs; i++)
        for (size_t m = 0; m < n_metrics; m++) {
            TRI_TRY(cli_check_stop(err));
            TRI_TRY(tri_report_test(job->reports[i], job->base, m, 0, test_seed, &job->tests[i * n_metrics + m], err));
        }
    return TRI_OK;
}

static void drop_job(eval_job *job)
{
    bool own_base = true;
    for (size_t i = 0; job->reports && i + 1 < job->c->n_args; i++) {
        own_base = own_base && job->base != job->reports[i];
        tri_report_free(job->reports[i]);
    }
    if (own_base) tri_report_free(job->base);
    tri_qrels_free(job->qrels);
    mem_free(job->reports);
    buf_drop(&job->out);
    arena_drop(&job->memory);
}

/* ---- a table for reading ------------------------------------------------------------------------------------------- */

static tri_status value_cell(text_table *t, const char *name, double value)
{
    bool count = strncmp(name, "num_", 4) == 0;
    return text_table_format(t, count ? "%.0f" : "%.4f", value);
}

/* runs down, metrics across; queries too where they were asked for */
static tri_status runs_table(eval_job *job, text_table *t)
{
    const tri_report *first = job->reports[0];
    size_t n_metrics = tri_report_metrics(first), n_runs = job->c->n_args - 1;
    bool per_query = job->args->per_query;
    text_table_init(t, n_metrics + 1 + per_query);
    t->n_left = 1 + per_query;
    TRI_TRY(text_table_cell(t, "run"));
    if (per_query) TRI_TRY(text_table_cell(t, "query"));
    for (size_t m = 0; m < n_metrics; m++) TRI_TRY(text_table_cell(t, tri_report_metric_name(first, m)));
    for (size_t i = 0; i < n_runs; i++) {
        const tri_report *r = job->reports[i];
        for (size_t q = 0; per_query && q < tri_report_queries(r); q++) {
            TRI_TRY(text_table_cell(t, job->c->args[i + 1]));
            TRI_TRY(text_table_cell(t, tri_report_query_id(r, q)));
            for (size_t m = 0; m < n_metrics; m++)
                TRI_TRY(value_cell(t, tri_report_metric_name(r, m), tri_report_value(r, m, q)));
        }
        TRI_TRY(text_table_cell(t, job->c->args[i + 1]));
        if (per_query) TRI_TRY(text_table_cell(t, "all"));
        for (size_t m = 0; m < n_metrics; m++) TRI_TRY(value_cell(t, tri_report_metric_name(r, m), tri_report_overall(r, m)));
    }
    return TRI_OK;
}

/* metrics down, runs across */
static tri_status metrics_table(eval_job *job, text_table *t)
{
    const tri_report *first = job->reports[0];
    size_t n_runs = job->c->n_args - 1;
    text_table_init(t, n_runs + 1);
    TRI_TRY(text_table_cell(t, "metric"));
    for (size_t i = 0; i < n_runs; i++) TRI_TRY(text_table_cell(t, job->c->args[i + 1]));
    for (size_t m = 0; m < tri_report_metrics(first); m++) {
        const char *name = tri_report_metric_name(first, m);
        TRI_TRY(text_table_cell(t, name));
        for (size_t i = 0; i < n_runs; i++) TRI_TRY(value_cell(t, name, tri_report_overall(job->reports[i], m)));
    }
    return TRI_OK;
}

static tri_status tests_table(eval_job *job, text_table *t)
{
    static const char *const heads[] = {"run", "metric", "difference", "effect", "p (t)", "p (randomised)", "queries"};
    size_t n_metrics = tri_report_metrics(job->base);
    text_table_init(t, sizeof heads / sizeof *heads);
    t->n_left = 2;
    for (size_t i = 0; i < t->n_columns; i++) TRI_TRY(text_table_cell(t, heads[i]));
    for (size_t i = 0; i + 1 < job->c->n_args; i++) {
        if (job->reports[i] == job->base) continue;
        for (size_t m = 0; m < n_metrics; m++) {
            const tri_paired_test *test = &job->tests[i * n_metrics + m];
            TRI_TRY(text_table_cell(t, job->c->args[i + 1]));
            TRI_TRY(text_table_cell(t, tri_report_metric_name(job->base, m)));
            TRI_TRY(text_table_format(t, "%+.4f", test->difference));
            TRI_TRY(text_table_format(t, "%+.3f", test->effect));
            TRI_TRY(text_table_format(t, "%.4g", test->p_t));
            TRI_TRY(text_table_format(t, "%.4g", test->p_random));
            TRI_TRY(text_table_format(t, "%zu", test->n));
        }
    }
    return TRI_OK;
}

static tri_status show_table(eval_job *job, tri_status (*fill)(eval_job *job, text_table *t))
{
    text_table t;
    tri_status st = fill(job, &t);
    if (!st) st = text_table_print(&t, &job->out);
    text_table_drop(&t);
    return st;
}

static tri_status show_tables(eval_job *job)
{
    bool many = !job->args->per_query && tri_report_metrics(job->reports[0]) > COLUMNS_MAX;
    TRI_TRY(show_table(job, many ? metrics_table : runs_table));
    if (!job->base) return TRI_OK;
    TRI_TRY(buf_printf(&job->out, "\nagainst %s\n", job->args->base));
    return show_table(job, tests_table);
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static tri_status key(buf *b, bool *first, const char *name)
{
    if (!*first) TRI_TRY(buf_byte(b, ','));
    *first = false;
    TRI_TRY(json_out_str(b, name));
    return buf_byte(b, ':');
}

static tri_status write_metrics(buf *b, const tri_report *r, size_t query, bool overall)
{
    bool first = true;
    TRI_TRY(buf_byte(b, '{'));
    for (size_t m = 0; m < tri_report_metrics(r); m++) {
        TRI_TRY(key(b, &first, tri_report_metric_name(r, m)));
        TRI_TRY(json_out_f64(b, overall ? tri_report_overall(r, m) : tri_report_value(r, m, query)));
    }
    return buf_byte(b, '}');
}

static tri_status write_queries(buf *b, const tri_report *r)
{
    bool first = true;
    TRI_TRY(buf_str(b, ",\"per_query\":{"));
    for (size_t q = 0; q < tri_report_queries(r); q++) {
        TRI_TRY(key(b, &first, tri_report_query_id(r, q)));
        TRI_TRY(write_metrics(b, r, q, false));
    }
    return buf_byte(b, '}');
}

static tri_status write_test(buf *b, const tri_paired_test *test)
{
    TRI_TRY(buf_str(b, "{\"diff\":"));
    TRI_TRY(json_out_f64(b, test->difference));
    TRI_TRY(buf_str(b, ",\"effect\":"));
    TRI_TRY(json_out_f64(b, test->effect));
    TRI_TRY(buf_str(b, ",\"p_t\":"));
    TRI_TRY(json_out_f64(b, test->p_t));
    TRI_TRY(buf_str(b, ",\"p_rand\":"));
    TRI_TRY(json_out_f64(b, test->p_random));
    return buf_printf(b, ",\"n\":%zu}", test->n);
}

static tri_status write_tests(buf *b, const tri_report *base, const tri_paired_test *tests)
{
    bool first = true;
    TRI_TRY(buf_str(b, ",\"tests\":{"));
    for (size_t m = 0; m < tri_report_metrics(base); m++) {
        TRI_TRY(key(b, &first, tri_report_metric_name(base, m)));
        TRI_TRY(write_test(b, &tests[m]));
    }
    return buf_byte(b, '}');
}

static tri_status write_run(eval_job *job, size_t run, bool *first)
{
    buf *b = &job->out;
    const tri_report *r = job->reports[run];
    TRI_TRY(key(b, first, job->c->args[run + 1]));
    TRI_TRY(buf_str(b, "{\"metrics\":"));
    TRI_TRY(write_metrics(b, r, 0, true));
    if (job->args->per_query) TRI_TRY(write_queries(b, r));
    if (job->base) TRI_TRY(write_tests(b, job->base, job->tests + run * tri_report_metrics(job->base)));
    return buf_byte(b, '}');
}

static tri_status show_json(eval_job *job)
{
    bool first = true;
    TRI_TRY(buf_byte(&job->out, '{'));
    for (size_t i = 0; i + 1 < job->c->n_args; i++) TRI_TRY(write_run(job, i, &first));
    return buf_str(&job->out, "}\n");
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

static tri_status run(cli *c, tri_error *err)
{
    eval_job job = {.c = c, .args = c->options};
    TRI_TRY(check_names(c, err));
    arena_init(&job.memory, 0);
    buf_init(&job.out, 0);
    job.reports = mem_calloc(c->n_args - 1, sizeof *job.reports);
    tri_status st = job.reports ? split_names(&job, err) : err_memory(err, c->n_args * sizeof *job.reports);
    if (!st) st = read_files(&job, err);
    if (!st) st = test_all(&job, err);
    if (!st && (c->shared.json ? show_json(&job) : show_tables(&job)) != TRI_OK) st = err_memory(err, job.out.len);
    if (!st) st = cli_print(&job.out, err);
    drop_job(&job);
    return st;
}

const cli_command cmd_eval = {
    .name = "eval",
    .summary = "trec_eval's figures for runs, per query, and paired tests between them",
    .usage = "QRELS RUN... [--metrics NAMES] [--test BASE_RUN]",
    .notes =
        "Judgments and runs are in TREC form or BEIR .tsv with a header. Scores are compared as float32, ties by descending "
        "document id. Metrics: ndcg@k, recall@k, map, map@k, mrr, mrr@k, p@k, success@k, rprec, bpref and every name of "
        "trec_eval's (ndcg_cut_10, recip_rank, ...). Tests: Student's paired t and Fisher's randomisation with 100,000 rounds, "
        "both two-sided; effect is the mean difference over the standard deviation of the differences.",
    .examples = {"trident eval qrels.txt dense.trec sparse.trec fused.trec",
                 "trident eval qrels.txt fused.trec --metrics all --per-query --json > fused.json"},
    .flags = flags,
    .options_size = sizeof(struct eval_args),
    .shared = SETUP_JSON,
    .min_args = 2,
    .max_args = SIZE_MAX,
    .run = run,
};
