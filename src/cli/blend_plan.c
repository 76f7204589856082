/* SPDX-License-Identifier: Apache-2.0 */
/* blend_plan.c — how is the chosen fusion written so that it can be run again?
 *
 *   name: "best"
 *   data: {...}                                        of members in run folders
 *   versions:
 *     "v1": {"model": "...", "heads": "dense", ...}    searched again, by its own config.json
 *     "bm25": {"run": "/path/bm25.trec", "sha256": "..."}
 *     "best": {"blend": ["v1", "bm25"], "method": "rrf", "rrf_k": 60, "rrf_base": 0, "missing": "none"}
 *
 * Every key and value is JSON, which YAML reads as what it is whatever it holds. Paths are absolute: the plan may lie
 * anywhere. Where a single run was chosen, it is "best" itself. Members are in the recipe's order, as the sums are. */
#include "cli/blend_plan.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/json_out.h"
#include "cli/run_names.h"
#include "formats/json.h"
#include "hub/digest.h"
#include "lab/backup.h"

typedef struct plan_writer {
    cli *c;
    const blend_recipe *recipe;
    const char *const *paths;
    const char **names;             /* of all runs, as a plan takes them */
    json_t *configs[BLEND_MEMBERS]; /* of members in run folders that tell their data, or NULL */
    bool is_file[BLEND_MEMBERS];    /* written as a file, not searched again */
    const json_t *data;             /* borrowed from a config */
    buf out;
} plan_writer;

/* What makes a search the search that it is; the rest of a config (devices, hooks) is the machine's affair. */
static const char *const search_keys[] = {"model",      "heads",     "fuse",    "weights",      "rrf_k",       "rrf_base",
                                          "candidates", "threshold", "rescore", "rerank",       "rerank_top",  "precision",
                                          "max_length", "top",       "threads", "batch_tokens", "memory_limit"};
enum { N_SEARCH_KEYS = sizeof search_keys / sizeof *search_keys };

/* Is the run what `trident run` made there, as far as its manifest tells? */
static tri_status check_made(plan_writer *w, const char *folder, const char *run, bool *is_made, tri_error *err)
{
    backup_state state;
    TRI_TRY(backup_verify(folder, run, &state, err));
    *is_made = state != BACKUP_CHANGED;
    if (!*is_made) cli_note(w->c, "%s is not what `trident run` made there: the plan names the file as it is", run);
    return TRI_OK;
}

/* A config counts when it tells the data that it ran on; a search of its own is made again. */
static tri_status load_config(plan_writer *w, size_t member, tri_error *err)
{
    const char *run = w->paths[w->recipe->members[member]];
    size_t folder = run_names_folder(run);
    char path[PATH_MAX];
    bool is_made = false;
    w->is_file[member] = true;
    if (!folder || folder + sizeof "/config.json" > sizeof path) return TRI_OK;
    memcpy(path, run, folder);
    memcpy(path + folder, "/config.json", sizeof "/config.json");
    if (!file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, &w->configs[member], err));
    if (!json_is_object(json_object_get(w->configs[member], "data"))) {
        json_decref(w->configs[member]);
        w->configs[member] = NULL;
        return TRI_OK;
    }
    if (!json_is_string(json_object_get(w->configs[member], "model"))) return TRI_OK;
    path[folder] = 0;
    TRI_TRY(check_made(w, path, run, &is_made, err));
    w->is_file[member] = !is_made;
    return TRI_OK;
}

static bool has_same_data(const json_t *a, const json_t *b)
{
    const json_t *x = json_object_get(a, "data_hash"), *y = json_object_get(b, "data_hash");
    return json_equal(json_object_get(a, "data"), json_object_get(b, "data")) && (!x || !y || json_equal(x, y));
}

/* One data block serves the whole plan: that of the first search, else of the first run folder. Searches of other data are
 * written as files. */
static void choose_data(plan_writer *w)
{
    const json_t *of = NULL;
    for (size_t i = 0; i < w->recipe->n && !of; i++)
        if (!w->is_file[i]) of = w->configs[i];
    for (size_t i = 0; i < w->recipe->n && !of; i++) of = w->configs[i];
    for (size_t i = 0; i < w->recipe->n; i++) w->is_file[i] = w->is_file[i] || !has_same_data(of, w->configs[i]);
    w->data = json_object_get(of, "data");
}

static int append(const char *text, size_t len, void *ctx)
{
    return buf_append(ctx, text, len) == TRI_OK ? 0 : -1;
}

static tri_status put_json(plan_writer *w, const json_t *value)
{
    return json_dump_callback(value, append, &w->out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) == 0 ? TRI_OK : TRI_ERR_MEMORY;
}

static tri_status put_search(plan_writer *w, const json_t *config)
{
    bool first = true;
    TRI_TRY(buf_byte(&w->out, '{'));
    for (size_t i = 0; i < N_SEARCH_KEYS; i++) {
        const json_t *value = json_object_get(config, search_keys[i]);
        if (!value || json_is_null(value)) continue;
        TRI_TRY(buf_printf(&w->out, "%s\"%s\": ", first ? "" : ", ", search_keys[i]));
        TRI_TRY(put_json(w, value));
        first = false;
    }
    return buf_str(&w->out, "}\n");
}

static tri_status put_file(plan_writer *w, const char *run, tri_error *err)
{
    char whole[PATH_MAX], hex[DIGEST_HEX_CAP];
    if (!realpath(run, whole)) return err_set(err, TRI_ERR_IO, "could not find the folder of %s", run);
    TRI_TRY(digest_file(DIGEST_SHA256, whole, hex, NULL, err));
    tri_status st = buf_str(&w->out, "{\"run\": ");
    if (!st) st = json_out_str(&w->out, whole);
    if (!st) st = buf_printf(&w->out, ", \"sha256\": \"%s\"}\n", hex);
    return st ? err_memory(err, w->out.len) : TRI_OK;
}

static tri_status put_blend(plan_writer *w, const char *name)
{
    const blend_recipe *r = w->recipe;
    TRI_TRY(buf_str(&w->out, "  "));
    TRI_TRY(json_out_str(&w->out, name));
    TRI_TRY(buf_str(&w->out, ": {\"blend\": ["));
    for (size_t i = 0; i < r->n; i++) {
        TRI_TRY(buf_str(&w->out, i ? ", " : ""));
        TRI_TRY(json_out_str(&w->out, w->names[r->members[i]]));
    }
    TRI_TRY(buf_printf(&w->out, "], \"method\": \"%s\"", blend_recipe_method(r)));
    if (blend_recipe_norm(r)) TRI_TRY(buf_printf(&w->out, ", \"norm\": \"%s\"", blend_recipe_norm(r)));
    if (r->method == TRI_FUSE_RRF) TRI_TRY(buf_printf(&w->out, ", \"rrf_k\": %g, \"rrf_base\": 0", r->rrf_k));
    if (r->weighted) {
        for (size_t i = 0; i < r->n; i++) TRI_TRY(buf_printf(&w->out, "%s%g", i ? ", " : ", \"weights\": [", r->weights[i]));
        TRI_TRY(buf_byte(&w->out, ']'));
    }
    return buf_str(&w->out, ", \"missing\": \"none\"}\n");
}

/* "best", or "best-2", ...: the members keep their names. */
static void name_blend(const plan_writer *w, char *out, size_t cap)
{
    snprintf(out, cap, "best");
    for (unsigned k = 2, i = 0; i < w->recipe->n; i++)
        if (strcmp(w->names[w->recipe->members[i]], out) == 0) {
            snprintf(out, cap, "best-%u", k++);
            i = UINT_MAX; /* from the beginning */
        }
}

/* A member under the name that it is to have in the plan. */
static tri_status put_member(plan_writer *w, size_t member, const char *name, tri_error *err)
{
    tri_status st = buf_str(&w->out, "  ");
    if (!st) st = json_out_str(&w->out, name);
    if (!st) st = buf_str(&w->out, ": ");
    if (!st && w->is_file[member]) return put_file(w, w->paths[w->recipe->members[member]], err);
    if (!st) st = put_search(w, w->configs[member]);
    return st ? err_memory(err, w->out.len) : TRI_OK;
}

/* What the members' own checks may pass over, the blend's may. */
static bool truncation_allowed(const plan_writer *w)
{
    for (size_t i = 0; i < w->recipe->n; i++) {
        const char *word = w->configs[i] ? json_string_value(json_object_get(w->configs[i], "allow_truncation")) : NULL;
        if (word && strcmp(word, "true") == 0) return true;
    }
    return false;
}

/* Named as its file is: what a plan makes lies beside it under its name, and two recipes are not to share a folder. */
static tri_status put_head(plan_writer *w, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    size_t len = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    TRI_TRY(buf_str(&w->out, "# the fusion that `trident blend` chose; `trident run` makes the same run of it\nname: "));
    TRI_TRY(json_out_text(&w->out, base, len));
    TRI_TRY(buf_byte(&w->out, '\n'));
    if (w->data) {
        TRI_TRY(buf_str(&w->out, "data: "));
        TRI_TRY(put_json(w, w->data));
        TRI_TRY(buf_byte(&w->out, '\n'));
    }
    if (truncation_allowed(w)) TRI_TRY(buf_str(&w->out, "allow_truncation: true\n"));
    return buf_str(&w->out, "versions:\n");
}

static tri_status put_plan(plan_writer *w, const char *path, tri_error *err)
{
    char name[32];
    name_blend(w, name, sizeof name);
    if (put_head(w, path) != TRI_OK) return err_memory(err, w->out.len);
    if (w->recipe->n == 1) return put_member(w, 0, name, err);
    for (size_t i = 0; i < w->recipe->n; i++) TRI_TRY(put_member(w, i, w->names[w->recipe->members[i]], err));
    return put_blend(w, name) == TRI_OK ? TRI_OK : err_memory(err, w->out.len);
}

static tri_status save(const plan_writer *w, const char *path, tri_error *err)
{
    out_file *file;
    TRI_TRY(out_file_open(path, &file, err));
    tri_status st = out_file_write(file, w->out.data, w->out.len, err);
    if (!st) return out_file_commit(file, err);
    out_file_discard(file);
    return st;
}

static tri_status write_plan(plan_writer *w, const char *path, tri_error *err)
{
    size_t n_files = 0;
    for (size_t i = 0; i < w->recipe->n; i++) TRI_TRY(load_config(w, i, err));
    choose_data(w);
    for (size_t i = 0; i < w->recipe->n; i++) n_files += w->is_file[i];
    TRI_TRY(put_plan(w, path, err));
    TRI_TRY(save(w, path, err));
    cli_note(w->c, "%s: %zu version%s searched again, %zu as files with their SHA-256", path, w->recipe->n - n_files,
             w->recipe->n - n_files == 1 ? "" : "s", n_files);
    return TRI_OK;
}

tri_status blend_plan_write(cli *c, const char *path, const blend_recipe *recipe, const char *const *paths,
                            const char *const *names, tri_error *err)
{
    plan_writer w = {.c = c, .recipe = recipe, .paths = paths};
    arena memory;
    arena_init(&memory, 0);
    buf_init(&w.out, 0);
    w.names = arena_array(&memory, c->n_args, sizeof *w.names);
    tri_status st =
        w.names ? run_names_for_plan(&memory, names, c->n_args, w.names, err) : err_memory(err, c->n_args * sizeof *w.names);
    if (!st) st = write_plan(&w, path, err);
    for (size_t i = 0; i < recipe->n; i++) json_decref(w.configs[i]);
    buf_drop(&w.out);
    arena_drop(&memory);
    return st;
}
