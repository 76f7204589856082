/* SPDX-License-Identifier: Apache-2.0 */
/* peak_rate.c — see peak_rate.h. Threads share one deadline, each counts what it did by then, and all of it is divided by the
 * time until the last is back: a thread that came late, or lost its core on the way, lowers the figure as it would lower real
 * work's. */
#include "compute/peak_rate.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

enum { TRIES = 3, CHUNK = 1 << 13 /* rounds between looks at the clock: some 20 microseconds */ };
static const double TRY_SECONDS = 0.02; /* a hundred times what waking a thread takes */

static const peak_loops *find_loops(const char *isa)
{
    const peak_loops *const tables[] = {peak_x86, peak_arm, peak_plain};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const peak_loops *l = tables[t]; l->isa; l++)
            if (strcmp(l->isa, isa) == 0) return l;
    return NULL;
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct try_job {
    void (*run)(size_t rounds);
    double end;
    atomic_uint_fast64_t chunks;
} try_job;

static void run_until_end(void *ctx, size_t task, size_t worker)
{
    try_job *job = ctx;
    uint64_t chunks = 0;
    (void)task;
    (void)worker;
    do {
        job->run(CHUNK);
        chunks++;
    } while (now_seconds() < job->end);
    atomic_fetch_add(&job->chunks, chunks);
}

static double rate_once(pool *p, const peak_loop *loop, size_t threads)
{
    double begin = now_seconds();
    try_job job = {.run = loop->run, .end = begin + TRY_SECONDS};
    atomic_init(&job.chunks, 0);
    pool_run(p, run_until_end, &job, threads);
    return (double)atomic_load(&job.chunks) * CHUNK * loop->ops / (now_seconds() - begin);
}

tri_status peak_rate_measure(compute *c, precision p, size_t threads, double *ops_per_s, tri_error *err)
{
    const peak_loops *loops = find_loops(c->ops->name);
    if (!loops)
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not measure the peak of %s: there are no loops for it", c->ops->name);
    const peak_loop *loop = p == PRECISION_F32 ? &loops->f32 : p == PRECISION_BF16 ? &loops->bf16 : &loops->int8;
    if (p != PRECISION_F32 && p != PRECISION_BF16 && p != PRECISION_INT8)
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not measure a peak: f32, bf16 and int8 have one");
    if (threads < 1 || threads > (size_t)pool_size(c->threads))
        return err_set(err, TRI_ERR_ARGUMENT, "could not measure the peak of %zu threads: the engine has %d", threads,
                       pool_size(c->threads));
    *ops_per_s = 0;
    for (int i = 0; i < TRIES; i++) {
        double rate = rate_once(c->threads, loop, threads);
        if (rate > *ops_per_s) *ops_per_s = rate;
    }
    return TRI_OK;
}
