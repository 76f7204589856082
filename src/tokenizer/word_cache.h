/* SPDX-License-Identifier: Apache-2.0 */
/* word_cache.h — the tokens of short pieces seen before, one cache of a fixed size a thread.
 *
 * A piece's tokens depend on nothing but the piece and the tokenizer, so a hit gives what the model would give; the cache is
 * emptied when another tokenizer comes. Direct-mapped: a new word takes the place of the old one. */
#ifndef TRI_TOKENIZER_WORD_CACHE_H
#define TRI_TOKENIZER_WORD_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

enum { WORD_CACHE_KEY = 24, WORD_CACHE_IDS = 9 }; /* an entry is one cache line of 64 bytes */
typedef struct word_cache word_cache;
typedef struct word_entry {
    uint64_t key[WORD_CACHE_KEY / 8]; /* short_key24 */
    uint8_t len, n;                   /* len 0 = free */
    uint32_t ids[WORD_CACHE_IDS];
} word_entry;

tri_status word_cache_new(word_cache **out, tri_error *err);
void word_cache_free(word_cache *c);
/* Whose words follow: a number that differs between tokenizers. */
void word_cache_own(word_cache *c, uint64_t owner);
/* The place of a piece, len 1..WORD_CACHE_KEY; *hit = it is there. On a miss the entry is made over to the piece, with len 0
 * until the caller has put ids and n and calls word_cache_keep. */
word_entry *word_cache_at(word_cache *c, const uint8_t *piece, size_t len, int *hit);
void word_cache_keep(word_entry *e, const uint32_t *ids, size_t n, size_t len);

#endif
