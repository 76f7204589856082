/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.h — one ranking out of several: pure functions of ranked lists, on document ordinals. */
#ifndef TRI_SEARCH_FUSE_H
#define TRI_SEARCH_FUSE_H

#include <stdbool.h>
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
    int method; /* TRI_FUSE_* */
    int norm;   /* TRI_NORM_*; DEFAULT = none for weighted, minmax for combsum and combmnz; rrf and dbsf look past it */
    double rrf_k;
    int rrf_base;
    int missing; /* TRI_MISSING_*: a document that a list lacks adds nothing, or counts as score 0 before normalising */
} fuse_rules;

/* Every document of the union with its fused score, in ascending order of `doc` (the caller sorts by its own tie rule).
 * out: room for the sum of the lists' n. *n_out = distinct documents. */
tri_status fuse_run(const fuse_list *lists, size_t n_lists, const fuse_rules *rules, fuse_hit *out, size_t *n_out,
                    tri_error *err);
/* What each place of one list adds to the score of its document, the weight in it; terms: [list->n]. Only where missing
 * documents add nothing: then no list's terms depend on the others, and a fused score is the sum of them in the order of the
 * lists, times their number where fuse_times_lists. */
tri_status fuse_terms(const fuse_list *list, const fuse_rules *rules, double *terms, tri_error *err);
bool fuse_times_lists(int method);
int fuse_by_name(const char *name); /* -1 = unknown */
int fuse_norm_by_name(const char *name);

/* Registry row; one fuse_<name>.c each, listed in search/list.h. A fused score is the sum over the lists, in their order, of
 * what each adds: terms[i] for its i-th document, *absent for a document of the union that it lacks (n_absent of these). The
 * weight is already in them. Only lists that hold a document are asked (n >= 1); the others add nothing. rules->norm is never
 * DEFAULT. */
typedef struct fuse_kind {
    const char *name;
    int method;
    int norm;         /* what TRI_NORM_DEFAULT means here */
    bool times_lists; /* the sum is multiplied by the number of lists that hold the document */
    void (*add)(const fuse_list *list, size_t n_absent, const fuse_rules *rules, double *terms, double *absent);
} fuse_kind;

#define FUSE(name) extern const fuse_kind fuse_##name;
#include "search/list.h"
#undef FUSE

#endif
