/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h — the only door to the heap. malloc, free and strdup are banned elsewhere (tools/check_style.py).
 *
 * One allocator for the process, as SQLite has it (tri_set_allocator). Every allocation passes fault_hit(FAULT_ALLOC), so a
 * test can make each one fail in turn, and is counted, so a test can prove that a warm pass makes none. */
#ifndef TRI_BASE_ALLOC_H
#define TRI_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"

void *mem_alloc(size_t bytes);                 /* NULL on failure; bytes 0 gives a block of 1 */
void *mem_calloc(size_t count, size_t size);   /* zeroed; NULL on failure or overflow */
void *mem_array(size_t count, size_t size);    /* not zeroed; NULL on failure or overflow */
void *mem_realloc(void *block, size_t bytes);  /* NULL leaves the old block as it was */
void *mem_copy(const void *bytes, size_t len); /* len + 1 bytes, the last one NUL */
char *mem_strdup(const char *s);
void mem_free(void *block); /* NULL is fine */
/* align a power of two <= 4096; freed by mem_free_aligned only. Large blocks, which are weights and activations, get huge pages
 * where the system has some to give. */
void *mem_alloc_aligned(size_t bytes, size_t align);
void mem_free_aligned(void *block);

/* The contents of a block are not needed any more, but its addresses are: its whole pages go back to the system, and come
 * again, as zeros, when touched. */
void mem_idle(void *block, size_t bytes);

uint64_t mem_count(void); /* allocations made so far by this process */
uint64_t mem_live(void);  /* blocks not yet freed: tests end with what they began with */

/* false on overflow; *out then untouched */
bool mul_size(size_t a, size_t b, size_t *out);
bool add_size(size_t a, size_t b, size_t *out);

#endif
