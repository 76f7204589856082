/* SPDX-License-Identifier: Apache-2.0 */
/* model_config_int.h — from a config.json, wherever it came from, to a configuration; for model_config_*.c only. */
#ifndef TRI_MODEL_MODEL_CONFIG_INT_H
#define TRI_MODEL_MODEL_CONFIG_INT_H

#include "formats/json.h"
#include "model/arch.h"
#include "model/model_config.h"

/* Architecture, sizes and task; c->dir and c->file are set. Not what sentence-transformers adds. */
tri_status model_config_read(const json_t *o, model_config *c, const arch **kind, arena *keep, tri_error *err);
/* The configuration of a .gguf file; c->dir is its path. */
tri_status model_config_load_gguf(model_config *c, const arch **kind, arena *keep, tri_error *err);

#endif
