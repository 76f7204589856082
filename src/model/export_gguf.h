/* SPDX-License-Identifier: Apache-2.0 */
/* export_gguf.h — a model as a .gguf file that llama.cpp reads, and its other heads in a second file beside it. */
#ifndef TRI_MODEL_EXPORT_GGUF_H
#define TRI_MODEL_EXPORT_GGUF_H

#include "base/limits.h"
#include "base/log.h"
#include "compute/compute.h"
#include "formats/gguf_write.h"
#include "model/gguf_model.h"
#include "model/model.h"

typedef struct gguf_export {
    uint32_t type; /* of matrices, a GGUF_TENSOR_*: f32, f16, q8_0. Vectors, norms and small tables are f32 */
    const char *to;
    tri_progress_fn progress; /* in bytes of weights */
    void *progress_ctx;
} gguf_export;

typedef struct gguf_export_result {
    char heads[LIMIT_PATH]; /* "" = none was written */
    uint64_t bytes;         /* of both files */
    size_t n_tensors;
} gguf_export_result;

/* path: a model folder or .gguf file. TRI_ERR_UNSUPPORTED by name for what llama.cpp would compute otherwise. */
tri_status export_gguf(compute *c, log_hook log, const char *path, const gguf_export *o, gguf_export_result *result,
                       tri_error *err);

/* export_gguf_tokenizer.c: the tokenizer's keys; n: rows of the word table. */
tri_status export_gguf_tokenizer(gguf_writer *w, const tokenizer *t, size_t n, tri_error *err);

#endif
