/* SPDX-License-Identifier: Apache-2.0 */
/* report_queries.c — where is a version better, and where is it worse? Means hide it: the queries show it. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "cli/html_out.h"
#include "cli/report_page.h"

enum { SHOWN = 8, QUERY_CHARACTERS = 160 };
static const double tie = 1e-9;

typedef struct outcome {
    size_t wins, ties, losses;
} outcome;

static double difference(const report_data *d, const report_version *v, size_t query)
{
    return tri_report_value(v->scores, 0, query) - tri_report_value(d->versions[d->base].scores, 0, query);
}

static outcome count_outcomes(const report_data *d, const report_version *v)
{
    outcome o = {0};
    for (size_t q = 0; q < d->n_queries; q++) {
        double gain = difference(d, v, q);
        if (fabs(gain) <= tie)
            o.ties++;
        else if (gain > 0)
            o.wins++;
        else
            o.losses++;
    }
    return o;
}

tri_status report_queries_outcomes(const report_data *d, buf *out)
{
    double share = d->n_queries ? 100.0 / (double)d->n_queries : 0;
    TRI_TRY(buf_str(out, "<p class=\"note\">Queries on which a version is better than, equal to, or worse than <b>"));
    TRI_TRY(html_out_str(out, d->versions[d->base].name));
    TRI_TRY(buf_str(out,
                    "</b>, by the first metric. <span class=\"key wins\"></span> better <span class=\"key ties\"></span> equal "
                    "<span class=\"key losses\"></span> worse</p>"));
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (!v->scores || i == d->base) continue;
        outcome o = count_outcomes(d, v);
        TRI_TRY(buf_str(out, "<div class=\"row\"><span class=\"label\">"));
        TRI_TRY(html_out_str(out, v->name));
        TRI_TRY(
            buf_printf(out,
                       "</span><span class=\"track\"><span class=\"wins\" style=\"width:%.2f%%\"></span><span class=\"ties\" "
                       "style=\"width:%.2f%%\"></span><span class=\"losses\" style=\"width:%.2f%%\"></span></span><span "
                       "class=\"value\">%zu / %zu / %zu</span></div>",
                       share * (double)o.wins, share * (double)o.ties, share * (double)o.losses, o.wins, o.ties, o.losses));
    }
    return TRI_OK;
}

/* ---- the queries themselves ---------------------------------------------------------------------------------------- */

typedef struct change {
    double gain;
    size_t query;
} change;

static int by_gain(const void *a, const void *b)
{
    const change *x = a, *y = b;
    if (x->gain != y->gain) return x->gain > y->gain ? -1 : 1;
    return x->query < y->query ? -1 : x->query > y->query;
}

static tri_status change_row(const report_data *d, const report_version *v, const change *c, buf *out)
{
    tri_text text = report_data_query(d, c->query);
    TRI_TRY(buf_str(out, "<tr><td><code>"));
    TRI_TRY(html_out_str(out, tri_report_query_id(v->scores, c->query)));
    TRI_TRY(buf_str(out, "</code></td><td class=\"q\">"));
    TRI_TRY(html_out_short(out, text.bytes, text.len, QUERY_CHARACTERS));
    return buf_printf(out, "</td><td class=\"n\">%.3f</td><td class=\"n\">%.3f</td><td class=\"n %s\">%+.3f</td></tr>",
                      tri_report_value(d->versions[d->base].scores, 0, c->query), tri_report_value(v->scores, 0, c->query),
                      c->gain > 0 ? "up" : "down", c->gain);
}

/* `step` 1: from the best down; -1: from the worst up. */
static tri_status change_table(const report_data *d, const report_version *v, const change *changes, int step, buf *out)
{
    TRI_TRY(buf_printf(out, "<h3>%s</h3><div class=\"wide\"><table><thead><tr><th>id</th><th>query</th><th class=\"n\">",
                       step > 0 ? "Most gained" : "Most lost"));
    TRI_TRY(html_out_str(out, d->versions[d->base].name));
    TRI_TRY(buf_str(out, "</th><th class=\"n\">"));
    TRI_TRY(html_out_str(out, v->name));
    TRI_TRY(buf_str(out, "</th><th class=\"n\">difference</th></tr></thead><tbody>"));
    size_t shown = 0;
    for (size_t i = 0; i < d->n_queries && shown < SHOWN; i++, shown++) {
        const change *c = &changes[step > 0 ? i : d->n_queries - 1 - i];
        if (c->gain * step <= tie) break;
        TRI_TRY(change_row(d, v, c, out));
    }
    if (!shown) TRI_TRY(buf_str(out, "<tr><td colspan=\"5\">none</td></tr>"));
    return buf_str(out, "</tbody></table></div>");
}

static bool differs(const report_data *d, const report_version *v)
{
    return count_outcomes(d, v).ties < d->n_queries;
}

/* The best other version that differs from the best single run on some query. */
static const report_version *find_rival(const report_data *d)
{
    const report_version *rival = NULL;
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (!v->scores || i == d->base || v->is_reference || !differs(d, v)) continue;
        if (!rival || tri_report_overall(v->scores, 0) > tri_report_overall(rival->scores, 0)) rival = v;
    }
    return rival;
}

tri_status report_queries_changes(const report_data *d, buf *out)
{
    const report_version *v = find_rival(d);
    if (!v) return TRI_OK;
    change *changes = mem_array(d->n_queries, sizeof *changes);
    if (!changes) return TRI_ERR_MEMORY;
    for (size_t q = 0; q < d->n_queries; q++) changes[q] = (change){difference(d, v, q), q};
    qsort(changes, d->n_queries, sizeof *changes, by_gain);
    tri_status st = change_table(d, v, changes, 1, out);
    if (!st) st = change_table(d, v, changes, -1, out);
    mem_free(changes);
    return st;
}
