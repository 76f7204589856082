/* SPDX-License-Identifier: Apache-2.0 */
/* run_queue.c — the loop: who may begin, who has ended, is there money and time left, has somebody said stop.
 *
 *   queued ──> running (step after step) ──> done
 *      │           ├── a step fails ──────────> failed     on_fail; whoever needs it fails too, nobody else
 *      └───────────┴── money, time, Ctrl-C ───> stopped    the same command goes on from there
 *
 * One thread, a look every few hundredths of a second: what takes time is in the children. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "lab/run_int.h"

static const double TELL_EVERY = 1, STOP_PATIENCE = 20, HOOK_PATIENCE = 60;
enum { LOOK_MS = 20 };

void run_say(run_board *b, const char *fmt, ...)
{
    char line[1024];
    va_list list;
    if (!b->options->say) return;
    va_start(list, fmt);
    vsnprintf(line, sizeof line, fmt, list);
    va_end(list);
    b->options->say(b->options->ctx, line);
}

/* ---- who may begin ------------------------------------------------------------------------------------------------ */

static size_t next_step(const run_job *job)
{
    size_t s = 0;
    while (s < job->n_steps && run_step_is_done(job, s)) s++;
    return s;
}

static bool is_over(const run_job *job)
{
    return job->status.state >= RUN_DONE;
}

/* An index is made for those that search it now, and not for results that are there. */
static bool is_needed(const run_board *b, size_t index)
{
    for (size_t i = 0; i < b->n_jobs; i++)
        for (size_t k = 0; k < b->jobs[i].n_needs; k++)
            if (b->jobs[i].needs[k] == index && next_step(&b->jobs[i]) == 0 && !is_over(&b->jobs[i])) return true;
    return false;
}

/* true: what this job needs is there. Else it waits, or ends when what it needs has ended badly. */
static tri_status ask_needs(run_board *b, run_job *job, bool *ready, tri_error *err)
{
    char why[200];
    *ready = true;
    for (size_t k = 0; k < job->n_needs; k++) {
        const run_job *needed = &b->jobs[job->needs[k]];
        if (needed->n_steps && run_step_is_done(needed, 0) && !needed->pid) continue;
        *ready = false;
        if (needed->status.state != RUN_FAILED && needed->status.state != RUN_STOPPED) continue;
        snprintf(why, sizeof why, "it needs %s, which %s", needed->name,
                 needed->status.state == RUN_FAILED ? "failed" : "was stopped");
        return run_job_fail(b, job, needed->status.state, why, err);
    }
    return TRI_OK;
}

static size_t count_light(const run_board *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_jobs; i++) n += b->jobs[i].pid && b->jobs[i].slot < 0;
    return n;
}

static tri_status finish_job(run_board *b, run_job *job, tri_error *err)
{
    run_status *s = &job->status;
    s->state = RUN_DONE;
    s->step[0] = s->error[0] = 0;
    s->ended = run_now();
    s->left = 0;
    TRI_TRY(run_status_save(b, job, true, err));
    run_say(b, "%s: done in %.1f s", job->name, s->seconds);
    run_ledger_note(b, job);
    return TRI_OK;
}

static tri_status try_start(run_board *b, size_t place, tri_error *err)
{
    run_job *job = &b->jobs[place];
    char why[400];
    bool ready = true;
    if (job->pid || is_over(job)) return TRI_OK;
    if (!job->version && !is_needed(b, place)) return TRI_OK;
    size_t step = next_step(job);
    if (step == job->n_steps) return finish_job(b, job, err);
    if (step == 0) TRI_TRY(ask_needs(b, job, &ready, err));
    if (!ready) return TRI_OK;
    if (!job->steps[step].on_device) {
        if (count_light(b) > b->n_slots) return TRI_OK;
        return run_step_start(b, job, step, err);
    }
    int slot = run_slot_find(b, job);
    if (slot < 0) return TRI_OK;
    if (!run_may_start(b, job, why, sizeof why)) return run_job_fail(b, job, RUN_STOPPED, why, err);
    b->slots[slot].job = (long)place;
    job->slot = slot;
    return run_step_start(b, job, step, err);
}

/* ---- who has ended ------------------------------------------------------------------------------------------------ */

static bool is_hook(const run_job *job)
{
    return job->is_failing || strcmp(job->steps[job->at].name, "hook") == 0;
}

/* It outlives us: one that copies the submission away, or lets the machine go, is not to be cut short. */
static tri_status leave_hook(run_board *b, run_job *job, tri_error *err)
{
    run_say(b, "%s: its hook is still running: left to itself", job->name);
    job->kill_at = 0;
    if (!job->is_failing) return run_step_end(b, job, 0, err);
    job->pid = 0;
    job->is_failing = false;
    return TRI_OK;
}

static tri_status look_at(run_board *b, run_job *job, tri_error *err)
{
    int code;
    if (!job->pid) return TRI_OK;
    if (run_child_ended(job->pid, &code)) {
        if (!job->is_failing) return run_step_end(b, job, code, err);
        job->pid = 0;
        job->is_failing = false;
        if (code != 0) run_say(b, "%s: its hook on_fail ended with %d: see its log", job->name, code);
        return TRI_OK;
    }
    double now = run_now();
    if (job->kill_at > 0 && now > job->kill_at) {
        if (is_hook(job)) return leave_hook(b, job, err);
        run_child_stop(job->pid, true);
        job->kill_at = 0;
    }
    run_step_watch(b, job);
    return TRI_OK;
}

/* Everything is to stop: children are asked first, and made to after `patience`; hooks may finish. */
static void end_all(run_board *b, double patience, double hook_patience, const char *why)
{
    if (b->is_ending) return;
    b->is_ending = true;
    snprintf(b->why, sizeof b->why, "%s", why);
    run_say(b, "stopping: %s", why);
    for (size_t i = 0; i < b->n_jobs; i++) {
        run_job *job = &b->jobs[i];
        if (!job->pid) continue;
        job->kill_at = run_now() + (is_hook(job) ? hook_patience : patience);
        if (is_hook(job)) continue;
        job->stop_reason = b->why;
        run_child_stop(job->pid, false);
    }
}

static void check_money(run_board *b)
{
    double grace;
    if (b->is_ending || !run_is_spent(b, &grace)) return;
    char why[200];
    snprintf(why, sizeof why, "the budget of %.4g is nearly spent: %.4g so far", b->p->budget, run_spent(b, run_now()));
    end_all(b, grace * 0.6, grace * 0.6, why);
}

/* ---- the plan's own hooks ----------------------------------------------------------------------------------------- */

static bool is_everything_out(const run_board *b)
{
    for (size_t i = 0; i < b->n_jobs; i++)
        if (b->jobs[i].version && !b->jobs[i].status.is_out) return false;
    return true;
}

static void run_plan_hook(run_board *b, const char *hook, const char *state)
{
    tri_error err = {0};
    if (b->is_hooked || !hook) return;
    b->is_hooked = true;
    if (run_hook_start(b, NULL, hook, state, &b->hook, &err) != TRI_OK) run_say(b, "the plan's hook: %s", err.text);
}

/* The plan's hook may let the machine go: whatever a version still has to tell comes first. */
static bool is_hook_due(const run_board *b)
{
    for (size_t i = 0; i < b->n_jobs; i++) {
        const run_job *job = &b->jobs[i];
        if (!job->version) continue;
        if (job->pid && is_hook(job)) return true;
        if (job->pid || b->is_ending || is_over(job)) continue;
        size_t step = next_step(job);
        if (step < job->n_steps && strcmp(job->steps[step].name, "hook") == 0) return true;
    }
    return false;
}

/* Of all submissions: what on_done has been run for. */
static void hash_results(const run_board *b, char out[RUN_HASH])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < b->n_jobs; i++)
        if (b->jobs[i].version) hash = hash64_seed(run_last_made(&b->jobs[i])->hash, RUN_HASH - 1, hash);
    snprintf(out, RUN_HASH, "%016" PRIx64, hash);
}

/* Once for the same submissions, by whichever runner gets so far. */
static tri_status run_done_hook(run_board *b, tri_error *err)
{
    char now[RUN_HASH];
    if (b->is_hooked || !b->p->hooks.on_done || !is_everything_out(b) || is_hook_due(b)) return TRI_OK;
    hash_results(b, now);
    if (strcmp(now, b->hooked) == 0) return TRI_OK;
    run_plan_hook(b, b->p->hooks.on_done, "done");
    memcpy(b->hooked, now, RUN_HASH);
    return run_sessions_save(b, err);
}

static void await_plan_hook(run_board *b)
{
    const struct timespec step = {0, LOOK_MS * 1000000L};
    double until = run_now() + HOOK_PATIENCE, grace;
    int code = 0;
    if (!b->hook) return;
    while (!run_child_ended(b->hook, &code)) {
        if (run_now() > until || run_is_spent(b, &grace)) return run_say(b, "the plan's hook is still running: left to itself");
        nanosleep(&step, NULL);
    }
    if (code != 0) run_say(b, "the plan's hook ended with %d: see hooks.log", code);
}

/* ---- the loop ----------------------------------------------------------------------------------------------------- */

static tri_status tell(run_board *b, tri_error *err)
{
    double now = run_now();
    if (now - b->told < TELL_EVERY) return TRI_OK;
    b->told = now;
    b->sessions[2 * b->n_sessions - 1] = now;
    run_sense(b);
    TRI_TRY(run_sessions_save(b, err));
    TRI_TRY(run_devices_save(b, err));
    for (size_t i = 0; i < b->n_jobs; i++) {
        run_job *job = &b->jobs[i];
        if (is_over(job)) continue;
        double left = run_forecast(b, job); /* what waits has one, too, when a step like its own was measured */
        bool is_news = job->pid || fabs(left - job->status.left) > 1;
        job->status.left = left;
        if (is_news) TRI_TRY(run_status_save(b, job, false, err));
    }
    return TRI_OK;
}

static bool is_anything_running(const run_board *b)
{
    for (size_t i = 0; i < b->n_jobs; i++)
        if (b->jobs[i].pid) return true;
    return false;
}

static tri_status turn(run_board *b, bool *more, tri_error *err)
{
    if (b->options->is_stopped && b->options->is_stopped(b->options->ctx))
        end_all(b, STOP_PATIENCE, HOOK_PATIENCE, "interrupted");
    check_money(b);
    for (size_t i = 0; i < b->n_jobs; i++) TRI_TRY(look_at(b, &b->jobs[i], err));
    for (size_t i = 0; i < b->n_jobs && !b->is_ending; i++) TRI_TRY(try_start(b, i, err));
    TRI_TRY(run_done_hook(b, err));
    *more = is_anything_running(b);
    return tell(b, err);
}

/* A pass in which something ended may let others begin. */
static uint64_t count_over(const run_board *b)
{
    uint64_t n = 0;
    for (size_t i = 0; i < b->n_jobs; i++) n += is_over(&b->jobs[i]) + b->jobs[i].status.n_steps;
    return n;
}

static tri_status loop(run_board *b, tri_error *err)
{
    const struct timespec step = {0, LOOK_MS * 1000000L};
    for (bool more = true; more;) {
        uint64_t before = count_over(b);
        TRI_TRY(turn(b, &more, err));
        more = more || (count_over(b) != before && !b->is_ending);
        if (more && count_over(b) == before) nanosleep(&step, NULL);
    }
    return TRI_OK;
}

/* ---- beginning and end -------------------------------------------------------------------------------------------- */

static tri_status refuse_device(run_board *b, run_job *job, tri_error *err)
{
    char why[256];
    snprintf(why, sizeof why, "its device %.100s is none of this run's, which begin with %.60s", job->devices.items[0],
             b->slots[0].device);
    return run_job_fail(b, job, RUN_FAILED, why, err);
}

/* What an earlier runner left as failed, stopped or running is tried again. */
static tri_status prepare(run_board *b, tri_error *err)
{
    size_t n_done = 0, n = 0;
    for (size_t i = 0; i < b->n_jobs; i++) {
        run_job *job = &b->jobs[i];
        bool was_done = job->status.state == RUN_DONE && job->n_steps && next_step(job) == job->n_steps;
        n += job->version != NULL;
        n_done += was_done && job->version;
        if (was_done) continue;
        job->status.state = RUN_QUEUED;
        if (!run_is_submitted(job)) job->status.is_out = false;
        if (job->version && job->version->refused) TRI_TRY(run_job_fail(b, job, RUN_FAILED, job->version->refused, err));
        if (job->version && job->status.state == RUN_QUEUED && !run_slot_is_any(b, job)) TRI_TRY(refuse_device(b, job, err));
        if (job->status.state == RUN_QUEUED) TRI_TRY(run_status_save(b, job, true, err));
    }
    if (n_done) run_say(b, "going on: %zu of %zu versions are done already", n_done, n);
    return TRI_OK;
}

static void finish(run_board *b, run_outcome *out)
{
    for (size_t i = 0; i < b->n_jobs; i++) {
        run_job *job = &b->jobs[i];
        if (!job->version) continue;
        if (!is_over(job) && next_step(job) == job->n_steps) finish_job(b, job, NULL);
        if (!is_over(job))
            run_job_fail(b, job, RUN_STOPPED, b->why[0] ? b->why : "nothing was left that it could wait for", NULL);
        out->n_done += job->status.state == RUN_DONE;
        out->n_failed += job->status.state == RUN_FAILED;
        out->n_stopped += job->status.state == RUN_STOPPED;
    }
    if (out->n_failed + out->n_stopped && b->has_worked)
        run_plan_hook(b, b->p->hooks.on_fail, out->n_failed ? "failed" : "stopped");
    await_plan_hook(b);
    b->sessions[2 * b->n_sessions - 1] = run_now();
    run_ledger_balance(b, out->n_failed ? RUN_FAILED : out->n_stopped ? RUN_STOPPED : RUN_DONE);
    run_sessions_save(b, NULL);
    run_devices_save(b, NULL);
}

/* After an error of the runner's own (a full disk): nobody is left behind, but for hooks. */
static void kill_all(run_board *b)
{
    int code;
    const struct timespec step = {0, LOOK_MS * 1000000L};
    for (size_t i = 0; i < b->n_jobs; i++) {
        pid_t pid = b->jobs[i].pid && !is_hook(&b->jobs[i]) ? b->jobs[i].pid : 0;
        for (run_child_stop(pid, true); pid && !run_child_ended(pid, &code);) nanosleep(&step, NULL);
    }
    run_plan_hook(b, b->p->hooks.on_fail, "failed");
    await_plan_hook(b);
    run_child_stop(b->sensors, true);
}

static tri_status run_board_all(run_board *b, run_outcome *out, tri_error *err)
{
    char whole[PATH_MAX];
    TRI_TRY(file_make_dirs(b->options->dir, err));
    if (!realpath(b->options->dir, whole)) return err_set(err, TRI_ERR_IO, "could not find the folder %s", b->options->dir);
    b->dir = arena_copy(&b->memory, whole, strlen(whole));
    if (!b->dir) return err_memory(err, strlen(whole));
    TRI_TRY(run_slots_make(b, err));
    TRI_TRY(run_hash_data(b, err));
    TRI_TRY(run_jobs_make(b, err));
    TRI_TRY(run_hash_steps(b, err));
    TRI_TRY(run_folder_open(b, err));
    TRI_TRY(prepare(b, err));
    tri_status st = loop(b, err);
    if (st) {
        kill_all(b);
        return st;
    }
    finish(b, out);
    bool is_cut = b->options->is_stopped && b->options->is_stopped(b->options->ctx);
    return is_cut ? err_set(err, TRI_ERR_CANCELLED, "interrupted") : TRI_OK;
}

tri_status run_plan(const plan *p, const run_options *options, run_outcome *out, tri_error *err)
{
    *out = (run_outcome){0};
    run_board *b = mem_calloc(1, sizeof *b);
    if (!b) return err_memory(err, sizeof *b);
    b->p = p;
    b->options = options;
    b->lock.fd = -1;
    arena_init(&b->memory, 0);
    tri_status st = run_board_all(b, out, err);
    for (size_t i = 0; i < b->n_jobs; i++) json_decref(b->jobs[i].status.partial);
    if (st == TRI_OK || st == TRI_ERR_CANCELLED) run_child_stop(b->sensors, true);
    lock_file_release(&b->lock);
    arena_drop(&b->memory);
    mem_free(b);
    return st;
}
