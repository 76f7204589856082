/* SPDX-License-Identifier: Apache-2.0 */
/* threshold.c — which hits of one query are worth keeping?
 *
 *   meanstd  score >= mean - alpha * std, population standard deviation
 *   max      score >= max - m * |max|, which is max * (1 - m) for scores above 0 and still keeps the best one below
 *
 * Both look at the scores of the list that is returned, at most k, after fusion, as competition code does
 * (threshold = mean(sims) - 0.8 * std(sims); [r for r, s in zip(results, sims) if s >= threshold]): so k belongs to the rule.
 * Hits are marked, never dropped, so that the thresholded and the plain list come from one search. Sums in double, in the
 * order of the hits. When all scores are equal all are kept: rounding of the mean must not drop them, hence min and max first.
 */
#include "search/threshold.h"

#include <math.h>

static double mean_std_limit(const tri_hit *hits, size_t n, double alpha)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += hits[i].score;
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (hits[i].score - mean) * (hits[i].score - mean);
    return mean - alpha * sqrt(squares / (double)n);
}

void threshold_apply(int kind, double value, tri_hit *hits, size_t n)
{
    double limit = -INFINITY;
    if (n && kind == TRI_THRESHOLD_MEANSTD && hits[0].score > hits[n - 1].score) limit = mean_std_limit(hits, n, value);
    if (n && kind == TRI_THRESHOLD_MAX) limit = hits[0].score - value * fabs((double)hits[0].score);
    for (size_t i = 0; i < n; i++) hits[i].kept = hits[i].score >= limit;
}
