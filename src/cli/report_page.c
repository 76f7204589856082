/* SPDX-License-Identifier: Apache-2.0 */
/* report_page.c — the frame of the page: head, style, the order of the sections, and a script that sorts tables where scripts
 * may run. Nothing is fetched: no fonts, no images, no addresses. */
#include "cli/report_page.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "cli/html_out.h"

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1b1f24;--soft:#59636e;--line:#d5dae0;--page:#fff;--card:#f6f8fa;--strong:#1f6feb;--pale:#a9c7f5;"
    "--up:#1a7f37;--down:#c4361f;--tie:#c8cfd7}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#3a424b;--page:#0d1117;--card:#161b22;--"
    "strong:#4c8dff;"
    "--pale:#294b7d;--up:#4ac26b;--down:#ff7b5f;--tie:#454d57}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:74rem;padding:1.25rem;font:16px/1.5 "
    "system-ui,sans-serif;color:var(--ink);background:var(--page)}"
    "h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .5rem;border-bottom:1px solid "
    "var(--line);padding-bottom:.2rem}"
    "h3{font-size:1rem;margin:.2rem 0 "
    ".5rem}small,.note,.axis{color:var(--soft);font-weight:400}.note{font-size:.88rem;margin:.5rem 0}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem;min-width:60%}"
    "th,td{padding:.3rem .7rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:break-word}"
    "tbody th{font-weight:600;white-space:nowrap}thead th{color:var(--soft);font-weight:600;white-space:nowrap}"
    ".n{text-align:right;white-space:nowrap}.best{background:var(--card)}.ref{font-style:italic;color:var(--soft)}.total{font-"
    "weight:600}"
    ".up{color:var(--up)}.down{color:var(--down)}.q{min-width:14rem}code{font-size:.88em}table.js thead th{cursor:pointer}"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem;margin:1rem 0}"
    ".facts div,.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.7rem .9rem}"
    ".facts b{display:block;font-size:1.35rem;overflow-wrap:anywhere}.facts span{color:var(--soft);font-size:.85rem}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:.8rem}"
    ".row{display:grid;grid-template-columns:minmax(4.5rem,8rem) 1fr 9rem;gap:.6rem;align-items:center;margin:.25rem "
    "0;font-size:.9rem}"
    ".cards .row{grid-template-columns:5.5rem 1fr 3.6rem}.cards .noted .row{grid-template-columns:5.5rem 1fr "
    "6.8rem}.label{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.value{font-variant-numeric:tabular-nums;min-"
    "width:3."
    "5rem;text-align:right}"
    ".track{display:flex;height:.8rem;background:color-mix(in srgb,var(--line) "
    "55%,transparent);border-radius:.2rem;overflow:hidden}"
    ".bar{background:var(--pale)}.bar.strong{background:var(--strong)}.wins{background:var(--up)}.ties{background:var(--tie)}"
    ".losses{background:var(--down)}.key{display:inline-block;width:.75rem;height:.75rem;border-radius:.15rem;margin:0 .2rem 0 "
    ".7rem;"
    "vertical-align:-.05rem}.key.all{background:var(--pale)}.key.first{background:var(--strong)}"
    "svg{display:block;width:100%;height:6rem;border-bottom:1px solid var(--line)}rect.all{fill:var(--pale)}"
    "rect.first{fill:var(--strong);fill-opacity:.75}"
    ".axis{display:flex;justify-content:space-between;font-size:.8rem;margin:.1rem 0 0}"
    "@media print{body{max-width:none}.card{break-inside:avoid}}";

/* Rows by the column that is clicked; data-v, where there is one, is the number behind the words. */
static const char script[] =
    "document.querySelectorAll('table.sort').forEach(function(t){t.classList.add('js');t.querySelectorAll('thead "
    "th').forEach(function(h,i){"
    "h.addEventListener('click',function(){var b=t.tBodies[0],d=h.dataset.d=h.dataset.d==='1'?'-1':'1';"
    "var k=function(r){var c=r.cells[i];if(!c)return'';var s=c.dataset.v||c.textContent,f=parseFloat(s);return isNaN(f)?s:f};"
    "Array.from(b.rows).filter(function(r){return!r.classList.contains('total')}).sort(function(x,y){var p=k(x),q=k(y);"
    "return(typeof p===typeof q?(p<q?1:p>q?-1:0):typeof "
    "p==='number'?-1:1)*d}).forEach(function(r){b.insertBefore(r,b.querySelector('.total'))"
    "})})})})";

static tri_status section(buf *out, const char *heading)
{
    return buf_printf(out, "<h2>%s</h2>", heading);
}

static tri_status fact(buf *out, const char *name, const char *text, const char *more)
{
    TRI_TRY(buf_str(out, "<div><b>"));
    TRI_TRY(html_out_str(out, text));
    TRI_TRY(buf_str(out, "</b><span>"));
    TRI_TRY(html_out_str(out, name));
    if (more) {
        TRI_TRY(buf_str(out, " "));
        TRI_TRY(html_out_str(out, more));
    }
    return buf_str(out, "</span></div>");
}

static tri_status best_facts(const report_data *d, buf *out)
{
    const report_version *best = &d->versions[d->best];
    char text[32], more[64];
    TRI_TRY(fact(out, "best by", best->name, tri_report_metric_name(best->scores, 0)));
    snprintf(text, sizeof text, "%.4f", tri_report_overall(best->scores, 0));
    TRI_TRY(fact(out, "its", text, tri_report_metric_name(best->scores, 0)));
    if (best->tests) {
        snprintf(text, sizeof text, "%+.4f", best->tests->difference);
        snprintf(more, sizeof more, "(p %.3g)", best->tests->p_random);
        TRI_TRY(fact(out, "over the best single run", text, more));
    }
    snprintf(text, sizeof text, "%zu", d->n_queries);
    return fact(out, "judged queries", text, NULL);
}

static tri_status summary(const report_data *d, buf *out)
{
    char text[32];
    size_t n = 0;
    double money = NAN;
    for (size_t i = 0; i < d->n; i++) {
        n += report_version_counts(&d->versions[i]);
        if (isfinite(d->versions[i].money)) money = (isfinite(money) ? money : 0) + d->versions[i].money;
    }
    TRI_TRY(buf_str(out, "<div class=\"facts\">"));
    if (d->best != SIZE_MAX) TRI_TRY(best_facts(d, out));
    snprintf(text, sizeof text, "%zu", n);
    TRI_TRY(fact(out, n == 1 ? "version" : "versions", text, NULL));
    if (isfinite(d->billed)) money = d->billed;
    if (isfinite(money)) {
        snprintf(text, sizeof text, money != 0 && money < 0.1 ? "%.4f" : "%.2f", money);
        TRI_TRY(fact(out, isfinite(d->billed) ? "money billed" : "money", text, NULL));
    }
    return buf_str(out, "</div>");
}

static tri_status begin(const char *title, buf *out)
{
    time_t now = time(NULL);
    struct tm utc;
    char date[64];
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
    TRI_TRY(buf_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                         "content=\"width=device-width,initial-scale=1\"><title>"));
    TRI_TRY(html_out_str(out, title));
    TRI_TRY(
        buf_printf(out, "</title><style>%s</style></head><body><header><small>trident report, %s</small><h1>", style, date));
    TRI_TRY(html_out_str(out, title));
    return buf_str(out, "</h1></header>");
}

static tri_status judged_sections(const report_data *d, buf *out)
{
    TRI_TRY(section(out, "Versions"));
    TRI_TRY(report_scores_table(d, out));
    TRI_TRY(section(out, "Languages"));
    TRI_TRY(report_scores_languages(d, out));
    TRI_TRY(section(out, "What fusing gains"));
    TRI_TRY(report_scores_fusion(d, out));
    TRI_TRY(section(out, "Wins and losses"));
    TRI_TRY(report_queries_outcomes(d, out));
    return report_queries_changes(d, out);
}

tri_status report_page_write(const report_data *d, const char *title, buf *out)
{
    TRI_TRY(begin(title, out));
    TRI_TRY(summary(d, out));
    if (d->base != SIZE_MAX)
        TRI_TRY(judged_sections(d, out));
    else
        TRI_TRY(
            buf_str(out, "<p class=\"note\">No judgments were given (<code>--qrels FILE</code>): there are no scores.</p>"));
    TRI_TRY(section(out, "Score distributions"));
    TRI_TRY(report_histogram_all(d, out));
    TRI_TRY(section(out, "Time and money"));
    TRI_TRY(report_costs_table(d, out));
    TRI_TRY(section(out, "Files and hashes"));
    TRI_TRY(report_costs_sources(d, out));
    return buf_printf(out, "<script>%s</script></body></html>\n", script);
}
