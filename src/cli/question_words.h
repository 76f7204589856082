/* SPDX-License-Identifier: Apache-2.0 */
/* question_words.h — the words of a question, put together again from its tokens: "▁Pan" "ther" "s" is one word for the eye.
 *
 * Tokens join where a word goes on: no word mark, and letters of a script that puts blanks between words on both sides. Chinese
 * and Thai tokens stay as they are. Specials, punctuation and the bare word mark belong to no word. */
#ifndef TRI_CLI_QUESTION_WORDS_H
#define TRI_CLI_QUESTION_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "trident/embed.h"

enum { QUESTION_WORDS_MAX = 128, QUESTION_WORD_BYTES = 64, QUESTION_TOKENS_MAX = 512, QUESTION_NO_WORD = 0xFFFF };

typedef struct question_word {
    char bytes[QUESTION_WORD_BYTES]; /* without the word mark */
    size_t len;
} question_word;

typedef struct question_words {
    question_word words[QUESTION_WORDS_MAX];
    size_t n;
    uint16_t of_token[QUESTION_TOKENS_MAX]; /* place in words, or QUESTION_NO_WORD */
    const uint32_t *ids;                    /* [n_tokens] borrowed */
    size_t n_tokens;
} question_words;

/* The first n_before tokens (a special, a prompt) are in no word. Tokens past QUESTION_TOKENS_MAX, and words past
 * QUESTION_WORDS_MAX, are left out: this is for showing. */
void question_words_init(question_words *q, const tri_tokenizer *tokenizer, const uint32_t *ids, size_t n_ids, size_t n_before);
/* The word of the first token with this id; QUESTION_NO_WORD when there is none. */
size_t question_words_find(const question_words *q, uint32_t id);

/* Does a piece say something by itself? Not the bare word mark, a special or punctuation. */
int question_words_is_telling(tri_text piece);

#endif
