/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_names.h — llama.cpp's names of tensors and Hugging Face's, both ways. */
#ifndef TRI_MODEL_GGUF_NAMES_H
#define TRI_MODEL_GGUF_NAMES_H

#include <stdbool.h>

#include "formats/tensor_table.h"

typedef struct gguf_name_pair {
    const char *gguf, *hf; /* stems, ".weight" and ".bias" left out */
} gguf_name_pair;

typedef struct gguf_family {
    const char *architecture;                       /* general.architecture */
    const char *model_type;                         /* config.json's */
    const char *hf_class;                           /* of its models, as in config.json's "architectures": "Bert" */
    const char *layer;                              /* before a layer's number, in Hugging Face's names */
    const gguf_name_pair *outside, *inside, *logit; /* up to { NULL, NULL }; inside a layer; of a reranker */
} gguf_family;

const gguf_family *gguf_family_of_model_type(const char *model_type); /* NULL = none */
/* False: no tensor of this family. */
bool gguf_name_to_hf(const gguf_family *f, const char *name, char out[TENSOR_NAME_CAP]);
bool gguf_name_from_hf(const gguf_family *f, const char *name, char out[TENSOR_NAME_CAP]);

#endif
