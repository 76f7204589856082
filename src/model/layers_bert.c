/* SPDX-License-Identifier: Apache-2.0 */
/* layers_bert.c — names and configuration of BERT (Devlin et al. 2018) and XLM-RoBERTa (Conneau et al. 2019), which differ in
 * their positions and in their classification heads alone. */
#include "base/err.h"
#include "model/config_keys.h"
#include "model/layers.h"

const tensor_names layers_bert_names = {
    .word = "embeddings.word_embeddings",
    .position = "embeddings.position_embeddings",
    .type = "embeddings.token_type_embeddings",
    .emb_norm = "embeddings.LayerNorm",
    .layer = "encoder.layer.",
    .q = "attention.self.query",
    .k = "attention.self.key",
    .v = "attention.self.value",
    .o = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .up = "intermediate.dense",
    .down = "output.dense",
    .ffn_norm = "output.LayerNorm",
};

tri_status layers_bert_config(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    size_t pad;
    (void)keep;
    TRI_TRY(config_only_word(o, c, "position_embedding_type", "absolute", err));
    TRI_TRY(config_refuse_flag(o, c, "is_decoder", err));
    TRI_TRY(config_refuse_flag(o, c, "add_cross_attention", err));
    TRI_TRY(config_sizes(o, c, err));
    TRI_TRY(json_get_size(o, "type_vocab_size", c->file, 2, 0, 256, &c->types, err)); /* a type id is a byte */
    TRI_TRY(config_eps(o, c, "layer_norm_eps", 1e-12, err));                          /* transformers' BertConfig */
    TRI_TRY(json_get_size(o, "pad_token_id", c->file, 0, 0, LIMIT_VOCAB, &pad, err));
    c->pad_id = (uint32_t)pad;
    c->logit_act = ACT_TANH;
    c->logit_dense_bias = true;
    return config_activation(o, c, "hidden_act", &c->act, err);
}

size_t layers_max_tokens(const model_config *c)
{
    return c->positions;
}

void layers_positions(const model_config *c, const uint32_t *ids, size_t n, int32_t *out)
{
    (void)c;
    (void)ids;
    for (size_t i = 0; i < n; i++) out[i] = (int32_t)i;
}
