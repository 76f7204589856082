/* SPDX-License-Identifier: Apache-2.0 */
/* word_cache.c — 8,192 lines of 64 bytes: half a megabyte, the second-level cache of small processors. English text hits it
 * for nineteen words in twenty. Pieces of more than 24 bytes or 9 tokens are not kept: they are rare where words are. */
#include "tokenizer/word_cache.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "tokenizer/short_key.h"

enum { N_ENTRIES = 8192 };

struct word_cache {
    word_entry entries[N_ENTRIES];
    uint64_t owner;
};

_Static_assert(sizeof(word_entry) == 64, "one cache line");

tri_status word_cache_new(word_cache **out, tri_error *err)
{
    word_cache *c = mem_alloc_aligned(sizeof *c, 64);
    if (!c) return err_memory(err, sizeof *c);
    memset(c, 0, sizeof *c);
    *out = c;
    return TRI_OK;
}

void word_cache_free(word_cache *c)
{
    mem_free_aligned(c);
}

void word_cache_own(word_cache *c, uint64_t owner)
{
    if (c->owner == owner) return;
    memset(c, 0, sizeof *c);
    c->owner = owner;
}

word_entry *word_cache_at(word_cache *c, const uint8_t *piece, size_t len, int *hit)
{
    uint64_t key[WORD_CACHE_KEY / 8];
    short_key24(piece, len, key);
    uint64_t h =
        (key[0] * 0x9E3779B97F4A7C15u) ^ (key[1] * 0xC2B2AE3D27D4EB4Fu) ^ (key[2] * 0x165667B19E3779F9u); /* xxHash primes */
    h = (h ^ h >> 29) * 0x9E3779B97F4A7C15u;
    word_entry *e = &c->entries[h >> 51]; /* the top 13 bits */
    *hit = e->len == len && e->key[0] == key[0] && e->key[1] == key[1] && e->key[2] == key[2];
    if (!*hit) {
        e->len = 0;
        memcpy(e->key, key, sizeof key);
    }
    return e;
}

void word_cache_keep(word_entry *e, const uint32_t *ids, size_t n, size_t len)
{
    if (n > WORD_CACHE_IDS) return;
    memcpy(e->ids, ids, n * sizeof *ids);
    e->n = (uint8_t)n;
    e->len = (uint8_t)len;
}
