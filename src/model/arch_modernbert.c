/* SPDX-License-Identifier: Apache-2.0 */
/* arch_modernbert.c — ModernBERT (Warner et al. 2024; gte-modernbert-base and its reranker): norms before attention and
 * feed-forward, rotary positions with a theta for each kind of layer, most layers looking through a window, and a gated
 * feed-forward whose first half is activated.
 *
 * Two generations of config.json: global_attn_every_n_layers with two thetas, and transformers 5's layer_types with
 * rope_parameters for each kind. Where both are there, layer_types says which layer is which. */
#include <string.h>

#include "base/err.h"
#include "model/config_keys.h"
#include "model/layers.h"
#include "model/rotary.h"

static const char *const prefixes[] = {"", "model.", NULL};

static const tensor_names names = {
    .word = "embeddings.tok_embeddings",
    .emb_norm = "embeddings.norm",
    .layer = "layers.",
    .qkv = "attn.Wqkv",
    .o = "attn.Wo",
    .attention_norm = "attn_norm",
    .up = "mlp.Wi",
    .down = "mlp.Wo",
    .ffn_norm = "mlp_norm",
    .final_norm = "final_norm",
};

static tri_status kinds_by_name(const json_t *list, const model_config *c, uint8_t *is_local, tri_error *err)
{
    if (json_array_size(list) != c->layers)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"layer_types\" has %zu entries, \"num_hidden_layers\" is %zu",
                       c->file, json_array_size(list), c->layers);
    for (size_t i = 0; i < c->layers; i++) {
        const json_t *item = json_array_get(list, i);
        const char *kind = json_is_string(item) ? json_string_value(item) : "?";
        is_local[i] = strcmp(kind, "sliding_attention") == 0;
        if (!is_local[i] && strcmp(kind, "full_attention") != 0)
            return err_set(
                err, TRI_ERR_UNSUPPORTED,
                "could not use %s: entry %zu of \"layer_types\" is \"%s\"; full_attention and sliding_attention are known",
                c->file, i, kind);
    }
    return TRI_OK;
}

static tri_status read_kinds(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    size_t every, width;
    uint8_t *is_local = arena_alloc(keep, c->layers);
    if (!is_local) return err_memory(err, c->layers);
    const json_t *list = json_object_get(o, "layer_types");
    TRI_TRY(json_get_size(o, "global_attn_every_n_layers", c->file, 3, 1, LIMIT_LAYERS, &every, err));
    TRI_TRY(json_get_size(o, "local_attention", c->file, 128, 2, LIMIT_POSITIONS, &width, err));
    for (size_t i = 0; i < c->layers; i++) is_local[i] = i % every != 0;
    if (json_is_array(list)) TRI_TRY(kinds_by_name(list, c, is_local, err));
    c->shape.is_local = is_local;
    c->shape.window = width / 2; /* on each side, the query itself aside */
    return TRI_OK;
}

static tri_status read_thetas(const json_t *o, model_config *c, tri_error *err)
{
    const json_t *kinds = json_object_get(o, "rope_parameters");
    c->shape.global.on = c->shape.local.on = true;
    c->shape.global.divisor = c->shape.local.divisor = 1;
    if (json_is_object(json_object_get(kinds, "full_attention"))) {
        TRI_TRY(rotary_parameters(json_object_get(kinds, "full_attention"), c, 160000, &c->shape.global, err));
        return rotary_parameters(json_object_get(kinds, "sliding_attention"), c, 10000, &c->shape.local, err);
    }
    TRI_TRY(json_get_f64(o, "global_rope_theta", c->file, 160000, &c->shape.global.theta, err));
    double local;
    TRI_TRY(json_get_f64(o, "local_rope_theta", c->file, 10000, &local, err));
    c->shape.local.theta = local;
    TRI_TRY(rotary_check(&c->shape.global, c, err));
    return rotary_check(&c->shape.local, c, err);
}

static tri_status read_biases(const json_t *o, model_config *c, tri_error *err)
{
    bool attention, mlp, norm, classifier;
    TRI_TRY(json_get_bool(o, "attention_bias", c->file, false, &attention, err));
    TRI_TRY(json_get_bool(o, "mlp_bias", c->file, false, &mlp, err));
    TRI_TRY(json_get_bool(o, "norm_bias", c->file, false, &norm, err));
    TRI_TRY(json_get_bool(o, "classifier_bias", c->file, false, &classifier, err));
    c->shape.no_qkv_bias = c->shape.no_o_bias = !attention;
    c->shape.no_up_bias = c->shape.no_down_bias = !mlp;
    c->shape.no_norm_bias = !norm;
    c->logit_dense_bias = classifier;
    return TRI_OK;
}

static tri_status read_classifier(const json_t *o, model_config *c, tri_error *err)
{
    const char *pooled;
    TRI_TRY(config_activation(o, c, "classifier_activation", &c->logit_act, err));
    TRI_TRY(json_get_str(o, "classifier_pooling", c->file, "cls", &pooled, err));
    c->logit_pool = strcmp(pooled, "mean") == 0 ? POOL_MEAN : POOL_CLS;
    if (c->logit_pool == POOL_MEAN || strcmp(pooled, "cls") == 0) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"classifier_pooling\" is \"%s\"; cls and mean are computed",
                   c->file, pooled);
}

static tri_status configure(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    TRI_TRY(config_sizes(o, c, err));
    TRI_TRY(config_eps(o, c, json_object_get(o, "norm_eps") ? "norm_eps" : "layer_norm_eps", 1e-5, err));
    TRI_TRY(config_activation(o, c, "hidden_activation", &c->act, err));
    c->no_positions = true;
    c->shape.norms_first = true;
    c->shape.qkv_in_one = true;
    c->shape.ffn = FFN_GATE_FIRST;
    TRI_TRY(read_biases(o, c, err));
    TRI_TRY(read_classifier(o, c, err));
    TRI_TRY(read_kinds(o, c, keep, err));
    return read_thetas(o, c, err);
}

static tri_status bind(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err)
{
    return layers_bind(pk, config, w, &names, prefixes, out, err);
}

extern const arch arch_modernbert;
const arch arch_modernbert = {
    .name = "modernbert",
    .model_types = {"modernbert"},
    .prefixes = prefixes,
    .logit = {.dense = "head.dense", .norm = "head.norm", .out = "classifier"},
    .configure = configure,
    .max_tokens = layers_max_tokens,
    .positions = layers_positions,
    .bind = bind,
    .drop = layers_drop,
    .workspace = layers_workspace,
    .encode = layers_encode,
};
