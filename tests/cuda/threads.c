/* SPDX-License-Identifier: Apache-2.0 */
/* threads.c — the threads of a block, one after the other, on stacks of their own.
 *
 * A thread runs until it waits: at a shuffle for its warp, at a barrier for its block. When every thread of a warp waits at a
 * shuffle the warp goes on, when every thread of the block waits at the barrier all do. Anything else that cannot go on is a
 * defect of the kernel, and said: a thread that left before a barrier, a warp of which only some shuffle. Blocks, warps, lanes
 * run in ascending order in one launch and descending in the next, so that a result which hangs on the order shows. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stand_in.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

enum { WARP = 32, THREADS_MAX = 1024, STACK = 128 << 10, SHARED = 48 << 10 };

typedef enum { RUNS, AT_SHUFFLE, AT_BARRIER, LEFT } state;

typedef struct thread {
    void *sp;
    char *stack;
    emulated_place place;
    state at;
    unsigned shuffles;
} thread;

EXPORT emulated_place *emulated_here;
EXPORT char emulated_shared[SHARED] __attribute__((aligned(64)));
static thread threads[THREADS_MAX];
static uint32_t slots[THREADS_MAX][2]; /* what a lane shows in its even and its odd shuffles */
static thread *now;
static void *scheduler_sp;
static const emulated_kernel *kernel;
static const void *arguments;

/* ---- switching stacks ------------------------------------------------------------------------------------------------ */

/* Keeps what the calling convention says a function must keep, on the old stack, and goes on with the new one. */
void emulated_switch(void **from, void *to);
#if defined(__x86_64__)
__asm__(".text\n.type emulated_switch,@function\nemulated_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
        ".size emulated_switch,.-emulated_switch\n");
enum { SAVED = 6 };
#elif defined(__aarch64__)
__asm__(".text\n.type emulated_switch,%function\nemulated_switch:\n"
        "sub sp,sp,#160\n"
        "stp x19,x20,[sp,#0]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\nstp x27,x28,[sp,#64]\nstp "
        "x29,x30,[sp,#80]\n"
        "stp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\n"
        "mov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
        "ldp x19,x20,[sp,#0]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\nldp x27,x28,[sp,#64]\nldp "
        "x29,x30,[sp,#80]\n"
        "ldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
        "add sp,sp,#160\nret\n"
        ".size emulated_switch,.-emulated_switch\n");
#endif

#if defined(__SANITIZE_ADDRESS__)
static const void *scheduler_stack; /* AddressSanitizer is told of every change of stacks */
static size_t scheduler_bytes;
#endif

static void to_scheduler(void)
{
    thread *self = now;
#if defined(__SANITIZE_ADDRESS__)
    void *fake = NULL;
    __sanitizer_start_switch_fiber(self->at == LEFT ? NULL : &fake, scheduler_stack, scheduler_bytes);
#endif
    emulated_switch(&self->sp, scheduler_sp);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, &scheduler_stack, &scheduler_bytes);
#endif
}

static void begin(void)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_bytes);
#endif
    kernel->thread(arguments);
    now->at = LEFT;
    to_scheduler();
    abort();
}

static void prepare(thread *t)
{
    if (!t->stack) {
        t->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (t->stack == MAP_FAILED) emulated_defect("no memory for the stacks of threads");
    }
    void **top = (void **)(void *)(t->stack + STACK);
    void (*entry)(void) = begin;
#if defined(__x86_64__)
    *--top = NULL; /* where begin's caller would be: keeps the stack on 16 bytes */
    memcpy(--top, &entry, sizeof entry);
    top -= SAVED;
    memset(top, 0, SAVED * sizeof *top);
#else
    top -= 20;
    memset(top, 0, 20 * sizeof *top);
    memcpy(top + 11, &entry, sizeof entry); /* x30 */
#endif
    t->sp = top;
    t->at = RUNS;
    t->shuffles = 0;
}

static void resume(thread *t)
{
    now = t;
    emulated_here = &t->place;
#if defined(__SANITIZE_ADDRESS__)
    void *fake;
    __sanitizer_start_switch_fiber(&fake, t->stack, STACK);
#endif
    emulated_switch(&scheduler_sp, t->sp);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

/* ---- what a kernel calls --------------------------------------------------------------------------------------------- */

EXPORT void emulated_barrier(void)
{
    now->at = AT_BARRIER;
    to_scheduler();
}

EXPORT int emulated_lane(void)
{
    return (int)((now - threads) % WARP);
}

EXPORT uint32_t emulated_exchange(uint32_t bits, int lane)
{
    thread *self = now;
    unsigned turn = self->shuffles++ % 2;
    slots[self - threads][turn] = bits;
    self->at = AT_SHUFFLE;
    to_scheduler();
    return slots[(self - threads) / WARP * WARP + lane % WARP][turn];
}

/* ---- a block ---------------------------------------------------------------------------------------------------------- */

static unsigned launch;

static size_t in_order(size_t i, size_t n)
{
    return launch % 2 ? n - 1 - i : i;
}

/* Until each of its threads left or waits at the barrier. */
static void run_warp(thread *warp, size_t n)
{
    for (;;) {
        size_t at[4] = {0};
        for (size_t i = 0; i < n; i++) {
            thread *t = &warp[in_order(i, n)];
            if (t->at == RUNS) resume(t);
        }
        for (size_t i = 0; i < n; i++) at[warp[i].at]++;
        if (!at[AT_SHUFFLE]) return;
        if (at[AT_SHUFFLE] != n)
            emulated_defect("%s: %zu of the %zu threads of a warp shuffle, %zu wait at a barrier, %zu left", kernel->name,
                            at[AT_SHUFFLE], n, at[AT_BARRIER], at[LEFT]);
        for (size_t i = 0; i < n; i++) warp[i].at = RUNS;
    }
}

static void run_block(dim3 where, size_t n)
{
    memset(emulated_shared, 0xFF, sizeof emulated_shared); /* NaN: what was not written shows */
    for (size_t i = 0; i < n; i++) {
        threads[i].place.thread = (dim3){(unsigned)i, 0, 0};
        threads[i].place.block = where;
        prepare(&threads[i]);
    }
    for (;;) {
        size_t waiting = 0, warps = (n + WARP - 1) / WARP;
        for (size_t w = 0; w < warps; w++) {
            size_t first = in_order(w, warps) * WARP;
            run_warp(&threads[first], n - first < WARP ? n - first : WARP);
        }
        for (size_t i = 0; i < n; i++) waiting += threads[i].at == AT_BARRIER;
        if (!waiting) return;
        if (waiting != n)
            emulated_defect("%s: %zu of %zu threads wait at a barrier, the others left", kernel->name, waiting, n);
        for (size_t i = 0; i < n; i++) threads[i].at = RUNS;
    }
}

void emulated_grid(const emulated_kernel *k, dim3 grid, dim3 block, const void *args)
{
    kernel = k;
    arguments = args;
    launch++;
    for (size_t y = 0; y < grid.y; y++)
        for (size_t x = 0; x < grid.x; x++)
            run_block((dim3){(unsigned)in_order(x, grid.x), (unsigned)in_order(y, grid.y), 0}, block.x);
}
