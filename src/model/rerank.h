/* SPDX-License-Identifier: Apache-2.0 */
/* rerank.h — pairs in, a logit and a score for each out. */
#ifndef TRI_MODEL_RERANK_H
#define TRI_MODEL_RERANK_H

#include "model/session.h"
#include "trident/rerank.h"

/* See tri_rerank. The model is a cross-encoder. */
tri_status rerank_run(session *s, const tri_rerank_options *options, const tri_pair *pairs, size_t count,
                      tri_pair_score *scores, tri_error *err);

#endif
