/* SPDX-License-Identifier: Apache-2.0 */
/* piece_table.h — which strings of the vocabulary begin at this place of the text? A set of strings with values, made fast in
 * one pass over the file and walked one character at a time.
 *
 * Two parts. `cells` is a filter with two bits a cell: "some piece begins with this prefix" and "some piece may be this
 * prefix", found by a hash that grows with each character; a prefix without the first bit ends the walk. `slots` is an
 * open-addressing table of the pieces themselves, asked only when the second bit is set. The filter may err on the side of yes,
 * the table never errs: bytes are compared. Against a trie this costs one probe more for a hit and needs no sorting: 250,002
 * pieces load in a few hundredths of a second. Keys are borrowed. */
#ifndef TRI_TOKENIZER_PIECE_TABLE_H
#define TRI_TOKENIZER_PIECE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "trident/status.h"

typedef struct piece_slot {
    const uint8_t *key; /* NULL = free */
    uint32_t len, value;
    uint64_t hash;
} piece_slot;

typedef struct piece_table {
    piece_slot *slots;
    size_t mask, count;
    uint32_t *cells; /* 16 cells a word */
    unsigned cell_shift;
    uint64_t seed;
} piece_table;

enum { PIECE_PREFIX = 1, PIECE_WHOLE = 2 };

/* Room for `count` pieces of n_chars characters together. The seed differs from file to file, so that no file can be made whose
 * keys collide. */
tri_status piece_table_init(piece_table *t, size_t count, size_t n_chars, uint64_t seed, tri_error *err);
void piece_table_drop(piece_table *t);
/* Valid UTF-8, not empty. An equal key gets the new value. There must be room. */
void piece_table_put(piece_table *t, const uint8_t *key, size_t len, uint32_t value);
bool piece_table_find(const piece_table *t, const uint8_t *key, size_t len, uint32_t *value);
/* The longest piece that text[0..len) begins with; 0 = none. */
size_t piece_table_longest(const piece_table *t, const uint8_t *text, size_t len, uint32_t *value);

/* The walk itself, for token_unigram.c: extend the hash by the character at p, then ask for its cell. */
static inline uint64_t piece_hash(uint64_t h, const uint8_t *p, size_t n)
{
    uint32_t c = p[0];
    for (size_t i = 1; i < n; i++) c = c << 8 | p[i];
    h = (h ^ c) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio, as in Fibonacci hashing */
    return h ^ h >> 32;
}
static inline unsigned piece_cell(const piece_table *t, uint64_t h)
{
    uint64_t i = h * 0xD6E8FEB86659FD93u >> t->cell_shift; /* an odd constant with well-spread bits */
    return t->cells[i / 16] >> (i % 16 * 2) & 3u;
}
static inline const piece_slot *piece_at(const piece_table *t, uint64_t h, const uint8_t *key, size_t len)
{
    for (size_t i = h & t->mask;; i = (i + 1) & t->mask) {
        const piece_slot *s = &t->slots[i];
        if (!s->key) return NULL;
        if (s->hash == h && s->len == len && !memcmp(s->key, key, len)) return s;
    }
}

#endif
