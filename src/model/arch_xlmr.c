/* SPDX-License-Identifier: Apache-2.0 */
/* arch_xlmr.c — XLM-RoBERTa (BGE-M3, bge-reranker, multilingual-e5-base and -large): positions start after the pad id.
 *
 * transformers' create_position_ids_from_input_ids: a token that is not the pad id gets pad + (how many such tokens so far); a
 * literal pad token inside the text gets row `pad` and does not advance the counter. Hence 8194 rows serve 8192 tokens. */
#include "base/err.h"
#include "model/config_keys.h"
#include "model/layers.h"

enum { DEFAULT_PAD = 1 }; /* transformers' XLMRobertaConfig */

static size_t max_tokens(const model_config *c)
{
    return c->positions > c->pad_id + 1 ? c->positions - (c->pad_id + 1) : 0;
}

static void positions(const model_config *c, const uint32_t *ids, size_t n, int32_t *out)
{
    int32_t pad = (int32_t)c->pad_id, seen = 0;
    for (size_t i = 0; i < n; i++) out[i] = ids[i] == c->pad_id ? pad : pad + ++seen;
}

static const char *const prefixes[] = {"", "roberta.", "xlm-roberta.", "camembert.", "model.", NULL};

static tri_status configure(const json_t *o, model_config *c, arena *keep, tri_error *err)
{
    size_t pad;
    TRI_TRY(layers_bert_config(o, c, keep, err));
    TRI_TRY(json_get_size(o, "pad_token_id", c->file, DEFAULT_PAD, 0, LIMIT_VOCAB, &pad, err));
    c->pad_id = (uint32_t)pad;
    return TRI_OK;
}

static tri_status bind(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err)
{
    return layers_bind(pk, config, w, &layers_bert_names, prefixes, out, err);
}

extern const arch arch_xlmr;
const arch arch_xlmr = {
    .name = "xlmr",
    .model_types = {"xlm-roberta"},
    .prefixes = prefixes,
    .logit = {.dense = "classifier.dense", .norm = "", .out = "classifier.out_proj"},
    .configure = configure,
    .max_tokens = max_tokens,
    .positions = positions,
    .bind = bind,
    .drop = layers_drop,
    .workspace = layers_workspace,
    .encode = layers_encode,
};
