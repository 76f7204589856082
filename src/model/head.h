/* SPDX-License-Identifier: Apache-2.0 */
/* head.h — what is made of the hidden states. Each head binds its weights and runs on a batch's rows; none changes another. */
#ifndef TRI_MODEL_HEAD_H
#define TRI_MODEL_HEAD_H

#include "compute/compute.h"
#include "formats/weights.h"
#include "model/arch.h"
#include "model/bind.h"
#include "model/model_config.h"

/* dense: pooling -> Dense modules -> cut to dim -> unit length */
typedef struct head_dense {
    size_t dim; /* width of the vector before any cut */
    struct {
        packed_matrix *matrix;
        float *bias;
        weights *w; /* the file */
    } modules[MAX_DENSE_MODULES];
} head_dense;
tri_status head_dense_bind(packing *pk, const model_config *config, head_dense *out, tri_error *err);
void head_dense_drop(compute *c, head_dense *h);
/* x [W, D], row_start [B+1] the rows of each text in it. The result [B, dim_out] is a view of tmp: 2 * B * max(D, dims) floats,
 * device. */
tensor head_dense_run(compute *c, const model_config *config, const head_dense *h, const tensor *x, const int32_t *row_start,
                      size_t B, size_t dim_out, float *tmp);

/* sparse: relu(w.h + b) per token, maximum per token id, the special ids dropped (FlagEmbedding M3) */
typedef struct head_sparse {
    packed_matrix *matrix; /* [1, D]; NULL = no such head */
    float *bias;           /* [1] */
    weights *w;            /* the file, for messages about what is in it */
} head_sparse;
tri_status head_sparse_bind(packing *pk, const model_config *config, const char *path, head_sparse *out, tri_error *err);
/* The same from the classifier of a ...ForTokenClassification model, in the model's own weights (GTE). */
tri_status head_sparse_bind_classifier(packing *pk, const model_config *config, const weights *w, head_sparse *out,
                                       tri_error *err);
void head_sparse_drop(compute *c, head_sparse *h);
/* w.h + b before the ReLU: [T, 1], a view of tmp, device */
tensor head_sparse_run(compute *c, const head_sparse *h, const tensor *x, float *tmp);
/* One text's ids and weights [n] to ascending distinct ids with positive maximum; specials: n_specials ids to drop. Returns the
 * number written to out_ids and out_weights (room for n each). order: scratch [n]. */
size_t head_sparse_collapse(const uint32_t *ids, const float *token_weights, size_t n, const uint32_t *specials,
                            size_t n_specials, uint64_t *order, uint32_t *out_ids, float *out_weights);

/* multi: rows 1.. of each text, projected, cut to dim, each of unit length; in f32, or in bf16 where the encoder is narrower */
typedef struct head_multi {
    packed_matrix *matrix; /* [dim, D]; NULL = no such head */
    float *bias;           /* [dim] */
    size_t dim;
    precision p;
    weights *w;
} head_multi;
tri_status head_multi_bind(packing *pk, const model_config *config, const char *path, head_multi *out, tri_error *err);
void head_multi_drop(compute *c, head_multi *h);
/* Floats of scratch a row, x being `width` wide. */
size_t head_multi_floats(const head_multi *h, size_t width);
/* rows [n_rows] of x, in order. The result [n_rows, dim_out] is a view of tmp [n_rows * head_multi_floats], device memory. */
tensor head_multi_run(compute *c, const head_multi *h, const tensor *x, const int32_t *rows, size_t n_rows, size_t dim_out,
                      float *tmp);

/* logit: of each text, pooled row -> [dense -> activation -> [norm]] -> one number (...ForSequenceClassification) */
typedef struct head_logit {
    packed_matrix *dense, *out;                  /* [D, D] or NULL; [1, D] */
    float *dense_bias, *gamma, *beta, *out_bias; /* [D] or NULL; [1] */
} head_logit;
tri_status head_logit_bind(packing *pk, const model_config *config, const arch *kind, const weights *w, head_logit *out,
                           tri_error *err);
void head_logit_drop(compute *c, head_logit *h);
/* x [W, D], row_start [B+1] the rows of each text in it. The result [B, 1] is a view of tmp: 2 * B * D floats, device. */
tensor head_logit_run(compute *c, const model_config *config, const head_logit *h, const tensor *x, const int32_t *row_start,
                      size_t B, float *tmp);

/* splade: over the vocabulary, the greatest of all rows of log(1 + relu(masked-LM logit)) */
typedef struct head_splade {
    packed_matrix *dense, *decoder; /* [D, D], [V, D]; NULL = no such head */
    float *dense_bias, *gamma, *beta, *decoder_bias;
    activation act;
} head_splade;
tri_status head_splade_bind(packing *pk, const model_config *config, const arch *kind, const weights *w, head_splade *out,
                            tri_error *err);
void head_splade_drop(compute *c, head_splade *h);
size_t head_splade_floats(const model_config *config); /* of scratch */
/* Rows first .. first + n of x, one text. out [V] host: its weights, all >= 0. tmp [head_splade_floats], device. */
tri_status head_splade_run(compute *c, const model_config *config, const head_splade *h, const tensor *x, size_t first,
                           size_t n, float *tmp, float *out, tri_error *err);

/* The file of a head: opened, its weight and bias checked. Shared by the two heads. Of a file that holds tensors "STEM.weight"
 * and "STEM.bias" (heads.gguf) these alone, as "weight" and "bias". */
tri_status head_file_open(const char *path, const char *stem, weights **out, tri_error *err);

#endif
