/* SPDX-License-Identifier: Apache-2.0 */
/* ordinal_set.h — which documents are deleted: a bitmap in memory, an ascending list on disk (kind `dead`). */
#ifndef TRI_INDEX_ORDINAL_SET_H
#define TRI_INDEX_ORDINAL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/segment_file.h"

typedef struct ordinal_set {
    uint64_t *words; /* NULL while empty */
    size_t n_words;
    uint64_t count;
} ordinal_set;

void ordinal_set_drop(ordinal_set *s);
/* Room for ordinals below `end`, so that adding them cannot fail. */
tri_status ordinal_set_reserve(ordinal_set *s, uint64_t end, tri_error *err);
void ordinal_set_add(ordinal_set *s, uint64_t ordinal); /* below the reserved end */
tri_status ordinal_set_copy(ordinal_set *out, const ordinal_set *from, tri_error *err);

static inline bool ordinal_set_has(const ordinal_set *s, uint64_t ordinal)
{
    return ordinal / 64 < s->n_words && (s->words[ordinal / 64] >> (ordinal % 64) & 1);
}

tri_status ordinal_set_save(const ordinal_set *s, const char *path, file_record *out, tri_error *err);
/* Every ordinal must be below `end` and larger than the one before it; there must be `count` of them. */
tri_status ordinal_set_load(ordinal_set *out, const char *path, uint64_t end, uint64_t count, tri_error *err);

#endif
