/* SPDX-License-Identifier: Apache-2.0 */
/* score.c — the three scores of a pair, as FlagEmbedding's compute_score has them, one pair at a time and without its padding
 * floor (there, padded rows of a passage take part in the maximum as zero vectors). Plain double sums: exactness, not speed;
 * search has the fast ones. */
#include <stddef.h>

#include "trident/embed.h"

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

float tri_score_dense(tri_dense_view q, tri_dense_view p)
{
    return (float)dot(q.values, p.values, q.dim < p.dim ? q.dim : p.dim);
}

float tri_score_sparse(tri_sparse_view q, tri_sparse_view p)
{
    double sum = 0;
    for (size_t i = 0, j = 0; i < q.count && j < p.count;) {
        if (q.ids[i] < p.ids[j])
            i++;
        else if (q.ids[i] > p.ids[j])
            j++;
        else
            sum += (double)q.weights[i++] * (double)p.weights[j++];
    }
    return (float)sum;
}

float tri_score_multi(tri_multi_view q, tri_multi_view p)
{
    if (!q.n_rows || !p.n_rows) return 0;
    size_t dim = q.dim < p.dim ? q.dim : p.dim;
    double sum = 0;
    for (size_t i = 0; i < q.n_rows; i++) {
        double best = dot(q.rows + i * q.dim, p.rows, dim);
        for (size_t j = 1; j < p.n_rows; j++) {
            double d = dot(q.rows + i * q.dim, p.rows + j * p.dim, dim);
            if (d > best) best = d;
        }
        sum += best;
    }
    return (float)(sum / (double)q.n_rows);
}
