/* SPDX-License-Identifier: Apache-2.0 */
/* run.h — the versions of a plan as jobs in a queue over the devices there are, in one folder that outlives any kill.
 *
 *   DIR/plan.yaml run.json      the plan as it was run, and its facts
 *   DIR/lock                    held by the runner
 *   DIR/sessions.json           when the runner was up: what is paid for
 *   DIR/devices.json            each device's speed, temperature and clock
 *   DIR/index-<hash>/           an index that versions share; DIR/index-<hash>.job/ its log.txt and status.json
 *   DIR/scores.db               scores of cross-encoders, shared by all versions
 *   DIR/vN/                     config.json log.txt status.json run.trec metrics.json submission.* check.json manifest.sha256
 *
 * Each step of a version is a child of this very program with an ordinary command line, which is in its log.txt. A step that is
 * done is recorded with a hash of its command and of the files that it read, and not done again while that stays. */
#ifndef TRI_LAB_RUN_H
#define TRI_LAB_RUN_H

#include <stdbool.h>

#include "lab/plan.h"

typedef struct run_options {
    const char *dir;
    const char *command;                                                     /* the command line, for the ledger */
    void (*say)(void *ctx, const char *line);                                /* one line of talk */
    bool (*is_stopped)(void *ctx);                                           /* Ctrl-C */
    bool (*find_model)(void *ctx, const char *name, char *path, size_t cap); /* where a model lies; false = it is not here */
    void *ctx;
} run_options;

typedef struct run_outcome {
    size_t n_done, n_failed, n_stopped;
} run_outcome;

/* TRI_ERR_STATE when another runner holds the folder, TRI_ERR_CANCELLED after is_stopped. Versions that fail do not fail this
 * call: they are counted. */
tri_status run_plan(const plan *p, const run_options *options, run_outcome *out, tri_error *err);

/* Money for sessions (start and end in pairs) so far, rounded up as the provider does, each for itself; by submission: for so
 * many of them. */
double run_cost(plan_bill bill, double price, const double *sessions, size_t n_sessions, size_t n_submissions);

#endif
