/* SPDX-License-Identifier: Apache-2.0 */
/* report_histogram.c — how are a run's scores spread: those of all documents, and those of each query's first? Runs that are
 * to be fused by their scores should be looked at: a first that stands apart, scores that are all alike, two scales in one
 * list. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "cli/html_out.h"
#include "cli/report_page.h"

enum { BINS = 32, WIDTH = 320, HEIGHT = 96 };

typedef struct histogram {
    double least, most;
    size_t all[BINS], first[BINS];
    size_t n_all, n_first;
} histogram;

static size_t bin_of(const histogram *h, double score)
{
    double share = h->most > h->least ? (score - h->least) / (h->most - h->least) : 0.5;
    size_t bin = (size_t)(share * BINS);
    return bin < BINS ? bin : BINS - 1;
}

static void find_range(const tri_run *run, histogram *h)
{
    h->least = INFINITY;
    h->most = -INFINITY;
    for (size_t q = 0; q < tri_run_queries(run); q++)
        for (size_t i = 0; i < tri_run_documents(run, q); i++) {
            double score;
            tri_run_document(run, q, i, &score);
            h->least = fmin(h->least, score);
            h->most = fmax(h->most, score);
        }
}

static void count(const tri_run *run, histogram *h)
{
    memset(h, 0, sizeof *h);
    find_range(run, h);
    for (size_t q = 0; q < tri_run_queries(run); q++) {
        double first = -INFINITY, score;
        for (size_t i = 0; i < tri_run_documents(run, q); i++) {
            tri_run_document(run, q, i, &score);
            h->all[bin_of(h, score)]++;
            h->n_all++;
            first = fmax(first, score);
        }
        if (isfinite(first)) {
            h->first[bin_of(h, first)]++;
            h->n_first++;
        }
    }
}

static tri_status bars(const size_t *counts, const char *class, buf *out)
{
    size_t most = 1;
    double width = (double)WIDTH / BINS;
    for (size_t i = 0; i < BINS; i++) most = counts[i] > most ? counts[i] : most;
    for (size_t i = 0; i < BINS; i++) {
        double height = HEIGHT * (double)counts[i] / (double)most;
        if (counts[i])
            TRI_TRY(buf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class,
                               (double)i * width + 0.5, HEIGHT - height, width - 1, height));
    }
    return TRI_OK;
}

static tri_status draw(const report_version *v, buf *out)
{
    histogram h;
    count(v->run, &h);
    TRI_TRY(buf_str(out, "<section class=\"card\"><h3>"));
    TRI_TRY(html_out_str(out, v->name));
    TRI_TRY(buf_printf(out,
                       " <small>%zu queries, %zu documents</small></h3><svg viewBox=\"0 0 %d %d\" role=\"img\" "
                       "preserveAspectRatio=\"none\"><title>score distribution of ",
                       h.n_first, h.n_all, (int)WIDTH, (int)HEIGHT));
    TRI_TRY(html_out_str(out, v->name));
    TRI_TRY(buf_str(out, "</title>"));
    TRI_TRY(bars(h.all, "all", out));
    TRI_TRY(bars(h.first, "first", out));
    if (!h.n_all) return buf_str(out, "</svg></section>");
    return buf_printf(out, "</svg><p class=\"axis\"><span>%.4g</span><span>%.4g</span></p></section>", h.least, h.most);
}

tri_status report_histogram_all(const report_data *d, buf *out)
{
    TRI_TRY(buf_str(
        out,
        "<p class=\"note\"><span class=\"key all\"></span> all documents <span class=\"key first\"></span> the first of each "
        "query. Each is scaled to its own highest bar; below: the lowest and the highest score of the run.</p>"
        "<div class=\"cards\">"));
    for (size_t i = 0; i < d->n; i++)
        if (d->versions[i].run && !d->versions[i].is_reference) TRI_TRY(draw(&d->versions[i], out));
    return buf_str(out, "</div>");
}
