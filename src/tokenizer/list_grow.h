/* SPDX-License-Identifier: Apache-2.0 */
/* list_grow.h — the growing arrays of a scratch: ids, spans, code points. They grow by half again and are kept, so that a warm
 * scratch allocates nothing. A failed growth leaves the list as it was. */
#ifndef TRI_TOKENIZER_LIST_GROW_H
#define TRI_TOKENIZER_LIST_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

typedef struct u32_list {
    uint32_t *v;
    size_t n, cap;
} u32_list;

/* A run of a text, or (id != TOKEN_NONE) a token already found there. */
typedef struct span {
    size_t start, len;
    uint32_t id;
    bool first; /* its first character comes from the first character of the whole text */
} span;

typedef struct span_list {
    span *v;
    size_t n, cap;
} span_list;

/* The block for at least `need` elements, or NULL; *cap is updated. */
static inline void *list_grow(void *block, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap && block) return block;
    size_t more = *cap + *cap / 2, bytes;
    if (more < 64) more = 64;
    if (more < need) more = need;
    if (!mul_size(more, size, &bytes)) return NULL;
    void *grown = mem_realloc(block, bytes);
    if (grown) *cap = more;
    return grown;
}

static inline bool u32_list_reserve(u32_list *l, size_t more)
{
    size_t need;
    if (!add_size(l->n, more, &need)) return false;
    void *v = list_grow(l->v, &l->cap, need, sizeof *l->v);
    if (v) l->v = v;
    return v != NULL;
}

static inline bool u32_list_push(u32_list *l, uint32_t value)
{
    if (l->n == l->cap && !u32_list_reserve(l, 1)) return false;
    l->v[l->n++] = value;
    return true;
}

static inline bool span_list_push(span_list *l, span s)
{
    if (l->n == l->cap) {
        void *v = list_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
        if (!v) return false;
        l->v = v;
    }
    l->v[l->n++] = s;
    return true;
}

#endif
