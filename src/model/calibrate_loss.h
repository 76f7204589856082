/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_loss.h — what rounding costs, in figures, and whether that is too much. */
#ifndef TRI_MODEL_CALIBRATE_LOSS_H
#define TRI_MODEL_CALIBRATE_LOSS_H

#include "base/buf.h"
#include "trident/embed.h"
#include "trident/experimental.h"
#include "trident/rerank.h"

/* Appends to figures->losses what `rounded` lost against `truth`: embeddings of the same texts. Heads that they do not have,
 * and heads that found nothing to compare, add nothing. */
tri_status calibrate_loss_vectors(const tri_embeddings *truth, const tri_embeddings *rounded, tri_calibration *figures,
                                  tri_error *err);
/* The same of a reranker's scores of n pairs. */
void calibrate_loss_scores(const tri_pair_score *truth, const tri_pair_score *rounded, size_t n, tri_calibration *figures);
/* The same of nDCG@10. */
void calibrate_loss_ranking(double truth, double rounded, tri_calibration *figures);

/* Is each loss within its bar? If not, `missed` says which and by how much: "dense mean 0.9991 (at least 0.9997), ...". */
bool calibrate_loss_judge(const tri_calibration *figures, buf *missed);

#endif
