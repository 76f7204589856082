/* SPDX-License-Identifier: Apache-2.0 */
/* token_model.h — how is one piece cut into tokens of the vocabulary? Three ways: unigram, wordpiece, bpe. */
#ifndef TRI_TOKENIZER_TOKEN_MODEL_H
#define TRI_TOKENIZER_TOKEN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"
#include "tokenizer/list_grow.h"
#include "tokenizer/vocab.h"

typedef struct viterbi_node {
    double score; /* of the best path that ends here */
    uint32_t from, id;
} viterbi_node;

typedef struct bpe_symbol {
    uint32_t id, prev, next; /* places in the list; BPE_NOWHERE */
    bool gone;
} bpe_symbol;
typedef struct bpe_merge {
    uint32_t rank, at, id;
} bpe_merge;

/* The arrays of one thread, kept between calls. */
typedef struct token_model_work {
    viterbi_node *nodes;
    size_t cap_nodes;
    bpe_symbol *symbols;
    size_t cap_symbols;
    bpe_merge *heap;
    size_t cap_heap;
    buf joined;
} token_model_work;
void token_model_work_init(token_model_work *w);
void token_model_work_drop(token_model_work *w);

typedef struct bpe_rule {
    uint32_t left, right, rank, id;
} bpe_rule;

typedef struct token_model token_model;
typedef struct token_model_kind {
    const char *type; /* as tokenizer.json has it */
    const char *name; /* as tokenizer_info has it */
    /* After the fields were read and the vocabulary closed. */
    tri_status (*finish)(token_model *m, uint64_t seed, tri_error *err);
    /* Appends the tokens of one piece: valid UTF-8, not empty. */
    tri_status (*encode)(const token_model *m, const uint8_t *piece, size_t len, token_model_work *w, u32_list *ids,
                         tri_error *err);
} token_model_kind;

struct token_model {
    const token_model_kind *kind;
    vocab vocab;
    char *unk_token;                                      /* wordpiece, bpe; NULL = none */
    uint32_t unk_id;                                      /* TOKEN_NONE = none */
    char *continuing_subword_prefix, *end_of_word_suffix; /* "" = none */
    bool byte_fallback, fuse_unk, ignore_merges;
    uint32_t byte_id[256];  /* of "<0x00>" ...; TOKEN_NONE */
    double unk_score;       /* unigram */
    size_t max_word_chars;  /* wordpiece */
    piece_table continuing; /* wordpiece: the pieces that begin with the prefix, without it */
    uint32_t *char_id;      /* bpe: [BPE_CHARS] ids of the first characters, TOKEN_NONE */
    bpe_rule *rules;        /* bpe: open addressing */
    size_t rule_mask;
    const char *merges; /* bpe: the JSON text of the list, until finish */
    size_t merges_len;
};

extern const token_model_kind token_unigram, token_wordpiece, token_bpe;
const token_model_kind *token_model_find(const char *type, size_t len); /* NULL = not known */
void token_model_init(token_model *m);
void token_model_drop(token_model *m);
/* "[UNK]" and "##" where nothing else was said. */
tri_status token_wordpiece_defaults(token_model *m, tri_error *err);
/* Fills byte_id; for byte_fallback. */
void token_model_find_byte_ids(token_model *m);
/* The reference's count of the model's own tokens, which is where added tokens begin. */
size_t token_model_size(const token_model *m);

#endif
