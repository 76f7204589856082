/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h — a fixed set of threads that share out numbered tasks.
 *
 * pool_run calls fn(ctx, task, worker) for every task 0..n_tasks-1, each once, in any order, on up to pool_size threads (the
 * caller is worker 0), and returns when all are done. Which worker does a task must never show in a result. Workers spin
 * briefly, then sleep. Calls from several threads at once are served one after the other; a call from inside a task runs
 * inline. */
#ifndef TRI_BASE_POOL_H
#define TRI_BASE_POOL_H

#include <stddef.h>

#include "trident/status.h"

typedef struct pool pool;
typedef void (*pool_fn)(void *ctx, size_t task, size_t worker);

tri_status pool_new(int threads, pool **out, tri_error *err); /* threads >= 1, the caller counted */
void pool_free(pool *p);
int pool_size(const pool *p);
void pool_run(pool *p, pool_fn fn, void *ctx, size_t n_tasks); /* p may be NULL: inline */
/* The cores this process may keep busy (processors.h), at least 1. */
int pool_default_threads(void);

#endif
