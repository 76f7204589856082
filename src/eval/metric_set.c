/* SPDX-License-Identifier: Apache-2.0 */
/* metric_set.c — the retrieved documents as a set, order ignored: set_P, set_recall, set_relative_P, set_map (precision x
 * recall), set_F (their harmonic mean), utility (relevant minus non-relevant retrieved). */
#include "eval/metric.h"

static double set_precision(const ranking *r, double cut)
{
    (void)cut;
    return metric_ratio((double)r->n_rel_ret, (double)r->n_ret);
}

static double set_recall(const ranking *r, double cut)
{
    (void)cut;
    return metric_ratio((double)r->n_rel_ret, (double)r->n_rel);
}

static double set_relative_precision(const ranking *r, double cut)
{
    (void)cut;
    return metric_ratio((double)r->n_rel_ret, (double)(r->n_ret < r->n_rel ? r->n_ret : r->n_rel));
}

static double set_average_precision(const ranking *r, double cut)
{
    return set_precision(r, cut) * set_recall(r, cut);
}

static double set_f(const ranking *r, double cut)
{
    double p = set_precision(r, cut), q = set_recall(r, cut);
    return metric_ratio(2 * p * q, p + q);
}

static double utility(const ranking *r, double cut)
{
    (void)cut;
    return (double)r->n_rel_ret - (double)(r->n_ret - r->n_rel_ret);
}

const metric_kind metric_set[] = {
    {.name = "set_P", .run = set_precision},
    {.name = "set_relative_P", .run = set_relative_precision},
    {.name = "set_recall", .run = set_recall},
    {.name = "set_map", .run = set_average_precision},
    {.name = "set_F", .run = set_f},
    {.name = "utility", .run = utility},
    {0},
};
