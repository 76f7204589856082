/* SPDX-License-Identifier: Apache-2.0 */
/* workbench.c — what does a search need besides the index, and who keeps it between searches?
 *
 * Starting threads and sizing kernels' scratch costs more than a small search. So a finished search parks its workbench at the
 * index; the next one takes it from there, and a second search at the same time makes its own. Arenas keep their chunks, so a
 * warm search allocates its result and nothing else. */
#include "search/workbench.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

/* Above this an arena's chunks are given back instead of kept: the next search may be a small one. */
static const size_t kept_bytes = 256u << 20;

static void free_workbench(void *object)
{
    workbench *b = object;
    if (!b) return;
    for (size_t i = 0; b->seats && i < b->n_seats; i++) {
        compute_close(b->seats[i].device);
        mem_free(b->seats[i].sums);
        arena_drop(&b->seats[i].scratch);
    }
    mem_free(b->seats);
    arena_drop(&b->scratch);
    pool_free(b->threads);
    mem_free(b);
}

static tri_status fill_seat(workbench_seat *seat, tri_error *err)
{
    arena_init(&seat->scratch, 0);
    seat->sums = mem_array(WORKBENCH_WINDOW, sizeof *seat->sums);
    if (!seat->sums) return err_memory(err, WORKBENCH_WINDOW * sizeof *seat->sums);
    return compute_open(NULL, NULL, &seat->device, err);
}

static tri_status new_workbench(int threads, workbench **out, tri_error *err)
{
    workbench *b = mem_calloc(1, sizeof *b);
    if (!b) return err_memory(err, sizeof *b);
    arena_init(&b->scratch, 0);
    b->n_seats = (size_t)threads;
    b->seats = mem_calloc(b->n_seats, sizeof *b->seats);
    tri_status st = b->seats ? pool_new(threads, &b->threads, err) : err_memory(err, b->n_seats * sizeof *b->seats);
    for (size_t i = 0; i < b->n_seats && st == TRI_OK; i++) st = fill_seat(&b->seats[i], err);
    if (st != TRI_OK) {
        free_workbench(b);
        return st;
    }
    *out = b;
    return TRI_OK;
}

tri_status workbench_take(const tri_index *index, int threads, workbench **out, tri_error *err)
{
    workbench *b = collection_unpark(index);
    int n = threads == WORKBENCH_ANY ? (b ? pool_size(b->threads) : 1) : threads ? threads : pool_default_threads();
    if (b && pool_size(b->threads) != n) {
        free_workbench(b);
        b = NULL;
    }
    if (!b) TRI_TRY(new_workbench(n, &b, err));
    for (size_t i = 0; i < b->n_seats; i++) b->seats[i].err.status = TRI_OK;
    *out = b;
    return TRI_OK;
}

static void tidy(arena *a)
{
    arena_mark empty = {0};
    if (a->total > kept_bytes) {
        arena_drop(a);
        arena_init(a, 0);
    } else {
        arena_restore(a, empty);
    }
}

void workbench_give_back(const tri_index *index, workbench *b)
{
    tidy(&b->scratch);
    for (size_t i = 0; i < b->n_seats; i++) tidy(&b->seats[i].scratch);
    collection_park(index, b, free_workbench);
}

void workbench_fail(workbench_seat *seat, size_t query, const tri_error *cause)
{
    if (seat->err.status != TRI_OK && seat->err_query <= query) return;
    seat->err = *cause;
    seat->err_query = query;
}

tri_status workbench_outcome(workbench *b, tri_error *err)
{
    const workbench_seat *first = NULL;
    for (size_t i = 0; i < b->n_seats; i++)
        if (b->seats[i].err.status != TRI_OK && (!first || b->seats[i].err_query < first->err_query)) first = &b->seats[i];
    if (!first) return TRI_OK;
    if (err) *err = first->err;
    return first->err.status;
}
