/* SPDX-License-Identifier: Apache-2.0 */
/* run_step.c — one step of a job: its command line into the log, its child, what the child tells meanwhile, what is recorded at
 * its end. A step counts as done when its files are whole on disk and status.json says so, in that order. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "formats/jsonl.h"
#include "lab/backup.h"
#include "lab/run_int.h"

enum { ARGV_MAX = RUN_WORDS_MAX + 8, ENV_MAX = PLAN_ENV_MAX + 8, LOG_MAX = 64 << 20 };

static bool is_named(const run_job *job, size_t step, const char *name)
{
    return strcmp(job->steps[step].name, name) == 0;
}

/* ---- starting ----------------------------------------------------------------------------------------------------- */

static tri_status quote_variable(buf *out, const char *line)
{
    size_t name = strcspn(line, "=");
    TRI_TRY(buf_printf(out, " %.*s=", (int)name, line));
    return line[name] && line[name + 1] ? buf_shell_word(out, line + name + 1) : TRI_OK;
}

static tri_status log_command(const run_job *job, const run_step *step, const char *const *argv, const char *const *env,
                              tri_error *err)
{
    buf line;
    buf_init(&line, 0);
    tri_status st = buf_str(&line, "$");
    for (const char *const *p = env; !st && *p; p++)
        if (strncmp(*p, "TRIDENT_", 8) != 0) st = quote_variable(&line, *p);
    if (!st) st = argv ? buf_str(&line, " trident") : buf_printf(&line, " # %s", step->name);
    for (const char *const *p = argv; !st && p && *p; p++) {
        st = buf_byte(&line, ' ');
        if (!st) st = buf_shell_word(&line, *p);
    }
    if (!st && step->stdout_to) st = buf_printf(&line, " > %s", strrchr(step->stdout_to, '/') + 1);
    if (!st) st = buf_byte(&line, '\n');
    st = st ? err_memory(err, line.len) : file_append(job->log, line.data, line.len, err);
    buf_drop(&line);
    return st;
}

/* The device of a slot as the child sees it: CUDA devices are numbered from 0 among those that it may see. */
static void device_words(run_board *b, const run_job *job, const char **argv, size_t *n, const char **env, size_t *n_env)
{
    const run_slot *slot = &b->slots[job->slot];
    bool is_cuda = strncmp(slot->device, "cuda", 4) == 0;
    const char *index = strchr(slot->device, ':');
    const char *threads = job->version ? job->version->value[PLAN_THREADS] : job->group->value[PLAN_THREADS];
    if (!threads) threads = slot->threads;
    argv[(*n)++] = "--device";
    argv[(*n)++] = is_cuda ? "cuda:0" : "cpu";
    if (threads) {
        argv[(*n)++] = "--threads";
        argv[(*n)++] = threads;
    }
    const char *mask = arena_printf(&b->memory, "CUDA_VISIBLE_DEVICES=%s", !is_cuda ? "" : index ? index + 1 : "0");
    if (mask) env[(*n_env)++] = mask;
}

static void own_env(run_board *b, const run_job *job, const char **env, size_t *n)
{
    const plan_version *v = job->version;
    const char *progress = arena_printf(&b->memory, "TRIDENT_PROGRESS=%s", job->progress_path);
    if (progress) env[(*n)++] = progress;
    for (size_t i = 0; v && i < v->env.n; i++) env[(*n)++] = v->env.items[i];
    const char *port = v && v->value[PLAN_PORT] ? arena_printf(&b->memory, "TRIDENT_PORT=%s", v->value[PLAN_PORT]) : NULL;
    if (port) env[(*n)++] = port;
}

tri_status run_hook_start(run_board *b, const run_job *job, const char *hook, const char *state, pid_t *pid, tri_error *err)
{
    const char *submission = job && job->status.submission[0] ? job->status.submission : "";
    const char *env[] = {arena_printf(&b->memory, "TRIDENT_VERSION=%s", job ? job->name : ""),
                         arena_printf(&b->memory, "TRIDENT_STATE=%s", state),
                         arena_printf(&b->memory, "TRIDENT_DIR=%s", b->dir),
                         arena_printf(&b->memory, "TRIDENT_SUBMISSION=%s", submission), NULL};
    const char *log = job ? job->log : arena_printf(&b->memory, "%s/hooks.log", b->dir);
    for (size_t i = 0; i < 4; i++)
        if (!env[i] || !log) return err_memory(err, 0);
    run_spawn s = {.shell = hook, .log = log, .env = env, .folder = b->p->folder};
    return run_child_start(&s, pid, err);
}

/* A run of another maker: copied, so that what was blended stays what it was. */
static tri_status copy_run(run_job *job, tri_error *err)
{
    const plan_version *v = job->version;
    const char *to = job->steps[job->at].makes, *want = v->value[PLAN_SHA256];
    char hex[BACKUP_HEX_CAP];
    TRI_TRY(file_copy(v->value[PLAN_RUN], to, err));
    if (!want) return TRI_OK;
    TRI_TRY(backup_hash(to, hex, err));
    if (strcasecmp(hex, want) == 0) return TRI_OK;
    file_remove(to, NULL);
    err_set(err, TRI_ERR_MISMATCH, "%s is not the run that the plan means: SHA-256 %s", v->value[PLAN_RUN], hex);
    return err_hint(err, TRI_ERR_MISMATCH, "the plan says %s", want);
}

/* How far an attempt was, and how large the window that it ended in. */
static void note_attempt(run_status *s, const run_progress *p)
{
    if (p->there + p->begun > s->begun) s->begun = p->there + p->begun;
    if (p->begun > p->items && p->begun - p->items > s->batch) s->batch = p->begun - p->items;
}

/* Texts that an attempt had begun and that nobody counted yet. */
static void count_old_attempt(run_job *job)
{
    run_progress old = {0};
    run_status *s = &job->status;
    if (!run_progress_load(job->progress_path, &old)) return;
    note_attempt(s, &old);
    s->computed += old.begun;
    snprintf(s->unit, sizeof s->unit, "%s", old.unit);
    file_remove(job->progress_path, NULL);
}

static void begin_status(run_board *b, run_job *job, size_t step)
{
    run_status *s = &job->status;
    double now = run_now();
    if (s->started <= 0) s->started = now;
    if (job->session_began <= 0) {
        job->session_began = now;
        s->attempts++;
    }
    s->state = RUN_RUNNING;
    s->ended = 0;
    s->error[0] = 0;
    snprintf(s->step, sizeof s->step, "%s", job->steps[step].name);
    if (job->slot >= 0) snprintf(s->device, sizeof s->device, "%s", b->slots[job->slot].device);
    job->at = step;
    job->step_began = now;
    job->progress = job->first = (run_progress){0};
    b->has_worked = true;
}

/* What the steps that this one builds on had to say, cuts above all, into this log too: it is then whole for who reads it. */
static tri_status log_needs(run_board *b, const run_job *job, tri_error *err)
{
    tri_status st = TRI_OK;
    for (size_t k = 0; !st && k < job->n_needs; k++) {
        const run_job *needed = &b->jobs[job->needs[k]];
        line_reader *lines;
        const char *line;
        size_t len;
        buf text;
        if (!file_exists(needed->log)) continue; /* a given run was copied: nobody had anything to say */
        buf_init(&text, 0);
        TRI_TRY(line_reader_open(needed->log, 0, &lines, err));
        while (!(st = line_reader_next(lines, &line, &len, NULL, err)) && line)
            if (len > 8 && memcmp(line, "trident ", 8) == 0 && buf_printf(&text, "%s: %.*s\n", needed->name, (int)len, line)) {
                st = err_memory(err, text.len);
                break;
            }
        line_reader_close(lines);
        if (!st) st = file_append(job->log, text.data, text.len, err);
        buf_drop(&text);
    }
    return st;
}

static tri_status start_child(run_board *b, run_job *job, tri_error *err)
{
    run_step *step = &job->steps[job->at];
    const char *argv[ARGV_MAX], *env[ENV_MAX];
    size_t n = 0, n_env = 0;
    for (const char **p = step->argv; *p; p++) argv[n++] = *p;
    own_env(b, job, env, &n_env);
    if (step->on_device) device_words(b, job, argv, &n, env, &n_env);
    argv[n] = env[n_env] = NULL;
    run_spawn s = {.argv = argv, .log = job->log, .env = env, .device = step->on_device ? b->slots[job->slot].device : NULL};
    if (step->stdout_to) {
        s.stdout_to = arena_printf(&b->memory, "%s.tmp", step->stdout_to);
        if (!s.stdout_to) return err_memory(err, 0);
    }
    if (job->at == 0) TRI_TRY(log_needs(b, job, err));
    TRI_TRY(log_command(job, step, argv, env, err));
    return run_child_start(&s, &job->pid, err);
}

/* A search ends by giving its file a name, and only then is recorded. So the name is free before its first attempt, and when it
 * is there at a later one, all was done but the recording. */
static tri_status begin_attempt(run_board *b, run_job *job, bool *is_whole, tri_error *err)
{
    const run_step *step = &job->steps[job->at];
    *is_whole = false;
    if (!step->makes) return TRI_OK;
    if (strcmp(job->status.attempt, step->hash) == 0) {
        *is_whole = file_exists(step->makes);
        const char *part = *is_whole ? arena_printf(&b->memory, "%s.part", step->makes) : NULL;
        return part ? file_remove(part, err) : TRI_OK;
    }
    TRI_TRY(file_remove(step->makes, err));
    TRI_TRY(file_sync_dir(job->dir, err));
    snprintf(job->status.attempt, sizeof job->status.attempt, "%s", step->hash);
    return run_status_save(b, job, true, err);
}

tri_status run_step_start(run_board *b, run_job *job, size_t step, tri_error *err)
{
    begin_status(b, job, step);
    if (is_named(job, step, "copy")) {
        tri_error said = {0};
        tri_status st = copy_run(job, &said);
        if (st == TRI_OK) return run_step_end(b, job, 0, err);
        char why[512];
        snprintf(why, sizeof why, "%.300s%s%.180s", said.text, said.hint[0] ? "; " : "", said.hint);
        return run_job_fail(b, job, RUN_FAILED, why, err);
    }
    if (job->steps[step].counts_progress) {
        bool is_whole = false;
        count_old_attempt(job);
        TRI_TRY(begin_attempt(b, job, &is_whole, err));
        if (is_whole) return run_step_end(b, job, 0, err);
    }
    TRI_TRY(run_status_save(b, job, true, err)); /* before the child, which may read it */
    if (is_named(job, step, "hook")) {
        static const char *const no_env[] = {NULL};
        TRI_TRY(log_command(job, &job->steps[step], NULL, no_env, err));
        TRI_TRY(run_hook_start(b, job, job->version->hooks.on_done, "done", &job->pid, err));
    } else {
        TRI_TRY(start_child(b, job, err));
    }
    job->status.pid = (long)job->pid;
    if (job->slot >= 0 && job->steps[step].on_device)
        run_say(b, "%s: %s on %s", job->name, job->status.step, job->status.device);
    return run_status_save(b, job, true, err);
}

/* ---- meanwhile ---------------------------------------------------------------------------------------------------- */

static void note_repeats(run_job *job, const run_progress *p)
{
    if (!p->begun || job->progress.begun) return;
    uint64_t again = job->status.begun > p->there ? job->status.begun - p->there : 0;
    if (again > job->status.repeated) job->status.repeated = again;
}

void run_step_watch(run_board *b, run_job *job)
{
    run_progress p = {0};
    run_status *s = &job->status;
    double now = run_now();
    if (!job->steps[job->at].counts_progress || now - job->told < 0.25) return;
    job->told = now;
    if (!run_progress_load(job->progress_path, &p) || strcmp(p.what, job->steps[job->at].name) != 0) return;
    note_repeats(job, &p);
    if (p.begun && !job->progress.begun) job->first = p;
    job->progress = p;
    s->done = p.at;
    s->total = p.extent;
    s->items = p.there + p.items;
    s->tokens = p.tokens;
    snprintf(s->unit, sizeof s->unit, "%s", p.unit);
    if (p.seconds > 0.2) {
        s->rate_items = (double)p.items / p.seconds;
        s->rate_tokens = (double)p.tokens / p.seconds;
    }
    s->left = run_forecast(b, job);
    double *first = &b->first_results[b->n_sessions - 1];
    if (isnan(*first) && p.items) *first = now - b->sessions[2 * (b->n_sessions - 1)];
}

/* ---- ending ------------------------------------------------------------------------------------------------------- */

/* What the child said last: the line that tells why. */
static void last_words(const run_job *job, char *out, size_t cap)
{
    buf text;
    out[0] = 0;
    buf_init(&text, 0);
    if (file_read_all(job->log, LOG_MAX, &text, NULL) == TRI_OK) {
        size_t end = text.len;
        while (end > 0 && text.data[end - 1] <= ' ') end--;
        size_t start = end;
        while (start > 0 && text.data[start - 1] != '\n') start--;
        if (end > start && text.data[start] != '$')
            snprintf(out, cap, "%.*s", (int)(end - start), (const char *)text.data + start);
    }
    buf_drop(&text);
}

void run_count_time(run_board *b, run_job *job, double seconds, bool on_device)
{
    double share = seconds / (double)b->n_slots;
    job->status.seconds += seconds;
    job->session_seconds += seconds;
    if (!on_device || b->p->bill == PLAN_BILL_SUBMISSION) return;
    job->status.money += share / 3600 * b->p->price;
    job->session_money += share / 3600 * b->p->price;
}

static void free_slot(run_board *b, run_job *job)
{
    if (job->slot < 0) return;
    run_slot *slot = &b->slots[job->slot];
    if (job->progress.seconds > 0) {
        slot->busy_seconds += job->progress.seconds;
        slot->items += job->progress.items;
        slot->tokens += job->progress.tokens;
    }
    slot->job = -1;
    job->slot = -1;
}

static void record(run_job *job, double seconds)
{
    run_status *s = &job->status;
    const run_step *step = &job->steps[job->at];
    double before = json_number_value(json_object_get(s->partial, step->name));
    size_t at = 0;
    while (at < s->n_steps && strcmp(s->steps[at].name, step->name) != 0) at++;
    if (at == RUN_STEPS_MAX) at = 0;
    snprintf(s->steps[at].name, RUN_WORD, "%s", step->name);
    memcpy(s->steps[at].hash, step->hash, RUN_HASH);
    s->steps[at].seconds = seconds + before;
    if (at >= s->n_steps) s->n_steps = at + 1;
    if (s->partial) json_object_del(s->partial, step->name);
}

void run_count_partial(run_job *job, const char *name, double seconds)
{
    run_status *s = &job->status;
    if (!s->partial) s->partial = json_object();
    double before = json_number_value(json_object_get(s->partial, name));
    json_object_set_new(s->partial, name, json_real(before + seconds));
}

const run_step *run_last_made(const run_job *job)
{
    const run_step *last = NULL;
    for (size_t i = 0; i < job->n_steps; i++)
        if (job->steps[i].makes) last = &job->steps[i];
    return last;
}

/* What follows the submission is analysis. */
bool run_is_submitted(const run_job *job)
{
    for (size_t s = 0; s < job->n_steps; s++)
        if (!is_named(job, s, "hook") && !is_named(job, s, "eval") && !run_step_is_done(job, s)) return false;
    return true;
}

static void note_submission(run_board *b, run_job *job)
{
    run_status *s = &job->status;
    if (s->is_out || !job->version || !run_is_submitted(job)) return;
    const run_step *last = run_last_made(job);
    snprintf(s->submission, sizeof s->submission, "%s", last->makes);
    s->is_out = true;
    if (job->version->kind == PLAN_GIVEN || strcmp(s->paid, last->hash) == 0) return;
    memcpy(s->paid, last->hash, RUN_HASH);
    b->n_paid++;
    if (b->p->bill == PLAN_BILL_SUBMISSION) {
        s->money += b->p->price;
        job->session_money += b->p->price;
    }
}

static tri_status keep_output(run_board *b, const run_step *step, tri_error *err)
{
    const char *temporary = arena_printf(&b->memory, "%s.tmp", step->stdout_to);
    uint64_t bytes = 0;
    if (!temporary) return err_memory(err, 0);
    if (!file_exists(temporary) || file_size(temporary, &bytes, NULL) != TRI_OK || !bytes) return TRI_OK;
    buf text;
    buf_init(&text, 0);
    tri_status st = file_read_all(temporary, SIZE_MAX / 2, &text, err);
    if (!st) st = file_save(step->stdout_to, text.data, text.len, err);
    buf_drop(&text);
    return st ? st : file_remove(temporary, err);
}

tri_status run_job_fail(run_board *b, run_job *job, run_state state, const char *why, tri_error *err)
{
    run_status *s = &job->status;
    tri_error clean;
    err_set(&clean, TRI_OK, "%s", why);
    snprintf(s->error, sizeof s->error, "%.500s", clean.text);
    s->state = state;
    s->pid = 0;
    s->ended = run_now();
    if (state == RUN_FAILED && job->slot >= 0) {
        b->slots[job->slot].job = -1;
        job->slot = -1;
    }
    run_say(b, "%s: %s%s%s: %s", job->name, run_state_word(state), s->step[0] ? " at " : "", s->step, s->error);
    TRI_TRY(run_status_save(b, job, true, err));
    run_ledger_note(b, job);
    if (state != RUN_FAILED || !job->version || !job->version->hooks.on_fail || b->is_ending) return TRI_OK;
    job->is_failing = true;
    return run_hook_start(b, job, job->version->hooks.on_fail, "failed", &job->pid, err);
}

static tri_status fail_step(run_board *b, run_job *job, int code, tri_error *err)
{
    char said[400], why[512];
    last_words(job, said, sizeof said);
    if (is_named(job, job->at, "check") && code == 1)
        snprintf(why, sizeof why, "the check is red: see %.300s, or say `force: REASON`", job->steps[job->at].stdout_to);
    else if (code < 0)
        snprintf(why, sizeof why, "ended by signal %d%s; the same command goes on from there", -code,
                 code == -9 ? " (by somebody, or for want of memory)" : "");
    else
        snprintf(why, sizeof why, "%s", said[0] ? said : "exit status other than 0");
    return run_job_fail(b, job, RUN_FAILED, why, err);
}

tri_status run_step_end(run_board *b, run_job *job, int code, tri_error *err)
{
    run_step *step = &job->steps[job->at];
    double seconds = run_now() - job->step_began;
    job->pid = 0;
    job->status.pid = 0;
    job->told = 0;
    if (step->counts_progress) {
        run_step_watch(b, job);
        job->status.computed += job->progress.begun; /* 0 where no child was needed */
        if (code != 0) note_attempt(&job->status, &job->progress);
    }
    run_count_time(b, job, seconds, step->on_device);
    free_slot(b, job);
    if (step->stdout_to && (code == 0 || is_named(job, job->at, "check"))) TRI_TRY(keep_output(b, step, err));
    if (is_named(job, job->at, "hook") && code != 0)
        run_say(b, "%s: its hook on_done ended with %d: see its log", job->name, code);
    bool is_done = code == 0 || is_named(job, job->at, "hook");
    if (is_done && step->makes) TRI_TRY(backup_record(job->dir, &step->makes, 1, err));
    if (is_done)
        record(job, seconds);
    else
        run_count_partial(job, step->name, seconds);
    job->status.left = -1;
    if (is_done) note_submission(b, job);
    tri_status st = run_status_save(b, job, true, err);
    if (step->counts_progress) file_remove(job->progress_path, NULL);
    if (st || is_done) return st;
    if (job->stop_reason) return run_job_fail(b, job, RUN_STOPPED, job->stop_reason, err);
    return fail_step(b, job, code, err);
}
