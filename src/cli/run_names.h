/* SPDX-License-Identifier: Apache-2.0 */
/* run_names.h — short names for run files, for tables, pages and plans. */
#ifndef TRI_CLI_RUN_NAMES_H
#define TRI_CLI_RUN_NAMES_H

#include <stdbool.h>

#include "base/arena.h"
#include "trident/status.h"

/* names[i] of paths[i]: of DIR/NAME/run.trec its folder's name, else the file's name without its ending, in any script; control
 * characters and what is no UTF-8 become "_"; a name given before gets "-2", "-3", ... */
tri_status run_names_make(arena *memory, const char *const *paths, size_t n, const char **names, tri_error *err);
/* The same names as a plan takes them for its versions: other characters become "_". */
tri_status run_names_for_plan(arena *memory, const char *const *names, size_t n, const char **out, tri_error *err);
/* The folder of a version when the path is DIR/NAME/run.trec: its length (DIR/NAME), else 0. */
size_t run_names_folder(const char *path);

#endif
