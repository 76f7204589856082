/* SPDX-License-Identifier: Apache-2.0 */
/* search_rerank.h — the second stage of a search: the best hits of each query, ordered by a cross-encoder. */
#ifndef TRI_CLI_SEARCH_RERANK_H
#define TRI_CLI_SEARCH_RERANK_H

#include "cli/pair_scorer.h"
#include "cli/record.h"
#include "cli/rerank_watch.h"
#include "trident/rerank.h"
#include "trident/search.h"

typedef struct search_rerank {
    cli *c;
    setup_model model;
    pair_scorer scorer;
    size_t top; /* hits of a query that are looked at */
    rerank_watch watch;
    tri_hit *hits; /* of the window, reordered: query q's are start[q] .. start[q + 1] */
    size_t *start;
    tri_pair *pairs;
    tri_pair_score *scores;
} search_rerank;

/* `name`: a folder or a pulled model, opened under the command's machine flags; pairs are cut at 512 tokens, or where the model
 * ends. cache: a file of scores (score_cache.h), or NULL. */
tri_status search_rerank_open(search_rerank *r, cli *c, const char *name, size_t top, const char *cache, tri_error *err);
/* Takes the kept hits of each query, `top` at most, and fills hits and start; a hit's score is the cross-encoder's. Equal
 * logits stay in the first stage's order. A query of token ids has no text to read: TRI_ERR_ARGUMENT names its line. */
tri_status search_rerank_run(search_rerank *r, const record *records, size_t n, const tri_hits *hits, tri_error *err);
tri_status search_rerank_close(search_rerank *r, tri_error *err);

#endif
