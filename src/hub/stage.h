/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h — a folder that appears whole or not at all.
 *
 *   PARENT/.NAME.pull   files are gathered here, locked against a second pull of the same name
 *   PARENT/NAME         appears by one rename when all of them are there and synced */
#ifndef TRI_HUB_STAGE_H
#define TRI_HUB_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "trident/status.h"
#include "base/limits.h"

typedef struct stage {
    char target[LIMIT_PATH], dir[LIMIT_PATH];
    int lock; /* -1 = none */
} stage;

/* Makes and locks the working folder. `resume` keeps what an earlier, interrupted pull left in it. */
tri_status stage_begin(stage *s, const char *target, bool resume, tri_error *err);
/* Path of a file of the working folder ("1_Pooling/config.json"); folders on the way are made. */
tri_status stage_path(const stage *s, const char *name, char out[LIMIT_PATH], tri_error *err);
/* Removes every file for which keep answers false (NULL: every file), and the folders that are empty then. */
tri_status stage_prune(const stage *s, bool (*keep)(const void *ctx, const char *name), const void *ctx, tri_error *err);
/* Removes a file or a folder with all in it from the working folder; missing is fine. */
tri_status stage_remove(const stage *s, const char *name, tri_error *err);
/* The working folder becomes the target; an older target is removed. On success the lock has ended, too. */
tri_status stage_commit(stage *s, tri_error *err);
/* Ends the lock. Files that were not committed stay for a later pull when `keep`, else go. */
void stage_end(stage *s, bool keep);

#endif
