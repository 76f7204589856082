/* SPDX-License-Identifier: Apache-2.0 */
/* metric_average_precision.c — the precision at each relevant document's rank, averaged over all relevant documents: map,
 * map_cut (ranks up to the cut-off only; still over all relevant documents) and gm_map. */
#include "eval/metric.h"

static double average_precision(const ranking *r, double cut)
{
    size_t depth = cut > 0 && cut < (double)r->n_ret ? (size_t)cut : r->n_ret;
    size_t relevant = 0;
    double sum = 0;
    for (size_t i = 0; i < depth; i++) {
        if (!grade_relevant(r->grades[i])) continue;
        relevant++;
        sum += (double)relevant / (double)(i + 1);
    }
    return metric_ratio(sum, (double)r->n_rel);
}

static double log_average_precision(const ranking *r, double cut)
{
    return metric_log(average_precision(r, cut));
}

const metric_kind metric_average_precision[] = {
    {.name = "map", .also = "ap", .run = average_precision},
    {.name = "gm_map", .overall = OVERALL_GEOMETRIC, .run = log_average_precision},
    {.name = "map_cut", .also = "map ap", .cut = CUT_RANK, .cuts = metric_rank_cuts, .run = average_precision},
    {0},
};
