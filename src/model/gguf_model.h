/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_model.h — a GGUF file read as the model folder that it was made from: config.json, tensors under Hugging Face's names.
 * */
#ifndef TRI_MODEL_GGUF_MODEL_H
#define TRI_MODEL_GGUF_MODEL_H

#include "formats/gguf.h"
#include "formats/json.h"
#include "formats/weights.h"
#include "model/gguf_names.h"

/* Keys that llama.cpp passes over. */
#define GGUF_KEY_MODEL_TYPE "trident.model_type"
#define GGUF_KEY_MAX_LENGTH "trident.max_seq_length"
#define GGUF_KEY_NORMALIZE "trident.normalize"
#define GGUF_KEY_SCORE "trident.score_activation"
#define GGUF_KEY_PROMPT_QUERY "trident.prompt.query"
#define GGUF_KEY_PROMPT_PASSAGE "trident.prompt.passage"
#define GGUF_KEY_FIRST_POSITIONS "trident.first_positions" /* f32: the rows that are cut off the position table */

/* "bert", "xlm-roberta", "nomic_bert"; another architecture is TRI_ERR_UNSUPPORTED by name. */
tri_status gguf_model_family(const gguf *g, const gguf_family **out, tri_error *err);
/* json_decref when done. */
tri_status gguf_model_config_json(const gguf *g, json_t **out, tri_error *err);
/* The file's tensors, named and shaped as in a folder. */
tri_status gguf_model_weights(const char *path, weights **out, tri_error *err);

#endif
