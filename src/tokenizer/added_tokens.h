/* SPDX-License-Identifier: Apache-2.0 */
/* added_tokens.h — which strings of the text are tokens before any model sees them? "<s>" in a user's text is the token <s>.
 *
 * Those with normalized = false are looked for in the raw text, the others, normalised themselves, in the normalised spans
 * between; at each place the longest wins, and the search goes on behind it. single_word refuses a match that touches \w;
 * lstrip and rstrip take the white space around in. */
#ifndef TRI_TOKENIZER_ADDED_TOKENS_H
#define TRI_TOKENIZER_ADDED_TOKENS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/arena.h"
#include "tokenizer/list_grow.h"
#include "tokenizer/token_model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/piece_table.h"

typedef struct added_token {
    const char *content;
    size_t len;
    const uint8_t *pattern; /* what is looked for: the content, or its normalised form */
    size_t pattern_len;
    uint32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
} added_token;

/* The tokens of one kind, raw or normalised. */
typedef struct added_set {
    piece_table table;   /* pattern -> place in added_tokens.v */
    uint8_t starts[256]; /* first bytes of the patterns */
    size_t count;
} added_set;

typedef struct added_tokens {
    added_token *v;
    size_t n, cap;
    arena strings;
    added_set raw, normal;
} added_tokens;

void added_tokens_init(added_tokens *a);
void added_tokens_drop(added_tokens *a);
/* Copies the content; the id is found by added_tokens_close. */
tri_status added_tokens_add(added_tokens *a, const added_token *token, tri_error *err);
/* tokenizer.json's list */
tri_status added_tokens_parse(added_tokens *a, const json_t *list, tri_error *err);
/* Gives ids as the reference does: the model's where it has the string, else counting on from the model's size; the file's own
 * ids are not asked. Then builds the sets. */
tri_status added_tokens_close(added_tokens *a, const token_model *m, const normalizer *n, uint64_t seed, tri_error *err);
const added_token *added_tokens_find(const added_tokens *a, const void *content, size_t len); /* NULL = none */
const added_token *added_tokens_at(const added_tokens *a, uint32_t id);

/* One pass over a text: */
typedef struct added_scan {
    const added_tokens *tokens;
    const added_set *set;
    const uint8_t *text;
    size_t len, at, done; /* searched up to, given out up to */
    span waiting;
    bool has_waiting;
} added_scan;
void added_scan_begin(added_scan *s, const added_tokens *tokens, const added_set *set, const uint8_t *text, size_t len);
/* The next span of text (id TOKEN_NONE, not empty) or token; false at the end. */
bool added_scan_next(added_scan *s, span *out);

#endif
