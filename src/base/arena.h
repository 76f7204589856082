/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h — many small blocks, one free. Blocks are 16-byte aligned unless asked otherwise.
 *
 *   arena a; arena_init(&a, 64 << 10);
 *   arena_mark m = arena_save(&a);  ...  arena_restore(&a, m);   frees what came after the mark
 *   arena_drop(&a);
 * Chunks are kept on restore, so a warm user allocates nothing. Under ASan free parts are poisoned. Not thread safe. */
#ifndef TRI_BASE_ARENA_H
#define TRI_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct arena_chunk arena_chunk;
typedef struct arena {
    arena_chunk *first, *current;
    size_t used;       /* in the current chunk */
    size_t chunk_size; /* of the next chunk; doubled as it grows, up to 64 MiB */
    size_t total;      /* bytes held from the heap */
} arena;
typedef struct arena_mark {
    arena_chunk *chunk;
    size_t used;
} arena_mark;

void arena_init(arena *a, size_t chunk_size); /* no allocation yet; 0 = 64 KiB */
void arena_drop(arena *a);
void *arena_alloc(arena *a, size_t bytes);    /* NULL on failure */
void *arena_array(arena *a, size_t count, size_t size); /* NULL on failure or overflow */
void *arena_calloc(arena *a, size_t count, size_t size);
void *arena_aligned(arena *a, size_t bytes, size_t align);
char *arena_copy(arena *a, const void *bytes, size_t len); /* with a NUL after it */
char *arena_printf(arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
arena_mark arena_save(const arena *a);
void arena_restore(arena *a, arena_mark mark);
/* Gives chunks that are not in use back to the heap, the last first, until at most `keep` bytes are held. */
void arena_trim(arena *a, size_t keep);

#endif
