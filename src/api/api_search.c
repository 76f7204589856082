/* SPDX-License-Identifier: Apache-2.0 */
/* api_search.c — include/trident/search.h but for the fusion of runs (api_fuse.c): arguments checked, then src/search does it.
 */
#include "trident/search.h"

#include <string.h>

#include "base/err.h"
#include "search/explain.h"
#include "search/searcher.h"

void tri_search_options_init(tri_search_options *options)
{
    if (!options) return;
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->k = 10;
    options->mode = TRI_MODE_HYBRID;
    options->fuse = TRI_FUSE_WEIGHTED;
    options->weights[0] = 0.4; /* FlagEmbedding's README: dense, sparse, multi */
    options->weights[1] = 0.2;
    options->weights[2] = 0.4;
    options->rrf_k = 60; /* Cormack, Clarke and Buettcher, SIGIR 2009 */
}

tri_status tri_search(const tri_index *index, const tri_search_options *options, const tri_query *queries, size_t count,
                      tri_hits **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the hits was given");
    *out = NULL;
    if (!index) return err_set(err, TRI_ERR_ARGUMENT, "no index was given");
    if (!options || options->struct_size < sizeof *options)
        return err_set(err, TRI_ERR_ARGUMENT, "search options were not initialised by tri_search_options_init");
    if (count && !queries) return err_set(err, TRI_ERR_ARGUMENT, "no queries were given, but their count is %zu", count);
    return searcher_run(index, options, queries, count, out, err);
}

const tri_hit *tri_hits_get(const tri_hits *hits, size_t query, size_t *n)
{
    bool there = hits && query < hits->n_queries;
    if (n) *n = there ? hits->n[query] : 0;
    return there ? hits->hits + query * hits->stride : NULL;
}

void tri_hits_free(tri_hits *hits)
{
    searcher_hits_free(hits);
}

tri_status tri_explain(const tri_index *index, const tri_query *query, uint64_t ordinal, tri_match *matches, size_t cap,
                       size_t *n, tri_error *err)
{
    if (!index || !query || !n || (cap && !matches))
        return err_set(err, TRI_ERR_ARGUMENT,
                       "could not explain: the index, the query or the place for the matches is missing");
    return explain_run(index, query, ordinal, matches, cap, n, err);
}
