/* SPDX-License-Identifier: Apache-2.0 */
/* config_keys.c — sizes, epsilons and activations by their Hugging Face names, with the bounds of base/limits.h: they exist so
 * that a hostile file cannot ask for 2^31 layers. */
#include "model/config_keys.h"

#include <string.h>

#include "base/err.h"

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

tri_status config_need_size(const json_t *o, const model_config *c, const char *key, size_t max, size_t *out, tri_error *err)
{
    json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v)) return err_set(err, TRI_ERR_FORMAT, "could not read %s: key \"%s\" is missing", c->file, key);
    return json_get_size(o, key, c->file, 0, 1, max, out, err);
}

tri_status config_sizes(const json_t *o, model_config *c, tri_error *err)
{
    TRI_TRY(config_need_size(o, c, "hidden_size", LIMIT_WIDTH, &c->hidden, err));
    TRI_TRY(config_need_size(o, c, "num_hidden_layers", LIMIT_LAYERS, &c->layers, err));
    TRI_TRY(config_need_size(o, c, "num_attention_heads", LIMIT_WIDTH, &c->heads, err));
    TRI_TRY(config_need_size(o, c, "intermediate_size", LIMIT_WIDTH, &c->ffn, err));
    TRI_TRY(config_need_size(o, c, "vocab_size", LIMIT_VOCAB, &c->vocab, err));
    TRI_TRY(config_need_size(o, c, "max_position_embeddings", LIMIT_POSITIONS, &c->positions, err));
    if (c->hidden % c->heads)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"num_attention_heads\" %zu does not divide \"hidden_size\" %zu",
                       c->file, c->heads, c->hidden);
    return TRI_OK;
}

tri_status config_eps(const json_t *o, model_config *c, const char *key, double fallback, tri_error *err)
{
    double eps;
    TRI_TRY(json_get_f64(o, key, c->file, fallback, &eps, err));
    if (!(eps > 0 && eps < 1)) return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"%s\" is %g", c->file, key, eps);
    c->eps = (float)eps;
    return TRI_OK;
}

tri_status config_activation(const json_t *o, const model_config *c, const char *key, activation *out, tri_error *err)
{
    const char *name;
    TRI_TRY(json_get_str(o, key, c->file, "gelu", &name, err));
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(name, activations[i].name) != 0) continue;
        *out = activations[i].act;
        return TRI_OK;
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"%s\" is \"%s\", which is not an activation we know", c->file,
                   key, name);
}

tri_status config_refuse_flag(const json_t *o, const model_config *c, const char *key, tri_error *err)
{
    bool on;
    TRI_TRY(json_get_bool(o, key, c->file, false, &on, err));
    if (!on) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"%s\" is true, which is not computed", c->file, key);
}

tri_status config_only_word(const json_t *o, const model_config *c, const char *key, const char *word, tri_error *err)
{
    const char *found;
    TRI_TRY(json_get_str(o, key, c->file, word, &found, err));
    if (strcmp(found, word) == 0) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"%s\" is \"%s\"; only \"%s\" is computed", c->file, key, found,
                   word);
}
