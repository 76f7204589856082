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

typedef struct model_config {
    const char *dir, *file; /* folder; path of config.json */
    const char *model_type;
    size_t hidden, layers, heads, ffn, vocab, positions, types;
    float eps;
    activation act;
    uint32_t pad_id;       /* config.json's, used for XLM-R positions only */
    size_t max_seq_length; /* smallest of what the folder's files say; 0 = nothing */

    /* sentence-transformers folder */
    pooling pool;
    bool normalize;
    dense_module dense[MAX_DENSE_MODULES];
    size_t n_dense;
    const char *prompt_query, *prompt_passage; /* "" = none */
} model_config;

/* Reads config.json, modules.json, *_Pooling, *_Dense, config_sentence_transformers.json, sentence_bert_config.json and
 * tokenizer_config.json. Strings live in `keep`. An unknown value of a key that changes the maths is an error. */
tri_status model_config_load(const char *dir, model_config *out, arena *keep, tri_error *err);

/* Notes a file as read, for `info`; see model.h. */
const char *pooling_name(pooling p);

#endif
