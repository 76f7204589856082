/* SPDX-License-Identifier: Apache-2.0 */
/* report_folder.c — what does a folder of `trident run` tell? DIR/run.json about the whole; DIR/NAME/ about a version:
 * config.json, status.json, run.trec. A version that failed or waits has no run and is told with its state. Nothing in these
 * files is trusted to be there: a member that is missing is not known. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/folder.h"
#include "cli/report_data.h"
#include "formats/json.h"

static const char *join(report_data *d, const char *dir, const char *name)
{
    size_t len = strlen(dir);
    return arena_printf(&d->memory, len && dir[len - 1] == '/' ? "%s%s" : "%s/%s", dir, name);
}

/* *out NULL: there is no such file. */
static tri_status load(report_data *d, const char *dir, const char *name, json_t **out, tri_error *err)
{
    const char *path = join(d, dir, name);
    *out = NULL;
    if (!path) return err_memory(err, strlen(dir));
    return file_exists(path) ? json_file_load(path, out, err) : TRI_OK;
}

/* A string, or NULL for anything else, or without memory. */
static const char *text_of(report_data *d, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || !json_string_length(value)) return NULL;
    return arena_copy(&d->memory, json_string_value(value), json_string_length(value));
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static double time_of(const json_t *object, const char *key)
{
    double value = number_of(object, key);
    return value > 0 ? value : 0;
}

/* ---- the folder ---------------------------------------------------------------------------------------------------- */

static void add_fact(report_data *d, const char *name, const char *value)
{
    if (value && d->n_facts < REPORT_FACTS) d->facts[d->n_facts++] = (report_fact){name, value};
}

static const char *amount(report_data *d, const json_t *object, const char *key)
{
    double value = number_of(object, key);
    return isfinite(value) && value > 0 ? arena_printf(&d->memory, "%g", value) : NULL;
}

/* Where the data lies, unless that was said before. */
static void take_data(report_data *d, const json_t *object)
{
    const json_t *data = json_object_get(object, "data");
    const struct {
        const char *key, **into;
    } paths[] = {{"qrels", &d->qrels_path}, {"queries", &d->queries_path}, {"corpus", &d->corpus_path}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *path = *paths[i].into ? NULL : text_of(d, data, paths[i].key);
        if (path && file_exists(path)) *paths[i].into = path;
    }
}

static void take_run(report_data *d, const json_t *run)
{
    static const struct {
        const char *key, *name;
    } texts[] = {{"name", "plan"}, {"plan_hash", "plan hash"}, {"data_hash", "data hash"}, {"bill", "billed by"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) add_fact(d, texts[i].name, text_of(d, run, texts[i].key));
    add_fact(d, "price an hour", amount(d, run, "price_per_hour"));
    add_fact(d, "budget", amount(d, run, "budget"));
    take_data(d, run);
}

/* ---- a version ----------------------------------------------------------------------------------------------------- */

static tri_status take_members(report_data *d, const json_t *config, report_version *v, tri_error *err)
{
    const json_t *blend = json_object_get(config, "blend");
    size_t n = json_array_size(blend);
    if (!n) return TRI_OK;
    v->members = arena_calloc(&d->memory, n, sizeof *v->members);
    if (!v->members) return err_memory(err, n * sizeof *v->members);
    for (size_t i = 0; i < n; i++) {
        const json_t *name = json_array_get(blend, i);
        if (!json_is_string(name)) continue;
        v->members[v->n_members] = arena_copy(&d->memory, json_string_value(name), json_string_length(name));
        if (!v->members[v->n_members++]) return err_memory(err, json_string_length(name));
    }
    return TRI_OK;
}

static void take_status(report_data *d, const json_t *status, report_version *v)
{
    v->state = text_of(d, status, "state");
    v->device = text_of(d, status, "device");
    v->error = text_of(d, status, "error");
    v->submission = text_of(d, status, "submission");
    v->seconds = number_of(status, "seconds");
    v->money = number_of(status, "money");
    v->started = time_of(status, "started");
    v->ended = time_of(status, "ended");
    double attempts = number_of(status, "attempts");
    v->attempts = attempts > 0 && attempts < 1e6 ? (size_t)attempts : 0;
}

static tri_status read_version(report_data *d, const char *dir, const char *name, tri_error *err)
{
    report_version v = {.name = name, .folder = dir};
    json_t *config, *status = NULL;
    TRI_TRY(load(d, dir, "config.json", &config, err));
    tri_status st = load(d, dir, "status.json", &status, err);
    if (!st) {
        take_status(d, status, &v);
        v.model = text_of(d, config, "model");
        take_data(d, config);
        st = take_members(d, config, &v, err);
    }
    const char *given = json_string_value(json_object_get(config, "config_hash"));
    const char *file = st || given ? NULL : join(d, dir, "config.json");
    if (given) snprintf(v.config_hash, sizeof v.config_hash, "%s", given);
    if (file && config) st = digest_file(DIGEST_SHA256, file, v.config_hash, NULL, err);
    json_decref(config);
    json_decref(status);
    TRI_TRY(st);
    v.path = join(d, dir, "run.trec");
    if (!v.path) return err_memory(err, strlen(dir));
    if (!file_exists(v.path)) v.path = NULL;
    v.is_index = !v.path && strncmp(name, "index-", 6) == 0;
    return report_data_add(d, &v, err);
}

typedef struct names {
    report_data *d;
    const char *dir;
    const char **list;
    size_t n, cap;
} names;

static tri_status take_name(void *ctx, const char *name, tri_error *err)
{
    names *all = ctx;
    const char *dir = join(all->d, all->dir, name), *status, *run;
    if (!dir || !(status = join(all->d, dir, "status.json")) || !(run = join(all->d, dir, "run.trec")))
        return err_memory(err, strlen(name));
    if (!file_is_dir(dir) || !(file_exists(status) || file_exists(run))) return TRI_OK;
    if (all->n == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 16;
        const char **more = mem_realloc(all->list, cap * sizeof *more);
        if (!more) return err_memory(err, cap * sizeof *more);
        all->list = more;
        all->cap = cap;
    }
    all->list[all->n] = arena_copy(&all->d->memory, name, strlen(name));
    return all->list[all->n++] ? TRI_OK : err_memory(err, strlen(name));
}

/* v2 before v10 */
static int by_version(const void *a, const void *b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static tri_status read_versions(report_data *d, const char *dir, tri_error *err)
{
    names all = {.d = d, .dir = dir};
    tri_status st = folder_each(dir, take_name, &all, err);
    if (!st && !all.n) {
        err_set(err, TRI_ERR_FORMAT, "could not report %s: it holds neither a run nor folders of versions", dir);
        st = err_hint(err, TRI_ERR_FORMAT, "give run files, or a folder that `trident run` made");
    }
    if (all.n) qsort(all.list, all.n, sizeof *all.list, by_version);
    for (size_t i = 0; !st && i < all.n; i++) {
        const char *folder = join(d, dir, all.list[i]);
        st = folder ? read_version(d, folder, all.list[i], err) : err_memory(err, strlen(dir));
    }
    mem_free(all.list);
    return st;
}

/* The last name of a path. */
static const char *last_name(report_data *d, const char *dir)
{
    size_t end = strlen(dir), start;
    while (end > 1 && dir[end - 1] == '/') end--;
    for (start = end; start > 0 && dir[start - 1] != '/'; start--) continue;
    return arena_copy(&d->memory, dir + start, end - start);
}

tri_status report_folder_read(report_data *d, const char *dir, tri_error *err)
{
    json_t *run;
    const char *own = join(d, dir, "run.trec");
    if (!own) return err_memory(err, strlen(dir));
    if (file_exists(own)) {
        const char *name = last_name(d, dir);
        return name ? read_version(d, dir, name, err) : err_memory(err, strlen(dir));
    }
    TRI_TRY(load(d, dir, "run.json", &run, err));
    take_run(d, run);
    json_decref(run);
    TRI_TRY(load(d, dir, "sessions.json", &run, err));
    double spent = number_of(run, "spent");
    if (isfinite(spent)) d->billed = (isfinite(d->billed) ? d->billed : 0) + spent;
    json_decref(run);
    return read_versions(d, dir, err);
}
