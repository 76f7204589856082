/* SPDX-License-Identifier: Apache-2.0 */
/* st_folder.h — what sentence-transformers keeps beside the transformer: pooling, Dense, Normalize, prompts, limits. */
#ifndef TRI_MODEL_ST_FOLDER_H
#define TRI_MODEL_ST_FOLDER_H

#include "formats/json.h"
#include "model/model_config.h"

/* Fills pool, normalize, dense, prompts, max_seq_length and, of a reranker, the last activation, of a config whose `dir`,
 * `hidden` and `task` are set. config_json: the folder's config.json, where sentence-transformers 4 and 5 left a mark. */
tri_status st_folder_load(const json_t *config_json, model_config *c, arena *keep, tri_error *err);

#endif
