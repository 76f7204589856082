/* SPDX-License-Identifier: Apache-2.0 */
/* segment_file.h — one numbered file of an index (format.h), written front to back or mapped and checked. */
#ifndef TRI_INDEX_SEGMENT_FILE_H
#define TRI_INDEX_SEGMENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "index/format.h"

const char *segment_file_kind_name(index_kind kind); /* "keys", ... */
/* "00000001.keys" */
void segment_file_name(char out[32], uint32_t id, index_kind kind);
/* Bytes of one vector of `columns` elements; 0 for an element that is not TRI_STORE_*. */
size_t segment_file_row_bytes(int element, size_t columns);

/* ---- reading ---------------------------------------------------------------------------------------------------- */

typedef struct segment_file {
    mapped_file map;
    uint64_t n, data_bytes;
    uint64_t items; /* data_bytes / unit; all of data */
    uint32_t element, columns;
    const uint8_t *data;
    const uint64_t *offsets; /* [n+1] ascending, offsets[n] == items; NULL for kinds without */
    const uint32_t *ids;     /* [n], not checked; NULL for kinds without */
} segment_file;

/* Maps the file and checks every length and offset in it; what `ids` and pairs hold is the user's to bound. */
tri_status segment_file_open(const char *path, index_kind kind, segment_file *out, tri_error *err);
void segment_file_close(segment_file *f);

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* What the manifest keeps of a finished file. bytes 0 = there is no such file. */
typedef struct file_record {
    uint64_t bytes, xxh3;
} file_record;

typedef struct segment_file_writer {
    out_file *file; /* NULL = not begun */
    hash64_stream *hash;
    index_kind kind;
    uint32_t element, columns;
    uint64_t data_bytes;
    size_t unit;
    buf offsets; /* u64 */
} segment_file_writer;

tri_status segment_file_writer_begin(segment_file_writer *w, const char *path, index_kind kind, int element, size_t columns,
                                     tri_error *err);
tri_status segment_file_writer_data(segment_file_writer *w, const void *bytes, size_t len, tri_error *err);
/* The next document (or term) begins here. Kinds with offsets: call before each one's data. */
tri_status segment_file_writer_mark(segment_file_writer *w, tri_error *err);
/* `ids` [n] for kinds that have them, else NULL. Writes tables and trailer, makes the name appear, and drops w in any case. */
tri_status segment_file_writer_finish(segment_file_writer *w, uint64_t n, const uint32_t *ids, file_record *out,
                                      tri_error *err);
/* Removes what was written. Fine on a zeroed, finished or dropped one. */
void segment_file_writer_drop(segment_file_writer *w);

#endif
