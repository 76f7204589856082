/* SPDX-License-Identifier: Apache-2.0 */
/* st_folder.h — what sentence-transformers keeps beside the transformer: pooling, Dense, Normalize, prompts, limits. */
#ifndef TRI_MODEL_ST_FOLDER_H
#define TRI_MODEL_ST_FOLDER_H

#include "model/model_config.h"

/* Fills pool, normalize, dense, prompts and max_seq_length of a config whose `dir` and `hidden` are set. */
tri_status st_folder_load(model_config *c, arena *keep, tri_error *err);

#endif
