/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c — workers that join a job if they are in time and are not waited for if they are not.
 *
 * state: | generation (32) | open (1) | workers inside (31) |
 *   caller   opens generation g+1, works, closes it, waits until nobody is inside
 *   worker   sees an open generation it has not served -> enters by CAS -> works -> leaves
 * A worker that wakes too late finds the generation closed and sleeps on; so a short job never waits for a sleeper. A job's
 * fields are written only while the state is closed and empty. Spinning is short (SPINS pauses, tens of microseconds): long
 * enough to bridge two ops of one forward pass, short enough not to take a core from another program. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/processors.h"

enum { SPINS = 2000, MAX_THREADS = 1024 };
#define OPEN_BIT ((uint64_t)1 << 31)
#define INSIDE(s) ((s) & (OPEN_BIT - 1))
#define GENERATION(s) ((uint32_t)((s) >> 32))

typedef struct worker {
    pool *owner;
    size_t number;
    pthread_t thread;
} worker;

struct pool {
    int size, n_started;
    worker *workers; /* [size]; entry 0, the caller, is unused */
    pthread_mutex_t callers, sleeping;
    pthread_cond_t wake;
    atomic_uint_fast64_t state;
    atomic_int n_sleeping;
    atomic_bool stop;
    pool_fn fn; /* the job */
    void *ctx;
    size_t n_tasks;
    atomic_size_t next;
};

static _Thread_local const pool *running; /* the pool whose task this thread is inside of */

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_tasks(pool *p, size_t number)
{
    const pool *outer = running;
    running = p;
    for (size_t task; (task = atomic_fetch_add(&p->next, 1)) < p->n_tasks;) p->fn(p->ctx, task, number);
    running = outer;
}

static void sleep_until_new(pool *p, uint32_t served)
{
    for (int i = 0; i < SPINS; i++) {
        if (GENERATION(atomic_load(&p->state)) != served || atomic_load(&p->stop)) return;
        pause_briefly();
    }
    pthread_mutex_lock(&p->sleeping);
    atomic_fetch_add(&p->n_sleeping, 1);
    while (GENERATION(atomic_load(&p->state)) == served && !atomic_load(&p->stop)) pthread_cond_wait(&p->wake, &p->sleeping);
    atomic_fetch_sub(&p->n_sleeping, 1);
    pthread_mutex_unlock(&p->sleeping);
}

static void *work(void *arg)
{
    worker *w = arg;
    pool *p = w->owner;
    uint32_t served = 0;
    while (!atomic_load(&p->stop)) {
        uint64_t s = atomic_load(&p->state);
        if (GENERATION(s) == served) {
            sleep_until_new(p, served);
        } else if (!(s & OPEN_BIT)) {
            served = GENERATION(s);
        } else if (atomic_compare_exchange_strong(&p->state, &s, s + 1)) {
            served = GENERATION(s);
            take_tasks(p, w->number);
            atomic_fetch_sub(&p->state, 1);
        }
    }
    return NULL;
}

tri_status pool_new(int threads, pool **out, tri_error *err)
{
    *out = NULL;
    if (threads < 1 || threads > MAX_THREADS)
        return err_set(err, TRI_ERR_ARGUMENT, "could not start %d threads: 1 to %d are possible", threads, MAX_THREADS);
    pool *p = mem_calloc(1, sizeof *p);
    worker *workers = mem_calloc((size_t)threads, sizeof *workers);
    if (!p || !workers) {
        mem_free(p);
        mem_free(workers);
        return err_memory(err, sizeof *p + (size_t)threads * sizeof *workers);
    }
    p->size = threads;
    p->workers = workers;
    pthread_mutex_init(&p->callers, NULL);
    pthread_mutex_init(&p->sleeping, NULL);
    pthread_cond_init(&p->wake, NULL);
    for (int i = 1; i < threads; i++) {
        workers[i] = (worker){.owner = p, .number = (size_t)i};
        int failed = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        if (failed) {
            pool_free(p);
            return err_set(err, TRI_ERR_MEMORY, "could not start thread %d of %d: %s", i + 1, threads, strerror(failed));
        }
        p->n_started = i;
    }
    *out = p;
    return TRI_OK;
}

void pool_free(pool *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    pthread_mutex_lock(&p->sleeping);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->sleeping);
    for (int i = 1; i <= p->n_started; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->sleeping);
    pthread_mutex_destroy(&p->callers);
    mem_free(p->workers);
    mem_free(p);
}

int pool_size(const pool *p)
{
    return p ? p->size : 1;
}

static void open_job(pool *p, pool_fn fn, void *ctx, size_t n_tasks)
{
    p->fn = fn;
    p->ctx = ctx;
    p->n_tasks = n_tasks;
    atomic_store(&p->next, 0);
    uint64_t s = atomic_load(&p->state);
    atomic_store(&p->state, ((uint64_t)(GENERATION(s) + 1u) << 32) | OPEN_BIT);
    if (atomic_load(&p->n_sleeping) > 0) {
        pthread_mutex_lock(&p->sleeping);
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->sleeping);
    }
}

static void close_job(pool *p)
{
    atomic_fetch_and(&p->state, ~OPEN_BIT);
    for (int i = 0; INSIDE(atomic_load(&p->state)) != 0; i++) {
        if (i < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}

void pool_run(pool *p, pool_fn fn, void *ctx, size_t n_tasks)
{
    if (!p || p->size == 1 || n_tasks <= 1 || running == p) {
        for (size_t i = 0; i < n_tasks; i++) fn(ctx, i, 0);
        return;
    }
    pthread_mutex_lock(&p->callers);
    open_job(p, fn, ctx, n_tasks);
    take_tasks(p, 0);
    close_job(p);
    pthread_mutex_unlock(&p->callers);
}

int pool_default_threads(void)
{
    int n = processors_usable();
    return n > MAX_THREADS ? MAX_THREADS : n;
}
