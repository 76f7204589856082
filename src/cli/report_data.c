/* SPDX-License-Identifier: Apache-2.0 */
/* report_data.c — from arguments to figures: folders and files are read, runs are measured, tested against the best single run,
 * and fused once in the plainest way as a yardstick for blends. */
#include "cli/report_data.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/run_names.h"
#include "lab/ledger.h"
#include "trident/search.h"

enum { TEST_ROUNDS = 20000 };
static const uint64_t test_seed = 20240131;

tri_status report_data_add(report_data *d, const report_version *v, tri_error *err)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        report_version *more = mem_realloc(d->versions, cap * sizeof *more);
        if (!more) return err_memory(err, cap * sizeof *more);
        d->versions = more;
        d->cap = cap;
    }
    d->versions[d->n++] = *v;
    return TRI_OK;
}

void report_data_drop(report_data *d)
{
    for (size_t i = 0; i < d->n; i++) {
        tri_run_free(d->versions[i].run);
        tri_report_free(d->versions[i].scores);
    }
    mem_free(d->versions);
    mem_free(d->texts);
    tri_qrels_free(d->qrels);
    strmap_drop(&d->query_at);
    arena_drop(&d->memory);
    memset(d, 0, sizeof *d);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static tri_status split_metrics(report_data *d, const char *words, tri_error *err)
{
    d->metrics = arena_array(&d->memory, strlen(words) + 1, sizeof *d->metrics);
    if (!d->metrics) return err_memory(err, strlen(words));
    for (const char *p = words;;) {
        size_t len = strcspn(p, ",");
        if (!len) return cli_usage(d->c, err, "--metrics has an empty name: \"%s\"", words);
        d->metrics[d->n_metrics] = arena_copy(&d->memory, p, len);
        if (!d->metrics[d->n_metrics++]) return err_memory(err, len);
        if (!p[len]) return TRI_OK;
        p += len + 1;
    }
}

/* The folder of DIR/NAME/run.trec when `trident run` made it; its settings and costs belong to the run. */
static const char *version_folder(report_data *d, const char *path)
{
    size_t len = run_names_folder(path);
    const char *status = len ? arena_printf(&d->memory, "%.*s/status.json", (int)len, path) : NULL;
    return status && file_exists(status) && file_exists(path) ? arena_copy(&d->memory, path, len) : NULL;
}

static tri_status read_arguments(report_data *d, tri_error *err)
{
    for (size_t i = 0; i < d->c->n_args; i++) {
        const char *path = d->c->args[i];
        report_version v = {.path = path, .seconds = NAN, .money = NAN};
        TRI_TRY(cli_check_stop(err));
        const char *folder = file_is_dir(path) ? path : version_folder(d, path);
        TRI_TRY(folder ? report_folder_read(d, folder, err) : report_data_add(d, &v, err));
    }
    return TRI_OK;
}

/* The folder of a version without the slashes at its end: its length, and where its own name begins. */
static size_t split_folder(const char *dir, size_t *name)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/') len--;
    for (*name = len; *name > 0 && dir[*name - 1] != '/';) --*name;
    return len;
}

static bool is_member(const report_version *blend, const char *member, const report_version *v)
{
    size_t own, name;
    if (!v->folder) return false;
    split_folder(blend->folder, &own);
    size_t len = split_folder(v->folder, &name);
    return own == name && memcmp(blend->folder, v->folder, own) == 0 && strlen(member) == len - name &&
           memcmp(v->folder + name, member, len - name) == 0;
}

/* A config names the versions beside it; here they may be called otherwise, and another folder's may be called so. */
static void settle_members(const report_data *d, report_version *blend, const char *const *names)
{
    for (size_t m = 0; m < blend->n_members; m++) {
        const char *member = blend->members[m];
        blend->members[m] = NULL;
        for (size_t i = 0; i < d->n; i++)
            if (is_member(blend, member, &d->versions[i])) blend->members[m] = names[i];
    }
}

/* Versions of one folder have their names; the others get short ones, and no two the same. */
static tri_status name_versions(report_data *d, tri_error *err)
{
    const char **paths = arena_array(&d->memory, d->n, sizeof *paths), **names = arena_array(&d->memory, d->n, sizeof *names);
    if (!paths || !names) return err_memory(err, d->n * sizeof *paths);
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        paths[i] = v->path ? v->path : arena_printf(&d->memory, "%s/run.trec", v->folder);
        if (!paths[i]) return err_memory(err, 1);
    }
    TRI_TRY(run_names_make(&d->memory, paths, d->n, names, err));
    for (size_t i = 0; i < d->n; i++) settle_members(d, &d->versions[i], names);
    for (size_t i = 0; i < d->n; i++) d->versions[i].name = names[i];
    return TRI_OK;
}

static bool is_path(const report_version *v, const char *path, size_t len)
{
    return v->path && strncmp(v->path, path, len) == 0 && !v->path[len];
}

/* A run named in --fused is a blend of all that are not. */
static tri_status mark_fused(report_data *d, const char *words, tri_error *err)
{
    for (const char *p = words; p; p = *p ? p + 1 : NULL) {
        size_t len = strcspn(p, ","), i = 0;
        while (i < d->n && !is_path(&d->versions[i], p, len)) i++;
        if (i == d->n) return cli_usage(d->c, err, "--fused names \"%.*s\", which is none of the runs given", (int)len, p);
        d->versions[i].is_fused = true;
        p += len;
    }
    const char **members = arena_array(&d->memory, d->n, sizeof *members);
    size_t n = 0;
    if (!members) return err_memory(err, d->n * sizeof *members);
    for (size_t i = 0; i < d->n; i++)
        if (!d->versions[i].is_fused && !d->versions[i].n_members) members[n++] = d->versions[i].name;
    for (size_t i = 0; i < d->n; i++) {
        if (!d->versions[i].is_fused) continue;
        d->versions[i].members = members;
        d->versions[i].n_members = n;
    }
    return TRI_OK;
}

static tri_status load_runs(report_data *d, tri_error *err)
{
    for (size_t i = 0; i < d->n; i++) {
        report_version *v = &d->versions[i];
        if (!v->path) continue;
        TRI_TRY(cli_check_stop(err));
        tri_status st = tri_run_load(v->path, &v->run, err);
        if (st == TRI_ERR_FORMAT && v->folder) { /* one broken version hides no other */
            cli_note(d->c, "%s", err->text);
            v->error = arena_copy(&d->memory, err->text, strlen(err->text));
            v->path = NULL;
            if (!v->error) return err_memory(err, 1);
            continue;
        }
        TRI_TRY(st);
        TRI_TRY(digest_file(DIGEST_SHA256, v->path, v->run_hash, NULL, err));
    }
    return TRI_OK;
}

/* ---- the ledger ---------------------------------------------------------------------------------------------------- */

/* A version that has no time of its own gets its last finished row's. */
static tri_status take_row(void *ctx, const ledger_entry *row, tri_error *err)
{
    report_data *d = ctx;
    for (size_t i = 0; i < d->n; i++) {
        report_version *v = &d->versions[i];
        if (v->folder || !row->name || strcmp(row->name, v->name) != 0) continue;
        v->seconds = row->seconds;
        v->money = row->price;
        v->started = row->began;
        v->ended = row->began + row->seconds;
        const char *state = row->outcome ? arena_copy(&d->memory, row->outcome, strlen(row->outcome)) : NULL;
        const char *device = row->device ? arena_copy(&d->memory, row->device, strlen(row->device)) : NULL;
        if ((row->outcome && !state) || (row->device && !device)) return err_memory(err, 64);
        v->state = state;
        v->device = device;
    }
    return TRI_OK;
}

/* ---- figures ------------------------------------------------------------------------------------------------------- */

static tri_status measure(report_data *d, report_version *v, tri_error *err)
{
    tri_eval_options options;
    tri_eval_options_init(&options);
    options.metrics = d->metrics;
    options.n_metrics = d->n_metrics;
    tri_status st = tri_eval(d->qrels, v->run, &options, &v->scores, err);
    if (st) return err_prefix(err, st, "could not evaluate %s: ", v->name);
    d->n_queries = tri_report_queries(v->scores);
    if (tri_report_missing(v->scores) == d->n_queries) {
        err_set(err, TRI_ERR_MISMATCH, "could not evaluate %s: none of its %zu queries is judged", v->name,
                tri_run_queries(v->run));
        return err_hint(err, TRI_ERR_MISMATCH, "are run and judgments of the same queries?");
    }
    return TRI_OK;
}

/* RRF 60 of all single runs: what fusing costs nothing to get. */
static tri_status fuse_all(report_data *d, tri_error *err)
{
    const tri_run **runs = arena_array(&d->memory, d->n, sizeof *runs);
    report_version v = {.name = "rrf of all", .seconds = NAN, .money = NAN, .is_reference = true};
    tri_fuse_options options;
    size_t n = 0;
    if (!runs) return err_memory(err, d->n * sizeof *runs);
    v.members = arena_array(&d->memory, d->n, sizeof *v.members);
    if (!v.members) return err_memory(err, d->n * sizeof *v.members);
    for (size_t i = 0; i < d->n; i++) {
        if (!d->versions[i].run || d->versions[i].n_members) continue;
        v.members[v.n_members++] = d->versions[i].name;
        runs[n++] = d->versions[i].run;
    }
    if (n < 2) return TRI_OK;
    tri_fuse_options_init(&options);
    options.method = TRI_FUSE_RRF;
    TRI_TRY(tri_fuse_runs(runs, n, &options, &v.run, err));
    tri_status st = measure(d, &v, err);
    if (!st) st = report_data_add(d, &v, err);
    if (!st) {
        d->reference = d->n - 1;
        return TRI_OK;
    }
    tri_report_free(v.scores);
    tri_run_free(v.run);
    return st;
}

static void find_best(report_data *d)
{
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (!v->scores || v->is_reference) continue;
        double score = tri_report_overall(v->scores, 0);
        if (d->best == SIZE_MAX || score > tri_report_overall(d->versions[d->best].scores, 0)) d->best = i;
        if (v->n_members) continue;
        if (d->base == SIZE_MAX || score > tri_report_overall(d->versions[d->base].scores, 0)) d->base = i;
    }
    if (d->base == SIZE_MAX) d->base = d->best; /* blends alone */
}

static tri_status test_all(report_data *d, tri_error *err)
{
    for (size_t i = 0; i < d->n; i++) {
        report_version *v = &d->versions[i];
        if (!v->scores || i == d->base) continue;
        v->tests = arena_array(&d->memory, d->n_metrics, sizeof *v->tests);
        if (!v->tests) return err_memory(err, d->n_metrics * sizeof *v->tests);
        for (size_t m = 0; m < d->n_metrics; m++) {
            TRI_TRY(cli_check_stop(err));
            TRI_TRY(tri_report_test(v->scores, d->versions[d->base].scores, m, TEST_ROUNDS, test_seed, &v->tests[m], err));
        }
    }
    return TRI_OK;
}

static tri_status measure_all(report_data *d, tri_error *err)
{
    if (!d->qrels_path) {
        cli_note(d->c, "no judgments: the page has no scores; --qrels FILE gives them");
        return TRI_OK;
    }
    TRI_TRY(tri_qrels_load(d->qrels_path, &d->qrels, err));
    for (size_t i = 0; i < d->n; i++)
        if (d->versions[i].run) TRI_TRY(measure(d, &d->versions[i], err));
    TRI_TRY(fuse_all(d, err));
    find_best(d);
    return d->base == SIZE_MAX ? TRI_OK : test_all(d, err);
}

tri_status report_data_load(report_data *d, cli *c, const report_sources *sources, tri_error *err)
{
    *d = (report_data){.c = c,
                       .qrels_path = sources->qrels,
                       .queries_path = sources->queries,
                       .corpus_path = sources->corpus,
                       .has_own_queries = sources->queries != NULL,
                       .ledger = sources->ledger,
                       .billed = NAN,
                       .best = SIZE_MAX,
                       .base = SIZE_MAX,
                       .reference = SIZE_MAX};
    arena_init(&d->memory, 0);
    strmap_init(&d->query_at);
    TRI_TRY(split_metrics(d, sources->metrics, err));
    TRI_TRY(read_arguments(d, err));
    TRI_TRY(name_versions(d, err));
    if (sources->fused) TRI_TRY(mark_fused(d, sources->fused, err));
    if (d->ledger) TRI_TRY(ledger_read(d->ledger, take_row, d, err));
    TRI_TRY(load_runs(d, err));
    TRI_TRY(measure_all(d, err));
    TRI_TRY(report_texts_read(d, err));
    return report_texts_languages(d, err);
}

double report_data_mean(const report_data *d, const report_version *v, size_t metric, size_t language, size_t *n)
{
    double sum = 0;
    *n = 0;
    for (size_t q = 0; q < d->n_queries; q++) {
        if (language != SIZE_MAX && d->language_of[q] != language) continue;
        sum += tri_report_value(v->scores, metric, q);
        ++*n;
    }
    return *n ? sum / (double)*n : 0;
}

tri_text report_data_query(const report_data *d, size_t query)
{
    const char *id = tri_report_query_id(d->versions[d->base].scores, query);
    uint32_t at;
    if (strmap_find(&d->query_at, id, strlen(id), &at)) return d->texts[at];
    return (tri_text){id, strlen(id)};
}
