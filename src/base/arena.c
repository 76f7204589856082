/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c — a list of chunks, the current one filled from the front.
 *
 *   chunk: [ header | block | block | ... | free ]        restore = go back to an earlier (chunk, used)
 * After a restore later chunks stay in the list and are used again, so a warm user allocates nothing. Under ASan the free
 * part is poisoned and 16 bytes between blocks are a red zone. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 16 };
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
enum { RED_ZONE = 0 };
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { DEFAULT_CHUNK = 64 << 10, MAX_CHUNK = 64 << 20, DEFAULT_ALIGN = 16 };

struct arena_chunk {
    arena_chunk *next;
    size_t cap; /* bytes after the header */
    _Alignas(DEFAULT_ALIGN) unsigned char data[];
};

void arena_init(arena *a, size_t chunk_size)
{
    memset(a, 0, sizeof *a);
    a->chunk_size = chunk_size ? chunk_size : DEFAULT_CHUNK;
}

void arena_drop(arena *a)
{
    for (arena_chunk *c = a->first; c;) {
        arena_chunk *next = c->next;
        UNPOISON(c->data, c->cap);
        mem_free(c);
        c = next;
    }
    arena_init(a, a->chunk_size);
}

/* Offset of an aligned block of this size in chunk c, or SIZE_MAX when it does not fit. */
static size_t find_room(const arena_chunk *c, size_t used, size_t bytes, size_t align)
{
    uintptr_t base = (uintptr_t)c->data;
    uintptr_t start = (base + used + align - 1) & ~(uintptr_t)(align - 1);
    size_t offset = (size_t)(start - base);
    return offset <= c->cap && bytes <= c->cap - offset ? offset : SIZE_MAX;
}

static bool add_chunk(arena *a, size_t least)
{
    size_t cap = a->chunk_size > least ? a->chunk_size : least;
    size_t bytes;
    if (!add_size(cap, sizeof(arena_chunk), &bytes)) return false;
    arena_chunk *c = mem_alloc(bytes);
    if (!c) return false;
    c->cap = cap;
    POISON(c->data, cap);
    if (a->current) {
        c->next = a->current->next;
        a->current->next = c;
    } else {
        c->next = a->first;
        a->first = c;
    }
    a->current = c;
    a->used = 0;
    a->total += bytes;
    if (a->chunk_size < MAX_CHUNK) a->chunk_size *= 2;
    return true;
}

void *arena_aligned(arena *a, size_t bytes, size_t align)
{
    if (align < DEFAULT_ALIGN) align = DEFAULT_ALIGN;
    size_t want, least;
    if (!add_size(bytes ? bytes : 1, RED_ZONE, &want) || !add_size(want, align, &least)) return NULL;
    if (!a->current && a->first) {
        a->current = a->first;
        a->used = 0;
    }
    for (;;) {
        size_t at = a->current ? find_room(a->current, a->used, want, align) : SIZE_MAX;
        if (at != SIZE_MAX) {
            unsigned char *p = a->current->data + at;
            a->used = at + want;
            UNPOISON(p, bytes ? bytes : 1);
            return p;
        }
        if (a->current && a->current->next && find_room(a->current->next, 0, want, align) != SIZE_MAX) {
            a->current = a->current->next;
            a->used = 0;
        } else if (!add_chunk(a, least)) {
            return NULL;
        }
    }
}

void *arena_alloc(arena *a, size_t bytes)
{
    return arena_aligned(a, bytes, DEFAULT_ALIGN);
}

void *arena_array(arena *a, size_t count, size_t size)
{
    size_t bytes;
    return mul_size(count, size, &bytes) ? arena_alloc(a, bytes) : NULL;
}

void *arena_calloc(arena *a, size_t count, size_t size)
{
    void *p = arena_array(a, count, size);
    if (p) memset(p, 0, count * size);
    return p;
}

char *arena_copy(arena *a, const void *bytes, size_t len)
{
    if (len == SIZE_MAX) return NULL;
    char *p = arena_alloc(a, len + 1);
    if (!p) return NULL;
    if (len) memcpy(p, bytes, len);
    p[len] = 0;
    return p;
}

char *arena_printf(arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

arena_mark arena_save(const arena *a)
{
    arena_mark m = {a->current, a->used};
    return m;
}

void arena_restore(arena *a, arena_mark mark)
{
    a->current = mark.chunk;
    a->used = mark.used;
#ifdef ARENA_ASAN
    arena_chunk *c = mark.chunk ? mark.chunk : a->first;
    size_t from = mark.chunk ? mark.used : 0;
    for (; c; c = c->next, from = 0) POISON(c->data + from, c->cap - from);
#endif
}

void arena_trim(arena *a, size_t keep)
{
    while (a->total > keep) {
        arena_chunk **last = a->current ? &a->current->next : &a->first;
        if (!*last) return;
        while ((*last)->next) last = &(*last)->next;
        a->total -= sizeof **last + (*last)->cap;
        UNPOISON((*last)->data, (*last)->cap);
        mem_free(*last);
        *last = NULL;
    }
}
