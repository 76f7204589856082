/* SPDX-License-Identifier: Apache-2.0 */
/* pair_batch.h — pairs of texts to token ids: the cutting rules of rerankers. */
#ifndef TRI_MODEL_PAIR_BATCH_H
#define TRI_MODEL_PAIR_BATCH_H

#include "model/session.h"
#include "model/text_batch.h"
#include "trident/rerank.h"

/* What the encoder reads: one row of tokens a pair, or one a window of its passage. */
typedef struct pair_rows {
    text_tokens *texts; /* [n] */
    size_t *pair;       /* [n] whose it is, ascending */
    size_t n;
} pair_rows;

/* Tokenises every pair in parallel (the error of the first failing pair is told) and notes lengths, cuts, windows and bad bytes
 * in scores [count]. o's max_length, cut and query_max are settled. `out` lives in the session's scratch and its workers'
 * arenas. */
tri_status pair_batch_tokenize(session *s, const tri_rerank_options *o, const tri_pair *pairs, size_t count, pair_rows *out,
                               tri_pair_score *scores, tri_error *err);

#endif
