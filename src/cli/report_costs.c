/* SPDX-License-Identifier: Apache-2.0 */
/* report_costs.c — what did it take, and what exactly was it? Time and money from status.json or the ledger, and the hashes by
 * which files and settings can be told from others. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/html_out.h"
#include "cli/report_page.h"

enum { HASH_SHOWN = 12 };

static tri_status duration_text(buf *out, double seconds)
{
    unsigned long long s = (unsigned long long)fmin(fmax(seconds, 0), 1e15);
    if (s < 60) return buf_printf(out, "%.1f s", seconds);
    if (s < 3600) return buf_printf(out, "%llu min %02llu s", s / 60, s % 60);
    return buf_printf(out, "%llu h %02llu min", s / 3600, s / 60 % 60);
}

static tri_status duration_cell(buf *out, double seconds)
{
    if (!isfinite(seconds)) return buf_str(out, "<td class=\"n\">\xe2\x80\x93</td>");
    TRI_TRY(buf_printf(out, "<td class=\"n\" data-v=\"%.9g\">", seconds));
    TRI_TRY(duration_text(out, seconds));
    return buf_str(out, "</td>");
}

/* A cent is little money, and a version may cost less. */
static tri_status money_cell(buf *out, double money)
{
    if (!isfinite(money)) return buf_str(out, "<td class=\"n\">\xe2\x80\x93</td>");
    return buf_printf(out, money != 0 && money < 0.1 ? "<td class=\"n\">%.4f</td>" : "<td class=\"n\">%.2f</td>", money);
}

static tri_status text_cell(buf *out, const char *text)
{
    TRI_TRY(buf_str(out, "<td>"));
    TRI_TRY(text ? html_out_str(out, text) : buf_str(out, "\xe2\x80\x93"));
    return buf_str(out, "</td>");
}

static tri_status cost_row(const report_version *v, buf *out)
{
    bool failed = v->state && (v->state[0] == 'f' || v->error);
    TRI_TRY(buf_str(out, "<tr><th>"));
    TRI_TRY(html_out_str(out, v->name));
    TRI_TRY(buf_str(out, failed ? "</th><td class=\"down\">" : "</th><td>"));
    TRI_TRY(v->state ? html_out_str(out, v->state) : buf_str(out, "\xe2\x80\x93"));
    if (v->error) {
        TRI_TRY(buf_str(out, ": "));
        TRI_TRY(html_out_str(out, v->error));
    }
    TRI_TRY(buf_str(out, "</td>"));
    TRI_TRY(text_cell(out, v->device));
    TRI_TRY(text_cell(out, v->model));
    TRI_TRY(duration_cell(out, v->seconds));
    TRI_TRY(money_cell(out, v->money));
    if (v->attempts)
        TRI_TRY(buf_printf(out, "<td class=\"n\">%zu</td>", v->attempts));
    else
        TRI_TRY(buf_str(out, "<td class=\"n\">\xe2\x80\x93</td>"));
    TRI_TRY(text_cell(out, v->submission));
    return buf_str(out, "</tr>");
}

typedef struct total {
    double seconds, money, began, ended;
    size_t timed, priced, dated;
} total;

static total add_up(const report_data *d)
{
    total t = {.began = INFINITY};
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (isfinite(v->seconds)) t.seconds += v->seconds, t.timed++;
        if (isfinite(v->money)) t.money += v->money, t.priced++;
        if (!v->started || v->ended < v->started) continue;
        t.began = fmin(t.began, v->started);
        t.ended = fmax(t.ended, v->ended);
        t.dated++;
    }
    return t;
}

static tri_status total_row(const report_data *d, buf *out)
{
    total t = add_up(d);
    TRI_TRY(buf_str(out, "<tr class=\"total\"><th>all</th><td></td><td></td><td></td>"));
    TRI_TRY(duration_cell(out, t.timed ? t.seconds : NAN));
    TRI_TRY(money_cell(out, t.priced ? t.money : NAN));
    TRI_TRY(buf_str(out, "<td></td><td></td></tr></tbody></table></div>"));
    if (isfinite(d->billed))
        TRI_TRY(buf_printf(out,
                           "<p class=\"note\">Billed: <b>%.2f</b>, every start of <code>trident run</code> rounded up as its "
                           "plan says. A version\xe2\x80\x99s money is the price of the time that it took.</p>",
                           d->billed));
    if (t.dated < 2 || t.ended - t.began > 0.95 * t.seconds) return TRI_OK;
    TRI_TRY(buf_str(out, "<p class=\"note\">From the first start to the last end: "));
    TRI_TRY(duration_text(out, t.ended - t.began));
    TRI_TRY(buf_str(out, "; one after the other it would have been "));
    TRI_TRY(duration_text(out, t.seconds));
    return buf_str(out, ".</p>");
}

tri_status report_costs_table(const report_data *d, buf *out)
{
    bool known = false;
    for (size_t i = 0; i < d->n; i++) known = known || d->versions[i].state || isfinite(d->versions[i].seconds);
    if (!known)
        return buf_str(out, "<p class=\"note\">Not told: run files carry no times. Folders of <code>trident run</code> do, and "
                            "<code>--ledger FILE</code> gives those of the ledger.</p>");
    TRI_TRY(buf_str(
        out, "<div class=\"wide\"><table class=\"sort\"><thead><tr><th>version</th><th>state</th><th>device</th><th>model</th>"
             "<th class=\"n\">time</th><th class=\"n\">money</th><th "
             "class=\"n\">attempts</th><th>submission</th></tr></thead><tbody>"));
    for (size_t i = 0; i < d->n; i++)
        if (!d->versions[i].is_reference) TRI_TRY(cost_row(&d->versions[i], out));
    return total_row(d, out);
}

/* ---- files and hashes ---------------------------------------------------------------------------------------------- */

static tri_status hash_cell(buf *out, const char *hash)
{
    if (!*hash) return buf_str(out, "<td>\xe2\x80\x93</td>");
    TRI_TRY(buf_str(out, "<td><code title=\""));
    TRI_TRY(html_out_str(out, hash));
    TRI_TRY(buf_str(out, "\">"));
    TRI_TRY(html_out_text(out, hash, strnlen(hash, HASH_SHOWN)));
    return buf_str(out, "</code></td>");
}

static tri_status fact_row(buf *out, const char *name, const char *value)
{
    TRI_TRY(buf_printf(out, "<tr><th>%s</th><td colspan=\"3\">", name));
    TRI_TRY(html_out_str(out, value));
    return buf_str(out, "</td></tr>");
}

tri_status report_costs_sources(const report_data *d, buf *out)
{
    char count[32];
    TRI_TRY(buf_str(
        out, "<div class=\"wide\"><table><thead><tr><th>version</th><th>run</th><th>SHA-256 of the run</th><th>config hash"
             "</th></tr></thead><tbody>"));
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (!report_version_counts(v)) continue;
        TRI_TRY(buf_str(out, "<tr><th>"));
        TRI_TRY(html_out_str(out, v->name));
        TRI_TRY(buf_str(out, "</th>"));
        TRI_TRY(text_cell(out, v->path));
        TRI_TRY(hash_cell(out, v->run_hash));
        TRI_TRY(hash_cell(out, v->config_hash));
        TRI_TRY(buf_str(out, "</tr>"));
    }
    if (d->qrels_path) TRI_TRY(fact_row(out, "judgments", d->qrels_path));
    if (d->queries_path) TRI_TRY(fact_row(out, "queries", d->queries_path));
    if (d->corpus_path) TRI_TRY(fact_row(out, "corpus", d->corpus_path));
    snprintf(count, sizeof count, "%llu", (unsigned long long)d->n_corpus);
    if (d->corpus_path) TRI_TRY(fact_row(out, "documents", count));
    for (size_t i = 0; i < d->n_facts; i++) TRI_TRY(fact_row(out, d->facts[i].name, d->facts[i].value));
    return buf_str(out, "</tbody></table></div>");
}
