/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_int.h — the parts of a tokenizer, in the order a text meets them; for tokenizer_*.c only. */
#ifndef TRI_TOKENIZER_TOKENIZER_INT_H
#define TRI_TOKENIZER_TOKENIZER_INT_H

#include "tokenizer/tokenizer.h"

#include "tokenizer/added_tokens.h"
#include "tokenizer/token_model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pretok.h"
#include "tokenizer/template.h"
#include "tokenizer/word_cache.h"

/* The special tokens that other rooms ask for. */
typedef enum { ROLE_CLS, ROLE_SEP, ROLE_PAD, ROLE_UNK, ROLE_MASK, N_ROLES } token_role;

/* tokenizer_config.json and special_tokens_map.json, as far as they matter here. */
typedef struct tokenizer_config {
    char *names[N_ROLES];                         /* NULL = not said */
    bool lowercase, chinese_chars, strip_accents; /* vocab.txt alone */
    size_t model_max_length;
    bool truncate_left;
} tokenizer_config;
/* Missing files are fine, damaged ones are not. */
tri_status tokenizer_config_load(tokenizer_config *c, const char *dir, tri_error *err);
void tokenizer_config_drop(tokenizer_config *c);

struct tokenizer {
    char *file;
    tokenizer_config config;
    added_tokens added;
    normalizer normalizer;
    pretok pretok;
    token_model model;
    template_rule template;
    uint64_t fingerprint; /* of the file's bytes: whose words a cache holds, and the hash seed */
    int rules;
    bool rules_differ;
    size_t n_ids;
    uint32_t roles[N_ROLES];
};

/* Each fills normalizer, pretok, model (vocabulary not yet closed), added and template of an empty tokenizer from the bytes of
 * one kind of file, whose name is t->file. */
tri_status tokenizer_json_load(tokenizer *t, const uint8_t *bytes, size_t len, tri_error *err);
tri_status tokenizer_spm_load(tokenizer *t, const uint8_t *bytes, size_t len, tri_error *err);
tri_status tokenizer_vocab_load(tokenizer *t, const uint8_t *bytes, size_t len, tri_error *err);
/* *looked_at: bytes that the tokenizer depends on. */
tri_status tokenizer_gguf_load(tokenizer *t, const uint8_t *bytes, size_t len, size_t *looked_at, tri_error *err);
/* What opening does after the file is in memory; for tests and fuzzing too. `name` tells the kind: .json, .model, .txt or
 * .gguf. */
tri_status tokenizer_open_bytes(const char *name, const uint8_t *bytes, size_t len, int rules, tokenizer_config *config,
                                tokenizer **out, tri_error *err);

#endif
