/* SPDX-License-Identifier: Apache-2.0 */
/* workbench.h — the threads, kernels and scratch memory that a search works with; parked at its index between searches.
 *
 * Each worker has a compute of its own without threads, so a scoring op can be called from inside a task. */
#ifndef TRI_SEARCH_WORKBENCH_H
#define TRI_SEARCH_WORKBENCH_H

#include "base/arena.h"
#include "base/pool.h"
#include "compute/compute.h"
#include "index/collection.h"

/* Documents that one task of the sparse leg scores: its sums are 512 KiB and stay in a core's second-level cache. */
enum { WORKBENCH_WINDOW = 1 << 16 };

typedef struct workbench_seat {
    compute *device;
    double *sums;  /* [WORKBENCH_WINDOW] */
    arena scratch; /* of one task; restored after it */
    tri_error err; /* first failure of this worker's tasks, by query; see workbench_fail */
    size_t err_query;
} workbench_seat;

typedef struct workbench {
    pool *threads;
    size_t n_seats;
    workbench_seat *seats;
    arena scratch; /* of the call */
} workbench;

/* The parked one when it has so many threads, or a new one. threads 0 = what this process may use; WORKBENCH_ANY = the parked
 * one as it is, or one of a single thread. */
enum { WORKBENCH_ANY = -1 };
tri_status workbench_take(const tri_index *index, int threads, workbench **out, tri_error *err);
void workbench_give_back(const tri_index *index, workbench *b);

/* Notes a task's failure, of which the one with the lowest query is reported whatever thread met it. */
void workbench_fail(workbench_seat *seat, size_t query, const tri_error *cause);
/* The failure to report, or TRI_OK. */
tri_status workbench_outcome(workbench *b, tri_error *err);

#endif
