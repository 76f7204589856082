/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_run_file.c — any bytes as judgments and as a run.
 *
 * The input is judgments and a run separated by a byte FF, or the same bytes for both where there is none (BEIR's form is
 * either). Each is refused in words or read; what is read is evaluated under every measure, without a NaN, and fused with
 * itself by a method that the input's size picks. One input in 64 is also written and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eval/report.h"
#include "eval/trec_file.h"
#include "trident/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) abort();
}

static bool read_table(const uint8_t *data, size_t size, trec_kind kind, trec_table *t)
{
    tri_error err = {0};
    line_reader *r;
    trec_table_init(t);
    if (line_reader_open_bytes(data, size, "fuzz", 1 << 20, &r, &err) != TRI_OK) return false;
    tri_status st = trec_file_read(r, "fuzz", kind, t, &err);
    line_reader_close(r);
    must(st == TRI_OK || err.text[0]);
    return st == TRI_OK;
}

static void evaluate(const trec_table *qrels, const trec_table *run)
{
    tri_error err;
    tri_report *report;
    must(report_new(qrels, run, NULL, 0, false, &report, &err) == TRI_OK);
    for (size_t m = 0; m < report->n_metrics; m++) must(report->overall[m] == report->overall[m]);
    report_free(report);
}

static void save_and_load(const tri_run *run)
{
    tri_error err;
    tri_run *again;
    char path[64];
    snprintf(path, sizeof path, "/tmp/fuzz_run_file.%ld", (long)getpid());
    if (tri_run_save(run, path, "t", &err) != TRI_OK) return; /* an id holds white space */
    must(tri_run_load(path, &again, &err) == TRI_OK);
    must(tri_run_lines(again) == tri_run_lines(run));
    tri_run_free(again);
    unlink(path);
}

static void fuse(const tri_run *run, size_t choice)
{
    const tri_run *const runs[] = {run, run};
    tri_fuse_options options;
    tri_error err;
    tri_run *fused;
    tri_fuse_options_init(&options);
    options.method = (int)(choice % 5);
    options.norm = (int)(choice / 5 % 4);
    options.missing = (int)(choice / 20 % 2);
    tri_status st = tri_fuse_runs(runs, 2, &options, &fused, &err);
    must(st == TRI_OK || (st == TRI_ERR_NUMERIC && err.text[0])); /* a sum past the largest float32 */
    if (st != TRI_OK) return;
    must(tri_run_lines(fused) == tri_run_lines(run));
    if (choice % 64 == 63) save_and_load(fused);
    tri_run_free(fused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tri_run run;
    trec_table qrels;
    if (!size) return 0;
    const uint8_t *mark = memchr(data, 0xFF, size);
    const uint8_t *second = mark ? mark + 1 : data;
    bool judged = read_table(data, mark ? (size_t)(mark - data) : size, TREC_QRELS, &qrels);
    bool ran = read_table(second, size - (size_t)(second - data), TREC_RUN, &run.table);
    if (judged && ran) evaluate(&qrels, &run.table);
    if (ran) fuse(&run, size);
    trec_table_drop(&qrels);
    trec_table_drop(&run.table);
    return 0;
}
