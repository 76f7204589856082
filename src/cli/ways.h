/* SPDX-License-Identifier: Apache-2.0 */
/* ways.h — four rankings out of one exact search: by each leg's score, and by the fused one.
 *
 * A hybrid search over every document returns each with all its leg scores, so the dense, sparse and multi rankings are the
 * same hits in another order; nothing is searched twice. Keys are LANG:ID, and a ranking may be kept to one language. */
#ifndef TRI_CLI_WAYS_H
#define TRI_CLI_WAYS_H

#include <stdbool.h>
#include <stddef.h>

#include "trident/embed.h"
#include "trident/search.h"

typedef enum { WAY_DENSE, WAY_SPARSE, WAY_MULTI, WAY_FUSED, WAYS } way;

const char *ways_name(way w);
float ways_score(const tri_hit *hit, way w);
/* The hits of `language` (NULL = all) in this way's order: score, then insertion. out: room for n. Hits that do not answer are
 * left out: without this leg's score, or sharing no token with the question in the sparse one. */
size_t ways_rank(const tri_hit *hits, size_t n, way w, const char *language, const tri_hit **out);

/* Every document of the index for each query. */
tri_status ways_search(const tri_index *index, int threads, const tri_query *queries, size_t n, tri_hits **out, tri_error *err);
tri_query ways_query(const tri_embeddings *e, size_t i);

bool ways_in_language(tri_text key, const char *language); /* "en:p0042" is in "en" */
tri_text ways_bare_id(tri_text key);                       /* "p0042" */

#endif
