/* SPDX-License-Identifier: Apache-2.0 */
/* model.h — a folder or a .gguf file, opened: configuration, weights in the backend's form, heads, tokenizer. Immutable;
 * shared by threads. */
#ifndef TRI_MODEL_MODEL_H
#define TRI_MODEL_MODEL_H

#include "base/arena.h"
#include "base/log.h"
#include "formats/packed_file.h"
#include "model/arch.h"
#include "model/bind.h"
#include "model/head.h"
#include "tokenizer/tokenizer.h"
#include "trident/engine.h"

enum { MAX_MODEL_FILES = 1024 };

/* How the weights come in. */
typedef struct model_how {
    precision p;
    bool private_copy;            /* of a packed file: memory of our own, huge pages where there are any */
    const processor_nodes *nodes; /* then: a copy for each; NULL: one. Borrowed for the model's life */
    bool plan_only; /* matrices are checked and listed, not made: for an exporter. No session can be made of such a model */
} model_how;

typedef struct tri_model model;
struct tri_model {
    compute *c; /* borrowed */
    log_hook log;
    arena keep; /* strings of the configuration */
    model_config config;
    const arch *kind;
    weights *w;
    packed_file packed; /* path NULL = packed from w */
    packing pk;         /* every matrix, encoder's and heads' */
    encoder *enc;
    const char *sparse_path, *multi_path; /* the heads' files, whether they are there or not; of a .gguf model one file */
    head_dense dense;
    head_sparse sparse;
    head_multi multi;
    head_splade splade;   /* gives the sparse output where it is there */
    head_logit logit;     /* a reranker's alone; it has no representations */
    bool sparse_in_trunk; /* the sparse head is a tensor of w, not a file of its own */
    unsigned want;        /* representations that can be asked for; 0: a reranker */
    size_t max_tokens;    /* by positions: a longer row cannot be computed */
    size_t max_text;      /* by what the folder says: texts are cut here; <= max_tokens */
    uint32_t specials[4]; /* ids that the sparse head drops: <s> <pad> </s> <unk> */
    size_t n_specials;
    tokenizer *tok;        /* NULL: see tok_error */
    tri_error tok_error;   /* why there is no tokenizer; told when a text comes */
    tri_tokenizer *handle; /* the public face of `tok`, made on first use by api */
    const char *files[MAX_MODEL_FILES];
    size_t n_files;
    uint64_t fingerprint;
};

tri_status model_open(compute *c, const model_how *how, log_hook log, const char *path, const tri_model_options *options,
                      model **out, tri_error *err);
void model_close(model *m);
void model_info(const model *m, tri_model_info *info);

#endif
