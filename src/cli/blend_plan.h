/* SPDX-License-Identifier: Apache-2.0 */
/* blend_plan.h — the chosen fusion as a plan that `trident run` turns into the same file, byte for byte. */
#ifndef TRI_CLI_BLEND_PLAN_H
#define TRI_CLI_BLEND_PLAN_H

#include "cli/cli.h"
#include "lab/blend_space.h"

/* Writes the plan to `path`. paths and names are of all runs; the recipe says which of them it needs. A member that `trident
 * run` made (DIR/NAME/run.trec with its config.json) is written with its settings when all members share the data that the
 * settings name; any other as its file and that file's SHA-256. */
tri_status blend_plan_write(cli *c, const char *path, const blend_recipe *recipe, const char *const *paths,
                            const char *const *names, tri_error *err);

#endif
