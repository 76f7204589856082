/* SPDX-License-Identifier: Apache-2.0 */
/* export_model.h — `trident export gguf` and `trident export hf`: a whole model in other people's forms. */
#ifndef TRI_CLI_EXPORT_MODEL_H
#define TRI_CLI_EXPORT_MODEL_H

#include <stdbool.h>

#include "cli/cli.h"
#include "trident/engine.h"

typedef struct export_model {
    const char *output, *dtype;
    bool force;
} export_model;

tri_status export_model_gguf(cli *c, tri_engine *engine, const char *model, const export_model *args, tri_error *err);
tri_status export_model_hf(cli *c, tri_engine *engine, const char *model, const export_model *args, tri_error *err);

#endif
