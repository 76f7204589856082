/* SPDX-License-Identifier: Apache-2.0 */
/* part_file.h — a file on its way: PATH.part grows, PATH.part.note says of what; PATH appears by rename. */
#ifndef TRI_HUB_PART_FILE_H
#define TRI_HUB_PART_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/limits.h"

typedef struct part_file {
    char path[LIMIT_PATH], part[LIMIT_PATH], note[LIMIT_PATH];
    int fd;             /* -1 = closed */
    uint64_t bytes;     /* in the part */
    char identity[160]; /* what the whole file is: its expected hash, or the URL's commit */
    char etag[256];     /* of the server that sent the bytes; empty = unknown */
} part_file;

/* Opens the part at its end when its note has this identity, else empties it. */
tri_status part_file_open(part_file *p, const char *path, const char *identity, tri_error *err);
tri_status part_file_append(part_file *p, const void *bytes, size_t len, tri_error *err);
/* Empty again; the bytes to come are those of `etag`. Writes the note. */
tri_status part_file_restart(part_file *p, const char *etag, tri_error *err);
/* Synced and renamed to PATH; closed whatever the answer. */
tri_status part_file_commit(part_file *p, tri_error *err);
/* Closed; the part stays for later. */
void part_file_close(part_file *p);

#endif
