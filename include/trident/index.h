/* SPDX-License-Identifier: Apache-2.0 */
/* index.h — vectors kept on disk, in one directory, memory-mapped. Takes vectors, not texts: it needs no model.
 *
 * Documents have a key (the user's id, any UTF-8 without NUL, unique among live documents) and an ordinal (insertion order).
 * Writes are invisible until tri_index_commit, which swaps the manifest by rename: a killed process loses only what was not
 * committed. One writer at a time per directory (a lock file says who); any number of readers, each on the state it opened. */
#ifndef TRIDENT_INDEX_H
#define TRIDENT_INDEX_H

#include "trident/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TRI_STORE_F32 = 0, TRI_STORE_F16 = 1, TRI_STORE_INT8 = 2 };

typedef struct tri_index_options {
    size_t struct_size;
    unsigned want;         /* representations stored */
    size_t dense_dim, multi_dim;
    int store_dense;       /* TRI_STORE_F32 (default) or TRI_STORE_F16 */
    int store_multi;       /* default TRI_STORE_F16 set by _init; F32 and INT8 too */
    const char *meta_json; /* kept word for word in the manifest: the model's record, rules, options. NULL = "{}" */
} tri_index_options;
TRI_API void tri_index_options_init(tri_index_options *options);

/* Fails with TRI_ERR_STATE when DIR already holds an index. */
TRI_API tri_status tri_index_create(const char *dir, const tri_index_options *options, tri_index **out, tri_error *err);
enum { TRI_INDEX_READ = 0, TRI_INDEX_WRITE = 1 };
TRI_API tri_status tri_index_open(const char *dir, int mode, tri_index **out, tri_error *err);
TRI_API void tri_index_close(tri_index *index); /* what was not committed is dropped */

typedef struct tri_document {
    tri_text key;
    tri_text text; /* stored for display */
    tri_dense_view dense;
    tri_sparse_view sparse;
    tri_multi_view multi;
    const uint32_t *multi_ids; /* token id of each multi row, stored for --explain; may be NULL */
} tri_document;

/* A key that is already live, or twice in one call, is TRI_ERR_ARGUMENT and names it. */
TRI_API tri_status tri_index_add(tri_index *index, const tri_document *documents, size_t count, tri_error *err);
/* Keys that are not there are counted in *n_missing (may be NULL), not an error. */
TRI_API tri_status tri_index_delete(tri_index *index, const tri_text *keys, size_t count, size_t *n_missing, tri_error *err);
TRI_API tri_status tri_index_commit(tri_index *index, tri_error *err);

typedef struct tri_index_info {
    size_t struct_size;
    unsigned want;
    size_t dense_dim, multi_dim;
    int store_dense, store_multi;
    uint64_t n_live, n_deleted, n_segments, n_multi_rows, n_postings, bytes;
    const char *meta_json; /* borrowed from the index */
} tri_index_info;
TRI_API void tri_index_info_get(const tri_index *index, tri_index_info *info);
/* 1 when a live (or added and not yet committed) document has this key. Used to resume a build. */
TRI_API int tri_index_has(const tri_index *index, tri_text key);

/* Reads every byte and compares checksums; reports each damaged file by name through `bad` and fails with TRI_ERR_FORMAT. */
typedef void (*tri_index_bad_fn)(void *ctx, const char *file, const char *why);
TRI_API tri_status tri_index_check(const char *dir, tri_index_bad_fn bad, void *ctx, tri_error *err);

#ifdef __cplusplus
}
#endif
#endif
