/* SPDX-License-Identifier: Apache-2.0 */
/* metric_gain.c — trec_eval's experimental G and binG (2008): like ndcg, but a document's discount grows with what was missed
 * before it rather than with its rank.
 *
 *   binG   mean over relevant documents of 1 / log2(2 + documents above that are not relevant)
 *   G      sum of grade / log2(2 + cost - gained) over the sum of all grades, where up to and with this rank `gained` sums the
 *          grades found and `cost` the ideal's, each at least 1 */
#include <math.h>

#include "eval/metric.h"

static double binary_gain(const ranking *r, double cut)
{
    (void)cut;
    double sum = 0;
    size_t others = 0;
    for (size_t i = 0; i < r->n_ret; i++) {
        if (grade_relevant(r->grades[i]))
            sum += 1 / log2(2 + (double)others);
        else
            others++;
    }
    return metric_ratio(sum, (double)r->n_rel);
}

static double normalised_gain(const ranking *r, double cut)
{
    (void)cut;
    double sum = 0, gained = 0, cost = 0, all = 0;
    for (size_t i = 0; i < r->n_ret; i++) {
        cost += i < r->n_rel ? r->ideal[i] : 1;
        if (r->grades[i] <= 0) continue;
        gained += r->grades[i];
        sum += r->grades[i] / log2(2 + cost - gained);
    }
    for (size_t i = 0; i < r->n_rel; i++) all += r->ideal[i];
    return metric_ratio(sum, all);
}

const metric_kind metric_gain[] = {
    {.name = "binG", .run = binary_gain},
    {.name = "G", .run = normalised_gain},
    {0},
};
