/* SPDX-License-Identifier: Apache-2.0 */
/* metric_rprec.c — precision at R, the number of relevant documents (Rprec), and at multiples of it (Rprec_mult).
 *
 * A list shorter than the cut-off counts as filled up with non-relevant documents, as for P_k. */
#include "eval/metric.h"

static double precision_at_multiple(const ranking *r, double multiple)
{
    size_t depth = metric_share(r, multiple);
    return metric_ratio((double)ranking_relevant(r, depth), (double)depth);
}

static double precision_at_r(const ranking *r, double cut)
{
    (void)cut;
    return metric_ratio((double)ranking_relevant(r, r->n_rel), (double)r->n_rel);
}

static const double multiples[] = {0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, -1};

const metric_kind metric_rprec[] = {
    {.name = "Rprec", .run = precision_at_r},
    {.name = "Rprec_mult", .cut = CUT_FRACTION, .cuts = multiples, .run = precision_at_multiple},
    {0},
};
