/* SPDX-License-Identifier: Apache-2.0 */
/* metric_interpolated.c — the best precision at this recall or beyond (iprec_at_recall), and its mean over the eleven points
 * 0.0, 0.1, ... 1.0 (11pt_avg), with 9.0.8's rounding of "recall x R" to a number of documents. */
#include "eval/metric.h"

static double interpolated_precision(const ranking *r, double recall)
{
    size_t wanted = metric_share(r, recall);
    size_t relevant = 0;
    double best = 0;
    if (wanted > r->n_rel_ret) return 0;
    for (size_t i = 0; i < r->n_ret; i++) {
        relevant += grade_relevant(r->grades[i]);
        double precision = (double)relevant / (double)(i + 1);
        if (relevant >= wanted && precision > best) best = precision;
    }
    return best;
}

static const double points[] = {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, -1};

static double eleven_point_average(const ranking *r, double cut)
{
    (void)cut;
    double sum = 0;
    size_t n = 0;
    for (; points[n] >= 0; n++) sum += interpolated_precision(r, points[n]);
    return sum / (double)n;
}

const metric_kind metric_interpolated[] = {
    {.name = "iprec_at_recall", .cut = CUT_FRACTION, .cuts = points, .run = interpolated_precision},
    {.name = "11pt_avg", .run = eleven_point_average},
    {0},
};
