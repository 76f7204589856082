/* SPDX-License-Identifier: Apache-2.0 */
/* run_money.c — what has been spent, what a job will still take, and whether it may begin.
 *
 * Paid for is the time that the runner is up: the machine is there then, busy or not. Each session is rounded up for itself, as
 * a provider bills each start. A killed session ends at its last sign of life. By submission: every submission that is out.
 * Forecasts are measured, never guessed: from the step's own progress, from what stopped attempts of it came to, or from a step
 * like it that is done. What was never measured may begin, and is stopped when the money runs out. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "lab/run_int.h"

/* Stopping takes a moment: so much before the money is gone it begins, or a tenth of what the money buys if that is less. */
static const double STOP_SECONDS = 5, STOP_SHARE = 0.1;

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A rented machine may have its clock set while it works: that is no time that was spent. */
double run_now(void)
{
    static double boot; /* Unix seconds when the machine came up, as they were believed at the first question */
    if (boot <= 0) boot = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
    return boot + read_clock(CLOCK_BOOTTIME);
}

double run_cost(plan_bill bill, double price, const double *sessions, size_t n_sessions, size_t n_submissions)
{
    static const double units[] = {1, 60, 3600}; /* ORDER plan_bill */
    double billed = 0;
    if (bill == PLAN_BILL_SUBMISSION) return price * (double)n_submissions;
    for (size_t i = 0; i < n_sessions; i++) {
        double seconds = sessions[2 * i + 1] - sessions[2 * i];
        if (seconds > 0) billed += ceil(seconds / units[bill]) * units[bill];
    }
    return billed / 3600 * price;
}

static bool is_submission(const run_job *job)
{
    return job->version != NULL && job->version->kind != PLAN_GIVEN;
}

/* Submissions that are being made. */
static size_t count_coming(const run_board *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_jobs; i++) n += is_submission(&b->jobs[i]) && b->jobs[i].pid && !b->jobs[i].status.is_out;
    return n;
}

static double cost_at(const run_board *b, double at, size_t n_submissions)
{
    double last[2] = {at, at}, sum = 0;
    if (b->p->bill == PLAN_BILL_SUBMISSION) return run_cost(b->p->bill, b->p->price, NULL, 0, n_submissions);
    if (b->n_sessions) {
        last[0] = b->sessions[2 * (b->n_sessions - 1)];
        sum = run_cost(b->p->bill, b->p->price, b->sessions, b->n_sessions - 1, 0);
    }
    return sum + run_cost(b->p->bill, b->p->price, last, 1, 0);
}

double run_spent(const run_board *b, double at)
{
    return cost_at(b, at, b->n_paid);
}

/* A session costs one unit at least, the moment it begins: no budget, no session. */
tri_status run_session_begin(run_board *b, tri_error *err)
{
    double now = run_now();
    if (b->n_sessions == RUN_SESSIONS_MAX)
        return err_set(err, TRI_ERR_LIMIT, "%s was started %d times", b->dir, RUN_SESSIONS_MAX);
    double before = run_cost(b->p->bill, b->p->price, b->sessions, b->n_sessions, b->n_paid);
    b->sessions[2 * b->n_sessions] = now;
    b->sessions[2 * b->n_sessions + 1] = now + 1e-3;
    b->first_results[b->n_sessions] = NAN;
    b->n_sessions++;
    double cost = run_cost(b->p->bill, b->p->price, b->sessions, b->n_sessions, b->n_paid);
    if (b->p->budget < 0 || cost <= b->p->budget) return TRI_OK;
    err_set(err, TRI_ERR_LIMIT, "the budget of %.4g does not pay for another %s: %.4g of it is spent, and that would make %.4g",
            b->p->budget, plan_bill_word(b->p->bill), before, cost);
    return err_hint(err, TRI_ERR_LIMIT, "raise --budget, or take what is done: `trident run status %s`", b->dir);
}

/* ---- forecasts ---------------------------------------------------------------------------------------------------- */

static double done_seconds(const run_job *job, const char *name)
{
    for (size_t i = 0; i < job->status.n_steps; i++)
        if (strcmp(job->status.steps[i].name, name) == 0) return job->status.steps[i].seconds;
    return -1;
}

static double measured(const run_board *b, const run_step *step)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < b->n_jobs; i++)
        for (size_t s = 0; s < b->jobs[i].n_steps; s++) {
            const run_step *other = &b->jobs[i].steps[s];
            if (!other->cost_key || strcmp(other->cost_key, step->cost_key) != 0 || !run_step_is_done(&b->jobs[i], s)) continue;
            double seconds = done_seconds(&b->jobs[i], other->name);
            if (seconds < 0) continue;
            sum += seconds;
            n++;
        }
    return n ? sum / (double)n : -1;
}

/* From what this child has told since it began. */
static double by_progress(const run_job *job)
{
    const run_progress *now = &job->progress, *first = &job->first;
    if (now->at <= first->at || !now->extent) return -1;
    double took = now->seconds - first->seconds;
    return took * (double)(now->extent - now->at) / (double)(now->at - first->at);
}

static double by_attempts(const run_job *job, const run_step *step)
{
    const run_status *s = &job->status;
    double seconds = json_number_value(json_object_get(s->partial, step->name));
    if (strcmp(s->step, step->name) != 0 || !s->done || s->total <= s->done || seconds <= 0) return -1;
    return seconds * (double)(s->total - s->done) / (double)s->done;
}

double run_forecast(const run_board *b, const run_job *job)
{
    double sum = 0;
    for (size_t s = 0; s < job->n_steps; s++) {
        const run_step *step = &job->steps[s];
        if (!step->cost_key || run_step_is_done(job, s)) continue;
        bool is_running = job->pid && job->at == s;
        double whole = measured(b, step), left = is_running ? by_progress(job) : by_attempts(job, step);
        if (left < 0 && whole >= 0) {
            double spent = is_running ? run_now() - job->step_began : 0;
            left = whole > spent ? whole - spent : 0;
        }
        if (left < 0) return -1;
        sum += left;
    }
    return sum;
}

/* ---- may it begin, must it end ------------------------------------------------------------------------------------ */

static double stop_grace(const run_board *b)
{
    double seconds = b->p->price > 0 ? b->p->budget / b->p->price * 3600 : STOP_SECONDS / STOP_SHARE;
    return seconds * STOP_SHARE < STOP_SECONDS ? seconds * STOP_SHARE : STOP_SECONDS;
}

bool run_may_start(const run_board *b, const run_job *job, char *why, size_t cap)
{
    double now = run_now(), left = run_forecast(b, job), need = left < 0 ? 0 : left;
    double until_deadline = b->deadline > 0 ? b->deadline - read_clock(CLOCK_REALTIME) : INFINITY;
    if (need > until_deadline) {
        if (until_deadline < 0)
            snprintf(why, cap, "the deadline has passed");
        else
            snprintf(why, cap, "its forecast of %.1f s ends after the deadline, which is in %.1f s", need, until_deadline);
        return false;
    }
    if (b->p->budget < 0) return true;
    size_t n = b->n_paid + count_coming(b) + (is_submission(job) && !job->status.is_out);
    double cost = cost_at(b, now + need + stop_grace(b), n);
    if (cost <= b->p->budget) return true;
    snprintf(why, cap, "with its forecast of %s%.1f s the cost would come to %.4g of the budget of %.4g (spent so far: %.4g)",
             left < 0 ? "at least " : "", need, cost, b->p->budget, run_spent(b, now));
    return false;
}

bool run_is_spent(const run_board *b, double *grace)
{
    *grace = stop_grace(b);
    if (b->p->budget < 0 || b->p->bill == PLAN_BILL_SUBMISSION) return false;
    return cost_at(b, run_now() + *grace, 0) > b->p->budget;
}
