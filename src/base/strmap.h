/* SPDX-License-Identifier: Apache-2.0 */
/* strmap.h — byte strings to u32 values. Open addressing, keys copied into its own arena; keys may hold any bytes. */
#ifndef TRI_BASE_STRMAP_H
#define TRI_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/arena.h"

typedef struct strmap_slot strmap_slot;
typedef struct strmap {
    strmap_slot *slots;
    size_t cap, count;
    arena keys;
} strmap;

void strmap_init(strmap *m);
void strmap_drop(strmap *m);
tri_status strmap_reserve(strmap *m, size_t count);
/* Inserts, or overwrites the value of an equal key. *old (may be NULL) and *found tell what was there. */
tri_status strmap_put(strmap *m, const void *key, size_t len, uint32_t value, uint32_t *old, bool *found);
bool strmap_find(const strmap *m, const void *key, size_t len, uint32_t *value);
bool strmap_remove(strmap *m, const void *key, size_t len);

#endif
