/* SPDX-License-Identifier: Apache-2.0 */
/* leg.h — scoring every document by one representation: leg_dense.c, leg_sparse.c, leg_multi.c.
 *
 * Each fills a matrix of scores, one row a query, one column an ordinal (deleted documents get scores too; whoever ranks leaves
 * them out). A score depends on the query and the document alone: not on the other queries, segments, tasks or threads. */
#ifndef TRI_SEARCH_LEG_H
#define TRI_SEARCH_LEG_H

#include "search/workbench.h"
#include "trident/search.h"

enum { LEG_DENSE, LEG_SPARSE, LEG_MULTI, LEGS }; /* places in tri_search_options.weights; representation 1 << leg */

typedef struct leg_scores {
    float *values; /* [n_queries, n_docs] */
    size_t n_docs;
} leg_scores;

/* `queries` were checked against the index. Memory comes from the bench's arena. */
tri_status leg_dense_run(const tri_index *x, workbench *b, const tri_query *queries, size_t n, leg_scores *out, tri_error *err);
tri_status leg_sparse_run(const tri_index *x, workbench *b, const tri_query *queries, size_t n, leg_scores *out,
                          tri_error *err);
tri_status leg_multi_run(const tri_index *x, workbench *b, const tri_query *queries, size_t n, leg_scores *out, tri_error *err);

/* Multi scores of some documents: out[i] for docs[i]. May be called from a task, with its seat's device. */
void leg_multi_some(const tri_index *x, compute *device, tri_multi_view query, const uint32_t *docs, size_t n, float *out);

/* Vectors of a segment as the kernels take them: kind INDEX_DENSE or INDEX_MULTI. */
tensor leg_vectors(const segment *s, index_kind kind);
/* NULL for stores without. */
const float *leg_scales(const segment *s);

/* Consecutive documents of one segment. */
typedef struct leg_block {
    const segment *segment;
    uint32_t first, n;
} leg_block;

/* Cuts all committed documents into blocks of at most max_docs documents, and of at most max_items items of `offsets_of` (a
 * kind with offsets, or INDEX_NONE) unless one document has more. In arena memory. */
tri_status leg_cut(const tri_index *x, workbench *b, uint32_t max_docs, uint64_t max_items, index_kind offsets_of,
                   leg_block **out, size_t *n, tri_error *err);

#endif
