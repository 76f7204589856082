/* SPDX-License-Identifier: Apache-2.0 */
/* model_config.h — what a model folder says about itself, before any weight is read. */
#ifndef TRI_MODEL_MODEL_CONFIG_H
#define TRI_MODEL_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/limits.h"
#include "compute/compute.h"
#include "trident/status.h"

enum { MAX_DENSE_MODULES = 4 };

/* One sentence-transformers Dense module: y = act(x W^T + b). */
typedef struct dense_module {
    const char *folder; /* absolute or relative path of its folder */
    size_t in, out;
    bool bias;
    activation act;
} dense_module;

/* What config.json's "architectures" says that the weights are for. */
typedef enum {
    TASK_EMBED,         /* ...Model, and ...ForMaskedLM used for its trunk */
    TASK_RERANK,        /* ...ForSequenceClassification: a pair to a score */
    TASK_TOKEN_WEIGHTS, /* ...ForTokenClassification: vectors, and a weight for each token (GTE) */
    TASK_SPLADE,        /* a masked-LM head under sentence-transformers' SpladePooling: sparse vectors over the vocabulary */
} model_task;

/* How positions enter attention: the frequencies of one kind of layer. */
typedef struct rotary {
    bool on;
    double theta;
    double divisor;          /* of every frequency */
    double mixed_a, mixed_b; /* of frequency i also exp(a (i + 1)^b); a 0 = not so */
} rotary;

typedef enum { FFN_PLAIN, FFN_GATE_FIRST, FFN_GATE_SECOND } ffn_kind; /* which half of the wide matrix is activated */

/* What differs from BERT inside a layer; all zero for BERT. */
typedef struct layer_shape {
    bool norms_first; /* LayerNorm before attention and feed-forward, not after them; the first layer's is left out */
    bool qkv_in_one;  /* one tensor holds queries, keys and values */
    bool no_qkv_bias, no_o_bias, no_up_bias, no_down_bias, no_norm_bias;
    ffn_kind ffn;
    rotary global, local;    /* of layers that see every key, and of those that see a window */
    size_t window;           /* a local layer's query sees keys at most so far away */
    const uint8_t *is_local; /* [layers]; NULL: none is */
} layer_shape;

typedef enum { SCORE_SIGMOID, SCORE_IDENTITY } score_activation;

typedef struct model_config {
    const char *dir, *file; /* folder, path of config.json; of a .gguf file both are its path */
    const char *home;       /* the folder, or the one that a .gguf file lies in */
    const char *model_type;
    size_t hidden, layers, heads, ffn, vocab, positions, types;
    float eps;
    activation act;
    uint32_t pad_id;       /* config.json's, used for XLM-R positions only */
    size_t max_seq_length; /* smallest of what the folder's files say; 0 = nothing */
    bool no_positions;     /* no table of absolute positions */
    layer_shape shape;

    /* what it is for */
    model_task task;
    bool masked_lm;     /* ...ForMaskedLM: a SPLADE model where its sparse output alone is asked for */
    pooling logit_pool; /* the rows that the classification head reads: POOL_CLS or POOL_MEAN */
    activation logit_act;
    bool logit_dense_bias;
    score_activation score; /* from logit to score */
    bool from_st;           /* made with sentence-transformers: its cutting of long pairs is meant */

    /* sentence-transformers folder */
    pooling pool;
    bool normalize;
    dense_module dense[MAX_DENSE_MODULES];
    size_t n_dense;
    const char *prompt_query, *prompt_passage; /* "" = none */
} model_config;

struct arch;

/* dir: a model folder, or a .gguf file. Reads config.json, modules.json, *_Pooling, *_Dense,
 * config_sentence_transformers.json, sentence_bert_config.json and
 * tokenizer_config.json. Strings live in `keep`. *kind is the architecture that model_type names. An unknown value of a key
 * that changes the maths is an error. */
tri_status model_config_load(const char *dir, model_config *out, const struct arch **kind, arena *keep, tri_error *err);

/* Where a file that belongs to a model lies: MODEL/NAME of a folder, STEM.NAME beside STEM.gguf. */
tri_status model_file_beside(const char *model, const char *name, char out[LIMIT_PATH], tri_error *err);

const char *pooling_name(pooling p);

#endif
