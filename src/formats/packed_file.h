/* SPDX-License-Identifier: Apache-2.0 */
/* packed_file.h — a model's matrices as kernels read them, in one file that is mapped (docs/formats/packed.md).
 *
 *   | header 64 | zeros | blob | zeros | blob ... | zeros | directory |      blobs and directory on pages of 4096
 *
 * A container: it knows names, sizes and places of blobs, not what they hold. The directory comes last, so that a writer needs
 * one blob at a time; the header is written when all is there. Opening checks every number against the file's length and looks
 * at the header and the directory alone; whether blobs are what was written, packed_file_verify tells. */
#ifndef TRI_FORMATS_PACKED_FILE_H
#define TRI_FORMATS_PACKED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"
#include "base/file.h"
#include "base/hash.h"

/* A matrix's flags: PACKED_SMOOTHED, and in the bits from PACKED_KEPT_SHIFT on the number of columns that it keeps in f32. */
enum { PACKED_PAGE = 4096, PACKED_SMOOTHED = 1, PACKED_KEPT_SHIFT = 8 };

/* One matrix. `precision` is a number of src/model/precision_word.h. */
typedef struct packed_entry {
    tri_text name;
    uint32_t precision, flags;
    uint64_t n, k;
    const void *blob; /* on a page */
    size_t bytes;
    uint64_t hash; /* XXH3-64 of the blob */
} packed_entry;

/* A file that the matrices were made from: its name seen from the model's folder. */
typedef struct packed_source {
    tri_text name;
    file_stamp stamp;
} packed_source;

typedef struct packed_file {
    mapped_file map;
    char *path;
    tri_text recipe;                  /* JSON: how the blobs were made */
    const uint8_t *identity;          /* [HASH128_BYTES] of all bytes of the sources, in their order */
    const uint8_t *sources, *entries; /* records */
    size_t n_sources, n_entries;
    const char *names;
} packed_file;

tri_status packed_file_open(const char *path, packed_file *out, tri_error *err);
void packed_file_close(packed_file *f); /* a zeroed one is fine */
/* The whole file becomes a private copy in memory for each of the nodes (NULL: one), in huge pages where there are any: before
 * blobs are borrowed. A blob's copy for node i lies i * map.step bytes after it. */
tri_status packed_file_make_private(packed_file *f, const processor_nodes *nodes, tri_error *err);
/* The same over bytes that the caller keeps; messages name no file. */
tri_status packed_file_parse(const uint8_t *bytes, size_t len, packed_file *out, tri_error *err);

packed_entry packed_file_entry(const packed_file *f, size_t i); /* ascending by name */
packed_source packed_file_source(const packed_file *f, size_t i);
bool packed_file_find(const packed_file *f, const char *name, packed_entry *out);
/* Reads every blob and compares its hash; progress in bytes. TRI_ERR_FORMAT names the first that differs. */
tri_status packed_file_verify(const packed_file *f, tri_progress_fn progress, void *ctx, tri_error *err);

/* Writes PATH under a temporary name; it appears at packed_writer_finish, whole. */
typedef struct packed_writer packed_writer;
tri_status packed_writer_open(const char *path, packed_writer **out, tri_error *err);
/* Of `entry`, blob and hash: the blob is written out, the hash computed here. A name given twice is TRI_ERR_ARGUMENT. */
tri_status packed_writer_add(packed_writer *w, const packed_entry *entry, tri_error *err);
/* The writer is gone afterwards, on success and on failure. */
tri_status packed_writer_finish(packed_writer *w, const char *recipe, const packed_source *sources, size_t n_sources,
                                const uint8_t identity[HASH128_BYTES], uint64_t *bytes, tri_error *err);
void packed_writer_discard(packed_writer *w); /* NULL is fine */

#endif
