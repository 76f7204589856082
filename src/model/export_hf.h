/* SPDX-License-Identifier: Apache-2.0 */
/* export_hf.h — a model as a folder that transformers, sentence-transformers and FlagEmbedding load. */
#ifndef TRI_MODEL_EXPORT_HF_H
#define TRI_MODEL_EXPORT_HF_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "compute/compute.h"
#include "formats/json.h"
#include "model/model.h"

typedef struct hf_export {
    const char *to;           /* a folder without a model in it, made if it is not there */
    bool force;               /* or one with a model, whose files are replaced */
    tri_progress_fn progress; /* in bytes of weights */
    void *progress_ctx;
} hf_export;

typedef struct hf_export_result {
    uint64_t bytes; /* of tensors */
    size_t n_files;
} hf_export_result;

/* path: a model folder or .gguf file. config.json comes last: a folder without one is no model. */
tri_status export_hf(compute *c, log_hook log, const char *path, const hf_export *o, hf_export_result *result, tri_error *err);

/* export_hf_text.c: the small files of a model that has none of its own. */
typedef enum { HF_CONFIG, HF_TOKENIZER_CONFIG, HF_SPECIAL_TOKENS, HF_MODULES, HF_POOLING, HF_ST_CONFIG, HF_ST_LENGTH } hf_text;
/* json_decref when done. */
tri_status export_hf_text(const model *m, hf_text which, json_t **out, tri_error *err);
/* Appends the text of such a file. (jansson's json_dumps is not used: it does not see every allocation fail.) */
tri_status export_hf_print(const json_t *value, buf *out, tri_error *err);

#endif
