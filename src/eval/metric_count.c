/* SPDX-License-Identifier: Apache-2.0 */
/* metric_count.c — how many: num_q, num_ret, num_rel, num_rel_ret, num_nonrel_judged_ret.
 *
 * Overall they are sums. A judged query that the run lacks still counts with its relevant documents and as a query (trec_eval
 * -c). */
#include "eval/metric.h"

static double count_queries(const ranking *r, double cut)
{
    (void)r, (void)cut;
    return 1;
}

static double count_retrieved(const ranking *r, double cut)
{
    (void)cut;
    return (double)r->n_ret;
}

static double count_relevant(const ranking *r, double cut)
{
    (void)cut;
    return (double)r->n_rel;
}

static double count_relevant_retrieved(const ranking *r, double cut)
{
    (void)cut;
    return (double)r->n_rel_ret;
}

static double count_nonrelevant_retrieved(const ranking *r, double cut)
{
    (void)cut;
    size_t n = 0;
    for (size_t i = 0; i < r->n_ret; i++) n += grade_nonrelevant(r->grades[i]);
    return (double)n;
}

const metric_kind metric_count[] = {
    {.name = "num_q", .overall = OVERALL_SUM, .run = count_queries},
    {.name = "num_ret", .overall = OVERALL_SUM, .run = count_retrieved},
    {.name = "num_rel", .overall = OVERALL_SUM, .run = count_relevant},
    {.name = "num_rel_ret", .overall = OVERALL_SUM, .run = count_relevant_retrieved},
    {.name = "num_nonrel_judged_ret", .overall = OVERALL_SUM, .run = count_nonrelevant_retrieved},
    {0},
};
