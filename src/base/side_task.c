/* SPDX-License-Identifier: Apache-2.0 */
/* side_task.c — a thread that is joined, or a plain call: the caller cannot tell, and the result is the same. */
#include "base/side_task.h"

static void *run(void *arg)
{
    side_task *t = arg;
    t->fn(t->ctx);
    return NULL;
}

void side_task_start(side_task *t, bool alone, void (*fn)(void *ctx), void *ctx)
{
    t->fn = fn;
    t->ctx = ctx;
    t->running = !alone && pthread_create(&t->thread, NULL, run, t) == 0;
    if (!t->running) fn(ctx);
}

void side_task_join(side_task *t)
{
    if (t->running) pthread_join(t->thread, NULL);
    t->running = false;
}
