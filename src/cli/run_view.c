/* SPDX-License-Identifier: Apache-2.0 */
/* run_view.c — see run_view.h. One JSON object is made of the folder's files; --json prints it, the table is drawn from it.
 *
 *   {"name", "state", "versions": [...status.json, with "metrics"...], "indexes": [...], "devices": [...], "starts",
 *    "first_start", "second_start": seconds to the first result, of the last start but the first that had one
 *    "time": {"started", "deadline", "deadline_left", "left", "left_is_lower_bound", "finish", "is_late"},
 *    "money": {"spent", "budget", "left", "price", "bill", "minutes"}}
 *
 * Without a runner nothing is queued or running, whatever status.json says: it is stopped, "is_killed" where it was at work. */
#include "cli/run_view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/lock_file.h"
#include "cli/text_table.h"
#include "formats/json.h"

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A file of the folder; NULL when it is not there yet. */
static tri_status load(const char *dir, const char *a, const char *b, json_t **out, tri_error *err)
{
    char path[LIMIT_PATH];
    int n = snprintf(path, sizeof path, "%s/%s%s%s", dir, a, b ? "/" : "", b ? b : "");
    *out = NULL;
    if (n < 0 || (size_t)n >= sizeof path) return err_set(err, TRI_ERR_LIMIT, "the path of %s is too long", dir);
    return file_exists(path) ? json_file_load(path, out, err) : TRI_OK;
}

static double get_number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *get_words(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static bool is_at_work(const char *state)
{
    return strcmp(state, "queued") == 0 || strcmp(state, "running") == 0;
}

static tri_status add_metrics(const char *dir, const char *folder, json_t *version, tri_error *err)
{
    json_t *all, *run;
    const char *name;
    TRI_TRY(load(dir, folder, "metrics.json", &all, err));
    json_object_foreach(all, name, run)
    {
        json_object_set(version, "metrics", json_object_get(run, "metrics"));
        break;
    }
    json_decref(all);
    return TRI_OK;
}

/* Nobody is at work on it any more. */
static void settle_state(json_t *job)
{
    if (!is_at_work(get_words(job, "state"))) return;
    json_object_set_new(job, "is_killed", json_boolean(strcmp(get_words(job, "state"), "running") == 0));
    json_object_set_new(job, "state", json_string("stopped"));
    json_object_set_new(job, "pid", json_null());
}

static tri_status add_jobs(const char *dir, const json_t *facts, bool is_up, json_t *view, tri_error *err)
{
    size_t i;
    json_t *name, *versions = json_array(), *indexes = json_array();
    tri_status st = TRI_OK;
    json_array_foreach(json_object_get(facts, "jobs"), i, name)
    {
        const char *folder = json_string_value(name);
        json_t *status = NULL;
        bool is_index = folder && strncmp(folder, "index-", 6) == 0;
        if (!st && folder) st = load(dir, folder, "status.json", &status, err);
        if (st || !folder) continue;
        if (!status) status = json_pack("{s:s, s:s}", "name", folder, "state", "queued"); /* killed before it was written */
        if (!is_up) settle_state(status);
        if (!is_index) st = add_metrics(dir, folder, status, err);
        json_array_append_new(is_index ? indexes : versions, status);
    }
    json_object_set_new(view, "versions", versions);
    json_object_set_new(view, "indexes", indexes);
    return st;
}

/* ---- figures ------------------------------------------------------------------------------------------------------ */

/* Seconds until the jobs that are not done are, over so many devices; unknown forecasts make it a lower bound. */
static double time_left(const json_t *view, size_t n_devices, bool *is_bound)
{
    static const char *const lists[] = {"indexes", "versions"};
    double sum = 0, longest = 0;
    *is_bound = false;
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        json_t *job;
        json_array_foreach(json_object_get(view, lists[k]), i, job)
        {
            if (!is_at_work(get_words(job, "state"))) continue;
            double left = get_number(job, "left");
            if (isnan(left)) {
                *is_bound = true;
                continue;
            }
            sum += left;
            if (left > longest) longest = left;
        }
    }
    sum /= n_devices ? (double)n_devices : 1;
    return sum > longest ? sum : longest;
}

static void add_time(const json_t *facts, json_t *view, bool is_up)
{
    bool is_bound;
    size_t n_devices = json_array_size(json_object_get(facts, "devices"));
    double now = now_seconds(), left = time_left(view, n_devices, &is_bound), deadline = get_number(facts, "deadline");
    json_t *o = json_object();
    json_object_set_new(o, "started", number(get_number(facts, "started")));
    json_object_set_new(o, "deadline", number(deadline));
    json_object_set_new(o, "deadline_left", number(deadline - now));
    json_object_set_new(o, "left", number(left));
    json_object_set_new(o, "left_is_lower_bound", json_boolean(is_bound));
    json_object_set_new(o, "finish", number(is_up ? now + left : NAN));
    json_object_set_new(o, "is_late", json_boolean(now + left > deadline));
    json_object_set_new(view, "time", o);
}

static void add_money(const json_t *facts, const json_t *sessions, json_t *view)
{
    json_t *o = json_object(), *session;
    double seconds = 0, spent = get_number(sessions, "spent"), budget = get_number(facts, "budget"), second = NAN;
    size_t i, n = json_array_size(json_object_get(sessions, "sessions"));
    json_array_foreach(json_object_get(sessions, "sessions"), i, session)
    {
        seconds += get_number(session, "last") - get_number(session, "started");
        double first = get_number(session, "first_result");
        if (i > 0 && !isnan(first)) second = first; /* of the last start that had any work */
        if (i == 0) json_object_set_new(view, "first_start", number(first));
    }
    json_object_set_new(o, "spent", number(spent));
    json_object_set_new(o, "budget", number(budget));
    json_object_set_new(o, "left", number(budget - spent));
    json_object_set_new(o, "price", number(get_number(facts, "price")));
    json_object_set_new(o, "bill", json_string(get_words(facts, "bill")));
    json_object_set_new(o, "minutes", number(seconds / 60));
    json_object_set_new(view, "money", o);
    json_object_set_new(view, "starts", json_integer((json_int_t)n));
    json_object_set_new(view, "second_start", number(second));
}

static bool is_runner_up(const char *dir)
{
    char path[LIMIT_PATH];
    return file_join(path, sizeof path, dir, "lock") == TRI_OK && lock_file_is_taken(path);
}

/* Of a run that nobody runs: done, failed when no version waits any more and one has failed, else stopped. */
static const char *end_state(const json_t *view)
{
    size_t i;
    json_t *job;
    const char *state = "done";
    json_array_foreach(json_object_get(view, "versions"), i, job)
    {
        const char *one = get_words(job, "state");
        if (strcmp(one, "failed") == 0) state = "failed";
        if (strcmp(one, "failed") != 0 && strcmp(one, "done") != 0) return "stopped";
    }
    return state;
}

static tri_status make_view(const char *dir, json_t **out, tri_error *err)
{
    json_t *facts, *sessions = NULL, *devices = NULL, *view;
    json_route_memory();
    TRI_TRY(load(dir, "run.json", NULL, &facts, err));
    if (!facts) {
        err_set(err, TRI_ERR_NOT_FOUND, "%s is no run's folder: there is no run.json in it", dir);
        return err_hint(err, TRI_ERR_NOT_FOUND, "`trident run PLAN.yaml --out %s` makes one", dir);
    }
    bool is_up = is_runner_up(dir);
    view = json_object();
    tri_status st = load(dir, "sessions.json", NULL, &sessions, err);
    if (!st) st = load(dir, "devices.json", NULL, &devices, err);
    if (!st) st = add_jobs(dir, facts, is_up, view, err);
    if (!st) {
        json_object_set_new(view, "name", json_string(get_words(facts, "name")));
        json_object_set_new(view, "state", json_string(is_up ? "running" : end_state(view)));
        json_object_set(view, "devices", devices);
        add_time(facts, view, is_up);
        add_money(facts, sessions, view);
    }
    json_decref(facts);
    json_decref(sessions);
    json_decref(devices);
    if (st)
        json_decref(view);
    else
        *out = view;
    return st;
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

static void span_words(double seconds, char out[32])
{
    uint64_t s = seconds > 0 && seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 0;
    if (isnan(seconds))
        snprintf(out, 32, "?");
    else if (s >= 3600)
        snprintf(out, 32, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 32, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static tri_status number_cell(text_table *t, const char *format, double value)
{
    char text[48];
    snprintf(text, sizeof text, "%s", "-");
    if (isfinite(value)) snprintf(text, sizeof text, "%.*g", format[0] - '0', value);
    return text_table_cell(t, text);
}

static tri_status progress_cell(text_table *t, const json_t *job)
{
    double total = get_number(job, "total"), done = get_number(job, "done");
    if (strcmp(get_words(job, "state"), "done") == 0) return text_table_cell(t, "100 %");
    if (!(total > 0)) return text_table_cell(t, "-");
    return text_table_format(t, "%.0f %%", 100 * done / total);
}

static tri_status metric_cell(text_table *t, const json_t *job)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(job, "metrics"), name, value) return text_table_format(t, "%s %.4f", name,
                                                                                               json_number_value(value));
    return text_table_cell(t, "-");
}

static tri_status job_row(text_table *t, const json_t *job)
{
    char span[32];
    TRI_TRY(text_table_cell(t, get_words(job, "name")));
    TRI_TRY(text_table_cell(t, json_is_true(json_object_get(job, "is_killed")) ? "killed" : get_words(job, "state")));
    TRI_TRY(text_table_cell(t, get_words(job, "step")[0] ? get_words(job, "step") : "-"));
    TRI_TRY(text_table_cell(t, get_words(job, "device")[0] ? get_words(job, "device") : "-"));
    TRI_TRY(progress_cell(t, job));
    span_words(get_number(job, "seconds"), span);
    TRI_TRY(text_table_cell(t, span));
    span_words(get_number(job, "left"), span);
    TRI_TRY(text_table_cell(t, is_at_work(get_words(job, "state")) ? span : "-"));
    TRI_TRY(number_cell(t, "4", get_number(job, "money")));
    return metric_cell(t, job);
}

static tri_status jobs_table(const json_t *view, buf *out)
{
    static const char *const heads[] = {"version", "state", "step", "device", "progress", "time", "left", "money", "metric"};
    static const char *const lists[] = {"indexes", "versions"};
    text_table t;
    text_table_init(&t, sizeof heads / sizeof *heads);
    t.n_left = 4;
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < t.n_columns; i++) st = text_table_cell(&t, heads[i]);
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        json_t *job;
        json_array_foreach(json_object_get(view, lists[k]), i, job) if (!st) st = job_row(&t, job);
    }
    if (!st) st = text_table_print(&t, out);
    text_table_drop(&t);
    return st;
}

static tri_status device_line(const json_t *d, buf *out)
{
    double clock = get_number(d, "clock_mhz"), most = get_number(d, "clock_max_mhz"), degrees = get_number(d, "temperature");
    double tokens = get_number(d, "tokens_per_second"), items = get_number(d, "items_per_second");
    TRI_TRY(buf_printf(out, "%-10s %s", get_words(d, "device"), get_words(d, "job")[0] ? get_words(d, "job") : "idle"));
    if (isfinite(tokens)) TRI_TRY(buf_printf(out, ", %.0f tokens/s, %.1f texts/s", tokens, items));
    if (isfinite(degrees)) TRI_TRY(buf_printf(out, ", %.0f °C", degrees));
    if (isfinite(clock)) TRI_TRY(buf_printf(out, ", %.0f of %.0f MHz", clock, most));
    if (json_is_true(json_object_get(d, "throttled"))) {
        TRI_TRY(buf_printf(out, ", throttled: %.0f %% of its clock", 100 * clock / most));
        if (isfinite(degrees)) TRI_TRY(buf_printf(out, " at %.0f °C", degrees));
    }
    return buf_byte(out, '\n');
}

static tri_status money_lines(const json_t *view, buf *out)
{
    const json_t *money = json_object_get(view, "money"), *hours = json_object_get(view, "time");
    double budget = get_number(money, "budget"), deadline = get_number(hours, "deadline_left");
    char left[32], span[32];
    span_words(get_number(hours, "left"), left);
    TRI_TRY(buf_printf(out, "time   %.1f min in %d start%s, %s%s left by forecast", get_number(money, "minutes"),
                       (int)get_number(view, "starts"), get_number(view, "starts") == 1 ? "" : "s",
                       json_is_true(json_object_get(hours, "left_is_lower_bound")) ? "at least " : "", left));
    if (isfinite(deadline)) {
        span_words(fabs(deadline), span);
        TRI_TRY(buf_printf(out, "; deadline %s %s%s", deadline < 0 ? "passed by" : "in", span,
                           json_is_true(json_object_get(hours, "is_late")) ? ": TOO LATE by forecast" : ""));
    }
    TRI_TRY(buf_printf(out, "\nmoney  %.4g spent", get_number(money, "spent")));
    if (isfinite(budget)) TRI_TRY(buf_printf(out, " of %.4g", budget));
    TRI_TRY(buf_printf(out, ", billed by the %s at %.4g/%s\n", get_words(money, "bill"), get_number(money, "price"),
                       strcmp(get_words(money, "bill"), "submission") == 0 ? "submission" : "h"));
    double second = get_number(view, "second_start"), first = get_number(view, "first_start");
    if (isfinite(first)) TRI_TRY(buf_printf(out, "first start: %.1f s from start to first result\n", first));
    if (isfinite(second))
        TRI_TRY(buf_printf(out, "second start: %.1f s from start to first result, %s 3 minutes\n", second,
                           second < 180 ? "under" : "over"));
    return TRI_OK;
}

static tri_status errors(const json_t *view, buf *out)
{
    static const char *const lists[] = {"indexes", "versions"};
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        json_t *job;
        json_array_foreach(json_object_get(view, lists[k]), i, job) if (get_words(job, "error")[0])
            TRI_TRY(buf_printf(out, "%s: %s\n", get_words(job, "name"), get_words(job, "error")));
    }
    return TRI_OK;
}

static tri_status draw(const json_t *view, buf *out)
{
    size_t i;
    json_t *device;
    TRI_TRY(buf_printf(out, "%s: %s\n\n", get_words(view, "name"), get_words(view, "state")));
    TRI_TRY(jobs_table(view, out));
    TRI_TRY(buf_byte(out, '\n'));
    TRI_TRY(errors(view, out));
    TRI_TRY(money_lines(view, out));
    json_array_foreach(json_object_get(view, "devices"), i, device) TRI_TRY(device_line(device, out));
    return TRI_OK;
}

/* ---- printing ----------------------------------------------------------------------------------------------------- */

static int append(const char *text, size_t len, void *ctx)
{
    return buf_append(ctx, text, len) == TRI_OK ? 0 : -1;
}

static tri_status print_view(cli *c, const json_t *view, tri_error *err)
{
    buf text;
    buf_init(&text, 0);
    bool ok = c->shared.json
                  ? json_dump_callback(view, append, &text, JSON_REAL_PRECISION(17)) == 0 && buf_byte(&text, '\n') == TRI_OK
                  : draw(view, &text) == TRI_OK;
    tri_status st = ok ? cli_print(&text, err) : err_memory(err, text.len);
    buf_drop(&text);
    return st;
}

static tri_status show(cli *c, const char *dir, bool *is_over, tri_error *err)
{
    json_t *view;
    TRI_TRY(make_view(dir, &view, err));
    *is_over = strcmp(get_words(view, "state"), "running") != 0;
    tri_status st = print_view(c, view, err);
    json_decref(view);
    return st;
}

tri_status run_view_print(cli *c, const char *dir, tri_error *err)
{
    bool is_over;
    return show(c, dir, &is_over, err);
}

tri_status run_view_status(cli *c, const char *dir, double seconds, tri_error *err)
{
    bool is_over = true;
    if (seconds < 0.1) return cli_usage(c, err, "--watch takes seconds, 0.1 at least");
    for (;;) {
        TRI_TRY(show(c, dir, &is_over, err));
        if (isnan(seconds) || is_over) return TRI_OK;
        struct timespec step = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
        nanosleep(&step, NULL);
        TRI_TRY(cli_check_stop(err));
    }
}
