/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h — which tokens of a document answer which tokens of a query? */
#ifndef TRI_SEARCH_EXPLAIN_H
#define TRI_SEARCH_EXPLAIN_H

#include "index/collection.h"
#include "trident/search.h"

/* As tri_explain. */
tri_status explain_run(const tri_index *x, const tri_query *query, uint64_t ordinal, tri_match *matches, size_t cap, size_t *n,
                       tri_error *err);

#endif
