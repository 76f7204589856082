/* SPDX-License-Identifier: Apache-2.0 */
/* rerank.h — a cross-encoder reads a query and a passage together and says how well they belong together.
 *
 *   tri_text question = {"what is M3", 10};
 *   tri_pair pairs[2] = {{.query = question, .passage = {"M3 is a model", 13}}, {.query = question, .passage = {"tea", 3}}};
 *   tri_pair_score scores[2];
 *   if (tri_rerank(session, NULL, pairs, 2, scores, &err) == TRI_OK) {
 *       float better = scores[0].score;
 *       ...
 *   }
 */
#ifndef TRIDENT_RERANK_H
#define TRIDENT_RERANK_H

#include "trident/embed.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a pair that is too long is cut. PASSAGE: the query to query_max tokens, the rest from the passage (FlagEmbedding's
 * FlagReranker). LONGEST: the longer of the two first (sentence-transformers' CrossEncoder). MODEL: LONGEST where the folder
 * was made with sentence-transformers, else PASSAGE. */
enum { TRI_CUT_MODEL = 0, TRI_CUT_PASSAGE = 1, TRI_CUT_LONGEST = 2 };
/* What is done with a passage that does not fit beside its query. CUT: its tail is left out. MAX, MEAN: it is read through
 * windows that overlap by a quarter, each with the query before it, and the greatest or the mean of their logits is the
 * pair's: for models of a short window. */
enum { TRI_WINDOWS_CUT = 0, TRI_WINDOWS_MAX = 1, TRI_WINDOWS_MEAN = 2 };
/* From logit to score. MODEL: what the folder says, sigmoid where it says nothing. */
enum { TRI_SCORE_MODEL = 0, TRI_SCORE_SIGMOID = 1, TRI_SCORE_NONE = 2 };

/* Called after each forward pass: the scores of these pairs are final. Another answer than TRI_OK ends the call with it. */
typedef tri_status (*tri_scored_fn)(void *ctx, const size_t *pairs, size_t n, tri_error *err);

typedef struct tri_rerank_options {
    size_t struct_size;
    size_t max_length;        /* tokens of a pair, specials included; 0 = the session's */
    size_t query_max;         /* tokens of a query; 0 = 3/4 of max_length for TRI_CUT_PASSAGE, no limit for TRI_CUT_LONGEST */
    int cut;                  /* TRI_CUT_* */
    int windows;              /* TRI_WINDOWS_*; with windows the cut is TRI_CUT_PASSAGE's of the query alone */
    int activation;           /* TRI_SCORE_* */
    int on_long;              /* TRI_LONG_* */
    size_t batch_pairs;       /* most pairs of one forward pass; 0 = as many as fit the session's rows */
    tri_progress_fn progress; /* counted in tokens */
    void *progress_ctx;
    tri_scored_fn scored; /* or NULL: for a caller that keeps scores as they come */
    void *scored_ctx;
} tri_rerank_options;
TRI_API void tri_rerank_options_init(tri_rerank_options *options);

/* Two texts, or token ids used as they are (specials included). */
typedef struct tri_pair {
    tri_text query, passage;
    const uint32_t *ids;     /* NULL = tokenize the texts */
    const uint8_t *type_ids; /* NULL = all 0 */
    size_t n_ids;
} tri_pair;

typedef struct tri_pair_score {
    float logit, score;
    size_t tokens;                 /* specials included, after cutting; of all windows */
    size_t windows;                /* 1 but for TRI_WINDOWS_MAX and MEAN */
    size_t query_cut, passage_cut; /* tokens that were cut off */
    size_t bad_bytes;              /* bytes of invalid UTF-8 in both texts, each read as U+FFFD */
} tri_pair_score;

/* scores [count], in input order; a pair's numbers do not depend on its companions or on threads. A model that is no
 * cross-encoder is TRI_ERR_UNSUPPORTED; a logit that is not finite is TRI_ERR_NUMERIC. */
TRI_API tri_status tri_rerank(tri_session *session, const tri_rerank_options *options, const tri_pair *pairs, size_t count,
                              tri_pair_score *scores, tri_error *err);

#ifdef __cplusplus
}
#endif
#endif
