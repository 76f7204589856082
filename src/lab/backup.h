/* SPDX-License-Identifier: Apache-2.0 */
/* backup.h — are the raw predictions still what they were? A manifest of SHA-256 beside them, in the form of sha256sum, so that
 * `sha256sum -c manifest.sha256` proves it without this program.
 *
 *   0f3c...9a  v1/run.trec          64 digits, two spaces, the path: relative to the manifest's folder where it lies in it
 * A path with a line end or a backslash in it is refused. */
#ifndef TRI_LAB_BACKUP_H
#define TRI_LAB_BACKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "trident/status.h"

#define BACKUP_MANIFEST "manifest.sha256"
enum { BACKUP_HEX_CAP = 65 };

/* Adds the files to FOLDER/manifest.sha256, or brings their lines up to date; the others stay. Under a lock, whole or not at
 * all. Paths as the caller has them (relative to the current folder, or absolute). */
tri_status backup_record(const char *folder, const char *const *paths, size_t n, tri_error *err);

typedef enum { BACKUP_KEPT, BACKUP_NOT_LISTED, BACKUP_CHANGED } backup_state;
/* What FOLDER/manifest.sha256 says of the file; no manifest is BACKUP_NOT_LISTED. */
tri_status backup_verify(const char *folder, const char *path, backup_state *state, tri_error *err);
/* SHA-256 of a file in lower-case hex. */
tri_status backup_hash(const char *path, char out[BACKUP_HEX_CAP], tri_error *err);

#endif
