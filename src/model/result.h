/* SPDX-License-Identifier: Apache-2.0 */
/* result.h — what tri_embed gives back: one block, one free.
 *
 *   | header | token_start [n+1] | flags [n] | ids [tokens] | dense [n, D'] | sparse ids, weights [tokens] |
 *   | multi [tokens - n, D''] |
 *
 * Sizes are known once the texts are tokens: a text has at most as many sparse weights as tokens, and one multi row less. */
#ifndef TRI_MODEL_RESULT_H
#define TRI_MODEL_RESULT_H

#include "trident/embed.h"

typedef struct result_text {
    size_t token_start; /* into ids */
    size_t n_tokens;
    size_t sparse_start, n_sparse; /* into sparse_ids and sparse_weights; token_start where a token gives one weight at most */
    size_t bad_bytes;
    int truncated;
} result_text;

struct tri_embeddings {
    size_t count;
    unsigned want;
    size_t dense_dim, multi_dim;
    result_text *texts;    /* [count] */
    uint32_t *ids;         /* [tokens] */
    float *dense;          /* [count, dense_dim] */
    uint32_t *sparse_ids;  /* [tokens] */
    float *sparse_weights; /* [tokens] */
    float *multi;          /* [tokens - count, multi_dim]: text i begins at row token_start - i */
    void *sparse_block;    /* NULL, or where sparse_ids and sparse_weights are when they are not of the block: */
    size_t sparse_used, sparse_cap;
};

/* A sparse vector that is not bounded by the text's tokens: its positive elements of values [V], after all that is there. */
tri_status result_add_sparse(tri_embeddings *e, size_t i, const float *values, size_t V, tri_error *err);

/* Room for `count` texts of `tokens` tokens in all; texts[] zeroed. */
tri_status result_new(size_t count, size_t tokens, unsigned want, size_t dense_dim, size_t multi_dim, tri_embeddings **out,
                      tri_error *err);

#endif
