/* SPDX-License-Identifier: Apache-2.0 */
/* st_folder.c — modules.json and what it points at (sentence-transformers 2 to 6).
 *
 *   modules.json: [Transformer ""] [Pooling "1_Pooling"] [Dense "2_Dense"]* [Normalize "2_Normalize"]
 * Types are matched on the last dotted component: the paths before it changed with version 6. Without modules.json the folder
 * is read as BGE-M3's own loader would: the first token, unit length. Several pooling modes at once (their outputs side by
 * side) are refused, not guessed. */
#include "model/st_folder.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "formats/json.h"

static const struct {
    const char *flag, *name;
    pooling kind;
} modes[] = {
    {"pooling_mode_cls_token", "cls", POOL_CLS},
    {"pooling_mode_max_tokens", "max", POOL_MAX},
    {"pooling_mode_mean_tokens", "mean", POOL_MEAN},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", POOL_MEAN_SQRT_LEN},
    {"pooling_mode_weightedmean_tokens", "weightedmean", POOL_WEIGHTED_MEAN},
    {"pooling_mode_lasttoken", "lasttoken", POOL_LAST},
};
enum { N_MODES = sizeof modes / sizeof *modes };

static tri_status pooling_by_name(const char *name, const char *file, model_config *c, tri_error *err)
{
    for (size_t i = 0; i < N_MODES; i++) {
        if (strcmp(name, modes[i].name) != 0) continue;
        c->pool = modes[i].kind;
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"pooling_mode\" is \"%s\"", file, name);
}

static tri_status pooling_by_flags(const json_t *o, const char *file, model_config *c, tri_error *err)
{
    int n_on = 0;
    for (size_t i = 0; i < N_MODES; i++) {
        bool on;
        TRI_TRY(json_get_bool(o, modes[i].flag, file, false, &on, err));
        if (on && n_on++ == 0) c->pool = modes[i].kind;
    }
    if (n_on == 1) return TRI_OK;
    return err_set(err, n_on ? TRI_ERR_UNSUPPORTED : TRI_ERR_FORMAT, "could not use %s: %d pooling modes are on, one is needed",
                   file, n_on);
}

/* A file of the folder that may be absent; *o NULL then. */
static tri_status load_optional(const char *dir, const char *name, char path[LIMIT_PATH], json_t **o, tri_error *err)
{
    *o = NULL;
    if (file_join(path, LIMIT_PATH, dir, name))
        return err_set(err, TRI_ERR_LIMIT, "could not open %s: the path is too long", name);
    if (!file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, o, err));
    if (json_is_object(*o) || json_is_array(*o)) return TRI_OK;
    json_decref(*o);
    *o = NULL;
    return err_set(err, TRI_ERR_FORMAT, "could not read %s: it holds neither an object nor a list", path);
}

static tri_status read_pooling(const char *folder, model_config *c, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *o;
    TRI_TRY(load_optional(folder, "config.json", path, &o, err));
    if (!o) return err_set(err, TRI_ERR_NOT_FOUND, "could not open %s: modules.json names it", path);
    const char *mode;
    tri_status st = json_get_str(o, "pooling_mode", path, NULL, &mode, err);
    if (!st) st = mode ? pooling_by_name(mode, path, c, err) : pooling_by_flags(o, path, c, err);
    json_decref(o);
    return st;
}

static tri_status dense_activation(const json_t *o, const char *path, activation *act, tri_error *err)
{
    static const struct {
        const char *name;
        activation act;
    } known[] = {{"Identity", ACT_NONE}, {"Tanh", ACT_TANH}, {"ReLU", ACT_RELU}, {"GELU", ACT_GELU_ERF}, {"SiLU", ACT_SILU}};
    const char *full;
    TRI_TRY(json_get_str(o, "activation_function", path, "torch.nn.modules.activation.Tanh", &full, err));
    const char *dot = strrchr(full, '.'), *name = dot ? dot + 1 : full;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        *act = known[i].act;
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"activation_function\" is \"%s\"", path, full);
}

static tri_status read_dense(const char *folder, model_config *c, arena *keep, tri_error *err)
{
    if (c->n_dense == MAX_DENSE_MODULES)
        return err_set(err, TRI_ERR_LIMIT, "could not use %s: more than %d Dense modules", c->dir, MAX_DENSE_MODULES);
    char path[LIMIT_PATH];
    json_t *o;
    TRI_TRY(load_optional(folder, "config.json", path, &o, err));
    if (!o) return err_set(err, TRI_ERR_NOT_FOUND, "could not open %s: modules.json names it", path);
    dense_module *m = &c->dense[c->n_dense];
    tri_status st = json_get_size(o, "in_features", path, 0, 1, LIMIT_WIDTH, &m->in, err);
    if (!st) st = json_get_size(o, "out_features", path, 0, 1, LIMIT_WIDTH, &m->out, err);
    if (!st) st = json_get_bool(o, "bias", path, true, &m->bias, err);
    if (!st) st = dense_activation(o, path, &m->act, err);
    json_decref(o);
    if (st) return st;
    size_t want = c->n_dense ? c->dense[c->n_dense - 1].out : c->hidden;
    if (m->in != want)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"in_features\" is %zu, what comes in has %zu", path, m->in,
                       want);
    if (!(m->folder = arena_copy(keep, folder, strlen(folder)))) return err_memory(err, strlen(folder));
    c->n_dense++;
    return TRI_OK;
}

/* The greatest of each column, log(1 + relu(.)): the one form that is computed. */
static tri_status read_splade(const char *folder, model_config *c, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *o;
    const char *strategy, *act;
    TRI_TRY(load_optional(folder, "config.json", path, &o, err));
    c->task = TASK_SPLADE;
    tri_status st = json_get_str(o, "pooling_strategy", path, "max", &strategy, err);
    if (!st) st = json_get_str(o, "activation_function", path, "relu", &act, err);
    if (!st && (strcmp(strategy, "max") != 0 || strcmp(act, "relu") != 0))
        st = err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"%s\" of \"%s\"; only max of relu is computed", path,
                     strategy, act);
    json_decref(o);
    return st;
}

static tri_status read_module(const json_t *module, const char *path, model_config *c, arena *keep, tri_error *err)
{
    const char *type, *name;
    if (!json_is_object(module)) return err_set(err, TRI_ERR_FORMAT, "could not read %s: a module is not an object", path);
    TRI_TRY(json_get_str(module, "type", path, "", &type, err));
    TRI_TRY(json_get_str(module, "path", path, "", &name, err));
    if (strstr(name, "..") || name[0] == '/')
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: module path \"%s\" leaves the folder", path, name);
    const char *dot = strrchr(type, '.'), *kind = dot ? dot + 1 : type;
    char folder[LIMIT_PATH];
    if (file_join(folder, sizeof folder, c->dir, name))
        return err_set(err, TRI_ERR_LIMIT, "could not use %s: module path too long", path);
    if (strcmp(kind, "Transformer") == 0 || strcmp(kind, "MLMTransformer") == 0) return TRI_OK;
    if (strcmp(kind, "SpladePooling") == 0) return read_splade(folder, c, err);
    if (strcmp(kind, "Pooling") == 0) return read_pooling(folder, c, err);
    if (strcmp(kind, "Dense") == 0) return read_dense(folder, c, keep, err);
    if (strcmp(kind, "Normalize") == 0) {
        c->normalize = true;
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: module type \"%s\" is not one we compute", path, type);
}

static tri_status read_modules(model_config *c, arena *keep, tri_error *err)
{
    char path[LIMIT_PATH], folder[LIMIT_PATH];
    json_t *list;
    TRI_TRY(load_optional(c->dir, "modules.json", path, &list, err));
    if (!list) {
        c->normalize = true;
        if (file_join(folder, sizeof folder, c->dir, "1_Pooling")) return TRI_OK;
        return file_is_dir(folder) ? read_pooling(folder, c, err) : TRI_OK;
    }
    tri_status st =
        json_is_array(list) ? TRI_OK : err_set(err, TRI_ERR_FORMAT, "could not read %s: it does not hold a list", path);
    for (size_t i = 0; !st && i < json_array_size(list); i++) st = read_module(json_array_get(list, i), path, c, keep, err);
    json_decref(list);
    return st;
}

static tri_status keep_prompt(const json_t *prompts, const char *name, const char *file, const char **out, arena *keep,
                              tri_error *err)
{
    const char *text;
    TRI_TRY(json_get_str(prompts, name, file, NULL, &text, err));
    if (text && !(*out = arena_copy(keep, text, strlen(text)))) return err_memory(err, strlen(text));
    return TRI_OK;
}

static tri_status read_prompts(model_config *c, arena *keep, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *o;
    c->prompt_query = c->prompt_passage = "";
    TRI_TRY(load_optional(c->dir, "config_sentence_transformers.json", path, &o, err));
    const json_t *prompts = json_object_get(o, "prompts");
    tri_status st = TRI_OK;
    if (json_is_object(prompts)) {
        st = keep_prompt(prompts, "query", path, &c->prompt_query, keep, err);
        if (!st) st = keep_prompt(prompts, "document", path, &c->prompt_passage, keep, err);
        if (!st) st = keep_prompt(prompts, "passage", path, &c->prompt_passage, keep, err); /* passage, else document */
    }
    json_decref(o);
    return st;
}

static void lower_limit(model_config *c, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) <= 0 || json_integer_value(v) > LIMIT_POSITIONS)
        return; /* 1e30 = "none" */
    size_t n = (size_t)json_integer_value(v);
    if (!c->max_seq_length || n < c->max_seq_length) c->max_seq_length = n;
}

static tri_status read_limits(model_config *c, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *o;
    TRI_TRY(load_optional(c->dir, "sentence_bert_config.json", path, &o, err));
    lower_limit(c, o, "max_seq_length");
    bool lower;
    tri_status st = json_get_bool(o, "do_lower_case", path, false, &lower, err);
    json_decref(o);
    if (st) return st;
    if (lower)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "could not use %s: \"do_lower_case\" is true; only the tokenizer's own lower-casing is done", path);
    TRI_TRY(load_optional(c->dir, "tokenizer_config.json", path, &o, err));
    lower_limit(c, o, "model_max_length");
    json_decref(o);
    return TRI_OK;
}

/* ---- rerankers ------------------------------------------------------------------------------------------------------ */

/* "torch.nn.modules.linear.Identity" */
static tri_status score_by_class(const char *class, const char *file, model_config *c, tri_error *err)
{
    const char *dot = strrchr(class, '.'), *name = dot ? dot + 1 : class;
    c->from_st = true;
    c->score = strcmp(name, "Identity") == 0 ? SCORE_IDENTITY : SCORE_SIGMOID;
    if (c->score == SCORE_IDENTITY || strcmp(name, "Sigmoid") == 0) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED,
                   "could not use %s: the activation of scores is \"%s\"; Sigmoid and Identity are known", file, class);
}

/* Where version 6 keeps it, then where 4 and 5 did, then where it was before; sigmoid when nobody says (CrossEncoder's default
 * for one label). */
static tri_status read_score_activation(const json_t *config_json, model_config *c, tri_error *err)
{
    char path[LIMIT_PATH];
    const char *newest, *newer, *old;
    json_t *o;
    TRI_TRY(load_optional(c->dir, "config_sentence_transformers.json", path, &o, err));
    tri_status st = json_get_str(o, "activation_fn", path, NULL, &newest, err);
    if (!st && newest) st = score_by_class(newest, path, c, err);
    json_decref(o);
    if (st || c->from_st) return st;
    const json_t *mark = json_object_get(config_json, "sentence_transformers");
    TRI_TRY(json_get_str(mark, "activation_fn", c->file, NULL, &newer, err));
    TRI_TRY(json_get_str(config_json, "sbert_ce_default_activation_function", c->file, NULL, &old, err));
    c->from_st = json_is_object(mark);
    return newer || old ? score_by_class(newer ? newer : old, c->file, c, err) : TRI_OK;
}

tri_status st_folder_load(const json_t *config_json, model_config *c, arena *keep, tri_error *err)
{
    c->pool = POOL_CLS;
    TRI_TRY(read_modules(c, keep, err));
    TRI_TRY(read_prompts(c, keep, err));
    if (c->task == TASK_RERANK) TRI_TRY(read_score_activation(config_json, c, err));
    return read_limits(c, err);
}
