/* SPDX-License-Identifier: Apache-2.0 */
/* segment_writer.h — documents stream in, a segment's files come out. Memory: about 50 bytes a document and the postings of
 * one segment while they are turned round, so the owner bounds both by finishing in time (collection.c). */
#ifndef TRI_INDEX_SEGMENT_WRITER_H
#define TRI_INDEX_SEGMENT_WRITER_H

#include "base/buf.h"
#include "index/manifest.h"

typedef struct segment_writer segment_writer;

/* Can this document be stored? Widths, finite numbers, ascending ids, ranges of the stored types; names the key. */
tri_status segment_writer_check(const manifest *m, const tri_document *document, tri_error *err);

/* `m` gives dims and stores and must outlive the writer. */
tri_status segment_writer_new(const char *dir, const manifest *m, uint32_t id, segment_writer **out, tri_error *err);
/* A checked document. After a failure only _free is left to do. */
tri_status segment_writer_add(segment_writer *w, const tri_document *document, tri_error *err);
uint64_t segment_writer_docs(const segment_writer *w);
uint64_t segment_writer_postings(const segment_writer *w);
/* The files get their names; nobody looks at them until a manifest names them. */
tri_status segment_writer_finish(segment_writer *w, manifest_segment *out, tri_error *err);
void segment_writer_free(segment_writer *w); /* NULL is fine; removes what was not finished */

#endif
