/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c — which tokens of a document answer which tokens of a query?
 *
 * Sparse: every shared token id with the product of its two weights; these add up to the sparse score. Multi: for each query
 * row the document's best row (ties: the lowest) with their dot product; their mean is the multi score. A representation that
 * the query or the index lacks gives nothing.
 *
 * Order: weight descending, then sparse before multi, then query row or token id. The two kinds of weight are not on one scale:
 * whoever shows them side by side sorts them by `leg`. */
#include "search/explain.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "search/leg.h"
#include "search/searcher.h"

typedef struct match_list {
    tri_match *all; /* [n] */
    size_t n;
} match_list;

static bool match_before(const tri_match *a, const tri_match *b)
{
    if (a->weight != b->weight) return a->weight > b->weight;
    if (a->leg != b->leg) return a->leg < b->leg;
    return a->leg == TRI_SPARSE ? a->query_id < b->query_id : a->query_row < b->query_row;
}

/* Heapsort, last first at the root: no recursion and no memory. */
static void sort_matches(tri_match *m, size_t n)
{
    for (size_t start = n / 2, end = n; end > 1;) {
        tri_match e;
        if (start > 0) {
            e = m[--start];
        } else {
            e = m[--end];
            m[end] = m[0];
        }
        size_t i = start;
        for (size_t child = 2 * i + 1; child < end; child = 2 * i + 1) {
            if (child + 1 < end && match_before(&m[child], &m[child + 1])) child++;
            if (!match_before(&e, &m[child])) break;
            m[i] = m[child];
            i = child;
        }
        m[i] = e;
    }
}

static void match_sparse(const segment *s, uint32_t doc, tri_sparse_view q, match_list *out)
{
    size_t n, i = 0;
    const index_pair *pairs = segment_forward(s, doc, &n);
    for (size_t t = 0; t < q.count; t++) {
        while (i < n && pairs[i].id < q.ids[t]) i++;
        if (i >= n || pairs[i].id != q.ids[t]) continue;
        float weight = (float)((double)q.weights[t] * pairs[i].weight);
        out->all[out->n++] = (tri_match){TRI_SPARSE, 0, 0, q.ids[t], q.ids[t], weight};
    }
}

static void pick_best_rows(const segment *s, uint64_t first, size_t n_rows, const tensor *dots, match_list *out)
{
    const uint32_t *tokens = (const uint32_t *)(const void *)s->files[INDEX_TOKENS].data + first;
    for (size_t q = 0; q < dots->rows; q++) {
        const float *row = (const float *)dots->data + q * dots->ld;
        size_t best = 0;
        for (size_t i = 1; i < n_rows; i++)
            if (row[i] > row[best]) best = i;
        out->all[out->n++] = (tri_match){TRI_MULTI, (uint32_t)q, (uint32_t)best, UINT32_MAX, tokens[best], row[best]};
    }
}

static tri_status match_multi(const tri_index *x, const segment *s, uint32_t doc, tri_multi_view q, match_list *out,
                              tri_error *err)
{
    const uint64_t *offsets = s->files[INDEX_MULTI].offsets;
    uint64_t first = offsets[doc];
    size_t n_rows = (size_t)(offsets[doc + 1] - first), values;
    if (!n_rows || !q.n_rows) return TRI_OK;
    workbench *b;
    TRI_TRY(workbench_take(x, WORKBENCH_ANY, &b, err));
    tri_status st = TRI_OK;
    float *scores = mul_size(q.n_rows, n_rows, &values) ? arena_array(&b->scratch, values, sizeof *scores) : NULL;
    if (!scores) {
        st = err_memory(err, q.n_rows * n_rows * sizeof *scores);
    } else {
        tensor docs = leg_vectors(s, INDEX_MULTI);
        docs.data = (uint8_t *)docs.data + (size_t)first * segment_file_row_bytes(x->m.store_multi, docs.cols);
        docs.rows = n_rows;
        tensor rows = tensor_f32((float *)(uintptr_t)q.rows, q.n_rows, docs.cols, docs.cols);
        tensor dots = tensor_f32(scores, q.n_rows, n_rows, n_rows);
        const float *scales = leg_scales(s);
        b->seats[0].device->ops->dots(b->seats[0].device, &rows, &docs, scales ? scales + first : NULL, &dots);
        compute_sync(b->seats[0].device, NULL); /* on the host: cannot fail */
        pick_best_rows(s, first, n_rows, &dots, out);
    }
    workbench_give_back(x, b);
    return st;
}

static tri_status match_all(const tri_index *x, const segment *s, uint32_t doc, const tri_query *q, unsigned legs,
                            match_list *out, tri_error *err)
{
    size_t most;
    if (!add_size(legs & TRI_SPARSE ? q->sparse.count : 0, legs & TRI_MULTI ? q->multi.n_rows : 0, &most)) most = SIZE_MAX;
    out->all = mem_array(most, sizeof *out->all);
    if (!out->all) return err_memory(err, most * sizeof *out->all);
    if (legs & TRI_SPARSE) match_sparse(s, doc, q->sparse, out);
    return legs & TRI_MULTI ? match_multi(x, s, doc, q->multi, out, err) : TRI_OK;
}

tri_status explain_run(const tri_index *x, const tri_query *query, uint64_t ordinal, tri_match *matches, size_t cap, size_t *n,
                       tri_error *err)
{
    unsigned legs = x->m.want & ((query->sparse.count ? TRI_SPARSE : 0u) | (query->multi.n_rows ? TRI_MULTI : 0u));
    const segment *s = collection_segment_of(x, ordinal);
    match_list list = {0};
    if (!s || ordinal_set_has(&x->dead, ordinal))
        return err_set(err, TRI_ERR_NOT_FOUND, "could not explain: no document has ordinal %" PRIu64, ordinal);
    if (legs & TRI_SPARSE) TRI_TRY(searcher_check_leg(x, query, LEG_SPARSE, err));
    if (legs & TRI_MULTI) TRI_TRY(searcher_check_leg(x, query, LEG_MULTI, err));
    tri_status st = match_all(x, s, (uint32_t)(ordinal - s->first), query, legs, &list, err);
    if (st == TRI_OK) {
        sort_matches(list.all, list.n);
        size_t written = list.n < cap ? list.n : cap;
        if (written) memcpy(matches, list.all, written * sizeof *matches);
        *n = list.n;
    }
    mem_free(list.all);
    return st;
}
