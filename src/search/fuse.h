/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.h — one ranking out of several: pure functions of ranked lists, on document ordinals. */
#ifndef TRI_SEARCH_FUSE_H
#define TRI_SEARCH_FUSE_H

#include <stddef.h>
#include <stdint.h>

#include "trident/search.h"

/* Best first; a document at most once. */
typedef struct fuse_list {
    const uint32_t *docs;
    const double *scores;
    size_t n;
    double weight;
} fuse_list;

typedef struct fuse_hit {
    uint32_t doc;
    double score;
} fuse_hit;

typedef struct fuse_rules {
    int method;  /* TRI_FUSE_* */
    int norm;    /* TRI_NORM_*; DEFAULT = none for weighted, minmax for combsum and combmnz */
    double rrf_k;
    int rrf_base;
    int missing; /* TRI_MISSING_*: a document that a list lacks adds nothing, or counts as score 0 before normalising */
} fuse_rules;

/* Every document of the union with its fused score, in ascending order of `doc` (the caller sorts by its own tie rule).
 * out: room for the sum of the lists' n. *n_out = distinct documents. */
tri_status fuse_run(const fuse_list *lists, size_t n_lists, const fuse_rules *rules, fuse_hit *out, size_t *n_out, tri_error *err);
int fuse_by_name(const char *name); /* -1 = unknown */
int fuse_norm_by_name(const char *name);

/* ORDER fuse: registry row; one fuse_<name>.c each, listed in search/list.h */
typedef struct fuse_kind {
    const char *name;
    int method;
} fuse_kind;

#endif
