/* SPDX-License-Identifier: Apache-2.0 */
/* score_norm.c — how are scores of different scales made to add up?
 *
 *   none      as they are: M3's three scores share fixed scales, and the result does not depend on the depth retrieved
 *   minmax    worst of the list 0, best 1; equal scores all 1 (each is its list's best; 0 would make a lone hit worth nothing)
 *   zscore    (score - mean) / population std; equal scores all 0 (each is the mean)
 *   3 sigma   mean -+ 3 sample std to 0..1, not clipped; equal scores, or one, 0.5 (Qdrant's DBSF)
 *
 * All but the first depend on the depth of the list. Whether scores are equal is asked of the scores, not of the std: the mean
 * of equal numbers need not round to that number. Sums run in the order of the list. */
#include "search/score_norm.h"

#include <math.h>

typedef struct moments {
    double least, most, mean, squares; /* squares: sum of squared distances from the mean */
    double n;
} moments;

/* out = (score - shift) / scale, or `constant` where all scores are equal */
typedef struct affine {
    double shift, scale, constant;
    bool is_constant;
} affine;

static moments measure(const double *scores, size_t n, size_t n_zeros)
{
    moments m = {.least = INFINITY, .most = -INFINITY, .n = (double)n + (double)n_zeros};
    double sum = 0;
    if (n_zeros) m.least = m.most = 0;
    for (size_t i = 0; i < n; i++) {
        m.least = fmin(m.least, scores[i]);
        m.most = fmax(m.most, scores[i]);
        sum += scores[i];
    }
    m.mean = sum / m.n;
    for (size_t i = 0; i < n; i++) m.squares += (scores[i] - m.mean) * (scores[i] - m.mean);
    m.squares += (double)n_zeros * m.mean * m.mean;
    return m;
}

static double map_score(const affine *a, double score)
{
    return a->is_constant ? a->constant : (score - a->shift) / a->scale;
}

static void add_mapped(const fuse_list *list, bool with_zeros, const affine *a, double *terms, double *absent)
{
    for (size_t i = 0; i < list->n; i++) terms[i] = list->weight * map_score(a, list->scores[i]);
    *absent = with_zeros ? list->weight * map_score(a, 0) : 0;
}

static size_t count_zeros(const fuse_rules *rules, size_t n_absent)
{
    return rules->missing == TRI_MISSING_ZERO ? n_absent : 0;
}

void score_norm_add(const fuse_list *list, size_t n_absent, const fuse_rules *rules, double *terms, double *absent)
{
    size_t n_zeros = count_zeros(rules, n_absent);
    affine a = {.scale = 1};
    if (rules->norm != TRI_NORM_NONE) {
        moments m = measure(list->scores, list->n, n_zeros);
        bool to_range = rules->norm == TRI_NORM_MINMAX;
        a = (affine){.shift = to_range ? m.least : m.mean,
                     .scale = to_range ? m.most - m.least : sqrt(m.squares / m.n),
                     .constant = to_range ? 1 : 0,
                     .is_constant = m.least == m.most};
    }
    add_mapped(list, n_zeros > 0, &a, terms, absent);
}

void score_norm_add_three_sigma(const fuse_list *list, size_t n_absent, const fuse_rules *rules, double *terms, double *absent)
{
    size_t n_zeros = count_zeros(rules, n_absent);
    moments m = measure(list->scores, list->n, n_zeros);
    double three = m.n > 1 ? 3 * sqrt(m.squares / (m.n - 1)) : 0;
    affine a = {.shift = m.mean - three, .scale = 2 * three, .constant = 0.5, .is_constant = m.least == m.most};
    add_mapped(list, n_zeros > 0, &a, terms, absent);
}
