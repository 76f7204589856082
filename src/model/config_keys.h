/* SPDX-License-Identifier: Apache-2.0 */
/* config_keys.h — the keys of config.json that several architectures read alike. `c->file` is in every message. */
#ifndef TRI_MODEL_CONFIG_KEYS_H
#define TRI_MODEL_CONFIG_KEYS_H

#include "formats/json.h"
#include "model/model_config.h"

/* Absent is an error. */
tri_status config_need_size(const json_t *o, const model_config *c, const char *key, size_t max, size_t *out, tri_error *err);
/* hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, vocab_size, max_position_embeddings */
tri_status config_sizes(const json_t *o, model_config *c, tri_error *err);
/* absent: `fallback` */
tri_status config_eps(const json_t *o, model_config *c, const char *key, double fallback, tri_error *err);
tri_status config_activation(const json_t *o, const model_config *c, const char *key, activation *out, tri_error *err);
/* A key that must be absent or false. */
tri_status config_refuse_flag(const json_t *o, const model_config *c, const char *key, tri_error *err);
/* A key that must be absent or this word. */
tri_status config_only_word(const json_t *o, const model_config *c, const char *key, const char *word, tri_error *err);

#endif
