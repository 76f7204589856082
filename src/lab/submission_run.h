/* SPDX-License-Identifier: Apache-2.0 */
/* submission_run.h — a run of any maker in memory: what submit-format writes from. TREC, BEIR, what search and rerank write,
 * or any other shape that submission_learn.h knows. Scores order the documents of a query, equal ones by their place in the
 * file; without scores ranks do, without those their places. */
#ifndef TRI_LAB_SUBMISSION_RUN_H
#define TRI_LAB_SUBMISSION_RUN_H

#include "lab/submission_learn.h"

typedef struct run_pair {
    double score;
    uint64_t place;
    uint32_t query, doc;
} run_pair;

typedef struct submission_run {
    known_ids queries, docs; /* as the file has them */
    run_pair *pairs;         /* by query, best first */
    size_t n, cap;
    size_t *first; /* [queries.n + 1] where a query's pairs begin */
    bool scored, by_text;
    double least, most;
    bool whole; /* every score is a whole number */
} submission_run;

/* Refused, naming the line: a document twice for a query, a score that is no finite number. */
tri_status submission_run_load(const char *path, const submission_hints *hints, submission_run *out, tri_error *err);
void submission_run_drop(submission_run *run);

#endif
