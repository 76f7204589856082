/* SPDX-License-Identifier: Apache-2.0 */
/* searcher.h — the answer to a call of queries; see searcher.c for how. */
#ifndef TRI_SEARCH_SEARCHER_H
#define TRI_SEARCH_SEARCHER_H

#include "index/collection.h"
#include "trident/search.h"

struct tri_hits {
    size_t n_queries, stride; /* hits of query q: hits[q * stride .. + n[q]] */
    size_t *n;                /* in the same block as this */
    tri_hit *hits;
};

tri_status searcher_run(const tri_index *x, const tri_search_options *o, const tri_query *queries, size_t n, tri_hits **out,
                        tri_error *err);
void searcher_hits_free(tri_hits *hits);
/* Does this representation of a query fit the index? `leg` of leg.h. */
tri_status searcher_check_leg(const tri_index *x, const tri_query *query, int leg, tri_error *err);

#endif
