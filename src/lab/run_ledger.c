/* SPDX-License-Identifier: Apache-2.0 */
/* run_ledger.c — a job that is done, failed or stopped becomes a row of the ledger: what this runner did for it, and its share
 * of the money. What rounding and idle devices add is a row of the plan's own, so that the rows of a folder come to what was
 * spent. A ledger that cannot be written stops nothing. */
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

static void add_entry(run_board *b, const ledger_entry *entry)
{
    tri_error err = {0};
    if (ledger_add(NULL, entry, &err) != TRI_OK) return run_say(b, "%s is not in the ledger: %s", entry->name, err.text);
    b->noted += entry->price;
}

/* The minutes of the whole machine that this money is for; without a price, those of the job. */
static double minutes_for(const run_board *b, double money, double seconds)
{
    return b->p->price > 0 && b->p->bill != PLAN_BILL_SUBMISSION ? money / b->p->price * 60 : seconds / 60;
}

void run_ledger_balance(run_board *b, run_state outcome)
{
    const double *session = &b->sessions[2 * (b->n_sessions - 1)];
    double rest = run_spent(b, session[1]) - b->noted, idle = session[1] - session[0];
    if (rest < 1e-9) return;
    for (size_t i = 0; i < b->n_jobs; i++) idle -= b->jobs[i].session_seconds; /* what was worked is in rows already */
    ledger_entry entry = {.began = session[0],
                          .seconds = idle > 0 ? idle : 0,
                          .command = b->options->command,
                          .name = b->p->name,
                          .config_hash = b->plan_hash,
                          .data_hash = b->data_hash,
                          .billed = minutes_for(b, rest, 0),
                          .rate = b->p->bill == PLAN_BILL_SUBMISSION ? 0 : b->p->price,
                          .price = rest,
                          .outcome = run_state_word(outcome),
                          .note = "rounding, idle devices, killed starts"};
    add_entry(b, &entry);
}

void run_ledger_note(run_board *b, const run_job *job)
{
    const run_status *s = &job->status;
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
                          .billed = minutes_for(b, job->session_money, job->session_seconds),
                          .rate = has_rate ? b->p->price : 0,
                          .price = job->session_money,
                          .outcome = run_state_word(s->state), /* "forced" is a row of trident check's own */
                          .metrics = metrics,
                          .note = s->error[0] ? s->error : NULL};
    add_entry(b, &entry);
    mem_free(metrics);
}
