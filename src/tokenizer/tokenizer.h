/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.h — what are its tokens? The face of the room: one immutable tokenizer, shared by threads, and a scratch per
 * thread.
 *
 * The reference is HF tokenizers 0.22.2 driven by tokenizer.json: ids are equal, always. `rules` chooses between the published
 * file's pipeline and the one that transformers 5 builds for XLM-R vocabularies (spec: models.md 5, 11.1). */
#ifndef TRI_TOKENIZER_TOKENIZER_H
#define TRI_TOKENIZER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"

#define TOKEN_NONE UINT32_MAX

typedef struct tokenizer tokenizer;
typedef struct tokenizer_scratch tokenizer_scratch;

enum { TOKENIZER_RULES_FILE = 0, TOKENIZER_RULES_HF5 = 1 };

/* `path`: a model folder (tokenizer.json, else sentencepiece.bpe.model, else vocab.txt; tokenizer_config.json and
 * special_tokens_map.json are read beside them), one such file, or a .gguf file. A missing file is an error that names it. */
tri_status tokenizer_open(const char *path, int rules, tokenizer **out, tri_error *err);
void tokenizer_close(tokenizer *t);

typedef struct tokenizer_info {
    const char *kind;                      /* "unigram", "wordpiece", "bpe" */
    const char *file;                      /* the file it was read from */
    int rules;                             /* in force */
    bool rules_differ;                     /* the other rule would give other ids for some text */
    size_t n_vocab;                        /* highest id + 1, added tokens counted */
    uint32_t cls, sep, pad, unk, mask;     /* TOKEN_NONE where absent; <s> and </s> count as cls and sep */
    size_t specials_single, specials_pair; /* what the template adds */
    size_t model_max_length;               /* tokenizer_config.json; 0 = absent or the 1e30 sentinel */
} tokenizer_info;
void tokenizer_info_get(const tokenizer *t, tokenizer_info *info);
/* The vocabulary's string of an id; false for an id without one. */
bool tokenizer_piece(const tokenizer *t, uint32_t id, const char **piece, size_t *len);
bool tokenizer_find(const tokenizer *t, const char *piece, size_t len, uint32_t *id);

tri_status tokenizer_scratch_new(tokenizer_scratch **out, tri_error *err);
void tokenizer_scratch_free(tokenizer_scratch *s);

enum { TRUNCATE_LONGEST_FIRST = 0, TRUNCATE_ONLY_SECOND = 1 };
typedef struct encode_options {
    size_t max_length; /* specials included; 0 = none */
    int strategy;
    bool no_specials;
} encode_options;

typedef struct encoding {
    const uint32_t *ids; /* borrowed from the scratch until its next use */
    const uint8_t *type_ids;
    size_t n;
    bool truncated;
    size_t bad_bytes; /* invalid UTF-8 bytes, each read as U+FFFD */
} encoding;

/* pair NULL = single. Linear time on any input; no recursion. A warm scratch allocates nothing. TRI_ERR_ARGUMENT where the
 * reference refuses (e.g. only_second that cannot absorb the cut), with the numbers. */
tri_status tokenizer_encode(const tokenizer *t, tokenizer_scratch *s, tri_text text, const tri_text *pair,
                            const encode_options *options, encoding *out, tri_error *err);

/* Tokens of one text, encoded without specials, of which `keep` stay: the first, or the last where the folder says so. */
typedef struct token_part {
    const uint32_t *ids; /* [n] */
    size_t n, keep;
} token_part;
/* Two such texts in the template of pairs, or one in that of single texts (b NULL). */
tri_status tokenizer_join(const tokenizer *t, tokenizer_scratch *s, token_part a, const token_part *b, encoding *out,
                          tri_error *err);

#endif
