/* SPDX-License-Identifier: Apache-2.0 */
/* score_cache.h — scores of pairs that were computed once need not be computed again, by this run or another.
 *
 *   FILE.json   the dictionary that competitors keep by hand: md5 of "query_passage" to score (seed_cache.h). It knows neither
 *               model nor lengths, and two pairs whose texts join to the same string share an entry
 *   any other   an SQLite file: scores by model, precision, lengths, cutting rule and the whole pair. What put wrote is there
 *               after kill -9; several processes may share it */
#ifndef TRI_LAB_SCORE_CACHE_H
#define TRI_LAB_SCORE_CACHE_H

#include <stdbool.h>

#include "trident/rerank.h"

/* Everything beside the texts that a logit depends on. */
typedef struct cache_terms {
    uint64_t model; /* tri_model_info.fingerprint */
    const char *precision;
    size_t max_length, query_max;
    int cut, windows; /* TRI_CUT_*, TRI_WINDOWS_* */
    bool hf5_rules;   /* the tokenizer follows transformers 5, where that gives other ids */
    bool sigmoid;     /* what the scores of a .json file are: sigmoids, or logits */
} cache_terms;

typedef struct score_cache score_cache;
tri_status score_cache_open(const char *path, const cache_terms *terms, score_cache **out, tri_error *err);
/* Fills out->logit, score, tokens and cuts when the pair is there. A .json file gives the score alone, which stands for the
 * logit too. */
tri_status score_cache_find(score_cache *c, const tri_pair *pair, tri_pair_score *out, bool *found, tri_error *err);
/* A computed score becomes as find would give it, so that an order does not depend on what was kept. */
void score_cache_level(const score_cache *c, tri_pair_score *score);
/* Keeps scores[which[i]] of pairs[which[i]]; on return they are safe from a kill. */
tri_status score_cache_put(score_cache *c, const tri_pair *pairs, const tri_pair_score *scores, const size_t *which, size_t n,
                           tri_error *err);
/* Frees c on failure too; NULL is fine. */
tri_status score_cache_close(score_cache *c, tri_error *err);

#endif
