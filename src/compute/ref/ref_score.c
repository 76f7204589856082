/* SPDX-License-Identifier: Apache-2.0 */
/* ref_score.c — dots (y = q.docs^T) and MaxSim (ColBERT's late interaction, divided by the number of query rows as
 * FlagEmbedding's colbert_score does). Documents are F32, F16, or I8 with one scale a row. */
#include <math.h>

#include "compute/ref/ref.h"

static double dot(const float *q, const tensor *docs, const float *scales, size_t row)
{
    double sum = 0;
    for (size_t d = 0; d < docs->cols; d++) {
        size_t at = row * docs->ld + d;
        double v = docs->type == DTYPE_I8 ? ((const int8_t *)docs->data)[at]
                   : docs->type == DTYPE_F16 ? half_to_f32(((const uint16_t *)docs->data)[at])
                                             : ((const float *)docs->data)[at];
        sum += q[d] * v;
    }
    return scales ? sum * scales[row] : sum;
}

void ref_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y)
{
    (void)c;
    for (size_t i = 0; i < q->rows; i++)
        for (size_t j = 0; j < docs->rows; j++)
            ((float *)y->data)[i * y->ld + j] = (float)dot((const float *)q->data + i * q->ld, docs, scales, j);
}

void ref_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                float *scores, int32_t *best)
{
    (void)c;
    for (size_t j = 0; j < n_docs; j++) {
        double sum = 0;
        for (size_t i = 0; i < q->rows; i++) {
            float greatest = -INFINITY;
            int32_t winner = 0;
            for (uint64_t row = doc_start[j]; row < doc_start[j + 1]; row++) {
                float d = (float)dot((const float *)q->data + i * q->ld, docs, scales, row);
                if (d > greatest) {
                    greatest = d;
                    winner = (int32_t)(row - doc_start[j]);
                }
            }
            sum += greatest;
            if (best) best[j * q->rows + i] = winner;
        }
        bool empty = q->rows == 0 || doc_start[j] == doc_start[j + 1];
        scores[j] = empty ? 0 : (float)(sum / (double)q->rows);
    }
}
