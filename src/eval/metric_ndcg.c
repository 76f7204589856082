/* SPDX-License-Identifier: Apache-2.0 */
/* metric_ndcg.c — normalised discounted cumulative gain (Järvelin and Kekäläinen, ACM TOIS 20(4), 2002) as trec_eval has it:
 * the gain is the grade itself (not 2^grade - 1), the discount log2(rank + 1), the ideal comes from all judgments, and negative
 * grades gain nothing.
 *
 *   ndcg       the whole list against the whole ideal
 *   ndcg_cut   both cut at k
 *   ndcg_rel   mean over relevant documents of ndcg at the rank where each was found; for one that was not, at the list's end
 *   Rndcg      mean of ndcg at the ranks where the ideal's grade changes, and at the list's end when it is longer still */
#include <math.h>

#include "eval/metric.h"

static double gain_at(const int32_t *grades, size_t i)
{
    return grades[i] > 0 ? grades[i] / log2((double)(i + 2)) : 0;
}

static double sum_gains(const int32_t *grades, size_t n, double cut)
{
    size_t depth = cut > 0 && cut < (double)n ? (size_t)cut : n;
    double sum = 0;
    for (size_t i = 0; i < depth; i++) sum += gain_at(grades, i);
    return sum;
}

static double ndcg(const ranking *r, double cut)
{
    return metric_ratio(sum_gains(r->grades, r->n_ret, cut), sum_gains(r->ideal, r->n_rel, cut));
}

static double ndcg_at_relevant(const ranking *r, double cut)
{
    (void)cut;
    double found = 0, ideal = 0, sum = 0;
    for (size_t i = 0; i < r->n_ret; i++) {
        if (i < r->n_rel) ideal += gain_at(r->ideal, i);
        found += gain_at(r->grades, i);
        if (grade_relevant(r->grades[i])) sum += found / ideal;
    }
    for (size_t i = r->n_ret; i < r->n_rel; i++) ideal += gain_at(r->ideal, i);
    sum += metric_ratio((double)(r->n_rel - r->n_rel_ret) * found, ideal);
    return metric_ratio(sum, (double)r->n_rel);
}

static double ndcg_at_levels(const ranking *r, double cut)
{
    (void)cut;
    double found = 0, ideal = 0, sum = 0;
    size_t points = 0;
    for (size_t i = 0; i < r->n_rel; i++) {
        if (i < r->n_ret) found += gain_at(r->grades, i);
        ideal += gain_at(r->ideal, i);
        if (i + 1 < r->n_rel && r->ideal[i + 1] == r->ideal[i]) continue;
        sum += found / ideal;
        points++;
    }
    /* trec_eval sees the end as a point of its own only from two documents past the last relevant one of the ideal */
    if (r->n_rel && r->n_ret > r->n_rel + 1) {
        for (size_t i = r->n_rel; i < r->n_ret; i++) found += gain_at(r->grades, i);
        sum += found / ideal;
        points++;
    }
    return metric_ratio(sum, (double)points);
}

const metric_kind metric_ndcg[] = {
    {.name = "ndcg", .run = ndcg},
    {.name = "ndcg_cut", .also = "ndcg", .cut = CUT_RANK, .cuts = metric_rank_cuts, .run = ndcg},
    {.name = "ndcg_rel", .run = ndcg_at_relevant},
    {.name = "Rndcg", .run = ndcg_at_levels},
    {0},
};
