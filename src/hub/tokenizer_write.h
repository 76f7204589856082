/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_write.h — a tokenizer.json for an XLM-R vocabulary, in the shape HF publishes with the e5 models. */
#ifndef TRI_HUB_TOKENIZER_WRITE_H
#define TRI_HUB_TOKENIZER_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"

/* Pieces by model id; ctx is handed back. i < n_pieces. */
typedef tri_text (*tokenizer_piece_fn)(const void *ctx, size_t i, float *score);

typedef struct tokenizer_source {
    size_t n_pieces; /* "<s>" 0, "<pad>" 1, "</s>" 2, "<unk>" 3 come first and "<mask>" is the last: checked */
    tokenizer_piece_fn piece;
    const void *ctx;
    const uint8_t *charsmap; /* SentencePiece precompiled_charsmap */
    size_t charsmap_len;
} tokenizer_source;

/* Written in one pass, never held in memory; appears at path when whole. */
tri_status tokenizer_write_xlmr(const char *path, const tokenizer_source *source, tri_error *err);

#endif
