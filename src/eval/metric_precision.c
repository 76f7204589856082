/* SPDX-License-Identifier: Apache-2.0 */
/* metric_precision.c — the share of relevant documents among the first k: P_k (a list shorter than k counts as filled up with
 * non-relevant ones) and relative_P_k (against the best that k allows). */
#include "eval/metric.h"

static double precision(const ranking *r, double cut)
{
    return (double)ranking_relevant(r, (size_t)cut) / cut;
}

static double relative_precision(const ranking *r, double cut)
{
    double best = cut < (double)r->n_rel ? cut : (double)r->n_rel;
    return metric_ratio((double)ranking_relevant(r, (size_t)cut), best);
}

const metric_kind metric_precision[] = {
    {.name = "P", .also = "precision", .cut = CUT_RANK, .cuts = metric_rank_cuts, .run = precision},
    {.name = "relative_P", .cut = CUT_RANK, .cuts = metric_rank_cuts, .run = relative_precision},
    {0},
};
