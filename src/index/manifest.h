/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h — the one file that says what an index holds. */
#ifndef TRI_INDEX_MANIFEST_H
#define TRI_INDEX_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "index/segment_file.h"
#include "trident/index.h"

typedef struct manifest_segment {
    uint32_t id; /* of its files' names */
    uint64_t docs, rows, postings;
    file_record files[INDEX_KINDS]; /* by index_kind */
} manifest_segment;

typedef struct manifest {
    uint64_t generation; /* one more at each commit */
    uint32_t next_id;    /* of the next segment or dead file */
    unsigned want;
    size_t dense_dim, multi_dim;
    int store_dense, store_multi;
    char *meta;    /* the caller's JSON, word for word */
    uint64_t docs; /* of all segments, deleted ones too */
    uint64_t deleted;
    uint32_t dead_id; /* of the .dead file; 0 = none */
    file_record dead;
    manifest_segment *segments; /* in order of their documents */
    size_t n_segments, cap_segments;
} manifest;

void manifest_drop(manifest *m);
tri_status manifest_copy(manifest *out, const manifest *from, tri_error *err);
tri_status manifest_append(manifest *m, const manifest_segment *segment, tri_error *err);

/* Does a segment of this index have a file of this kind? */
bool manifest_wants(const manifest *m, index_kind kind);

/* `name` is for messages. verify false leaves the file's own checksum aside (fuzzing). */
tri_status manifest_parse(const void *bytes, size_t len, const char *name, bool verify, manifest *out, tri_error *err);
tri_status manifest_print(const manifest *m, buf *out, tri_error *err);

/* TRI_ERR_NOT_FOUND when DIR holds no index. */
tri_status manifest_load(const char *dir, manifest *out, tri_error *err);
/* Replaces DIR's manifest by rename. When this fails the new one may nevertheless be in force: only the disk knows. */
tri_status manifest_save(const char *dir, const manifest *m, tri_error *err);

#endif
