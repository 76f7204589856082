/* SPDX-License-Identifier: Apache-2.0 */
/* side_task.h — one piece of work on a thread of its own, for two things at opening that have nothing to do with each other. */
#ifndef TRI_BASE_SIDE_TASK_H
#define TRI_BASE_SIDE_TASK_H

#include <pthread.h>
#include <stdbool.h>

typedef struct side_task {
    void (*fn)(void *ctx);
    void *ctx;
    pthread_t thread;
    bool running; /* on a thread; else it is done already */
} side_task;

/* Starts fn(ctx); with `alone` (a caller who was given one thread), or where no thread can be had, runs it here and now. */
void side_task_start(side_task *t, bool alone, void (*fn)(void *ctx), void *ctx);
/* Waits for it. What fn wrote is then visible. */
void side_task_join(side_task *t);

#endif
