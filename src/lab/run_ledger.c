/* SPDX-License-Identifier: Apache-2.0 */
/* run_ledger.c — a job that is done, failed or stopped becomes a row of the ledger: what this runner did for it. Its minutes
 * are its own; rounding is the session's affair (run_money.c). A ledger that cannot be written stops nothing. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/json.h"
#include "lab/ledger.h"
#include "lab/run_int.h"

/* The "metrics" of the one run in metrics.json, as text; NULL = none. */
static char *read_metrics(run_board *b, const run_job *job)
{
    const char *path = arena_printf(&b->memory, "%s/metrics.json", job->dir), *name;
    json_t *all, *run;
    char *out = NULL;
    if (!path || !file_exists(path) || json_file_load(path, &all, NULL) != TRI_OK) return NULL;
    json_object_foreach(all, name, run) out = out ? out : json_dumps(json_object_get(run, "metrics"), JSON_REAL_PRECISION(17));
    json_decref(all);
    return out;
}

void run_ledger_note(run_board *b, const run_job *job)
{
    const run_status *s = &job->status;
    tri_error err = {0};
    if (job->session_began <= 0) return; /* nothing was done for it */
    char *metrics = s->state == RUN_DONE && job->version ? read_metrics(b, job) : NULL;
    bool has_rate = b->p->bill != PLAN_BILL_SUBMISSION;
    ledger_entry entry = {.began = job->session_began,
                          .seconds = job->session_seconds,
                          .command = b->options->command,
                          .name = job->name,
                          .config_hash = job->hash,
                          .data_hash = b->data_hash,
                          .device = s->device[0] ? s->device : NULL,
                          .billed = job->session_seconds / 60,
                          .rate = has_rate ? b->p->price : 0,
                          .price = job->session_money,
                          .outcome = run_state_word(s->state), /* "forced" is a row of trident check's own */
                          .metrics = metrics,
                          .note = s->error[0] ? s->error : NULL};
    if (ledger_add(NULL, &entry, &err) != TRI_OK) run_say(b, "%s is not in the ledger: %s", job->name, err.text);
    mem_free(metrics);
}
