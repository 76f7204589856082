/* SPDX-License-Identifier: Apache-2.0 */
/* run_folder.c — the run's folder: opening it, whatever an earlier runner left in it, and writing what there is to say.
 *
 * What decides what is done again (status.json at a step's end) and what was spent (sessions.json) is written with fsync; what
 * only tells (progress, sensors) is replaced whole and may be lost. Every file is read as if a stranger had written it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "formats/json.h"
#include "lab/run_int.h"

static const char *const state_words[] = {"queued", "running", "done", "failed", "stopped"}; /* ORDER run_state */

const char *run_state_word(run_state state)
{
    return state_words[state];
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static int append(const char *text, size_t len, void *ctx)
{
    return buf_append(ctx, text, len) == TRI_OK ? 0 : -1;
}

static bool lost; /* a value for want of memory: the object being made is not whole. A runner has one thread */

/* Takes the object. */
static tri_status write_json(const char *path, json_t *object, bool durable, tri_error *err)
{
    buf text;
    buf_init(&text, 0);
    bool ok = object && !lost && json_dump_callback(object, append, &text, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) == 0 &&
              buf_byte(&text, '\n') == TRI_OK;
    tri_status st = !ok       ? err_memory(err, text.len)
                    : durable ? file_save(path, text.data, text.len, err)
                              : file_replace(path, text.data, text.len, err);
    json_decref(object);
    buf_drop(&text);
    lost = false;
    return st;
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) lost = true;
}

static void add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) lost = true;
}

/* NULL gives null; other than UTF-8 is left out. */
static json_t *words(const char *text)
{
    json_t *value = text && text[0] ? json_string(text) : NULL;
    return value ? value : json_null();
}

static json_t *list(const plan_words *items)
{
    json_t *array = json_array();
    for (size_t i = 0; i < items->n; i++) add(array, json_string(items->items[i]));
    return array;
}

static json_t *steps_object(const run_status *s)
{
    json_t *object = json_object();
    for (size_t i = 0; i < s->n_steps; i++) {
        json_t *step = json_object();
        set(step, "seconds", json_real(s->steps[i].seconds));
        set(step, "hash", json_string(s->steps[i].hash));
        set(object, s->steps[i].name, step);
    }
    return object;
}

tri_status run_status_save(run_board *b, run_job *job, bool durable, tri_error *err)
{
    const run_status *s = &job->status;
    json_t *o = json_object();
    (void)b;
    set(o, "name", json_string(job->name));
    set(o, "state", json_string(state_words[s->state]));
    set(o, "step", words(s->step));
    set(o, "done", json_integer((json_int_t)s->done));
    set(o, "total", json_integer((json_int_t)s->total));
    set(o, "pid", s->pid ? json_integer(s->pid) : json_null());
    set(o, "device", words(s->device));
    set(o, "started", json_real(s->started));
    set(o, "ended", s->ended > 0 ? json_real(s->ended) : json_null());
    set(o, "seconds", json_real(s->seconds));
    set(o, "money", number(s->money));
    set(o, "attempts", json_integer(s->attempts));
    set(o, "error", words(s->error));
    set(o, "submission", words(s->submission));
    set(o, "out", json_boolean(s->is_out));
    set(o, "paid", words(s->paid));
    set(o, "left", s->left < 0 ? json_null() : number(s->left));
    set(o, "unit", words(s->unit));
    set(o, "items", json_integer((json_int_t)s->items));
    set(o, "computed", json_integer((json_int_t)s->computed));
    set(o, "repeated", json_integer((json_int_t)s->repeated));
    set(o, "batch", json_integer((json_int_t)s->batch));
    set(o, "begun", json_integer((json_int_t)s->begun));
    set(o, "items_per_second", number(s->rate_items));
    set(o, "tokens_per_second", number(s->rate_tokens));
    set(o, "config_hash", json_string(job->hash));
    set(o, "attempt", words(s->attempt));
    set(o, "steps", steps_object(s));
    set(o, "partial", s->partial ? json_incref(s->partial) : json_object());
    return write_json(job->status_path, o, durable, err);
}

static tri_status path_in(const run_board *b, const char *name, char out[LIMIT_PATH], tri_error *err)
{
    return file_join(out, LIMIT_PATH, b->dir, name) == TRI_OK
               ? TRI_OK
               : err_set(err, TRI_ERR_LIMIT, "the path of %s is too long", b->dir);
}

tri_status run_sessions_save(run_board *b, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(path_in(b, "sessions.json", path, err));
    json_t *array = json_array();
    for (size_t i = 0; i < b->n_sessions; i++) {
        json_t *session = json_object();
        set(session, "started", json_real(b->sessions[2 * i]));
        set(session, "last", json_real(b->sessions[2 * i + 1]));
        set(session, "first_result", number(b->first_results[i]));
        add(array, session);
    }
    json_t *o = json_object();
    set(o, "sessions", array);
    set(o, "spent", json_real(run_spent(b, run_now())));
    set(o, "submissions", json_integer((json_int_t)b->n_paid));
    set(o, "ledger", json_real(b->noted));
    set(o, "hooked", words(b->hooked));
    return write_json(path, o, true, err);
}

tri_status run_devices_save(run_board *b, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(path_in(b, "devices.json", path, err));
    json_t *array = json_array();
    for (size_t i = 0; i < b->n_slots; i++) {
        const run_slot *slot = &b->slots[i];
        json_t *o = json_object();
        double seconds = slot->busy_seconds > 0 ? slot->busy_seconds : NAN;
        set(o, "device", json_string(slot->device));
        set(o, "job", words(slot->job < 0 ? NULL : b->jobs[slot->job].name));
        set(o, "busy_seconds", json_real(slot->busy_seconds));
        set(o, "items_per_second", number((double)slot->items / seconds));
        set(o, "tokens_per_second", number((double)slot->tokens / seconds));
        set(o, "temperature", number(slot->temperature));
        set(o, "clock_mhz", number(slot->clock));
        set(o, "clock_max_mhz", number(slot->clock_max));
        set(o, "throttled", json_boolean(slot->job >= 0 && slot->clock < 0.8 * slot->clock_max));
        add(array, o);
    }
    return write_json(path, array, false, err);
}

/* ---- the version's settings --------------------------------------------------------------------------------------- */

static json_t *setting(const plan_key *key, const char *text)
{
    double value;
    bool is_number = key->type == PLAN_COUNT || key->type == PLAN_NUMBER || strcmp(key->name, "rrf_base") == 0;
    if (!is_number || !number_parse_f64(text, strlen(text), &value)) return json_string(text);
    return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value) : json_real(value);
}

/* "1,0.3,1" as a list of numbers; a preset's name stays one. */
static json_t *weights_value(const char *text)
{
    json_t *array = json_array();
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        double value;
        if (!number_parse_f64(p, n, &value)) {
            json_decref(array);
            return json_string(text);
        }
        add(array, value == floor(value) && fabs(value) < 1e9 ? json_integer((json_int_t)value) : json_real(value));
        p += n;
        if (!*p) return array;
    }
}

static json_t *data_object(const plan *p)
{
    json_t *data = json_object();
    if (p->corpus) set(data, "corpus", json_string(p->corpus));
    if (p->queries) set(data, "queries", json_string(p->queries));
    if (p->qrels) set(data, "qrels", json_string(p->qrels));
    if (p->sample) set(data, "sample", json_string(p->sample));
    return data;
}

/* The same keys as in a plan, so that another plan may be made of it. */
static tri_status save_config(const run_board *b, const run_job *job, tri_error *err)
{
    char path[LIMIT_PATH];
    const plan_version *v = job->version;
    if (file_join(path, sizeof path, job->dir, "config.json") != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "%s is too long", job->dir);
    json_t *o = json_object();
    set(o, "name", json_string(v->name));
    for (int s = 0; s < PLAN_SETTINGS; s++)
        if (v->value[s])
            set(o, plan_keys[s].name, s == PLAN_WEIGHTS ? weights_value(v->value[s]) : setting(&plan_keys[s], v->value[s]));
    if (v->kind == PLAN_SEARCH && !v->value[PLAN_HEADS]) set(o, "heads", json_string("dense"));
    if (v->blend.n) set(o, "blend", list(&v->blend));
    if (v->devices.n) set(o, "devices", list(&v->devices));
    if (v->env.n) set(o, "env", list(&v->env));
    if (v->hooks.on_done || v->hooks.on_fail) {
        json_t *hooks = json_object();
        if (v->hooks.on_done) set(hooks, "on_done", json_string(v->hooks.on_done));
        if (v->hooks.on_fail) set(hooks, "on_fail", json_string(v->hooks.on_fail));
        set(o, "hooks", hooks);
    }
    set(o, "data", data_object(b->p));
    set(o, "config_hash", json_string(job->hash));
    set(o, "data_hash", json_string(b->data_hash));
    return write_json(path, o, true, err);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static uint64_t get_count(const json_t *o, const char *key)
{
    double value = json_number_value(json_object_get(o, key));
    return value > 0 && value < 1e18 ? (uint64_t)value : 0;
}

static double get_number(const json_t *o, const char *key, double otherwise)
{
    const json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static void get_words(const json_t *o, const char *key, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(out, cap, "%s", text ? text : "");
}

static void take_steps(const json_t *o, run_status *s)
{
    const char *name;
    json_t *step;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(o, "steps"), name, step)
    {
        if (s->n_steps == RUN_STEPS_MAX) break;
        snprintf(s->steps[s->n_steps].name, RUN_WORD, "%s", name);
        get_words(step, "hash", s->steps[s->n_steps].hash, RUN_HASH);
        s->steps[s->n_steps++].seconds = get_number(step, "seconds", 0);
    }
    json_t *partial = json_object_get(o, "partial");
    if (json_is_object(partial)) s->partial = json_incref(partial);
}

/* What an earlier runner left. A status that cannot be read says nothing: its steps are done again. */
static void load_status(run_job *job)
{
    run_status *s = &job->status;
    json_t *o;
    *s = (run_status){.left = -1, .rate_items = NAN, .rate_tokens = NAN};
    if (!file_exists(job->status_path) || json_file_load(job->status_path, &o, NULL) != TRI_OK) return;
    char word[RUN_WORD];
    get_words(o, "state", word, sizeof word);
    for (int i = 0; i < 5; i++)
        if (strcmp(word, state_words[i]) == 0) s->state = (run_state)i;
    get_words(o, "step", s->step, sizeof s->step);
    get_words(o, "device", s->device, sizeof s->device);
    get_words(o, "unit", s->unit, sizeof s->unit);
    get_words(o, "attempt", s->attempt, sizeof s->attempt);
    get_words(o, "submission", s->submission, sizeof s->submission);
    s->done = get_count(o, "done");
    s->total = get_count(o, "total");
    s->items = get_count(o, "items");
    s->computed = get_count(o, "computed");
    s->repeated = get_count(o, "repeated");
    s->batch = get_count(o, "batch");
    s->begun = get_count(o, "begun");
    s->attempts = (unsigned)get_count(o, "attempts");
    s->pid = (long)get_count(o, "pid");
    s->started = get_number(o, "started", 0);
    s->ended = get_number(o, "ended", 0);
    s->seconds = get_number(o, "seconds", 0);
    s->money = get_number(o, "money", 0);
    s->rate_items = get_number(o, "items_per_second", NAN);
    s->rate_tokens = get_number(o, "tokens_per_second", NAN);
    s->is_out = json_is_true(json_object_get(o, "out"));
    get_words(o, "paid", s->paid, sizeof s->paid);
    take_steps(o, s);
    json_decref(o);
}

bool run_progress_load(const char *path, run_progress *out)
{
    json_t *o;
    if (!file_exists(path) || json_file_load(path, &o, NULL) != TRI_OK) return false;
    get_words(o, "what", out->what, sizeof out->what);
    get_words(o, "unit", out->unit, sizeof out->unit);
    out->at = get_count(o, "at");
    out->extent = get_count(o, "extent");
    out->items = get_count(o, "items");
    out->begun = get_count(o, "begun");
    out->there = get_count(o, "there");
    out->tokens = get_count(o, "tokens");
    out->seconds = get_number(o, "seconds", 0);
    json_decref(o);
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static tri_status load_sessions(run_board *b, tri_error *err)
{
    char path[LIMIT_PATH];
    json_t *o, *session;
    size_t i;
    TRI_TRY(path_in(b, "sessions.json", path, err));
    if (!file_exists(path)) return TRI_OK;
    tri_status st = json_file_load(path, &o, err);
    if (st) return err_hint(err, st, "it tells what was spent: without it the budget begins anew");
    json_array_foreach(json_object_get(o, "sessions"), i, session)
    {
        if (b->n_sessions == RUN_SESSIONS_MAX) break;
        b->sessions[2 * b->n_sessions] = get_number(session, "started", 0);
        b->sessions[2 * b->n_sessions + 1] = get_number(session, "last", 0);
        b->first_results[b->n_sessions++] = get_number(session, "first_result", NAN);
    }
    b->n_paid = get_count(o, "submissions");
    b->noted = get_number(o, "ledger", 0);
    get_words(o, "hooked", b->hooked, sizeof b->hooked);
    json_decref(o);
    return TRI_OK;
}

static void load_devices(run_board *b)
{
    char path[LIMIT_PATH];
    json_t *array, *o;
    size_t i;
    if (path_in(b, "devices.json", path, NULL) || !file_exists(path) || json_file_load(path, &array, NULL) != TRI_OK) return;
    json_array_foreach(array, i, o)
    {
        const char *device = json_string_value(json_object_get(o, "device"));
        if (i >= b->n_slots || !device || strcmp(device, b->slots[i].device) != 0) continue;
        run_slot *slot = &b->slots[i];
        slot->busy_seconds = get_number(o, "busy_seconds", 0);
        double items = get_number(o, "items_per_second", 0) * slot->busy_seconds;
        double tokens = get_number(o, "tokens_per_second", 0) * slot->busy_seconds;
        slot->items = items > 0 && items < 1e18 ? (uint64_t)items : 0;
        slot->tokens = tokens > 0 && tokens < 1e18 ? (uint64_t)tokens : 0;
    }
    json_decref(array);
}

/* run.json of an earlier runner: since when, and over the same texts? */
static tri_status check_facts(run_board *b, const char *path, tri_error *err)
{
    json_t *o;
    char hash[RUN_HASH];
    if (!file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, &o, err));
    b->started = get_number(o, "started", b->started);
    get_words(o, "data_hash", hash, sizeof hash);
    json_decref(o);
    if (!hash[0] || strcmp(hash, b->data_hash) == 0) return TRI_OK;
    err_set(err, TRI_ERR_MISMATCH, "%s holds runs over another corpus or other queries (data %s, now %s)", b->dir, hash,
            b->data_hash);
    return err_hint(err, TRI_ERR_MISMATCH, "name another folder with --out, or remove this one");
}

static tri_status save_facts(run_board *b, const char *path, tri_error *err)
{
    const plan *p = b->p;
    json_t *o = json_object(), *devices = json_array(), *names = json_array();
    for (size_t i = 0; i < b->n_slots; i++) add(devices, json_string(b->slots[i].device));
    for (size_t i = 0; i < b->n_jobs; i++) add(names, json_string(strrchr(b->jobs[i].dir, '/') + 1));
    set(o, "name", json_string(p->name));
    set(o, "plan", json_string(p->path));
    set(o, "plan_hash", json_string(b->plan_hash));
    set(o, "data_hash", json_string(b->data_hash));
    set(o, "started", json_real(b->started));
    set(o, "deadline", b->deadline > 0 ? json_real(b->deadline) : json_null());
    set(o, "budget", p->budget >= 0 ? json_real(p->budget) : json_null());
    set(o, "price_per_hour", p->bill == PLAN_BILL_SUBMISSION ? json_null() : json_real(p->price));
    set(o, "price", json_real(p->price));
    set(o, "bill", json_string(plan_bill_word(p->bill)));
    set(o, "devices", devices);
    set(o, "jobs", names);
    set(o, "metrics", words(p->metrics));
    return write_json(path, o, true, err);
}

/* An attempt that its runner did not live to count: so much as its child had told. */
static void take_killed(run_board *b, run_job *job)
{
    run_progress told = {0};
    run_status *s = &job->status;
    run_child_await_old(s->pid, job->progress_path);
    if (!run_progress_load(job->progress_path, &told) || strcmp(told.what, s->step) != 0 || told.seconds <= 0) return;
    double last = b->n_sessions > 1 ? b->sessions[2 * (b->n_sessions - 2) + 1] : b->started;
    job->session_began = last - told.seconds;
    run_count_time(b, job, told.seconds, true);
    run_count_partial(job, s->step, told.seconds);
    s->state = RUN_STOPPED;
    snprintf(s->error, sizeof s->error, "%s", "killed with its runner");
    run_ledger_note(b, job);
    job->session_began = job->session_seconds = job->session_money = 0;
}

static bool is_lost(const run_board *b, const run_job *job, const run_step *step)
{
    char folder[LIMIT_PATH];
    const char *file = step->makes ? step->makes : step->stdout_to;
    if (job->version) return file && !file_exists(file);
    return file_join(folder, sizeof folder, b->dir, job->name) == TRI_OK && !file_is_dir(folder);
}

/* A step whose file somebody has removed since is not done. */
static void forget_lost(run_board *b, run_job *job)
{
    run_status *s = &job->status;
    for (size_t i = 0; i < job->n_steps; i++) {
        if (!run_step_is_done(job, i) || !is_lost(b, job, &job->steps[i])) continue;
        size_t at = 0;
        while (strcmp(s->steps[at].name, job->steps[i].name) != 0) at++;
        s->steps[at] = s->steps[--s->n_steps];
    }
}

static tri_status open_jobs(run_board *b, tri_error *err)
{
    for (size_t i = 0; i < b->n_jobs; i++) {
        run_job *job = &b->jobs[i];
        TRI_TRY(file_make_dirs(job->dir, err));
        load_status(job);
        if (job->status.state == RUN_RUNNING) take_killed(b, job);
        job->status.pid = 0;
        forget_lost(b, job);
        if (job->version) TRI_TRY(save_config(b, job, err));
    }
    return TRI_OK;
}

static tri_status take_lock(run_board *b, tri_error *err)
{
    char path[LIMIT_PATH];
    long holder = 0;
    TRI_TRY(path_in(b, "lock", path, err));
    tri_status st = lock_file_wait(path, 300, &b->lock, err); /* `run status` has it for a moment, too */
    if (st == TRI_ERR_STATE) st = lock_file_take(path, &b->lock, &holder, err);
    if (st != TRI_ERR_STATE) return st;
    err_set(err, st, "%s is being run already, by process %ld", b->dir, holder);
    return err_hint(err, st, "`trident run status %s` shows how far it is", b->dir);
}

tri_status run_folder_open(run_board *b, tri_error *err)
{
    char path[LIMIT_PATH];
    json_route_memory();
    TRI_TRY(take_lock(b, err));
    b->started = run_now();
    TRI_TRY(path_in(b, "run.json", path, err));
    TRI_TRY(check_facts(b, path, err));
    b->deadline = b->p->deadline_at > 0 ? b->p->deadline_at : b->p->deadline_after > 0 ? b->started + b->p->deadline_after : 0;
    TRI_TRY(save_facts(b, path, err));
    TRI_TRY(path_in(b, "plan.yaml", path, err));
    TRI_TRY(file_save(path, b->p->text.data, b->p->text.len, err));
    TRI_TRY(load_sessions(b, err));
    load_devices(b);
    TRI_TRY(run_session_begin(b, err));
    TRI_TRY(run_sessions_save(b, err));
    return open_jobs(b, err);
}
