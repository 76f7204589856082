/* SPDX-License-Identifier: Apache-2.0 */
/* submission_runs.c — see submission_runs.h. Nothing is computed again: what the versions wrote is read and held against
 * itself. */
#include "lab/submission_runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/limits.h"
#include "base/number.h"
#include "formats/json.h"
#include "formats/jsonl.h"
#include "lab/backup.h"
#include "lab/submission_folds.h"

enum { NAMES_MAX = 1000 };

typedef struct run_folder {
    const char *dir;
    known_ids versions; /* names of folders with a status.json; "" = dir itself */
    known_ids folders;  /* of all folders */
} run_folder;

static int by_name(const void *a, const void *b)
{
    const tri_text *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->bytes, y->bytes, n);
    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static tri_status path_of(const run_folder *r, tri_text folder, const char *name, char out[LIMIT_PATH], tri_error *err)
{
    int n = snprintf(out, LIMIT_PATH, "%s/%.*s%s%s", r->dir, (int)folder.len, folder.bytes, folder.len ? "/" : "", name);
    if (n > 0 && n < LIMIT_PATH) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "the path of %s in %s is too long", name, r->dir);
}

/* index-HASH.job: how a shared index came about. The versions that it serves tell its state and its cuts again. */
static bool is_job_of_index(tri_text folder)
{
    return folder.len > 4 && memcmp(folder.bytes + folder.len - 4, ".job", 4) == 0;
}

static tri_status add_folder(void *ctx, const char *name, tri_error *err)
{
    run_folder *r = ctx;
    char path[LIMIT_PATH];
    bool added;
    tri_text folder = {name, strlen(name)};
    if (is_job_of_index(folder)) return TRI_OK;
    TRI_TRY(path_of(r, folder, "", path, err));
    if (!file_is_dir(path) || *name == '.') return TRI_OK;
    if (r->folders.n == NAMES_MAX) return err_set(err, TRI_ERR_LIMIT, "%s holds more than %d folders", r->dir, NAMES_MAX);
    TRI_TRY(known_ids_add(&r->folders, folder, (tri_text){NULL, 0}, NULL, &added, err));
    TRI_TRY(path_of(r, folder, "status.json", path, err));
    return file_exists(path) ? known_ids_add(&r->versions, folder, (tri_text){NULL, 0}, NULL, &added, err) : TRI_OK;
}

static tri_status find_versions(run_folder *r, tri_error *err)
{
    char path[LIMIT_PATH];
    bool added;
    tri_text here = {"", 0};
    if (!file_is_dir(r->dir))
        return err_hint(err, err_set(err, TRI_ERR_NOT_FOUND, "%s is no folder", r->dir),
                        "--runs takes the folder that trident run made");
    TRI_TRY(path_of(r, here, "status.json", path, err));
    if (file_exists(path)) {
        TRI_TRY(known_ids_add(&r->versions, here, here, NULL, &added, err));
        return known_ids_add(&r->folders, here, here, NULL, &added, err);
    }
    TRI_TRY(folder_each(r->dir, add_folder, r, err));
    if (r->versions.n) qsort(r->versions.ids, r->versions.n, sizeof *r->versions.ids, by_name);
    if (r->folders.n) qsort(r->folders.ids, r->folders.n, sizeof *r->folders.ids, by_name);
    if (r->versions.n) return TRI_OK;
    return err_hint(err, err_set(err, TRI_ERR_NOT_FOUND, "%s holds no version with a status.json", r->dir),
                    "--runs takes the folder that trident run made");
}

static const char *shown(const run_folder *r, tri_text version)
{
    return version.len ? version.bytes : r->dir; /* known_ids keeps a NUL after each */
}

/* ---- finished ------------------------------------------------------------------------------------------------------- */

/* A version that `trident run` is checking this moment has its run and its submission: it counts as done. */
static tri_status state_of(const run_folder *r, tri_text version, char out[32], tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *status;
    const char *word, *step;
    TRI_TRY(path_of(r, version, "status.json", path, err));
    TRI_TRY(json_file_load(path, &status, err));
    tri_status st = json_get_str(status, "state", path, "unknown", &word, err);
    if (!st) st = json_get_str(status, "step", path, "", &step, err);
    if (!st) snprintf(out, 32, "%s", strcmp(word, "running") == 0 && strcmp(step, "check") == 0 ? "done" : word);
    json_decref(status);
    return st;
}

static tri_status check_finished(const run_folder *r, check_sheet *sheet, tri_error *err)
{
    char state[32], first[160] = "";
    size_t n_open = 0;
    for (size_t i = 0; i < r->versions.n; i++) {
        TRI_TRY(state_of(r, r->versions.ids[i], state, err));
        if (strcmp(state, "done") == 0) continue;
        if (!n_open++) snprintf(first, sizeof first, "%.100s is %s", shown(r, r->versions.ids[i]), state);
    }
    if (!n_open)
        check_sheet_add(sheet, "finished", NULL, "all %zu versions are done", r->versions.n);
    else
        check_sheet_add(sheet, "finished", "trident run PLAN.yaml again resumes what is not done",
                        "%s; %zu of %zu versions are not done", first, n_open, r->versions.n);
    return TRI_OK;
}

/* ---- truncation ----------------------------------------------------------------------------------------------------- */

static uint64_t number_before(const char *line, const char *end)
{
    while (end > line && end[-1] == ' ') end--;
    const char *from = end;
    while (from > line && from[-1] >= '0' && from[-1] <= '9') from--;
    uint64_t n;
    return number_parse_u64(from, (size_t)(end - from), &n) ? n : 0;
}

/* The lines by which the commands tell of cuts: "3 of 90 texts were longer than 512 tokens", "of 90 pairs 1 had the query cut
 * and 2 the passage". */
static uint64_t cuts_of_line(const char *line, size_t len)
{
    char text[512];
    size_t n = len < sizeof text - 1 ? len : sizeof text - 1;
    memcpy(text, line, n);
    text[n] = 0;
    const char *of = strstr(text, " of "), *query = strstr(text, " had the query cut and "),
               *passage = strstr(text, " the passage, to ");
    if (query && passage) return number_before(text, query) + number_before(text, passage);
    if (of && strstr(of, " longer than ")) return number_before(text, of);
    return of && strstr(of, " were cut to ") ? number_before(text, of) : 0;
}

static tri_status cuts_of_log(const char *path, uint64_t *cuts, tri_error *err)
{
    line_reader *lines;
    const char *line;
    size_t len;
    TRI_TRY(line_reader_open(path, 0, &lines, err));
    tri_status st;
    while (!(st = line_reader_next(lines, &line, &len, NULL, err)) && line) *cuts += cuts_of_line(line, len);
    line_reader_close(lines);
    return st;
}

typedef struct version_texts {
    bool encodes; /* no: a blend, or a run that was given; no texts to cut */
    bool may_cut; /* its plan says allow_truncation */
} version_texts;

static tri_status texts_of(const run_folder *r, tri_text version, version_texts *out, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *config;
    *out = (version_texts){.encodes = true};
    TRI_TRY(path_of(r, version, "config.json", path, err));
    if (!file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, &config, err));
    const char *allowed = json_string_value(json_object_get(config, "allow_truncation"));
    out->encodes = !json_object_get(config, "blend") && !json_object_get(config, "run");
    out->may_cut = allowed && strcmp(allowed, "true") == 0;
    json_decref(config);
    return TRI_OK;
}

typedef struct cut_count {
    char first[160];                       /* the first folder with cuts that nobody allowed, else the first with any */
    char unknown[160];                     /* a version that encodes and has no log */
    size_t n_logs, n_with_cuts, n_refused; /* folders; of them with cuts; of these not allowed by their plan */
} cut_count;

static tri_status count_cuts(const run_folder *r, tri_text folder, cut_count *c, tri_error *err)
{
    char path[LIMIT_PATH];
    uint64_t cuts = 0;
    uint32_t place;
    version_texts texts;
    TRI_TRY(texts_of(r, folder, &texts, err));
    TRI_TRY(path_of(r, folder, "log.txt", path, err));
    if (!file_exists(path)) {
        if (texts.encodes && known_ids_find(&r->versions, folder, &place) && !*c->unknown)
            snprintf(c->unknown, sizeof c->unknown, "%.150s", shown(r, folder));
        return TRI_OK;
    }
    TRI_TRY(cuts_of_log(path, &cuts, err));
    c->n_logs++;
    if (!cuts) return TRI_OK;
    if (!c->n_with_cuts++ || (!texts.may_cut && !c->n_refused))
        snprintf(c->first, sizeof c->first, "%.100s: %" PRIu64 " texts were cut", shown(r, folder), cuts);
    c->n_refused += !texts.may_cut;
    return TRI_OK;
}

static tri_status check_truncation(const run_folder *r, const check_options *o, check_sheet *sheet, tri_error *err)
{
    cut_count c = {0};
    char others[64] = "";
    for (size_t i = 0; i < r->folders.n; i++) TRI_TRY(count_cuts(r, r->folders.ids[i], &c, err));
    if (c.n_with_cuts > 1) snprintf(others, sizeof others, "; texts were cut in %zu of %zu logs", c.n_with_cuts, c.n_logs);
    if (*c.unknown)
        check_sheet_add(sheet, "truncation", "run the version again: its log tells how many texts were cut",
                        "%s has no log.txt: whether texts were cut is not known", c.unknown);
    else if (!c.n_with_cuts)
        check_sheet_add(sheet, "truncation", NULL, "no text was cut, by %zu logs", c.n_logs);
    else if (o->allow_truncation || !c.n_refused)
        check_sheet_add(sheet, "truncation", NULL, "%s%s, allowed%s", c.first, others, c.n_refused ? "" : " by the plan");
    else
        check_sheet_add(sheet, "truncation", "raise max_length (BGE-M3 reads 8192 tokens), or allow it: --allow-truncation",
                        "%s%s", c.first, others);
    return TRI_OK;
}

/* ---- backup --------------------------------------------------------------------------------------------------------- */

static void folder_of(const char *path, char out[LIMIT_PATH])
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(out, LIMIT_PATH, ".");
    else
        snprintf(out, LIMIT_PATH, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* Kept if one manifest has it as it is; changed if one has it otherwise and none as it is. */
static tri_status kept_in(const run_folder *r, tri_text version, const char *path, backup_state *state, tri_error *err)
{
    char folder[LIMIT_PATH];
    backup_state own, outer;
    TRI_TRY(path_of(r, version, ".", folder, err));
    TRI_TRY(backup_verify(folder, path, &own, err));
    TRI_TRY(backup_verify(r->dir, path, &outer, err));
    *state = own == BACKUP_KEPT || outer == BACKUP_KEPT         ? BACKUP_KEPT
             : own == BACKUP_CHANGED || outer == BACKUP_CHANGED ? BACKUP_CHANGED
                                                                : BACKUP_NOT_LISTED;
    return TRI_OK;
}

static tri_status submission_state(const run_folder *r, const char *file, backup_state *state, tri_error *err)
{
    char folder[LIMIT_PATH];
    folder_of(file, folder);
    TRI_TRY(backup_verify(folder, file, state, err));
    for (size_t i = 0; i < r->versions.n && *state != BACKUP_KEPT; i++) {
        backup_state other;
        TRI_TRY(kept_in(r, r->versions.ids[i], file, &other, err));
        if (other != BACKUP_NOT_LISTED) *state = other;
    }
    return TRI_OK;
}

static tri_status check_backup(const run_folder *r, const check_options *o, check_sheet *sheet, tri_error *err)
{
    char path[LIMIT_PATH], state_word[32];
    size_t n = 0;
    backup_state state = BACKUP_KEPT;
    for (size_t i = 0; i < r->versions.n && state == BACKUP_KEPT; i++) {
        TRI_TRY(state_of(r, r->versions.ids[i], state_word, err));
        TRI_TRY(path_of(r, r->versions.ids[i], "run.trec", path, err));
        if (strcmp(state_word, "done") != 0) continue;
        if (!file_exists(path)) {
            check_sheet_add(sheet, "backup", "run the version again: trident run PLAN.yaml", "%.300s is not there", path);
            return TRI_OK;
        }
        TRI_TRY(kept_in(r, r->versions.ids[i], path, &state, err));
        n++;
    }
    if (state == BACKUP_KEPT) {
        snprintf(path, sizeof path, "%s", o->file);
        TRI_TRY(submission_state(r, o->file, &state, err));
    }
    if (state == BACKUP_KEPT)
        check_sheet_add(sheet, "backup", NULL, "%zu raw runs and the submission have the SHA-256 of their manifests", n);
    else if (state == BACKUP_CHANGED)
        check_sheet_add(sheet, "backup", "restore the file, or write it anew (trident run, trident submit-format)",
                        "%.300s is not what its " BACKUP_MANIFEST " says", path);
    else
        check_sheet_add(sheet, "backup",
                        "trident run and trident submit-format list what they write; else: sha256sum FILE >> " BACKUP_MANIFEST,
                        "%.300s is in no " BACKUP_MANIFEST, path);
    return TRI_OK;
}

tri_status submission_check_runs(const check_options *o, check_sheet *sheet, tri_error *err)
{
    run_folder r = {.dir = o->runs};
    known_ids_init(&r.versions, false);
    known_ids_init(&r.folders, false);
    tri_status st = find_versions(&r, err);
    if (!st) st = check_finished(&r, sheet, err);
    if (!st) st = check_truncation(&r, o, sheet, err);
    fold_check folds = {0};
    for (size_t i = 0; i < r.versions.n && !st; i++) {
        char path[LIMIT_PATH];
        st = path_of(&r, r.versions.ids[i], "metrics.json", path, err);
        if (!st) st = submission_folds_read(path, shown(&r, r.versions.ids[i]), &folds, err);
    }
    if (!st) st = submission_folds_report(&folds, sheet, err);
    if (!st) st = check_backup(&r, o, sheet, err);
    known_ids_drop(&r.versions);
    known_ids_drop(&r.folders);
    return st;
}
