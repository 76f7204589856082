/* SPDX-License-Identifier: Apache-2.0 */
/* report_scores.c — which version is best, in which language, and does fusing pay? The table says with every difference whether
 * it could be chance. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/html_out.h"
#include "cli/report_page.h"

static const double proof = 0.05;

static bool is_best(const report_data *d, const report_version *of, size_t metric)
{
    double value = tri_report_overall(of->scores, metric);
    for (size_t i = 0; i < d->n; i++)
        if (d->versions[i].scores && !d->versions[i].is_reference && tri_report_overall(d->versions[i].scores, metric) > value)
            return false;
    return !of->is_reference;
}

static tri_status metric_cell(const report_data *d, const report_version *v, size_t metric, buf *out)
{
    const tri_paired_test *t = v->tests ? &v->tests[metric] : NULL;
    bool best = is_best(d, v, metric);
    TRI_TRY(buf_printf(out, "<td class=\"n%s\" data-v=\"%.9g\">%s%.4f%s", best ? " best" : "",
                       tri_report_overall(v->scores, metric), best ? "<b>" : "", tri_report_overall(v->scores, metric),
                       best ? "</b>" : ""));
    if (t && t->p_random <= proof && t->difference != 0)
        TRI_TRY(buf_printf(out, " <span class=\"%s\" title=\"%+.4f, p %.4g randomised\">%s</span>",
                           t->difference > 0 ? "up" : "down", t->difference, t->p_random,
                           t->difference > 0 ? "\xe2\x96\xb2" : "\xe2\x96\xbc"));
    return buf_str(out, "</td>");
}

static tri_status test_cells(const report_version *v, buf *out)
{
    if (!v->tests) return buf_str(out, "<td class=\"n\" colspan=\"3\">the best single run</td>");
    const tri_paired_test *t = v->tests;
    return buf_printf(out, "<td class=\"n\">%+.4f</td><td class=\"n\">%.3g</td><td class=\"n\">%.3g</td>", t->difference,
                      t->p_t, t->p_random);
}

tri_status report_scores_table(const report_data *d, buf *out)
{
    const tri_report *first = d->versions[d->base].scores;
    TRI_TRY(buf_str(out, "<div class=\"wide\"><table class=\"sort\"><thead><tr><th>version</th>"));
    for (size_t m = 0; m < tri_report_metrics(first); m++) {
        TRI_TRY(buf_str(out, "<th class=\"n\">"));
        TRI_TRY(html_out_str(out, tri_report_metric_name(first, m)));
        TRI_TRY(buf_str(out, "</th>"));
    }
    TRI_TRY(buf_str(
        out, "<th class=\"n\">difference</th><th class=\"n\">p (t)</th><th class=\"n\">p (rand.)</th></tr></thead><tbody>"));
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (!v->scores) continue;
        TRI_TRY(buf_printf(out, "<tr%s><th>", v->is_reference ? " class=\"ref\"" : ""));
        TRI_TRY(html_out_str(out, v->name));
        TRI_TRY(buf_str(out, "</th>"));
        for (size_t m = 0; m < tri_report_metrics(first); m++) TRI_TRY(metric_cell(d, v, m, out));
        TRI_TRY(test_cells(v, out));
        TRI_TRY(buf_str(out, "</tr>"));
    }
    TRI_TRY(buf_str(out, "</tbody></table></div><p class=\"note\">Best of each column in bold. \xe2\x96\xb2 \xe2\x96\xbc: "
                         "above or below the best "
                         "single run, <b>"));
    TRI_TRY(html_out_str(out, d->versions[d->base].name));
    TRI_TRY(buf_printf(
        out,
        "</b>, with p &le; %g by Fisher\xe2\x80\x99s randomisation (20,000 rounds, two-sided, paired over %zu queries). "
        "Difference and p belong to the first metric.",
        proof, d->n_queries));
    if (d->reference != SIZE_MAX)
        TRI_TRY(buf_str(out, " <i>rrf of all</i> is reciprocal rank fusion (k 60) of every single run, made for this page as a "
                             "yardstick; it is no submission."));
    return buf_str(out, "</p>");
}

tri_status report_scores_bar(buf *out, const char *label, double value, double most, bool strong, const char *note)
{
    double share = most > 0 ? fmax(0, fmin(100, 100 * value / most)) : 0;
    TRI_TRY(buf_str(out, "<div class=\"row\"><span class=\"label\">"));
    TRI_TRY(html_out_short(out, label, strlen(label), 40));
    TRI_TRY(buf_printf(
        out,
        "</span><span class=\"track\"><span class=\"bar%s\" style=\"width:%.2f%%\"></span></span><span class=\"value\">%.4f",
        strong ? " strong" : "", share, value));
    if (note) {
        TRI_TRY(buf_str(out, " <small>"));
        TRI_TRY(html_out_str(out, note));
        TRI_TRY(buf_str(out, "</small>"));
    }
    return buf_str(out, "</span></div>");
}

/* ---- languages ----------------------------------------------------------------------------------------------------- */

static tri_status language_bars(const report_data *d, size_t language, buf *out)
{
    size_t best = SIZE_MAX, n = 0;
    double most = -1;
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        double value = v->scores ? report_data_mean(d, v, 0, language, &n) : -1;
        if (v->is_reference || value <= most) continue;
        most = value;
        best = i;
    }
    TRI_TRY(buf_str(out, "<section class=\"card\"><h3>"));
    TRI_TRY(html_out_str(out, d->languages[language]));
    TRI_TRY(buf_printf(out, " <small>%zu quer%s</small></h3>", n, n == 1 ? "y" : "ies"));
    for (size_t i = 0; i < d->n; i++) {
        const report_version *v = &d->versions[i];
        if (!v->scores || v->is_reference) continue;
        TRI_TRY(report_scores_bar(out, v->name, report_data_mean(d, v, 0, language, &n), 1, i == best, NULL));
    }
    return buf_str(out, "</section>");
}

tri_status report_scores_languages(const report_data *d, buf *out)
{
    if (!d->n_languages)
        return buf_str(out, "<p class=\"note\">Not told: the query ids have no prefix such as <code>zh:</code>, and the "
                            "queries\xe2\x80\x99 texts "
                            "were not given (<code>--queries FILE</code>).</p>");
    TRI_TRY(buf_str(out, "<p class=\"note\">"));
    TRI_TRY(html_out_str(out, tri_report_metric_name(d->versions[d->base].scores, 0)));
    TRI_TRY(buf_printf(out, " by %s; the best of each in the strong colour. Full width is 1.</p><div class=\"cards\">",
                       d->by_prefix ? "language, from the prefix of the query id"
                                    : "script, from the letters of the query\xe2\x80\x99s text"));
    for (size_t l = 0; l < d->n_languages; l++) TRI_TRY(language_bars(d, l, out));
    return buf_str(out, "</div>");
}

/* ---- fusion -------------------------------------------------------------------------------------------------------- */

static const report_version *find_version(const report_data *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (name && d->versions[i].scores && strcmp(d->versions[i].name, name) == 0) return &d->versions[i];
    return NULL;
}

static tri_status blend_card(const report_data *d, const report_version *blend, buf *out)
{
    size_t found = 0;
    double best = 0, own = tri_report_overall(blend->scores, 0);
    char note[48];
    TRI_TRY(buf_str(out, "<section class=\"card noted\"><h3>"));
    TRI_TRY(html_out_str(out, blend->name));
    TRI_TRY(buf_str(out, "</h3>"));
    for (size_t i = 0; i < blend->n_members; i++) {
        const report_version *member = find_version(d, blend->members[i]);
        if (!member) continue;
        found++;
        best = fmax(best, tri_report_overall(member->scores, 0));
        TRI_TRY(report_scores_bar(out, member->name, tri_report_overall(member->scores, 0), 1, false, NULL));
    }
    snprintf(note, sizeof note, "%+.4f", own - best);
    TRI_TRY(report_scores_bar(out, blend->name, own, 1, true, found ? note : NULL));
    if (found < blend->n_members)
        TRI_TRY(buf_printf(out, "<p class=\"note\">%zu of its %zu members have no scores on this page.</p>",
                           blend->n_members - found, blend->n_members));
    if (blend->tests)
        TRI_TRY(buf_printf(out, "<p class=\"note\">Against the best single run: %+.4f, p %.3g by t, %.3g randomised.</p>",
                           blend->tests->difference, blend->tests->p_t, blend->tests->p_random));
    return buf_str(out, "</section>");
}

tri_status report_scores_fusion(const report_data *d, buf *out)
{
    bool any = false;
    TRI_TRY(buf_str(out, "<p class=\"note\">"));
    TRI_TRY(html_out_str(out, tri_report_metric_name(d->versions[d->base].scores, 0)));
    TRI_TRY(buf_str(
        out,
        " of each fusion and of what it is made of; the signed number is the gain over its best member. A fusion chosen on "
        "these very queries looks better here than it is: <code>trident blend</code> prints the score out of fold."
        "</p><div class=\"cards\">"));
    for (size_t i = 0; i < d->n; i++) {
        if (!d->versions[i].scores || !d->versions[i].n_members) continue;
        TRI_TRY(blend_card(d, &d->versions[i], out));
        any = true;
    }
    TRI_TRY(buf_str(out, "</div>"));
    return any ? TRI_OK : buf_str(out, "<p class=\"note\">One run alone: there is nothing to fuse.</p>");
}
