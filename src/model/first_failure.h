/* SPDX-License-Identifier: Apache-2.0 */
/* first_failure.h — inputs are worked on in parallel; of those that fail, the first in order is told, whoever met it. */
#ifndef TRI_MODEL_FIRST_FAILURE_H
#define TRI_MODEL_FIRST_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One a worker, zeroed at the start. */
typedef struct failure {
    size_t input; /* the lowest that failed on this worker */
    tri_status status;
    tri_error err;
} failure;

/* Need input i be looked at by a worker with this failure? */
static inline bool failure_is_later(const failure *f, size_t i)
{
    return !f->status || i < f->input;
}

static inline void failure_note(failure *f, size_t i, tri_status st, const tri_error *err)
{
    if (st && failure_is_later(f, i)) *f = (failure){i, st, *err};
}

/* The first of all into err, its number before the words where there are several inputs. */
static inline tri_status failure_tell(const failure *failures, size_t n_workers, const char *what, size_t count, tri_error *err)
{
    const failure *first = NULL;
    for (size_t w = 0; w < n_workers; w++)
        if (failures[w].status && (!first || failures[w].input < first->input)) first = &failures[w];
    if (!first) return TRI_OK;
    if (err) *err = first->err;
    return count > 1 ? err_prefix(err, first->status, "%s %zu: ", what, first->input) : first->status;
}

#endif
