/* SPDX-License-Identifier: Apache-2.0 */
/* layers.h — the encoder that all architectures share: a stack of layers of attention and feed-forward, bound by a table of
 * names and run by what layer_shape says (layers_run.c). The arch_*.c hand these functions on. */
#ifndef TRI_MODEL_LAYERS_H
#define TRI_MODEL_LAYERS_H

#include "model/arch.h"

/* Stems of tensors, ".weight" and ".bias" left out. Those of a layer follow `layer`, its number and a dot. NULL = not there. */
typedef struct tensor_names {
    const char *word, *position, *type, *emb_norm;
    const char *layer;
    const char *qkv;       /* shape.qkv_in_one, */
    const char *q, *k, *v; /* or these */
    const char *o, *attention_norm, *up, *down, *ffn_norm;
    const char *gate;       /* the wide matrix's second half, where it is a tensor of its own */
    const char *final_norm; /* shape.norms_first */
} tensor_names;

typedef struct norm_weights {
    float *gamma, *beta; /* [D]; beta NULL = 0 */
} norm_weights;

typedef struct layer {
    packed_matrix *qkv;                             /* [3D, D]; NULL in the last layer */
    packed_matrix *q, *kv;                          /* [D, D], [2D, D]; the last layer only */
    packed_matrix *o;                               /* [D, D] */
    packed_matrix *up;                              /* [F, D], or [2F, D] with a gate */
    packed_matrix *down;                            /* [D, F] */
    float *qkv_bias, *o_bias, *up_bias, *down_bias; /* [3D], [D], [F] or [2F], [D]; or NULL */
    norm_weights after_attention;                   /* what the feed-forward reads */
    norm_weights after_ffn;                         /* what the next layer reads, or the result */
    const float *angles;                            /* rotary table; NULL: none */
    size_t window;                                  /* 0: every key */
} layer;

struct encoder {
    const model_config *config;
    precision p;
    tensor word, position, type;
    void *tables[3]; /* what a card holds of them; NULL where they are views of the file */
    norm_weights emb;
    float *global_angles, *local_angles; /* [positions, dh] or NULL */
    size_t n_layers;
    layer *layers;
};

tri_status layers_bind(packing *pk, const model_config *config, const weights *w, const tensor_names *names,
                       const char *const *prefixes, encoder **out, tri_error *err);
void layers_drop(compute *c, encoder *e);
void layers_workspace(const encoder *e, size_t rows, size_t *result_bytes, size_t *rest_bytes);
tensor layers_encode(compute *c, const encoder *e, const batch *b, workspace *ws);

/* Of BERT and XLM-RoBERTa alike. */
extern const tensor_names layers_bert_names;
tri_status layers_bert_config(const json_t *o, model_config *c, arena *keep, tri_error *err);

/* Positions that count from 0, up to max_position_embeddings. */
size_t layers_max_tokens(const model_config *c);
void layers_positions(const model_config *c, const uint32_t *ids, size_t n, int32_t *out);

#endif
