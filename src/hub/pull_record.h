/* SPDX-License-Identifier: Apache-2.0 */
/* pull_record.h — was this folder pulled, from where, and is it as it was then? FOLDER/.trident.json:
 *
 *   {"format": 1, "name": "small-m3", "source": "...", "commit": "...", "files": [{"path", "bytes", "sha256"} ...]}
 *
 * It is written last, into the working folder, so a folder that has one is complete. */
#ifndef TRI_HUB_PULL_RECORD_H
#define TRI_HUB_PULL_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

typedef struct pull_record {
    json_t *root; /* NULL when there is none */
} pull_record;

tri_status pull_record_new(const char *name, const char *source, const char *commit, pull_record *out, tri_error *err);
void pull_record_drop(pull_record *r);
/* Adds FOLDER/path with its size and SHA-256, read from the disk. */
tri_status pull_record_add(pull_record *r, const char *folder, const char *path, tri_error *err);
tri_status pull_record_save(const pull_record *r, const char *folder, tri_error *err);

/* out->root stays NULL when the folder has no record. */
tri_status pull_record_load(const char *folder, pull_record *out, tri_error *err);
const char *pull_record_name(const pull_record *r); /* never NULL, as the two below */
const char *pull_record_source(const pull_record *r);
bool pull_record_is(const pull_record *r, const char *name, const char *source);
const char *pull_record_commit(const pull_record *r);
void pull_record_totals(const pull_record *r, size_t *files, uint64_t *bytes);
/* Are all files there with their sizes, and with `hashes` their SHA-256? TRI_ERR_MISMATCH names the first that is not. */
tri_status pull_record_check(const pull_record *r, const char *folder, bool hashes, tri_error *err);

#endif
