/* SPDX-License-Identifier: Apache-2.0 */
/* piece_table.h — which strings of the vocabulary begin at this place of the text? A set of strings with values, made fast in
 * one pass over the file and walked one character at a time.
 *
 * Two parts. `cells` is a filter with two bits a cell: "some piece begins with this prefix" and "some piece may be this
 * prefix", found by a hash that grows with each character; a prefix without the first bit ends the walk. `slots` is an
 * open-addressing table of the pieces themselves, asked only when the second bit is set. The filter may err on the side of
 * yes, the table never errs: bytes are compared. Pieces of up to 16 bytes (nearly all) lie in their slot, so a hit costs one
 * cache line; longer ones are borrowed. Against a trie this needs no sorting: 250,002 pieces load in a hundredth of a second.
 *
 *   slot: | lo: bytes 0..7 | hi: the last 8 | len | value | score |      len > 16: lo = address of the bytes, hi = hash */
#ifndef TRI_TOKENIZER_PIECE_TABLE_H
#define TRI_TOKENIZER_PIECE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "trident/status.h"
#include "tokenizer/short_key.h"

typedef struct piece_slot {
    uint64_t lo, hi;
    uint32_t len, value; /* len 0 = free */
    double score;        /* rides along for Unigram */
} piece_slot;

typedef struct piece_table {
    piece_slot *slots;
    size_t n_slots, count;
    uint32_t *cells; /* 16 cells a word */
    unsigned cell_shift;
    uint64_t seed;
} piece_table;

enum { PIECE_PREFIX = 1, PIECE_WHOLE = 2, PIECE_INLINE = 16 };

/* Room for `count` pieces of n_bytes bytes together. The seed differs from file to file, so that no file can be made
 * whose keys collide. */
tri_status piece_table_init(piece_table *t, size_t count, size_t n_bytes, uint64_t seed, tri_error *err);
void piece_table_drop(piece_table *t);
/* Putting a piece is two steps, so that a filler can work ahead of the memory: note its prefixes and get its hash (and the
 * slot on its way to the cache), then insert it. Valid UTF-8, not empty; an equal key gets the new value. There must be room.
 */
uint64_t piece_table_note(piece_table *t, const uint8_t *key, size_t len);
void piece_table_insert(piece_table *t, uint64_t hash, const uint8_t *key, size_t len, uint32_t value, double score);
void piece_table_put(piece_table *t, const uint8_t *key, size_t len, uint32_t value);
bool piece_table_find(const piece_table *t, const uint8_t *key, size_t len, uint32_t *value);
/* The longest piece that text[0..len) begins with; 0 = none. */
size_t piece_table_longest(const piece_table *t, const uint8_t *text, size_t len, uint32_t *value);

/* The walk itself, for token_unigram.c: extend the hash by the character at p, then ask for its cell. The upper half of the
 * hash chooses the cell, the lower half, into which the upper was folded, the slot. */
static inline uint64_t piece_hash(uint64_t h, uint32_t c)
{
    h = (h ^ c) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio, as in Fibonacci hashing */
    return h ^ h >> 32;
}
/* The n bytes of the character at p as a number, lowest first; without a branch where four bytes may be read. */
static inline uint32_t piece_char(const uint8_t *p, size_t n, size_t readable)
{
    if (readable >= 4)
        return (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24) & UINT32_MAX >> (32 - 8 * n);
    uint32_t c = 0;
    for (size_t i = n; i-- > 0;) c = c << 8 | p[i];
    return c;
}
static inline uint64_t piece_cell_index(const piece_table *t, uint64_t h)
{
    return h >> t->cell_shift;
}
/* Where the search for a slot begins; n_slots < 2^32. */
static inline size_t piece_home(const piece_table *t, uint64_t h)
{
    return (size_t)((h & 0xFFFFFFFFu) * t->n_slots >> 32);
}
static inline size_t piece_after(const piece_table *t, size_t i)
{
    return i + 1 < t->n_slots ? i + 1 : 0;
}
static inline unsigned piece_cell(const piece_table *t, uint64_t h)
{
    uint64_t i = piece_cell_index(t, h);
    return t->cells[i / 16] >> (i % 16 * 2) & 3u;
}
static inline bool piece_is(const piece_slot *s, uint64_t h, const uint8_t *key, size_t len, const uint64_t words[2])
{
    if (s->len != len) return false;
    if (len <= PIECE_INLINE) return s->lo == words[0] && s->hi == words[1];
    return s->hi == h && !memcmp((const uint8_t *)(uintptr_t)s->lo, key, len);
}
static inline const piece_slot *piece_at(const piece_table *t, uint64_t h, const uint8_t *key, size_t len)
{
    uint64_t words[2] = {0, 0};
    if (len <= PIECE_INLINE) short_key16(key, len, words);
    for (size_t i = piece_home(t, h);; i = piece_after(t, i)) {
        const piece_slot *s = &t->slots[i];
        if (!s->len) return NULL;
        if (piece_is(s, h, key, len, words)) return s;
    }
}

#endif
