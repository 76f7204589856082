/* SPDX-License-Identifier: Apache-2.0 */
/* embed.h — text in; dense, sparse and multi-vector out of one forward pass.
 *
 *   tri_embed_options o; tri_embed_options_init(&o);
 *   tri_text t[2] = {{"hello", 5}, {"world", 5}};
 *   tri_embeddings *e;
 *   if (tri_embed_texts(session, &o, t, 2, &e, &err) == TRI_OK) {
 *       tri_dense_view v = tri_embeddings_dense(e, 0);
 *       ...
 *       tri_embeddings_free(e);
 *   }
 */
#ifndef TRIDENT_EMBED_H
#define TRIDENT_EMBED_H

#include "trident/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

enum { TRI_TRUNCATE_LONGEST_FIRST = 0, TRI_TRUNCATE_ONLY_SECOND = 1 };

typedef struct tri_tokenize_options {
    size_t struct_size;
    size_t max_length; /* specials included; 0 = no limit */
    int strategy;      /* TRI_TRUNCATE_* (pairs) */
    int no_specials;   /* 1: the template is left out */
} tri_tokenize_options;
TRI_API void tri_tokenize_options_init(tri_tokenize_options *options);

/* `path`: a model folder, or a tokenizer.json, sentencepiece.bpe.model or vocab.txt on its own. */
TRI_API tri_status tri_tokenizer_open(const char *path, int rules, tri_tokenizer **out, tri_error *err);
TRI_API void tri_tokenizer_close(tri_tokenizer *tokenizer);
/* The tokenizer of an open model, borrowed; NULL where it was opened with no_tokenizer. */
TRI_API tri_tokenizer *tri_model_tokenizer(tri_model *model);

typedef struct tri_tokens {
    const uint32_t *ids;     /* [count] */
    const uint8_t *type_ids; /* [count] */
    size_t count;
    int truncated;
    size_t bad_bytes; /* bytes of invalid UTF-8, each read as U+FFFD */
} tri_tokens;
/* `pair` may be NULL. `out` is borrowed until the next call with this tokenizer handle; one thread at a time per handle. */
TRI_API tri_status tri_tokenize(tri_tokenizer *tokenizer, const tri_tokenize_options *options, tri_text text,
                                const tri_text *pair, tri_tokens *out, tri_error *err);
/* The vocabulary's string of a token; {NULL, 0} for an id that is not in it. */
TRI_API tri_text tri_token_piece(const tri_tokenizer *tokenizer, uint32_t id);

/* ---- embeddings ------------------------------------------------------------------------------------------------- */

enum { TRI_ROLE_NONE = 0, TRI_ROLE_QUERY = 1, TRI_ROLE_PASSAGE = 2 };
enum { TRI_LONG_TRUNCATE = 0, TRI_LONG_ERROR = 1 };
enum { TRI_CHUNKS_MEAN = 0, TRI_CHUNKS_MAX = 1 };

typedef struct tri_embed_options {
    size_t struct_size;
    unsigned want;      /* 0 = everything the model has */
    int role;           /* picks the folder's prompt */
    const char *prompt; /* replaces the role's prompt; NULL = the role's */
    size_t dim;         /* cuts dense and multi before normalising (Matryoshka); 0 = whole */
    int on_long;        /* TRI_LONG_* */
    tri_progress_fn progress; /* counted in tokens */
    void *progress_ctx;
    size_t chunk;       /* dense only: texts are cut into pieces of so many tokens (specials and prompt included), each encoded
                           alone, and their vectors joined: the way of models with short windows. 0 = whole texts */
    int chunk_pool;     /* TRI_CHUNKS_* */
} tri_embed_options;
TRI_API void tri_embed_options_init(tri_embed_options *options);

/* One input: a text, or token ids used as they are (specials included). */
typedef struct tri_input {
    tri_text text;
    const uint32_t *ids;     /* NULL = tokenize `text` */
    const uint8_t *type_ids; /* NULL = all 0 */
    size_t n_ids;
} tri_input;

/* Results are in input order and do not depend on batch companions or threads. *out is NULL on failure. */
TRI_API tri_status tri_embed(tri_session *session, const tri_embed_options *options, const tri_input *inputs, size_t count,
                             tri_embeddings **out, tri_error *err);
TRI_API tri_status tri_embed_texts(tri_session *session, const tri_embed_options *options, const tri_text *texts, size_t count,
                                   tri_embeddings **out, tri_error *err);

TRI_API size_t tri_embeddings_count(const tri_embeddings *e);
TRI_API tri_dense_view tri_embeddings_dense(const tri_embeddings *e, size_t i);
TRI_API tri_sparse_view tri_embeddings_sparse(const tri_embeddings *e, size_t i);
TRI_API tri_multi_view tri_embeddings_multi(const tri_embeddings *e, size_t i);
TRI_API size_t tri_embeddings_tokens(const tri_embeddings *e, size_t i); /* specials included, after truncation */
TRI_API int tri_embeddings_truncated(const tri_embeddings *e, size_t i);
TRI_API size_t tri_embeddings_bad_bytes(const tri_embeddings *e, size_t i);
/* Token ids of text i as encoded; ids of the multi-vector rows are ids[1..]. */
TRI_API const uint32_t *tri_embeddings_ids(const tri_embeddings *e, size_t i, size_t *n);
TRI_API void tri_embeddings_free(tri_embeddings *e);

/* ---- scores of pairs (FlagEmbedding compute_score, without its padding floor) -------------------------------------- */

TRI_API float tri_score_dense(tri_dense_view q, tri_dense_view p);
TRI_API float tri_score_sparse(tri_sparse_view q, tri_sparse_view p);
/* mean over query rows of the best dot product; 0 when either side has no rows */
TRI_API float tri_score_multi(tri_multi_view q, tri_multi_view p);

#ifdef __cplusplus
}
#endif
#endif
