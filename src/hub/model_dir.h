/* SPDX-License-Identifier: Apache-2.0 */
/* model_dir.h — which folder does a MODEL argument mean?
 *
 *   an existing path (folder, .gguf file, tokenizer.json)   used as it is
 *   NAME or ORG/NAME                                        <cache>/trident/models/NAME, made by `trident pull NAME`
 *
 * <cache> is $XDG_CACHE_HOME where that is an absolute path (as its specification asks), else $HOME/.cache. A folder in the
 * cache is there whole or not at all: pull works in a hidden sibling and renames. */
#ifndef TRI_HUB_MODEL_DIR_H
#define TRI_HUB_MODEL_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "trident/status.h"

/* The path to open, into out. A name that is not there is TRI_ERR_NOT_FOUND whose hint is the `trident pull` line to run.
 * cap LIMIT_PATH always suffices. */
tri_status model_dir_find(const char *name_or_path, char *out, size_t cap, tri_error *err);

/* Where pull puts the model of this name, whether it is there or not. A name that could leave the cache is TRI_ERR_ARGUMENT. */
tri_status model_dir_of_name(const char *name, char *out, size_t cap, tri_error *err);

/* NAME or ORG/NAME of letters, digits, '-', '_' and '.', no part beginning with '.' or over 96 bytes (the hub's own rule). */
bool model_dir_is_name(const char *name);

#endif
