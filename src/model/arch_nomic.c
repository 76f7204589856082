/* SPDX-License-Identifier: Apache-2.0 */
/* arch_nomic.c — nomic-bert (nomic-embed-text-v1, v1.5; Nussbaum et al. 2024): BERT's order of norms, rotary positions over the
 * whole head, a gated feed-forward (SiLU) whose halves are two tensors, and no biases in the matrices.
 *
 * config.json has GPT-2's words (n_embd, n_layer ...), or those that transformers 5 writes for its own class. Beyond
 * max_trained_positions upstream scales its frequencies by the
 * text's length; texts are cut there instead, as llama.cpp does. The mixture of experts of version 2 is refused. */
#include <string.h>

#include "base/err.h"
#include "model/config_keys.h"
#include "model/layers.h"
#include "model/rotary.h"

static const char *const prefixes[] = {"", "bert.", "model.", NULL};

static const tensor_names names = {
    .word = "embeddings.word_embeddings",
    .type = "embeddings.token_type_embeddings",
    .emb_norm = "emb_ln",
    .layer = "encoder.layers.",
    .qkv = "attn.Wqkv",
    .o = "attn.out_proj",
    .attention_norm = "norm1",
    .up = "mlp.fc11",
    .gate = "mlp.fc12",
    .down = "mlp.fc2",
    .ffn_norm = "norm2",
};

static tri_status read_sizes(const json_t *o, model_config *c, tri_error *err)
{
    size_t trained;
    TRI_TRY(config_need_size(o, c, "n_embd", LIMIT_WIDTH, &c->hidden, err));
    TRI_TRY(config_need_size(o, c, "n_layer", LIMIT_LAYERS, &c->layers, err));
    TRI_TRY(config_need_size(o, c, "n_head", LIMIT_WIDTH, &c->heads, err));
    TRI_TRY(config_need_size(o, c, "n_inner", LIMIT_WIDTH, &c->ffn, err));
    TRI_TRY(config_need_size(o, c, "vocab_size", LIMIT_VOCAB, &c->vocab, err));
    TRI_TRY(config_need_size(o, c, "n_positions", LIMIT_ROTARY_POSITIONS, &c->positions, err));
    TRI_TRY(json_get_size(o, "max_trained_positions", c->file, 2048, 1, LIMIT_ROTARY_POSITIONS, &trained, err));
    if (trained < c->positions) c->positions = trained;
    if (c->hidden % c->heads)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: \"n_head\" %zu does not divide \"n_embd\" %zu", c->file,
                       c->heads, c->hidden);
    return json_get_size(o, "type_vocab_size", c->file, 2, 0, 256, &c->types, err);
}

static tri_status read_rotary(const json_t *o, model_config *c, tri_error *err)
{
    double fraction, theta;
    TRI_TRY(json_get_f64(o, "rotary_emb_fraction", c->file, 0, &fraction, err));
    if (fraction < 1 || fraction > 1)
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"rotary_emb_fraction\" is %g; only 1 is computed", c->file,
                       fraction);
    if (json_is_number(json_object_get(o, "rotary_emb_scale_base")))
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: \"rotary_emb_scale_base\" is not computed", c->file);
    TRI_TRY(json_get_f64(o, "rotary_emb_base", c->file, 10000, &theta, err));
    c->no_positions = true;
    c->shape.global = (rotary){.on = true, .theta = theta, .divisor = 1};
    return rotary_check(&c->shape.global, c, err);
}

/* GPT-2's words */
static tri_status configure_published(const json_t *o, model_config *c, tri_error *err)
{
    static const char *const off[] = {
        "prenorm",      "qkv_proj_bias",  "mlp_fc1_bias", "mlp_fc2_bias", "rotary_emb_interleaved",
        "use_rms_norm", "parallel_block", "causal"};
    size_t experts;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) TRI_TRY(config_refuse_flag(o, c, off[i], err));
    TRI_TRY(json_get_size(o, "moe_every_n_layers", c->file, 0, 0, LIMIT_LAYERS, &experts, err));
    if (experts)
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not use %s: a mixture of experts (\"moe_every_n_layers\" %zu)", c->file,
                       experts);
    TRI_TRY(config_only_word(o, c, "activation_function", "swiglu", err));
    TRI_TRY(read_sizes(o, c, err));
    TRI_TRY(config_eps(o, c, "layer_norm_epsilon", 1e-12, err));
    c->act = ACT_SILU;
    return read_rotary(o, c, err);
}

static tri_status configure_native(const json_t *o, model_config *c, tri_error *err)
{
    TRI_TRY(config_sizes(o, c, err));
    TRI_TRY(json_get_size(o, "type_vocab_size", c->file, 2, 0, 256, &c->types, err));
    TRI_TRY(config_eps(o, c, "layer_norm_eps", 1e-12, err));
    TRI_TRY(config_only_word(o, c, "hidden_act", "silu", err));
    c->act = ACT_SILU;
    c->no_positions = true;
    return rotary_config(o, c, 1000, &c->shape.global, err);
}

static tri_status configure(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    (void)keep;
    c->shape.qkv_in_one = true;
    c->shape.no_qkv_bias = c->shape.no_o_bias = c->shape.no_up_bias = c->shape.no_down_bias = true;
    c->shape.ffn = FFN_GATE_SECOND;
    return json_object_get(o, "n_embd") ? configure_published(o, c, err) : configure_native(o, c, err);
}

static tri_status bind(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err)
{
    return layers_bind(pk, config, w, &names, prefixes, out, err);
}

extern const arch arch_nomic;
const arch arch_nomic = {
    .name = "nomic",
    .model_types = {"nomic_bert"},
    .prefixes = prefixes,
    .logit = {.dense = "", .norm = "", .out = ""},
    .configure = configure,
    .max_tokens = layers_max_tokens,
    .positions = layers_positions,
    .bind = bind,
    .drop = layers_drop,
    .workspace = layers_workspace,
    .encode = layers_encode,
};
