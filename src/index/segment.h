/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h — the documents of one flush, mapped for reading. Immutable. Documents are numbered from 0 inside a segment. */
#ifndef TRI_INDEX_SEGMENT_H
#define TRI_INDEX_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/manifest.h"

typedef struct segment {
    uint32_t id;
    uint64_t first; /* ordinal of document 0 */
    uint32_t n_docs;
    segment_file files[INDEX_KINDS]; /* by index_kind; zeroed where the index has none */
} segment;

/* Maps the files and checks each, and that they agree with each other and with the manifest. */
tri_status segment_open(const char *dir, const manifest *m, const manifest_segment *record, uint64_t first, segment *out,
                        tri_error *err);
void segment_close(segment *s);

tri_text segment_key(const segment *s, uint32_t doc);
tri_text segment_text(const segment *s, uint32_t doc);
/* Tokens of a document's sparse vector, ids ascending. */
const index_pair *segment_forward(const segment *s, uint32_t doc, size_t *n);
/* Postings of a token id; NULL and 0 when no document has it. Documents ascend, unless the file is damaged. */
const index_pair *segment_postings(const segment *s, uint32_t token_id, size_t *n);
/* <0, 0, >0: the order of keys (format.h). */
int segment_compare_keys(tri_text a, tri_text b);
/* The i-th key in this order, i < n_docs; an empty one where the file is damaged. */
tri_text segment_key_in_order(const segment *s, uint32_t i);
/* The i-th of the documents with this key, in their order; false past the last. There may be several, of which one lives. */
bool segment_find_key(const segment *s, tri_text key, uint32_t i, uint32_t *doc);

#endif
