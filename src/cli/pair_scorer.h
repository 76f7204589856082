/* SPDX-License-Identifier: Apache-2.0 */
/* pair_scorer.h — pairs through a cross-encoder, but for those whose score a cache holds.
 *
 * What is computed goes into the cache pass by pass: a killed run that is started again repeats one forward pass at most. */
#ifndef TRI_CLI_PAIR_SCORER_H
#define TRI_CLI_PAIR_SCORER_H

#include <stddef.h>
#include <stdint.h>

#include "cli/setup.h"
#include "lab/score_cache.h"
#include "trident/rerank.h"

typedef struct pair_scorer {
    tri_session *session;
    tri_rerank_options options;
    score_cache *cache;    /* NULL without */
    tri_pair *todo;        /* [n_todo] those to compute, */
    size_t *place;         /* their places in the call, */
    tri_pair_score *fresh; /* and what came out */
    size_t cap, n_todo;
    uint64_t n_pairs, n_cached; /* so far */
} pair_scorer;

/* TRI_SCORE_MODEL becomes what the model asks for, so that a cache's terms can name it. */
void pair_scorer_settle(const setup_model *model, tri_rerank_options *options);
/* options: settled, with max_length set. cache_path NULL: no cache. The session stays the caller's. */
tri_status pair_scorer_open(pair_scorer *s, const setup_model *model, const tri_rerank_options *options, const char *cache_path,
                            tri_error *err);
/* scores [n], in the order of the pairs */
tri_status pair_scorer_run(pair_scorer *s, const tri_pair *pairs, size_t n, tri_pair_score *scores, tri_error *err);
tri_status pair_scorer_close(pair_scorer *s, tri_error *err); /* a zeroed one is fine */

#endif
