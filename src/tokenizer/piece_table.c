/* SPDX-License-Identifier: Apache-2.0 */
/* piece_table.c — building and asking the table; the reasons for its shape are in the header.
 *
 * Load: at most half of the slots are used; a filter cell is set by at most one prefix in four on average (real vocabularies
 * have about 2.4 distinct prefixes a piece), so a walk goes on wrongly for about one prefix in seven, by one step. */
#include "tokenizer/piece_table.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"

enum { MIN_CELL_BITS = 10, MAX_CELL_BITS = 32 };

tri_status piece_table_init(piece_table *t, size_t count, size_t n_chars, uint64_t seed, tri_error *err)
{
    size_t n_slots = 16;
    unsigned cell_bits = MIN_CELL_BITS;
    while (n_slots / 2 < count && n_slots <= SIZE_MAX / 4) n_slots *= 2;
    while ((size_t)1 << cell_bits < n_chars && cell_bits < MAX_CELL_BITS) cell_bits++;
    memset(t, 0, sizeof *t);
    t->slots = mem_calloc(n_slots, sizeof *t->slots);
    t->cells = mem_calloc(((size_t)1 << cell_bits) / 16, sizeof *t->cells);
    if (!t->slots || !t->cells) {
        piece_table_drop(t);
        return err_memory(err, n_slots * sizeof *t->slots);
    }
    t->mask = n_slots - 1;
    t->cell_shift = 64 - cell_bits;
    t->seed = seed;
    return TRI_OK;
}

void piece_table_drop(piece_table *t)
{
    mem_free(t->slots);
    mem_free(t->cells);
    memset(t, 0, sizeof *t);
}

static void set_cell(piece_table *t, uint64_t h, unsigned bits)
{
    uint64_t i = h * 0xD6E8FEB86659FD93u >> t->cell_shift;
    t->cells[i / 16] |= bits << (i % 16 * 2);
}

void piece_table_put(piece_table *t, const uint8_t *key, size_t len, uint32_t value)
{
    uint64_t h = t->seed;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(key[at]);
        h = piece_hash(h, key + at, n);
        at += n;
        set_cell(t, h, at < len ? PIECE_PREFIX : PIECE_PREFIX | PIECE_WHOLE);
    }
    size_t i = h & t->mask;
    for (; t->slots[i].key; i = (i + 1) & t->mask) {
        piece_slot *s = &t->slots[i];
        if (s->hash == h && s->len == len && !memcmp(s->key, key, len)) {
            s->value = value;
            return;
        }
    }
    t->slots[i] = (piece_slot){key, (uint32_t)len, value, h};
    t->count++;
}

bool piece_table_find(const piece_table *t, const uint8_t *key, size_t len, uint32_t *value)
{
    uint64_t h = t->seed;
    if (!t->slots || !len) return false;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(key[at]);
        if (n > len - at) return false;
        h = piece_hash(h, key + at, n);
        at += n;
    }
    const piece_slot *s = piece_at(t, h, key, len);
    if (s) *value = s->value;
    return s != NULL;
}

size_t piece_table_longest(const piece_table *t, const uint8_t *text, size_t len, uint32_t *value)
{
    uint64_t h = t->seed;
    size_t longest = 0;
    if (!t->slots) return 0;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(text[at]);
        h = piece_hash(h, text + at, n);
        unsigned cell = piece_cell(t, h);
        if (!(cell & PIECE_PREFIX)) break;
        at += n;
        const piece_slot *s = cell & PIECE_WHOLE ? piece_at(t, h, text, at) : NULL;
        if (s) {
            longest = at;
            *value = s->value;
        }
    }
    return longest;
}
