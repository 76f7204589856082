/* SPDX-License-Identifier: Apache-2.0 */
/* metric_reciprocal_rank.c — 1 / rank of the first relevant document. recip_rank looks at the whole list, as trec_eval's does;
 * with a cut-off ("mrr@10") at the first k only, which is trec_eval -M k -m recip_rank. */
#include "eval/metric.h"

static double reciprocal_rank(const ranking *r, double cut)
{
    size_t depth = cut > 0 && cut < (double)r->n_ret ? (size_t)cut : r->n_ret;
    for (size_t i = 0; i < depth; i++)
        if (grade_relevant(r->grades[i])) return 1.0 / (double)(i + 1);
    return 0;
}

const metric_kind metric_reciprocal_rank[] = {
    {.name = "recip_rank", .also = "mrr rr", .run = reciprocal_rank},
    {.name = "recip_rank", .also = "mrr rr", .cut = CUT_RANK, .run = reciprocal_rank},
    {0},
};
