/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ledger.c — `trident ledger`: what ran, how long, for how much, how well; and what it all cost. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/number.h"
#include "cli/json_out.h"
#include "cli/text_table.h"
#include "lab/ledger.h"

struct ledger_args {
    const char *ledger, *name;
    size_t last;
};

#define FIELD(field) offsetof(struct ledger_args, field)
static const flag flags[] = {{"ledger", 0, FLAG_TEXT, "FILE", NULL,
                              "the ledger's file (default: $TRIDENT_LEDGER, else ~/.local/state/trident/ledger.db)",
                              FIELD(ledger)},
                             {"name", 0, FLAG_TEXT, "NAME", NULL, "only rows of this version or submission", FIELD(name)},
                             {"last", 0, FLAG_COUNT, "N", "0", "only the newest N rows; 0 shows all", FIELD(last)},
                             FLAG_END};

enum { N_COLUMNS = 10 };

typedef struct span {
    double began, ended, rate;
} span;

typedef struct view {
    const struct ledger_args *args;
    bool json;
    size_t skip, seen, shown; /* of the rows that args->name asks for */
    double seconds, billed, price, started_hours, started_hours_price;
    span *spans; /* of rows that have a price an hour */
    size_t n_spans, cap_spans;
    text_table table;
    buf out;
} view;

static bool asked_for(const view *v, const ledger_entry *e)
{
    return !v->args->name || (e->name && strcmp(e->name, v->args->name) == 0);
}

static void say_when(double seconds, char out[24])
{
    struct tm parts;
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, &parts) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) snprintf(out, 24, "?");
}

static int by_beginning(const void *a, const void *b)
{
    double x = ((const span *)a)->began, y = ((const span *)b)->began;
    return (x > y) - (x < y);
}

/* Renting by the hour charges every started one; what runs in an hour that is paid for adds nothing. Rows come as they end. */
static void count_hours(view *v)
{
    double paid_until = -INFINITY;
    if (v->n_spans) qsort(v->spans, v->n_spans, sizeof *v->spans, by_beginning);
    for (size_t i = 0; i < v->n_spans; i++) {
        const span *s = &v->spans[i];
        double begin = fmax(s->began, paid_until), hours = s->ended > begin ? ceil((s->ended - begin) / 3600) : 0;
        if (hours <= 0) continue;
        paid_until = begin + hours * 3600;
        v->started_hours += hours;
        v->started_hours_price += hours * s->rate;
    }
}

static tri_status add_up(view *v, const ledger_entry *e)
{
    v->shown++;
    v->seconds += e->seconds;
    v->billed += e->billed;
    v->price += e->price;
    if (e->rate <= 0) return TRI_OK;
    if (v->n_spans == v->cap_spans) {
        span *more = mem_realloc(v->spans, (2 * v->cap_spans + 16) * sizeof *more);
        if (!more) return TRI_ERR_MEMORY;
        v->spans = more;
        v->cap_spans = 2 * v->cap_spans + 16;
    }
    v->spans[v->n_spans++] = (span){e->began, e->began + e->seconds, e->rate};
    return TRI_OK;
}

/* ---- one row -------------------------------------------------------------------------------------------------------- */

/* "ndcg@10 0.9609": the first of {"ndcg@10": 0.96089364363776231, ...}. */
static tri_status first_metric(view *v, const ledger_entry *e)
{
    double value;
    const char *name = e->metrics ? strchr(e->metrics, '"') : NULL, *end = name ? strchr(name + 1, '"') : NULL;
    const char *number = end ? end + 1 + strspn(end + 1, ": ") : NULL;
    if (!number || !number_parse_f64(number, strcspn(number, ",} "), &value)) return text_table_cell(&v->table, "-");
    return text_table_format(&v->table, "%.*s %.4f", (int)(end - name - 1), name + 1, value);
}

static tri_status text_row(view *v, const ledger_entry *e)
{
    char when[24];
    say_when(e->began, when);
    TRI_TRY(text_table_format(&v->table, "%" PRId64, e->id));
    TRI_TRY(text_table_cell(&v->table, when));
    const char *words[3] = {e->name, e->device, e->outcome};
    for (int i = 0; i < 3; i++) TRI_TRY(text_table_cell(&v->table, words[i] ? words[i] : "-"));
    TRI_TRY(first_metric(v, e));
    TRI_TRY(text_table_cell(&v->table, e->note ? e->note : "-"));
    TRI_TRY(text_table_format(&v->table, "%.1f", e->seconds / 60));
    TRI_TRY(text_table_format(&v->table, "%.1f", e->billed));
    return text_table_format(&v->table, "%.2f", e->price);
}

static tri_status json_text(buf *b, const char *name, const char *value)
{
    TRI_TRY(buf_printf(b, ", \"%s\": ", name));
    return json_out_str(b, value);
}

static tri_status json_number(buf *b, const char *name, double value)
{
    TRI_TRY(buf_printf(b, ", \"%s\": ", name));
    return json_out_f64(b, value);
}

static tri_status json_row(view *v, const ledger_entry *e)
{
    char when[24];
    buf *b = &v->out;
    say_when(e->began, when);
    TRI_TRY(buf_printf(b, "%s\n  {\"id\": %" PRId64 ", \"began\": \"%s\"", v->shown ? "," : "", e->id, when));
    TRI_TRY(json_text(b, "name", e->name));
    TRI_TRY(json_text(b, "device", e->device));
    TRI_TRY(json_text(b, "outcome", e->outcome));
    TRI_TRY(json_number(b, "seconds", e->seconds));
    TRI_TRY(json_number(b, "billed_minutes", e->billed));
    TRI_TRY(json_number(b, "price_per_hour", e->rate));
    TRI_TRY(json_number(b, "price", e->price));
    TRI_TRY(buf_printf(b, ", \"metrics\": %s", e->metrics ? e->metrics : "null"));
    TRI_TRY(json_text(b, "command", e->command));
    TRI_TRY(json_text(b, "config_hash", e->config_hash));
    TRI_TRY(json_text(b, "data_hash", e->data_hash));
    TRI_TRY(json_text(b, "note", e->note));
    return buf_byte(b, '}');
}

static tri_status count_row(void *ctx, const ledger_entry *e, tri_error *err)
{
    view *v = ctx;
    (void)err;
    v->seen += asked_for(v, e);
    return TRI_OK;
}

static tri_status show_row(void *ctx, const ledger_entry *e, tri_error *err)
{
    view *v = ctx;
    if (!asked_for(v, e) || v->seen++ < v->skip) return cli_check_stop(err);
    bool ok = (v->json ? json_row(v, e) : text_row(v, e)) == TRI_OK && add_up(v, e) == TRI_OK;
    return ok ? TRI_OK : err_memory(err, v->out.len);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static tri_status end_text(view *v, const char *path)
{
    if (v->shown == 0) return buf_printf(&v->out, "no rows in %s\n", path);
    TRI_TRY(text_table_print(&v->table, &v->out));
    TRI_TRY(buf_printf(&v->out, "\n%zu rows, %.1f minutes used, %.1f billed, %.2f paid, %.2f each\n", v->shown, v->seconds / 60,
                       v->billed, v->price, v->price / (double)v->shown));
    if (v->started_hours_price <= 0) return TRI_OK;
    return buf_printf(&v->out, "by the started hour it would have been %.0f hour%s and %.2f\n", v->started_hours,
                      v->started_hours == 1 ? "" : "s", v->started_hours_price);
}

static tri_status end_json(view *v, const char *path)
{
    TRI_TRY(buf_printf(&v->out, "%s], \"totals\": {\"rows\": %zu", v->shown ? "\n" : "", v->shown));
    TRI_TRY(json_number(&v->out, "seconds", v->seconds));
    TRI_TRY(json_number(&v->out, "billed_minutes", v->billed));
    TRI_TRY(json_number(&v->out, "price", v->price));
    TRI_TRY(json_number(&v->out, "price_by_started_hours", v->started_hours_price));
    TRI_TRY(buf_str(&v->out, "}"));
    TRI_TRY(json_text(&v->out, "ledger", path));
    return buf_str(&v->out, "}\n");
}

static tri_status begin(view *v)
{
    static const char *const heads[N_COLUMNS] = {"#",      "began", "name",    "device", "outcome",
                                                 "metric", "note",  "minutes", "billed", "price"};
    if (v->json) return buf_str(&v->out, "{\"entries\": [");
    v->table.n_left = 7;
    for (int i = 0; i < N_COLUMNS; i++) TRI_TRY(text_table_cell(&v->table, heads[i]));
    return TRI_OK;
}

static tri_status show(view *v, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(ledger_find(v->args->ledger, path, sizeof path, err));
    if (v->args->last > 0) {
        TRI_TRY(ledger_read(path, count_row, v, err));
        v->skip = v->seen > v->args->last ? v->seen - v->args->last : 0;
        v->seen = 0;
    }
    if (begin(v) != TRI_OK) return err_memory(err, v->out.len);
    TRI_TRY(ledger_read(path, show_row, v, err));
    count_hours(v);
    if ((v->json ? end_json(v, path) : end_text(v, path)) != TRI_OK) return err_memory(err, v->out.len);
    return cli_print(&v->out, err);
}

static tri_status run(cli *c, tri_error *err)
{
    view v = {.args = c->options, .json = c->shared.json};
    buf_init(&v.out, 0);
    text_table_init(&v.table, N_COLUMNS);
    tri_status st = show(&v, err);
    text_table_drop(&v.table);
    buf_drop(&v.out);
    mem_free(v.spans);
    return st;
}

const cli_command cmd_ledger = {
    .name = "ledger",
    .summary = "what ran, how long, for how much and how well",
    .usage = "[--name NAME] [--last N]",
    .notes =
        "`trident run` writes a row for each version and index that a start worked on, and one with the plan's name for what "
        "rounding and idle devices add: their prices come to what was spent. `trident check --force` writes one for each "
        "override; other commands write none. Times are UTC.",
    .examples = {"trident ledger --last 20", "trident ledger --name v2 --json"},
    .flags = flags,
    .options_size = sizeof(struct ledger_args),
    .shared = SETUP_JSON,
    .run = run,
};
