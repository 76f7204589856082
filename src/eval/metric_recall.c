/* SPDX-License-Identifier: Apache-2.0 */
/* metric_recall.c — the share of all relevant documents that the first k hold.
 *
 * Divides by all relevant documents even where k is smaller than their number, so a short cut-off may not reach 1. */
#include "eval/metric.h"

static double recall(const ranking *r, double cut)
{
    return metric_ratio((double)ranking_relevant(r, (size_t)cut), (double)r->n_rel);
}

const metric_kind metric_recall[] = {
    {.name = "recall", .cut = CUT_RANK, .cuts = metric_rank_cuts, .run = recall},
    {0},
};
