/* SPDX-License-Identifier: Apache-2.0 */
/* seed_cache.h — rerank_cache.json as competitors' scripts write it: {"md5 of QUERY_PASSAGE": score, ...}.
 *
 * Its key is the md5 of the query, one underscore and the passage, so ("a_b", "c") and ("a", "b_c") are one entry; and it does
 * not say which model or lengths gave a score. It is here to be read and written beside such scripts, not to be relied on. */
#ifndef TRI_LAB_SEED_CACHE_H
#define TRI_LAB_SEED_CACHE_H

#include <stdbool.h>

#include "trident/types.h"

typedef struct seed_cache seed_cache;
/* A missing file is an empty cache. */
tri_status seed_cache_open(const char *path, seed_cache **out, tri_error *err);
tri_status seed_cache_find(const seed_cache *c, tri_text query, tri_text passage, float *score, bool *found, tri_error *err);
tri_status seed_cache_put(seed_cache *c, tri_text query, tri_text passage, float score, tri_error *err);
/* What was put since the last save goes to PATH.log, a line each: safe from a kill. */
tri_status seed_cache_save(seed_cache *c, tri_error *err);
/* Log and file become one file again, with what other processes added meanwhile. Frees c on failure too. */
tri_status seed_cache_close(seed_cache *c, tri_error *err);

#endif
