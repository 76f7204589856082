/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_report.c — `trident report RUN_OR_DIR... -o report.html`: everything about some runs on one page. */
#include "cli/cli.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cli/report_data.h"
#include "cli/report_page.h"

struct report_args {
    const char *output, *qrels, *queries, *corpus, *metrics, *fused, *ledger, *title;
};

#define FIELD(name) offsetof(struct report_args, name)
static const flag flags[] = {
    {"output", 'o', FLAG_TEXT, "FILE.html", NULL, "where the page goes; - is standard output (needed)", FIELD(output)},
    {"qrels", 0, FLAG_TEXT, "FILE", NULL, "judgments (default: those that a run folder names)", FIELD(qrels)},
    {"queries", 0, FLAG_TEXT, "FILE", NULL, "texts of the queries, JSONL or .tsv (default: those that a run folder names)",
     FIELD(queries)},
    {"corpus", 0, FLAG_TEXT, "FILE", NULL, "the documents, to be named and counted (default: what a run folder names)",
     FIELD(corpus)},
    {"metrics", 0, FLAG_TEXT, "NAMES", "ndcg@10,recall@100,mrr@10,map", "metrics of the table; tests and bars are by the first",
     FIELD(metrics)},
    {"fused", 0, FLAG_TEXT, "RUN,...", NULL, "those of the run files that are fusions of the others", FIELD(fused)},
    {"ledger", 0, FLAG_TEXT, "FILE", NULL, "time and money of run files, by their names, from this ledger", FIELD(ledger)},
    {"title", 0, FLAG_TEXT, "TEXT", NULL, "heading of the page (default: the plan's name, or how many runs)", FIELD(title)},
    FLAG_END};

static const char *choose_title(report_data *d, const char *given)
{
    if (given) return given;
    for (size_t i = 0; i < d->n_facts; i++)
        if (strcmp(d->facts[i].name, "plan") == 0) return d->facts[i].value;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += report_version_counts(&d->versions[i]);
    return arena_printf(&d->memory, "%zu run%s", n, n == 1 ? "" : "s");
}

static tri_status write_page(const char *path, const buf *page, tri_error *err)
{
    out_file *file;
    TRI_TRY(out_file_open(path, &file, err));
    tri_status st = out_file_write(file, page->data, page->len, err);
    if (!st) return out_file_commit(file, err);
    out_file_discard(file);
    return st;
}

/* A page written over what it tells of would be the last of it. */
static tri_status check_output(const report_data *d, const char *output, tri_error *err)
{
    const char *const read[] = {d->qrels_path, d->queries_path, d->corpus_path, d->ledger};
    bool is_read = false;
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) is_read = is_read || (read[i] && file_is_same(read[i], output));
    for (size_t i = 0; i < d->n; i++) is_read = is_read || (d->versions[i].path && file_is_same(d->versions[i].path, output));
    return is_read ? cli_usage(d->c, err, "%s is one of the files that the page tells of: it cannot be written over", output)
                   : TRI_OK;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct report_args *args = c->options;
    const report_sources sources = {args->qrels, args->queries, args->corpus, args->metrics, args->fused, args->ledger};
    report_data d = {0};
    buf page;
    if (!args->output) {
        cli_usage(c, err, "no place given for the page");
        return err_hint(err, TRI_ERR_ARGUMENT, "give -o report.html");
    }
    for (size_t i = 0; i < c->n_args; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->args[i], c->args[k]) || file_is_same(c->args[i], c->args[k]))
                return cli_usage(c, err, "%s is named twice", c->args[i]);
    buf_init(&page, 0);
    tri_status st = report_data_load(&d, c, &sources, err);
    if (!st) st = check_output(&d, args->output, err);
    if (!st) {
        const char *title = choose_title(&d, args->title);
        if (!title || report_page_write(&d, title, &page) != TRI_OK) st = err_memory(err, page.len);
    }
    if (!st) st = cli_check_stop(err);
    if (!st) st = write_page(args->output, &page, err);
    if (!st) cli_note(c, "%s: %zu kB, one file", args->output, (page.len + 999) / 1000);
    buf_drop(&page);
    report_data_drop(&d);
    return st;
}

const cli_command cmd_report = {
    .name = "report",
    .summary = "runs compared on one HTML page that needs no network",
    .usage = "RUN_OR_DIR... -o FILE.html [--qrels FILE] [--queries FILE]",
    .notes = "Arguments are run files (TREC or BEIR .tsv), folders of versions, and whole folders of `trident run`, which "
             "bring their "
             "judgments, queries, times and money with them. The page: versions and metrics with paired tests against the best "
             "single run, "
             "bars by language (the prefix of the query id, zh:17, or else the script of the query's text), what each fusion "
             "gains over "
             "its members and over plain RRF, wins and losses with the queries that moved most, score distributions, time and "
             "money, files and their SHA-256. Style and drawings are inside; nothing is fetched; scripts only sort the tables.",
    .examples = {"trident report a.trec b.trec ab.trec --fused ab.trec --qrels dev.tsv --queries q.jsonl -o report.html",
                 "trident report exp.run -o report.html"},
    .flags = flags,
    .options_size = sizeof(struct report_args),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = run,
};
