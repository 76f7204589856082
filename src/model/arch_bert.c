/* SPDX-License-Identifier: Apache-2.0 */
/* arch_bert.c — BERT: positions count from 0, two token types, prefix "" or "bert.".
 *
 * Covers bge-*-en/zh, MiniLM, multilingual-e5-small (which has XLM-R's tokenizer: the position rule follows the architecture,
 * never the tokenizer) and cross-encoders, which alone read the pooler. The pre-training heads that many files carry are not
 * read. */
#include "model/config_keys.h"
#include "model/layers.h"

static const char *const prefixes[] = {"", "bert.", "model.", NULL};

static tri_status bind(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err)
{
    return layers_bind(pk, config, w, &layers_bert_names, prefixes, out, err);
}

extern const arch arch_bert;
const arch arch_bert = {
    .name = "bert",
    .model_types = {"bert"},
    .prefixes = prefixes,
    .logit = {.dense = "pooler.dense", .norm = "", .out = "classifier"},
    .configure = layers_bert_config,
    .max_tokens = layers_max_tokens,
    .positions = layers_positions,
    .bind = bind,
    .drop = layers_drop,
    .workspace = layers_workspace,
    .encode = layers_encode,
};
