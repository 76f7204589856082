/* SPDX-License-Identifier: Apache-2.0 */
/* arch_gte.c — Alibaba's "new" architecture (gte-multilingual-base and its reranker, gte-*-en-v1.5; Zhang et al. 2024), which
 * transformers 5 calls "gte": BERT's order of norms, rotary positions instead of a table, and a gated feed-forward whose second
 * half is activated.
 *
 * Frequencies: theta^(-2i/dh). NTK scaling by s (rope_scaling) multiplies theta by s and divides every frequency by s^(2/dh),
 * always and not only past the trained length; with mixed_b, theta stays and frequency i is divided by exp(a (i+1)^b),
 * a = ln s / (dh/2)^b. rope_parameters say the same in transformers 5's words: theta, and a divisor for "linear". */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "model/config_keys.h"
#include "model/layers.h"
#include "model/rotary.h"

static const char *const prefixes[] = {"", "new.", "gte.", "model.", NULL};

static const tensor_names names = {
    .word = "embeddings.word_embeddings",
    .position = "embeddings.position_embeddings",
    .type = "embeddings.token_type_embeddings",
    .emb_norm = "embeddings.LayerNorm",
    .layer = "encoder.layer.",
    .qkv = "attention.qkv_proj",
    .q = "attention.q_proj",
    .k = "attention.k_proj",
    .v = "attention.v_proj",
    .o = "attention.o_proj",
    .attention_norm = "attn_ln",
    .up = "mlp.up_gate_proj",
    .down = "mlp.down_proj",
    .ffn_norm = "mlp_ln",
};

static tri_status read_positions(const json_t *o, model_config *c, tri_error *err)
{
    const char *kind;
    TRI_TRY(json_get_str(o, "position_embedding_type", c->file, "rope", &kind, err));
    if (strcmp(kind, "absolute") == 0) return TRI_OK;
    if (strcmp(kind, "rope") != 0)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "could not use %s: \"position_embedding_type\" is \"%s\"; \"rope\" and \"absolute\" are computed",
                       c->file, kind);
    c->no_positions = true;
    return rotary_config(o, c, 10000, &c->shape.global, err);
}

static tri_status configure(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    static const char *const flags[] = {"logn_attention_scale", "is_decoder"};
    bool packed;
    size_t pad;
    (void)keep;
    TRI_TRY(config_sizes(o, c, err));
    TRI_TRY(json_get_size(o, "type_vocab_size", c->file, 1, 0, 256, &c->types, err));
    TRI_TRY(config_eps(o, c, "layer_norm_eps", 1e-12, err));
    TRI_TRY(config_activation(o, c, "hidden_act", &c->act, err));
    TRI_TRY(config_only_word(o, c, "layer_norm_type", "layer_norm", err));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) TRI_TRY(config_refuse_flag(o, c, flags[i], err));
    TRI_TRY(json_get_size(o, "pad_token_id", c->file, 0, 0, LIMIT_VOCAB, &pad, err));
    TRI_TRY(json_get_bool(o, "pack_qkv", c->file, true, &packed, err));
    c->pad_id = (uint32_t)pad;
    c->shape.qkv_in_one = packed;
    c->shape.no_up_bias = true;
    c->shape.ffn = FFN_GATE_SECOND;
    c->logit_act = ACT_TANH;
    c->logit_dense_bias = true;
    return read_positions(o, c, err);
}

static tri_status bind(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err)
{
    return layers_bind(pk, config, w, &names, prefixes, out, err);
}

extern const arch arch_gte;
const arch arch_gte = {
    .name = "gte",
    .model_types = {"new", "gte"},
    .prefixes = prefixes,
    .logit = {.dense = "pooler.dense", .norm = "", .out = "classifier", .optional = true},
    .configure = configure,
    .max_tokens = layers_max_tokens,
    .positions = layers_positions,
    .bind = bind,
    .drop = layers_drop,
    .workspace = layers_workspace,
    .encode = layers_encode,
};
