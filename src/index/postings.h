/* SPDX-License-Identifier: Apache-2.0 */
/* postings.h — the forward vectors of one segment turned round: for each token id, the documents that have it. */
#ifndef TRI_INDEX_POSTINGS_H
#define TRI_INDEX_POSTINGS_H

#include "index/segment_file.h"

/* Reads the finished forward file at `forward_path`, writes the postings file at `path`. Every token id is below `end_id`. */
tri_status postings_write(const char *forward_path, const char *path, uint32_t end_id, file_record *out, tri_error *err);

#endif
