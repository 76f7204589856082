/* SPDX-License-Identifier: Apache-2.0 */
/* ways.c — the order of hits, four times: score descending, then insertion, as the index has it. See ways.h. */
#include "cli/ways.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *ways_name(way w)
{
    static const char *const names[WAYS] = {"dense", "sparse", "multi", "fused"};
    return names[w];
}

float ways_score(const tri_hit *hit, way w)
{
    const float scores[WAYS] = {hit->dense, hit->sparse, hit->multi, hit->score};
    return scores[w];
}

static bool answers(const tri_hit *hit, way w)
{
    float score = ways_score(hit, w);
    return !isnan(score) && (w != WAY_SPARSE || score > 0);
}

static int compare_hits(const void *a, const void *b, void *ctx)
{
    const tri_hit *x = *(const tri_hit *const *)a, *y = *(const tri_hit *const *)b;
    float sx = ways_score(x, *(const way *)ctx), sy = ways_score(y, *(const way *)ctx);
    if (sx != sy) return sx < sy ? 1 : -1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

size_t ways_rank(const tri_hit *hits, size_t n, way w, const char *language, const tri_hit **out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (answers(&hits[i], w) && (!language || ways_in_language(hits[i].key, language))) out[kept++] = &hits[i];
    qsort_r(out, kept, sizeof *out, compare_hits, &w);
    return kept;
}

tri_status ways_search(const tri_index *index, int threads, const tri_query *queries, size_t n, tri_hits **out, tri_error *err)
{
    tri_search_options options;
    tri_index_info info = {.struct_size = sizeof info};
    tri_index_info_get(index, &info);
    tri_search_options_init(&options);
    options.k = info.n_live ? (size_t)info.n_live : 1;
    options.threads = threads;
    return tri_search(index, &options, queries, n, out, err);
}

tri_query ways_query(const tri_embeddings *e, size_t i)
{
    return (tri_query){tri_embeddings_dense(e, i), tri_embeddings_sparse(e, i), tri_embeddings_multi(e, i)};
}

bool ways_in_language(tri_text key, const char *language)
{
    size_t len = strlen(language);
    return key.len > len && key.bytes[len] == ':' && memcmp(key.bytes, language, len) == 0;
}

tri_text ways_bare_id(tri_text key)
{
    const char *colon = memchr(key.bytes, ':', key.len);
    return colon ? (tri_text){colon + 1, key.len - (size_t)(colon + 1 - key.bytes)} : key;
}
