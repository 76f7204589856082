/* SPDX-License-Identifier: Apache-2.0 */
/* metric_infap.c — average precision inferred from a pool of which a random part was judged (Yilmaz and Aslam, CIKM 2006):
 * documents of the pool without a judgment (negative grade) are expected to be relevant as often as the judged ones above the
 * same rank. */
#include "eval/metric.h"

#define SMOOTHING 1e-5 /* trec_eval's INFAP_EPSILON: the estimate with nothing judged above is 1/2 */

/* Expected precision at rank `above` + 1, which holds a relevant document. */
static double expected_precision(size_t above, size_t relevant, size_t nonrelevant, size_t unjudged)
{
    if (!above) return 1;
    double pooled_share = (double)(relevant + nonrelevant + unjudged) / (double)above;
    double relevant_share = ((double)relevant + SMOOTHING) / ((double)(relevant + nonrelevant) + 2 * SMOOTHING);
    return (1 + (double)above * pooled_share * relevant_share) / ((double)above + 1);
}

static double inferred_average_precision(const ranking *r, double cut)
{
    (void)cut;
    size_t relevant = 0, nonrelevant = 0, unjudged = 0;
    double sum = 0;
    for (size_t i = 0; i < r->n_ret; i++) {
        if (grade_relevant(r->grades[i])) {
            sum += expected_precision(i, relevant, nonrelevant, unjudged);
            relevant++;
        } else if (r->grades[i] == GRADE_NOT_JUDGED) {
            unjudged++;
        } else if (r->grades[i] != GRADE_NOT_IN_POOL) {
            nonrelevant++;
        }
    }
    return metric_ratio(sum, (double)r->n_rel);
}

const metric_kind metric_infap[] = {
    {.name = "infAP", .run = inferred_average_precision},
    {0},
};
