/* SPDX-License-Identifier: Apache-2.0 */
/* piece_table.c — building and asking the table; the reasons for its shape are in the header.
 *
 * Load: at most two slots in three are used (at half the table would be a third larger, and touching new memory is a good part
 * of the time to open a file); there is a filter cell for every one or two bytes of the vocabulary, and real vocabularies have
 * about 2.4 distinct prefixes a piece of 10 bytes, so a walk goes on wrongly for about one prefix in three, by one step. */
#include "tokenizer/piece_table.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"

enum { MIN_CELL_BITS = 10, MAX_CELL_BITS = 32 };

tri_status piece_table_init(piece_table *t, size_t count, size_t n_bytes, uint64_t seed, tri_error *err)
{
    size_t n_slots = count + count / 2 + 16;
    unsigned cell_bits = MIN_CELL_BITS;
    while ((size_t)1 << cell_bits < n_bytes / 2 && cell_bits < MAX_CELL_BITS) cell_bits++;
    memset(t, 0, sizeof *t);
    t->slots = mem_calloc(n_slots, sizeof *t->slots);
    t->cells = mem_calloc(((size_t)1 << cell_bits) / 16, sizeof *t->cells);
    if (!t->slots || !t->cells) {
        piece_table_drop(t);
        return err_memory(err, n_slots * sizeof *t->slots);
    }
    t->n_slots = n_slots;
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

uint64_t piece_table_note(piece_table *t, const uint8_t *key, size_t len)
{
    uint64_t h = t->seed;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(key[at]);
        h = piece_hash(h, piece_char(key + at, n, len - at));
        at += n;
        uint64_t i = piece_cell_index(t, h);
        uint32_t bits = at < len ? PIECE_PREFIX : PIECE_PREFIX | PIECE_WHOLE;
        t->cells[i / 16] |= bits << (i % 16 * 2);
    }
    __builtin_prefetch(&t->slots[piece_home(t, h)], 1);
    return h;
}

void piece_table_insert(piece_table *t, uint64_t hash, const uint8_t *key, size_t len, uint32_t value, double score)
{
    uint64_t words[2] = {(uintptr_t)key, hash};
    if (len <= PIECE_INLINE) short_key16(key, len, words);
    size_t i = piece_home(t, hash);
    while (t->slots[i].len && !piece_is(&t->slots[i], hash, key, len, words)) i = piece_after(t, i);
    t->count += t->slots[i].len == 0;
    t->slots[i] = (piece_slot){words[0], words[1], (uint32_t)len, value, score};
}

void piece_table_put(piece_table *t, const uint8_t *key, size_t len, uint32_t value)
{
    piece_table_insert(t, piece_table_note(t, key, len), key, len, value, 0);
}

bool piece_table_find(const piece_table *t, const uint8_t *key, size_t len, uint32_t *value)
{
    uint64_t h = t->seed;
    if (!t->slots || !len) return false;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(key[at]);
        if (n > len - at) return false;
        h = piece_hash(h, piece_char(key + at, n, len - at));
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
        h = piece_hash(h, piece_char(text + at, n, len - at));
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
