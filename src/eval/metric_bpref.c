/* SPDX-License-Identifier: Apache-2.0 */
/* metric_bpref.c — how often relevant documents come before those judged non-relevant (Buckley and Voorhees, SIGIR 2004, in the
 * form of trec_eval 8 and later: 1/R sum over relevant of 1 - min(judged non-relevant above it, R) / min(R, N)). Unjudged
 * documents do not count. gm_bpref is its geometric mean. */
#include "eval/metric.h"

static double bpref(const ranking *r, double cut)
{
    (void)cut;
    double sum = 0, bound = (double)(r->n_rel < r->n_nonrel ? r->n_rel : r->n_nonrel);
    size_t above = 0;
    for (size_t i = 0; i < r->n_ret; i++) {
        if (grade_nonrelevant(r->grades[i])) above++;
        if (grade_relevant(r->grades[i])) sum += 1 - metric_ratio((double)(above < r->n_rel ? above : r->n_rel), bound);
    }
    return metric_ratio(sum, (double)r->n_rel);
}

static double log_bpref(const ranking *r, double cut)
{
    return metric_log(bpref(r, cut));
}

const metric_kind metric_bpref[] = {
    {.name = "bpref", .run = bpref},
    {.name = "gm_bpref", .overall = OVERALL_GEOMETRIC, .run = log_bpref},
    {0},
};
