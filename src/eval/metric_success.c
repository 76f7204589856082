/* SPDX-License-Identifier: Apache-2.0 */
/* metric_success.c — 1 when the first k hold a relevant document, else 0.
 *
 * The mean is the share of queries that were answered at all within k; known elsewhere as hit rate. */
#include "eval/metric.h"

static double success(const ranking *r, double cut)
{
    return ranking_relevant(r, (size_t)cut) > 0;
}

/* trec_eval's defaults for this measure */
static const double cuts[] = {1, 5, 10, -1};

const metric_kind metric_success[] = {
    {.name = "success", .also = "hit", .cut = CUT_RANK, .cuts = cuts, .run = success},
    {0},
};
