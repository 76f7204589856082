/* SPDX-License-Identifier: Apache-2.0 */
/* search.h — exact top-k by dense, sparse, multi or a fusion of them; and the fusion of finished runs.
 *
 * Order is total: score descending, then insertion order. Scores of a document that one leg did not return are computed,
 * not taken as 0 (score completion), when fusing by weights. */
#ifndef TRIDENT_SEARCH_H
#define TRIDENT_SEARCH_H

#include "trident/eval.h"
#include "trident/index.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TRI_MODE_HYBRID = 0, TRI_MODE_DENSE = 1, TRI_MODE_SPARSE = 2, TRI_MODE_MULTI = 4 };
enum { TRI_FUSE_WEIGHTED = 0, TRI_FUSE_RRF = 1, TRI_FUSE_COMBSUM = 2, TRI_FUSE_COMBMNZ = 3, TRI_FUSE_DBSF = 4 };
enum { TRI_NORM_DEFAULT = 0, TRI_NORM_NONE = 1, TRI_NORM_MINMAX = 2, TRI_NORM_ZSCORE = 3 };
enum { TRI_THRESHOLD_NONE = 0, TRI_THRESHOLD_MEANSTD = 1, TRI_THRESHOLD_MAX = 2 };
enum { TRI_MISSING_NONE = 0, TRI_MISSING_ZERO = 1 };

/* Numbers of names, -1 for an unknown one: "weighted", "rrf", ...; "none", "minmax", "zscore". */
TRI_API int tri_fuse_by_name(const char *name);
TRI_API int tri_norm_by_name(const char *name);

typedef struct tri_query {
    tri_dense_view dense;
    tri_sparse_view sparse;
    tri_multi_view multi;
} tri_query;

typedef struct tri_search_options {
    size_t struct_size;
    size_t k;          /* 10 by _init */
    int mode;          /* TRI_MODE_* */
    int fuse;          /* TRI_FUSE_* */
    double weights[3]; /* dense, sparse, multi; 0.4 0.2 0.4 by _init. Factors of TRI_FUSE_WEIGHTED; the other fusions take
                        * the legs of weight > 0, all alike. A leg of weight 0 is not computed. */
    double rrf_k;      /* 60 by _init */
    int rrf_base;      /* rank of the first: 0 (default) or 1 */
    size_t candidates; /* 0 = every document; N = union of the top N of each leg. A document that shares no token with the
                        * query is in no list of the sparse leg. */
    int rescore_multi; /* 1: the candidates (0 = 100) of the other legs are ordered by multi alone */
    int threshold;     /* TRI_THRESHOLD_*, per query, after fusion, over the hits returned (at most k) */
    double threshold_value; /* alpha of mean - alpha*std; m of max*(1-m) */
    int threads;       /* 0 = all */
} tri_search_options;
TRI_API void tri_search_options_init(tri_search_options *options);

typedef struct tri_hit {
    tri_text key;  /* borrowed from the index */
    tri_text text; /* borrowed from the index */
    uint64_t ordinal;
    float score;
    float dense, sparse, multi; /* leg scores; NaN where the leg was not computed */
    int kept;                   /* 1: passes the threshold (always 1 without one) */
} tri_hit;

/* One tri_hits for all queries of the call. A query answers at most k hits, best first. */
TRI_API tri_status tri_search(const tri_index *index, const tri_search_options *options, const tri_query *queries, size_t count,
                              tri_hits **out, tri_error *err);
TRI_API const tri_hit *tri_hits_get(const tri_hits *hits, size_t query, size_t *n);
TRI_API void tri_hits_free(tri_hits *hits);

/* Why a document matches: pairs (query token, passage token, weight). Sparse pairs carry the product of the shared id's
 * weights; when the index keeps token ids of multi rows, each query row's best passage row with its dot product. */
typedef struct tri_match {
    int leg;                          /* TRI_SPARSE or TRI_MULTI */
    uint32_t query_row, passage_row;  /* rows for multi; 0 for sparse */
    uint32_t query_id, passage_id;    /* token ids; UINT32_MAX when not known */
    float weight;
} tri_match;
/* Writes at most `cap` matches, best first, and the whole number to *n. */
TRI_API tri_status tri_explain(const tri_index *index, const tri_query *query, uint64_t ordinal, tri_match *matches, size_t cap,
                               size_t *n, tri_error *err);

/* Fusion of runs (files made elsewhere too). */
typedef struct tri_fuse_options {
    size_t struct_size;
    int method;            /* TRI_FUSE_* */
    int norm;              /* TRI_NORM_DEFAULT: none for weighted, minmax for combsum and combmnz; rrf and dbsf look past it */
    double rrf_k;          /* 60 by _init */
    int rrf_base;          /* 0 */
    const double *weights; /* [n_runs] or NULL = 1 each */
    int missing;           /* TRI_MISSING_*: what a list adds for a document that it lacks */
} tri_fuse_options;
TRI_API void tri_fuse_options_init(tri_fuse_options *options);
/* Every document of the union, query by query. Fused scores are rounded to float32; ties: ascending document id. In each list
 * the order is by score, then ascending id, whatever the file's order or rank column. */
TRI_API tri_status tri_fuse_runs(const tri_run *const *runs, size_t n_runs, const tri_fuse_options *options, tri_run **out,
                                 tri_error *err);

#ifdef __cplusplus
}
#endif
#endif
