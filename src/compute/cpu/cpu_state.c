/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_state.c — the fast backend's scratch: one slot a thread of the pool, made at open, claimed by tasks with one atomic. */
#include <sched.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/err.h"
#include "compute/cpu/cpu.h"

typedef struct slot {
    _Alignas(64) atomic_flag held; /* a line each: neighbours are claimed by other threads */
} slot;

typedef struct cpu_state {
    const cpu_kernels *kernels;
    size_t n_slots;
    slot *slots;
    char *scratch; /* [n_slots][CPU_SCRATCH_BYTES] */
} cpu_state;

tri_status cpu_state_open(compute *c, const cpu_kernels *kernels, tri_error *err)
{
    size_t n = (size_t)pool_size(c->threads), bytes = n * CPU_SCRATCH_BYTES;
    cpu_state *s = mem_alloc(sizeof *s);
    slot *slots = mem_alloc_aligned(n * sizeof *slots, 64);
    char *scratch = mem_alloc_aligned(bytes, 64);
    if (!s || !slots || !scratch) {
        mem_free(s);
        mem_free_aligned(slots);
        mem_free_aligned(scratch);
        return err_memory(err, bytes);
    }
    for (size_t i = 0; i < n; i++) atomic_flag_clear(&slots[i].held);
    *s = (cpu_state){kernels, n, slots, scratch};
    c->scratch = s;
    c->scratch_bytes = bytes;
    return TRI_OK;
}

void cpu_state_close(compute *c)
{
    cpu_state *s = c->scratch;
    if (!s) return;
    mem_free_aligned(s->slots);
    mem_free_aligned(s->scratch);
    mem_free(s);
    c->scratch = NULL;
}

const cpu_kernels *cpu_kernels_of(const compute *c) { return ((const cpu_state *)c->scratch)->kernels; }

size_t cpu_threads(const compute *c) { return ((const cpu_state *)c->scratch)->n_slots; }

/* A holder never waits for anything while it holds, so waiting here ends. */
void *cpu_scratch_take(compute *c, size_t worker, size_t *taken)
{
    cpu_state *s = c->scratch;
    for (size_t i = worker % s->n_slots, tries = 1;; i = (i + 1) % s->n_slots, tries++) {
        if (!atomic_flag_test_and_set_explicit(&s->slots[i].held, memory_order_acquire)) {
            *taken = i;
            return s->scratch + i * CPU_SCRATCH_BYTES;
        }
        if (tries % s->n_slots == 0) sched_yield();
    }
}

void cpu_scratch_give(compute *c, size_t taken)
{
    cpu_state *s = c->scratch;
    if (s->kernels->end_task) s->kernels->end_task();
    atomic_flag_clear_explicit(&s->slots[taken].held, memory_order_release);
}
