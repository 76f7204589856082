/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_save.h — what a tokenizer is made of, for those who write it into another form. */
#ifndef TRI_TOKENIZER_TOKENIZER_SAVE_H
#define TRI_TOKENIZER_TOKENIZER_SAVE_H

#include "base/buf.h"
#include "tokenizer/tokenizer.h"

typedef struct token_facts {
    const char *piece; /* not NUL-terminated */
    size_t len;
    double score;        /* 0 where the model has none */
    bool added, special; /* a token of its own in the text; and one that is no text */
} token_facts;
/* False: no token has this id. */
bool tokenizer_token(const tokenizer *t, uint32_t id, token_facts *out);

/* The charsmap's bytes as SentencePiece keeps them; nothing is appended where there is none. */
tri_status tokenizer_save_charsmap(const tokenizer *t, buf *out, tri_error *err);
/* BertNormalizer's settings; false where it has no such step. */
bool tokenizer_bert_cleaning(const tokenizer *t, bool *lowercase, bool *strip_accents);

/* The tokenizer as a tokenizer.json: the file's own bytes where it came from one, else (vocab.txt, SentencePiece, GGUF) the
 * pipeline that it stands for. Both give the same ids. */
tri_status tokenizer_save_json(const tokenizer *t, buf *out, tri_error *err);
/* The second of the two, whatever it came from. */
tri_status tokenizer_save_pipeline(const tokenizer *t, buf *out, tri_error *err);

#endif
