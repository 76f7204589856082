/* SPDX-License-Identifier: Apache-2.0 */
/* question_words.c — see question_words.h. */
#include "cli/question_words.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define WORD_MARK "\xe2\x96\x81" /* U+2581, SentencePiece's space */
enum { MARK_LEN = 3, FIRST_UNSPACED = 0x0E00 /* Thai; the scripts before it put blanks between words */ };

/* Letters and digits, roughly: what is no letter in ASCII, in general punctuation, in CJK and fullwidth punctuation is none. */
static bool is_letter(uint32_t cp)
{
    if (cp < 0x80) return (cp >= '0' && cp <= '9') || ((cp | 32) >= 'a' && (cp | 32) <= 'z');
    if (cp < 0xC0) return false;
    bool arabic_mark = cp == 0x060C || cp == 0x061B || cp == 0x061F || cp == 0x06D4;
    bool punctuation = (cp >= 0x2000 && cp <= 0x206F) || (cp >= 0x3000 && cp <= 0x303F) || (cp >= 0xFF00 && cp <= 0xFF0F) ||
                       (cp >= 0xFF1A && cp <= 0xFF20) || cp == 0x2581;
    return !arabic_mark && !punctuation;
}

static tri_text bare_piece(tri_text piece)
{
    bool marked = piece.len >= MARK_LEN && memcmp(piece.bytes, WORD_MARK, MARK_LEN) == 0;
    return marked ? (tri_text){piece.bytes + MARK_LEN, piece.len - MARK_LEN} : piece;
}

static uint32_t first_char(tri_text text)
{
    uint32_t cp = 0;
    if (text.len) utf8_next((const uint8_t *)text.bytes, text.len, &cp, NULL);
    return cp;
}

int question_words_is_telling(tri_text piece)
{
    if (!piece.bytes || (piece.len > 2 && piece.bytes[0] == '<' && piece.bytes[piece.len - 1] == '>')) return 0;
    tri_text bare = bare_piece(piece);
    for (size_t i = 0; i < bare.len;) {
        uint32_t cp;
        i += utf8_next((const uint8_t *)bare.bytes + i, bare.len - i, &cp, NULL);
        if (is_letter(cp)) return 1;
    }
    return 0;
}

static bool is_spaced(tri_text bare)
{
    uint32_t cp = first_char(bare);
    return is_letter(cp) && cp < FIRST_UNSPACED;
}

void question_words_init(question_words *q, const tri_tokenizer *tokenizer, const uint32_t *ids, size_t n_ids, size_t n_before)
{
    bool open = false; /* the word before may go on */
    memset(q, 0, sizeof *q);
    q->ids = ids;
    q->n_tokens = n_ids < QUESTION_TOKENS_MAX ? n_ids : QUESTION_TOKENS_MAX;
    for (size_t t = 0; t < q->n_tokens; t++) {
        tri_text piece = tri_token_piece(tokenizer, ids[t]), bare = bare_piece(piece);
        bool joins =
            open && bare.bytes == piece.bytes && is_spaced(bare) && q->words[q->n - 1].len + bare.len <= QUESTION_WORD_BYTES;
        q->of_token[t] = QUESTION_NO_WORD;
        open = false;
        if (t < n_before) continue;
        if (!question_words_is_telling(piece) || bare.len > QUESTION_WORD_BYTES) continue;
        if (!joins && q->n == QUESTION_WORDS_MAX) continue;
        if (!joins) q->n++;
        question_word *w = &q->words[q->n - 1];
        memcpy(w->bytes + w->len, bare.bytes, bare.len);
        w->len += bare.len;
        q->of_token[t] = (uint16_t)(q->n - 1);
        open = is_spaced(bare);
    }
}

size_t question_words_find(const question_words *q, uint32_t id)
{
    for (size_t t = 0; t < q->n_tokens; t++)
        if (q->ids[t] == id && q->of_token[t] != QUESTION_NO_WORD) return q->of_token[t];
    return QUESTION_NO_WORD;
}
