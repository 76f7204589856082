/* SPDX-License-Identifier: Apache-2.0 */
/* types.h — the words of the treaty: opaque handles, borrowed views, hooks.
 *
 * A view borrows: it is valid until the object it was taken from is freed or changed. Nothing here owns memory. */
#ifndef TRIDENT_TYPES_H
#define TRIDENT_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tri_engine tri_engine;         /* device, threads, kernels                     */
typedef struct tri_model tri_model;           /* weights and tokenizer, immutable, shareable  */
typedef struct tri_session tri_session;       /* workspace for one thread at a time           */
typedef struct tri_tokenizer tri_tokenizer;   /* a tokenizer on its own                       */
typedef struct tri_embeddings tri_embeddings; /* one result block                             */
typedef struct tri_index tri_index;           /* a directory of vectors                       */
typedef struct tri_hits tri_hits;             /* the answer to one search call                */
typedef struct tri_qrels tri_qrels;           /* judgments                                    */
typedef struct tri_run tri_run;               /* ranked lists, one per query                  */
typedef struct tri_report tri_report;         /* metric values                                */

/* UTF-8 bytes, not NUL-terminated; U+0000 inside is text like any other. {NULL, 0} is the empty text. */
typedef struct tri_text {
    const char *bytes;
    size_t len;
} tri_text;

/* The three representations. Or-ed into a "want" mask. */
enum { TRI_DENSE = 1, TRI_SPARSE = 2, TRI_MULTI = 4, TRI_ALL = 7 };

typedef struct tri_dense_view {
    const float *values; /* [dim] */
    size_t dim;
} tri_dense_view;

/* ids ascending and distinct; weights > 0 */
typedef struct tri_sparse_view {
    const uint32_t *ids;  /* [count] */
    const float *weights; /* [count] */
    size_t count;
} tri_sparse_view;

typedef struct tri_multi_view {
    const float *rows; /* [n_rows, dim], each of unit length */
    size_t n_rows;
    size_t dim;
} tri_multi_view;

/* One allocator for the process, as SQLite has it; set before the first other call. `realloc` and `free` accept NULL. */
typedef struct tri_allocator {
    void *(*alloc)(void *ctx, size_t bytes);
    void *(*realloc)(void *ctx, void *block, size_t bytes);
    void (*free)(void *ctx, void *block);
    void *ctx;
} tri_allocator;
TRI_API tri_status tri_set_allocator(const tri_allocator *allocator);

/* Talk goes through here or nowhere: the library never prints. level: 0 error, 1 notice, 2 detail. */
typedef void (*tri_log_fn)(void *ctx, int level, const char *line);

/* Called between pieces of long work; a non-zero answer cancels it with TRI_ERR_CANCELLED. */
typedef int (*tri_progress_fn)(void *ctx, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif
#endif
