/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.c — the heap's only door: the process's allocator, fault injection and counting in one place. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"

static void *libc_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}
static void *libc_realloc(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    return realloc(block, bytes);
}
static void libc_free(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

enum { HUGE_BYTES = 4 << 20 }; /* from here on a block has a huge page or more of its own */

static tri_allocator allocator = {libc_alloc, libc_realloc, libc_free, NULL};
static atomic_uint_fast64_t n_allocations;
static atomic_uint_fast64_t n_live;

tri_status tri_set_allocator(const tri_allocator *a)
{
    static const tri_allocator libc_default = {libc_alloc, libc_realloc, libc_free, NULL};
    if (a && (!a->alloc || !a->realloc || !a->free)) return TRI_ERR_ARGUMENT;
    if (atomic_load(&n_live) != 0) return TRI_ERR_STATE; /* blocks of the old allocator are still out */
    allocator = a ? *a : libc_default;
    return TRI_OK;
}

void *mem_alloc(size_t bytes)
{
    if (fault_hit(FAULT_ALLOC)) return NULL;
    void *p = allocator.alloc(allocator.ctx, bytes ? bytes : 1);
    if (p) {
        atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&n_live, 1, memory_order_relaxed);
    }
    return p;
}

void *mem_array(size_t count, size_t size)
{
    size_t bytes;
    return mul_size(count, size, &bytes) ? mem_alloc(bytes) : NULL;
}

void *mem_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!mul_size(count, size, &bytes)) return NULL;
    void *p = mem_alloc(bytes);
    if (p) memset(p, 0, bytes ? bytes : 1);
    return p;
}

void *mem_realloc(void *block, size_t bytes)
{
    if (!block) return mem_alloc(bytes);
    if (fault_hit(FAULT_ALLOC)) return NULL;
    void *p = allocator.realloc(allocator.ctx, block, bytes ? bytes : 1);
    if (p) atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
    return p;
}

void *mem_copy(const void *bytes, size_t len)
{
    if (len == SIZE_MAX) return NULL;
    char *p = mem_alloc(len + 1);
    if (!p) return NULL;
    if (len) memcpy(p, bytes, len);
    p[len] = 0;
    return p;
}

char *mem_strdup(const char *s)
{
    return mem_copy(s, strlen(s));
}

void mem_free(void *block)
{
    if (!block) return;
    atomic_fetch_sub_explicit(&n_live, 1, memory_order_relaxed);
    allocator.free(allocator.ctx, block);
}

static void whole_pages(uintptr_t start, size_t bytes, int advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (start + page - 1) / page * page;
    uintptr_t end = (start + bytes) / page * page;
    if (first < end) madvise((void *)first, end - first, advice);
}

/* The address of the real block stands just before the aligned one. */
void *mem_alloc_aligned(size_t bytes, size_t align)
{
    size_t total;
    if (!add_size(bytes, align + sizeof(void *), &total)) return NULL;
    char *raw = mem_alloc(total);
    if (!raw) return NULL;
    uintptr_t start = ((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1);
    memcpy((void *)(start - sizeof(void *)), &raw, sizeof raw);
    if (bytes >= HUGE_BYTES) whole_pages(start, bytes, MADV_HUGEPAGE);
    return (void *)start;
}

void mem_free_aligned(void *block)
{
    if (!block) return;
    void *raw;
    memcpy(&raw, (char *)block - sizeof(void *), sizeof raw);
    mem_free(raw);
}

void mem_idle(void *block, size_t bytes)
{
    if (block) whole_pages((uintptr_t)block, bytes, MADV_DONTNEED);
}

uint64_t mem_count(void)
{
    return atomic_load(&n_allocations);
}

uint64_t mem_live(void)
{
    return atomic_load(&n_live);
}

bool mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
