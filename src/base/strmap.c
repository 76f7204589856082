/* SPDX-License-Identifier: Apache-2.0 */
/* strmap.c — linear probing, power-of-two capacity, at most 3/4 full. Removal shifts the rest of the cluster back, so there
 * are no tombstones and a lookup ends at the first empty slot. */
#include "base/strmap.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

struct strmap_slot {
    const char *key; /* NULL = empty */
    uint32_t len, value;
    uint64_t hash;
};

enum { FIRST_SLOTS = 16 };

void strmap_init(strmap *m)
{
    memset(m, 0, sizeof *m);
    arena_init(&m->keys, 0);
}

void strmap_drop(strmap *m)
{
    mem_free(m->slots);
    arena_drop(&m->keys);
    strmap_init(m);
}

static strmap_slot *slot_of(const strmap *m, uint64_t hash, const void *key, size_t len)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].key && (m->slots[i].hash != hash || m->slots[i].len != len || memcmp(m->slots[i].key, key, len) != 0))
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

static tri_status rehash(strmap *m, size_t cap)
{
    strmap_slot *old = m->slots, *fresh = mem_calloc(cap, sizeof *fresh);
    if (!fresh) return TRI_ERR_MEMORY;
    size_t old_cap = m->cap;
    m->slots = fresh;
    m->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].key) continue;
        size_t at = old[i].hash & (cap - 1);
        while (fresh[at].key) at = (at + 1) & (cap - 1);
        fresh[at] = old[i];
    }
    mem_free(old);
    return TRI_OK;
}

tri_status strmap_reserve(strmap *m, size_t count)
{
    size_t cap = m->cap ? m->cap : FIRST_SLOTS;
    while (cap / 4 * 3 < count) {
        if (cap > SIZE_MAX / 4) return TRI_ERR_MEMORY;
        cap *= 2;
    }
    return cap == m->cap ? TRI_OK : rehash(m, cap);
}

tri_status strmap_put(strmap *m, const void *key, size_t len, uint32_t value, uint32_t *old, bool *found)
{
    if (len > UINT32_MAX) return TRI_ERR_LIMIT;
    tri_status st = strmap_reserve(m, m->count + 1);
    if (st) return st;
    uint64_t hash = hash64(key, len);
    strmap_slot *s = slot_of(m, hash, key, len);
    if (found) *found = s->key != NULL;
    if (s->key) {
        if (old) *old = s->value;
        s->value = value;
        return TRI_OK;
    }
    const char *copy = arena_copy(&m->keys, key, len);
    if (!copy) return TRI_ERR_MEMORY;
    *s = (strmap_slot){copy, (uint32_t)len, value, hash};
    m->count++;
    return TRI_OK;
}

bool strmap_find(const strmap *m, const void *key, size_t len, uint32_t *value)
{
    if (!m->count) return false;
    strmap_slot *s = slot_of(m, hash64(key, len), key, len);
    if (!s->key) return false;
    if (value) *value = s->value;
    return true;
}

bool strmap_remove(strmap *m, const void *key, size_t len)
{
    if (!m->count) return false;
    strmap_slot *s = slot_of(m, hash64(key, len), key, len);
    if (!s->key) return false;
    size_t hole = (size_t)(s - m->slots), mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its home lies at or before the hole: it may move there */
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].key = NULL;
    m->count--;
    return true;
}
