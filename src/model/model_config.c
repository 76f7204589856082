/* SPDX-License-Identifier: Apache-2.0 */
/* model_config.c — config.json of a BERT or XLM-RoBERTa encoder.
 *
 * Every dimension, epsilon, activation and id comes from the folder; nothing is derived from a model's name. A key that changes
 * the maths and holds a value we do not compute (position_embedding_type, hidden_act, is_decoder) is refused: a wrong vector is
 * worse than none. Bounds are those of base/limits.h; they exist so that a hostile file cannot ask for 2^31 layers. */
#include "model/model_config.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/json.h"
#include "model/st_folder.h"

static const struct {
    const char *name;
    activation act;
} activations[] = {
    {"gelu", ACT_GELU_ERF},       {"gelu_python", ACT_GELU_ERF},
    {"gelu_new", ACT_GELU_TANH},  {"gelu_pytorch_tanh", ACT_GELU_TANH},
    {"gelu_fast", ACT_GELU_TANH}, {"quick_gelu", ACT_QUICK_GELU},
    {"relu", ACT_RELU},           {"silu", ACT_SILU},
    {"swish", ACT_SILU},          {"tanh", ACT_TANH},
};

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

static tri_status need_size(const json_t *o, const char *key, const char *file, size_t max, size_t *out, tri_error *err)
{
    json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v)) return err_set(err, TRI_ERR_FORMAT, "could not read %s: key \"%s\" is missing", file, key);
    return json_get_size(o, key, file, 0, 1, max, out, err);
}

static tri_status read_activation(const json_t *o, model_config *c, tri_error *err)
{
    const char *name;
    TRI_TRY(json_get_str(o, "hidden_act", c->file, "gelu", &name, err));
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(name, activations[i].name) != 0) continue;
        c->act = activations[i].act;
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"hidden_act\" is \"%s\", which is not an activation we know",
                   c->file, name);
}

/* Keys whose other values mean another computation. */
static tri_status refuse_other_maths(const json_t *o, const model_config *c, tri_error *err)
{
    const char *kind;
    TRI_TRY(json_get_str(o, "position_embedding_type", c->file, "absolute", &kind, err));
    if (strcmp(kind, "absolute") != 0)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "could not use %s: \"position_embedding_type\" is \"%s\"; only \"absolute\" is computed", c->file, kind);
    static const char *const flags[] = {"is_decoder", "add_cross_attention"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool on;
        TRI_TRY(json_get_bool(o, flags[i], c->file, false, &on, err));
        if (on)
            return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"%s\" is true; only encoders are computed", c->file,
                           flags[i]);
    }
    return TRI_OK;
}

static tri_status read_sizes(const json_t *o, model_config *c, tri_error *err)
{
    TRI_TRY(need_size(o, "hidden_size", c->file, LIMIT_WIDTH, &c->hidden, err));
    TRI_TRY(need_size(o, "num_hidden_layers", c->file, LIMIT_LAYERS, &c->layers, err));
    TRI_TRY(need_size(o, "num_attention_heads", c->file, LIMIT_WIDTH, &c->heads, err));
    TRI_TRY(need_size(o, "intermediate_size", c->file, LIMIT_WIDTH, &c->ffn, err));
    TRI_TRY(need_size(o, "vocab_size", c->file, LIMIT_VOCAB, &c->vocab, err));
    TRI_TRY(need_size(o, "max_position_embeddings", c->file, LIMIT_POSITIONS, &c->positions, err));
    TRI_TRY(json_get_size(o, "type_vocab_size", c->file, 2, 0, 256, &c->types, err)); /* a type id is a byte */
    if (c->hidden % c->heads)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"num_attention_heads\" %zu does not divide \"hidden_size\" %zu",
                       c->file, c->heads, c->hidden);
    double eps;
    TRI_TRY(json_get_f64(o, "layer_norm_eps", c->file, 1e-12, &eps, err)); /* the default of transformers' BertConfig */
    if (!(eps > 0 && eps < 1)) return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"layer_norm_eps\" is %g", c->file, eps);
    c->eps = (float)eps;
    size_t pad;
    TRI_TRY(json_get_size(o, "pad_token_id", c->file, 0, 0, LIMIT_VOCAB, &pad, err));
    c->pad_id = (uint32_t)pad;
    return TRI_OK;
}

static tri_status read_config(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    if (!json_is_object(o)) return err_set(err, TRI_ERR_FORMAT, "could not read %s: it does not hold a JSON object", c->file);
    const char *type;
    TRI_TRY(json_get_str(o, "model_type", c->file, NULL, &type, err));
    if (!type) return err_set(err, TRI_ERR_FORMAT, "could not read %s: key \"model_type\" is missing", c->file);
    if (!(c->model_type = arena_copy(keep, type, strlen(type)))) return err_memory(err, strlen(type));
    return TRI_OK;
}

tri_status model_config_load(const char *dir, model_config *out, arena *keep, tri_error *err)
{
    char path[LIMIT_PATH];
    memset(out, 0, sizeof *out);
    if (!file_is_dir(dir)) {
        err_set(err, TRI_ERR_NOT_FOUND, "could not open model %s: there is no such folder", dir);
        return err_hint(err, TRI_ERR_NOT_FOUND, "give a folder with config.json and the weights in it");
    }
    if (file_join(path, sizeof path, dir, "config.json"))
        return err_set(err, TRI_ERR_LIMIT, "could not open model: its path is too long");
    out->dir = arena_copy(keep, dir, strlen(dir));
    out->file = arena_copy(keep, path, strlen(path));
    if (!out->dir || !out->file) return err_memory(err, sizeof path);
    json_t *o;
    TRI_TRY(json_file_load(path, &o, err));
    tri_status st = read_config(o, out, keep, err);
    if (!st) st = refuse_other_maths(o, out, err);
    if (!st) st = read_sizes(o, out, err);
    if (!st) st = read_activation(o, out, err);
    json_decref(o);
    if (!st) st = st_folder_load(out, keep, err);
    return st;
}
