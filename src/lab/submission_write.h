/* SPDX-License-Identifier: Apache-2.0 */
/* submission_write.h — a run in the sample's format, such that submission_check.h finds it right.
 *
 * Queries come in the sample's order where it holds them all, else in the order of the query file, else of the run. The number
 * of documents is `top`, else the sample's where that is the same for all, else the run's. Scores that do not fit the sample's
 * range are moved into it by one linear map for all queries; whole numbers that are asked of fractions become places from the
 * end. What cannot be written as it would have to be is refused: a query without results, an id that the sample's type or
 * separator cannot carry, a column that is not understood. */
#ifndef TRI_LAB_SUBMISSION_WRITE_H
#define TRI_LAB_SUBMISSION_WRITE_H

#include "lab/submission_run.h"

typedef struct write_options {
    const char *run, *sample, *out;
    const char *queries, *corpus; /* NULL = not given */
    size_t top;                   /* 0 = not given */
} write_options;

typedef struct write_result {
    size_t n_queries, n_pairs;
    buf notes; /* lines; buf_drop */
} write_result;

/* OUT appears whole or not at all, and is listed with the run in manifest.sha256 beside it ("-" is not). */
tri_status submission_write(const write_options *options, write_result *result, tri_error *err);

#endif
