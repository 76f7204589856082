/* SPDX-License-Identifier: Apache-2.0 */
/* model_config.c — config.json: which architecture reads it (arch_*.c read their own keys), and what the weights are for.
 *
 * Every dimension, epsilon, activation and id comes from the folder; nothing is derived from a model's name. A key that changes
 * the maths and holds a value we do not compute is refused: a wrong vector is worse than none. */
#include "model/model_config.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/json.h"
#include "model/arch.h"
#include "model/model_config_int.h"
#include "model/st_folder.h"

const char *pooling_name(pooling p)
{
    static const char *const names[] = {[POOL_CLS] = "cls",
                                        [POOL_MEAN] = "mean",
                                        [POOL_MAX] = "max",
                                        [POOL_MEAN_SQRT_LEN] = "mean_sqrt_len_tokens",
                                        [POOL_WEIGHTED_MEAN] = "weightedmean",
                                        [POOL_LAST] = "lasttoken"};
    return names[p];
}

static tri_status find_arch(const json_t *o, model_config *c, const arch **kind, arena *keep, tri_error *err)
{
    const char *type;
    char known[256];
    if (!json_is_object(o)) return err_set(err, TRI_ERR_FORMAT, "could not read %s: it does not hold a JSON object", c->file);
    TRI_TRY(json_get_str(o, "model_type", c->file, NULL, &type, err));
    if (!type) return err_set(err, TRI_ERR_FORMAT, "could not read %s: key \"model_type\" is missing", c->file);
    if (!(c->model_type = arena_copy(keep, type, strlen(type)))) return err_memory(err, strlen(type));
    *kind = arch_find(type);
    if (*kind) return TRI_OK;
    arch_names(known, sizeof known);
    err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"model_type\" is \"%s\"", c->file, type);
    return err_hint(err, TRI_ERR_UNSUPPORTED, "this build knows: %s", known);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* num_labels, or the names of the labels; transformers' default is two. */
static tri_status one_label(const json_t *o, const model_config *c, tri_error *err)
{
    const json_t *names = json_object_get(o, "id2label");
    size_t n = json_is_object(names) ? json_object_size(names) : 2;
    TRI_TRY(json_get_size(o, "num_labels", c->file, n, 1, LIMIT_WIDTH, &n, err));
    if (n == 1) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: a classifier of %zu labels; a reranker has one", c->file, n);
}

static tri_status read_task(const json_t *o, model_config *c, tri_error *err)
{
    const json_t *list = json_object_get(o, "architectures"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        const char *name = json_is_string(item) ? json_string_value(item) : "";
        if (ends_with(name, "ForSequenceClassification")) c->task = TASK_RERANK;
        if (ends_with(name, "ForTokenClassification")) c->task = TASK_TOKEN_WEIGHTS;
        if (ends_with(name, "ForMaskedLM")) c->masked_lm = true;
    }
    return c->task == TASK_RERANK ? one_label(o, c, err) : TRI_OK;
}

tri_status model_config_read(const json_t *o, model_config *c, const arch **kind, arena *keep, tri_error *err)
{
    TRI_TRY(find_arch(o, c, kind, keep, err));
    TRI_TRY((*kind)->configure(o, c, keep, err));
    TRI_TRY(read_task(o, c, err));
    if (c->task == TASK_RERANK && !(*kind)->logit.out[0])
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: no reranker of \"model_type\" \"%s\" is known", c->file,
                       c->model_type);
    return TRI_OK;
}

static tri_status load_folder(model_config *c, const arch **kind, arena *keep, tri_error *err)
{
    json_t *o;
    TRI_TRY(json_file_load(c->file, &o, err));
    tri_status st = model_config_read(o, c, kind, keep, err);
    if (!st) st = st_folder_load(o, c, keep, err);
    json_decref(o);
    return st;
}

/* The folder that a file lies in. */
static char *folder_of(const char *path, arena *keep)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return arena_copy(keep, ".", 1);
    return arena_copy(keep, path, slash == path ? 1 : (size_t)(slash - path));
}

tri_status model_file_beside(const char *model, const char *name, char out[LIMIT_PATH], tri_error *err)
{
    int n;
    if (file_is_dir(model))
        n = file_join(out, LIMIT_PATH, model, name) ? LIMIT_PATH : 0;
    else
        n = snprintf(out, LIMIT_PATH, "%.*s.%s", (int)(strlen(model) - (ends_with(model, ".gguf") ? 5 : 0)), model, name);
    if (n >= 0 && n < LIMIT_PATH) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "could not look for %s beside %s: the path is too long", name, model);
}

tri_status model_config_load(const char *dir, model_config *out, const arch **kind, arena *keep, tri_error *err)
{
    char path[LIMIT_PATH];
    memset(out, 0, sizeof *out);
    bool is_file = file_exists(dir);
    if (!is_file && !file_is_dir(dir)) {
        err_set(err, TRI_ERR_NOT_FOUND, "could not open model %s: there is no such folder or file", dir);
        return err_hint(err, TRI_ERR_NOT_FOUND, "give a folder with config.json and the weights in it, or a .gguf file");
    }
    if (file_join(path, sizeof path, dir, "config.json"))
        return err_set(err, TRI_ERR_LIMIT, "could not open model: its path is too long");
    out->dir = arena_copy(keep, dir, strlen(dir));
    out->file = is_file ? out->dir : arena_copy(keep, path, strlen(path));
    out->home = is_file ? folder_of(dir, keep) : out->dir;
    if (!out->dir || !out->file || !out->home) return err_memory(err, sizeof path);
    return is_file ? model_config_load_gguf(out, kind, keep, err) : load_folder(out, kind, keep, err);
}
