/* SPDX-License-Identifier: Apache-2.0 */
/* advise_view.c — every line says whether it was measured or is an estimate; what was left out of it is told under the table.
 * */
#include "cli/advise_view.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/json_out.h"
#include "cli/text_table.h"

static const double gib = 1024.0 * 1024 * 1024;
static const size_t rule_lengths[] = {128, 512, 2048, 8192};
enum { N_LENGTHS = sizeof rule_lengths / sizeof *rule_lengths };

static void duration(char out[32], double seconds)
{
    double s = fmin(seconds, 1e15);
    if (s < 60)
        snprintf(out, 32, "%.1f s", s);
    else if (s < 3600)
        snprintf(out, 32, "%.0f min", s / 60);
    else if (s < 48 * 3600)
        snprintf(out, 32, "%.1f h", s / 3600);
    else
        snprintf(out, 32, "%.1f days", s / 86400);
}

/* The budget that the batches are shown for: of the chosen machine, else of the first card that fits. */
static size_t shown_budget(const advise_view *v)
{
    if (v->chosen >= 0 && v->lines[v->chosen].budget) return v->lines[v->chosen].budget;
    for (size_t i = 0; i < v->n; i++)
        if (v->lines[i].budget) return v->lines[i].budget;
    return 0;
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

static tri_status work_line(const char *what, const advice_work *w, buf *out)
{
    if (!w->model || w->texts == 0) return TRI_OK;
    return buf_printf(out, "%-11s %.0f of %.0f tokens (longest %zu): %.3g tokens, %.3g TFLOP by %s\n", what, w->texts,
                      w->length, w->longest, w->texts * w->length, advice_ops(w) / 1e12, w->model->name);
}

static tri_status device_table(const advise_view *v, text_table *t)
{
    static const char *const heads[] = {"device",       "basis",    "precision", "memory GiB", "needs",
                                        "batch tokens", "tokens/s", "time",      "price",      "deadline"};
    text_table_init(t, sizeof heads / sizeof *heads);
    t->n_left = 3;
    for (size_t i = 0; i < t->n_columns; i++) TRI_TRY(text_table_cell(t, heads[i]));
    for (size_t i = 0; i < v->n; i++) {
        const advice_line *l = &v->lines[i];
        char time[32];
        duration(time, l->seconds);
        TRI_TRY(text_table_cell(t, l->title));
        TRI_TRY(text_table_cell(t, l->measured ? "measured" : "estimated"));
        TRI_TRY(text_table_cell(t, l->precision));
        TRI_TRY(text_table_format(t, "%.1f", l->memory / gib));
        TRI_TRY(text_table_format(t, "%.1f", l->needs / gib));
        TRI_TRY(l->fits ? text_table_format(t, "%zu", l->budget) : text_table_cell(t, "too small"));
        TRI_TRY(l->fits ? text_table_format(t, "%.0f", l->tokens_per_s) : text_table_cell(t, "-"));
        TRI_TRY(text_table_cell(t, l->fits ? time : "-"));
        TRI_TRY(isnan(l->price) ? text_table_cell(t, "-") : text_table_format(t, "%.2f", l->price));
        TRI_TRY(text_table_cell(t, v->job->deadline == 0 ? "-" : l->holds ? "holds" : l->fits ? "MISSED" : "-"));
    }
    return TRI_OK;
}

static tri_status batch_table(const advise_view *v, text_table *t, size_t budget)
{
    static const char *const heads[] = {"tokens a text", "rule's batch", "its tokens", "texts in the token budget"};
    text_table_init(t, sizeof heads / sizeof *heads);
    for (size_t i = 0; i < t->n_columns; i++) TRI_TRY(text_table_cell(t, heads[i]));
    for (size_t i = 0; i < N_LENGTHS; i++) {
        size_t length = rule_lengths[i], batch = advice_rule_batch((double)length);
        if (length > v->max_length) break;
        TRI_TRY(text_table_format(t, "%zu", length));
        TRI_TRY(text_table_format(t, "%zu", batch));
        TRI_TRY(text_table_format(t, "%zu", batch * length));
        TRI_TRY(text_table_format(t, "%zu", budget / length));
    }
    return TRI_OK;
}

static tri_status show_batches(const advise_view *v, buf *out)
{
    text_table t;
    size_t budget = shown_budget(v);
    if (!budget) return TRI_OK;
    TRI_TRY(buf_printf(
        out,
        "\nbatch by length: the rule (32 texts under 512 tokens, 16 under 2048, else 8), and the budget of %zu tokens "
        "that replaces it\n",
        budget));
    tri_status st = batch_table(v, &t, budget);
    if (!st) st = text_table_print(&t, out);
    text_table_drop(&t);
    return st;
}

static tri_status show_devices(const advise_view *v, buf *out)
{
    text_table t;
    tri_status st = device_table(v, &t);
    if (!st) st = text_table_print(&t, out);
    text_table_drop(&t);
    return st;
}

static tri_status show_rule(const advise_view *v, buf *out)
{
    double rule = 0;
    for (size_t i = 0; i < v->n; i++) rule = fmax(rule, v->lines[i].rule_gib);
    if (rule == 0) return TRI_OK;
    TRI_TRY(buf_printf(out, "rule of thumb for this job: a card of %.0f GB or more", rule));
    bool any = false;
    for (size_t i = 0; i < v->n; i++) {
        const advice_line *l = &v->lines[i];
        if (!l->rule_gib || !l->fits || l->memory / gib >= rule) continue;
        TRI_TRY(buf_printf(out, "%s%s", any ? ", " : "; by the bytes counted here it also fits ", l->title));
        any = true;
    }
    TRI_TRY(buf_byte(out, '\n'));
    any = false;
    for (size_t i = 0; i < v->n; i++) {
        if (v->lines[i].fits) continue;
        TRI_TRY(
            buf_printf(out, "%s%s", any ? ", " : "WARNING: too small, the job would run out of memory: ", v->lines[i].title));
        any = true;
    }
    return any ? buf_byte(out, '\n') : TRI_OK;
}

static tri_status show_choice(const advise_view *v, buf *out)
{
    if (v->chosen >= 0) {
        const advice_line *l = &v->lines[v->chosen];
        char time[32];
        duration(time, l->seconds);
        TRI_TRY(buf_printf(out, "advice: %s, %s", l->title, time));
        if (!isnan(l->price)) TRI_TRY(buf_printf(out, ", %.2f", l->price));
        return buf_printf(out, " (%s): the %s that holds\n", l->measured ? "measured" : "estimated",
                          v->priced ? "cheapest" : "least machine");
    }
    if (v->job->deadline == 0 && !v->priced) return buf_str(out, "advice: give --deadline or --price, and one is chosen\n");
    return buf_str(
        out, "advice: none of these holds the deadline: more than one card at a time, a smaller model, or shorter texts\n");
}

tri_status advise_view_text(const advise_view *v, buf *out)
{
    TRI_TRY(work_line("documents", &v->job->documents, out));
    TRI_TRY(work_line("queries", &v->job->queries, out));
    if (v->job->versions > 1)
        TRI_TRY(buf_printf(out,
                           "%-11s %zu, one encoding each (those that share model and precision share one: count it once)\n",
                           "versions", v->job->versions));
    TRI_TRY(work_line("pairs", &v->job->pairs, out));
    TRI_TRY(buf_byte(out, '\n'));
    TRI_TRY(show_devices(v, out));
    TRI_TRY(
        buf_printf(out,
                   "\nmeasured: this machine, just now, at the mean length. estimated: of cards, operations at %.0f %% of the "
                   "data sheet's peak, "
                   "none of them measured by us; of this machine, the peak of now at %.0f %%. Without starting, loading and "
                   "tokenising.\n",
                   100 * v->share, 100 * ADVISE_STORED_SHARE));
    TRI_TRY(show_rule(v, out));
    TRI_TRY(show_batches(v, out));
    TRI_TRY(buf_byte(out, '\n'));
    return show_choice(v, out);
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static tri_status number(buf *b, const char *key, double value)
{
    TRI_TRY(buf_printf(b, ",\"%s\":", key));
    return json_out_f64(b, value);
}

static tri_status put_work(buf *b, const char *key, const advice_work *w)
{
    if (!w->model) return buf_printf(b, ",\"%s\":null", key);
    TRI_TRY(buf_printf(b, ",\"%s\":{\"model\":", key));
    TRI_TRY(json_out_str(b, w->model->name));
    TRI_TRY(number(b, "texts", w->texts));
    TRI_TRY(number(b, "mean_tokens", w->length));
    TRI_TRY(number(b, "longest", (double)w->longest));
    TRI_TRY(number(b, "ops", advice_ops(w)));
    return buf_byte(b, '}');
}

static tri_status put_line(const advise_view *v, const advice_line *l, buf *b)
{
    TRI_TRY(buf_str(b, "{\"device\":"));
    TRI_TRY(json_out_str(b, l->name));
    TRI_TRY(buf_printf(b, ",\"basis\":\"%s\",\"precision\":", l->measured ? "measured" : "estimated"));
    TRI_TRY(json_out_str(b, l->precision));
    TRI_TRY(number(b, "memory_bytes", l->memory));
    TRI_TRY(number(b, "needs_bytes", l->needs));
    TRI_TRY(buf_printf(b, ",\"fits\":%s,\"batch_tokens\":%zu", l->fits ? "true" : "false", l->budget));
    TRI_TRY(number(b, "tokens_per_s", l->fits ? l->tokens_per_s : NAN));
    TRI_TRY(number(b, "seconds", l->fits ? l->seconds : NAN));
    TRI_TRY(number(b, "price", l->price));
    if (v->job->deadline == 0) return buf_str(b, ",\"holds\":null}");
    return buf_printf(b, ",\"holds\":%s}", l->holds ? "true" : "false");
}

static tri_status put_batches(const advise_view *v, buf *b)
{
    size_t budget = shown_budget(v);
    TRI_TRY(buf_str(b, "],\"batches\":["));
    for (size_t i = 0; i < N_LENGTHS; i++)
        TRI_TRY(buf_printf(b, "%s{\"tokens\":%zu,\"rule\":%zu,\"budget\":%zu}", i ? "," : "", rule_lengths[i],
                           advice_rule_batch((double)rule_lengths[i]), budget / rule_lengths[i]));
    return buf_byte(b, ']');
}

tri_status advise_view_json(const advise_view *v, buf *out)
{
    TRI_TRY(buf_printf(out, "{\"versions\":%zu", v->job->versions));
    TRI_TRY(number(out, "deadline_seconds", v->job->deadline == 0 ? NAN : v->job->deadline));
    TRI_TRY(number(out, "share_of_peak", v->share));
    TRI_TRY(put_work(out, "documents", &v->job->documents));
    TRI_TRY(put_work(out, "queries", &v->job->queries));
    TRI_TRY(put_work(out, "pairs", &v->job->pairs));
    TRI_TRY(buf_str(out, ",\"devices\":["));
    for (size_t i = 0; i < v->n; i++) {
        if (i) TRI_TRY(buf_byte(out, ','));
        TRI_TRY(put_line(v, &v->lines[i], out));
    }
    TRI_TRY(put_batches(v, out));
    TRI_TRY(buf_str(out, ",\"advice\":"));
    TRI_TRY(json_out_str(out, v->chosen >= 0 ? v->lines[v->chosen].name : NULL));
    return buf_str(out, "}\n");
}
