/* SPDX-License-Identifier: Apache-2.0 */
/* searcher.c — which documents answer a query best?
 *
 *   queries --legs--> scores [queries, documents] of each leg --nominate--> candidates --rank--> top k --threshold--> hits
 *
 * Every leg scores every document (leg_*.c), so the score that one leg lacks for another leg's candidate is always at hand:
 * score completion costs nothing. What differs is who may stand and what is compared:
 *
 *   one leg          every document, by that leg's score (documents that share no token stand too, at 0, behind the others)
 *   weighted         candidates 0: every document; N: union of the best N of each leg. By sum of weight * score, legs in the
 *                    order dense, sparse, multi, in double, rounded once to f32. Not divided by the sum of the weights.
 *   rrf, comb*, dbsf lists of the best N of each leg (candidates 0: all of them), fused by fuse_run. The legs count alike:
 *                    their weights only say, by being 0 or not, which of them take part.
 *   rescore multi    union of the best N (default 100) of the legs but multi, then by the multi score alone, computed
 *                    for these documents only.
 *
 * A leg of weight 0 is not computed. In lists and unions, a document that shares no token with the query is not in the sparse
 * leg's: it was not retrieved by it, and a rank among equals at 0 would be one of insertion order.
 *
 * Invariants.
 *  1. Order is total: score descending as f32, then ordinal. Tasks, threads, segments and companions in the call never show.
 *  2. Memory of a call: 4 bytes a document, leg and query of a group, where groups are as large as GROUP_BYTES allows; ranked
 *     fusion of all documents (candidates 0) adds about 80 bytes a document for each leg and thread.
 *  3. A score that is not finite (damaged file, overflow) ends the call with TRI_ERR_NUMERIC naming the document. */
#include "search/searcher.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "search/fuse.h"
#include "search/leg.h"
#include "search/threshold.h"
#include "search/topk.h"

/* Scores of one group of queries: enough for 100 queries over 50,000 documents and three legs, so that each vector is read from
 * memory once for all of them. */
static const size_t group_bytes = 64u << 20;
/* Rescoring without a number of candidates: as many as a reranker is given by default. */
static const size_t default_rescored = 100;
enum { RESCORE_CHUNK = 16 }; /* documents of one rescoring task */

typedef struct search {
    const tri_index *x;
    const tri_search_options *o;
    workbench *bench;
    unsigned legs;    /* bit i: leg i scores every document */
    bool by_rank;     /* fuse_run decides */
    bool nominates;   /* only candidates stand */
    size_t depth;     /* of each leg's list; at most n_docs */
    size_t n_docs, k; /* k: hits a query may have */
    tri_hits *hits;

    /* One group of queries. */
    const tri_query *queries;
    size_t first, n; /* its place in the call */
    leg_scores scores[LEGS];
    uint32_t **candidates; /* [n] ascending ordinals, each in arena memory; NULL when all stand */
    size_t *n_candidates;
    size_t max_candidates;
    float **rescored; /* [n] multi score of each candidate */
} search;

/* ---- what is asked ---------------------------------------------------------------------------------------------- */

static const char *const leg_names[LEGS] = {"dense", "sparse", "multi"};

static tri_status check_finite(const float *x, size_t n, const char *what, tri_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return err_set(err, TRI_ERR_NUMERIC, "%s vector of the query holds a value that is not finite", what);
    return TRI_OK;
}

static tri_status check_sparse(tri_sparse_view s, tri_error *err)
{
    for (size_t i = 0; i < s.count; i++) {
        if (i && s.ids[i] <= s.ids[i - 1])
            return err_set(err, TRI_ERR_ARGUMENT, "sparse ids of the query do not ascend: %" PRIu32 " after %" PRIu32, s.ids[i],
                           s.ids[i - 1]);
        if (!(s.weights[i] > 0) || isinf(s.weights[i]))
            return err_set(err, TRI_ERR_NUMERIC, "sparse weight of the query's token %" PRIu32 " is %g, not above 0 and finite",
                           s.ids[i], (double)s.weights[i]);
    }
    return TRI_OK;
}

tri_status searcher_check_leg(const tri_index *x, const tri_query *q, int leg, tri_error *err)
{
    if (leg == LEG_SPARSE) return check_sparse(q->sparse, err);
    size_t expected = leg == LEG_DENSE ? x->m.dense_dim : x->m.multi_dim, values = expected;
    size_t found = leg == LEG_DENSE ? q->dense.dim : q->multi.dim;
    const float *at = leg == LEG_DENSE ? q->dense.values : q->multi.rows;
    if (leg == LEG_MULTI && q->multi.n_rows == 0) return TRI_OK;
    if (!at || found != expected || (leg == LEG_MULTI && !mul_size(q->multi.n_rows, expected, &values)))
        return err_set(err, TRI_ERR_MISMATCH, "%s vector of the query has %zu values, the index keeps %zu", leg_names[leg],
                       at ? found : 0, expected);
    return check_finite(at, values, leg_names[leg], err);
}

static tri_status check_options(const tri_search_options *o, tri_error *err)
{
    if (o->k == 0) return err_set(err, TRI_ERR_ARGUMENT, "could not search: k is 0");
    if (o->mode != TRI_MODE_HYBRID && o->mode != TRI_MODE_DENSE && o->mode != TRI_MODE_SPARSE && o->mode != TRI_MODE_MULTI)
        return err_set(err, TRI_ERR_ARGUMENT, "could not search: mode %d is not known", o->mode);
    if (o->fuse < TRI_FUSE_WEIGHTED || o->fuse > TRI_FUSE_DBSF)
        return err_set(err, TRI_ERR_ARGUMENT, "could not search: fusion %d is not known", o->fuse);
    if (o->threshold < TRI_THRESHOLD_NONE || o->threshold > TRI_THRESHOLD_MAX || !isfinite(o->threshold_value))
        return err_set(err, TRI_ERR_ARGUMENT, "could not search: threshold %d with value %g", o->threshold, o->threshold_value);
    if (o->mode == TRI_MODE_HYBRID && o->fuse == TRI_FUSE_RRF &&
        (!isfinite(o->rrf_k) || o->rrf_base < 0 || o->rrf_base > 1 || !(o->rrf_k + o->rrf_base > 0)))
        return err_set(err, TRI_ERR_ARGUMENT, "could not search: rrf_k %g with the first rank %d", o->rrf_k, o->rrf_base);
    if (o->threads < 0) return err_set(err, TRI_ERR_ARGUMENT, "could not search: %d threads", o->threads);
    return TRI_OK;
}

/* The legs that take part: the mode's, or those with a weight. */
static tri_status choose_legs(const tri_search_options *o, unsigned *legs, tri_error *err)
{
    *legs = 0;
    if (o->mode != TRI_MODE_HYBRID) {
        *legs = (unsigned)o->mode; /* TRI_MODE_* are the bits of the representations */
        return TRI_OK;
    }
    for (int leg = 0; leg < LEGS; leg++) {
        if (!isfinite(o->weights[leg]) || o->weights[leg] < 0)
            return err_set(err, TRI_ERR_ARGUMENT, "could not search: weight of %s is %g", leg_names[leg], o->weights[leg]);
        if (o->weights[leg] > 0) *legs |= 1u << leg;
    }
    return *legs ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "could not search: all weights are 0");
}

static tri_status check_stored(const tri_index *x, unsigned legs, tri_error *err)
{
    for (int leg = 0; leg < LEGS; leg++) {
        if (!(legs & 1u << leg) || (x->m.want & 1u << leg)) continue;
        err_set(err, TRI_ERR_UNSUPPORTED, "could not search by %s: the index keeps no %s vectors", leg_names[leg],
                leg_names[leg]);
        return err_hint(err, TRI_ERR_UNSUPPORTED, "give %s the weight 0, or build the index with it", leg_names[leg]);
    }
    return TRI_OK;
}

static tri_status plan(search *s, const tri_query *queries, size_t n, tri_error *err)
{
    const tri_search_options *o = s->o;
    unsigned legs;
    TRI_TRY(check_options(o, err));
    TRI_TRY(choose_legs(o, &legs, err));
    if (o->rescore_multi) {
        legs &= ~(unsigned)TRI_MULTI;
        if (!legs) return err_set(err, TRI_ERR_ARGUMENT, "could not rescore by multi: no other leg gives candidates");
    }
    TRI_TRY(check_stored(s->x, legs | (o->rescore_multi ? TRI_MULTI : 0u), err));
    for (int leg = 0; leg < LEGS; leg++)
        if (legs & 1u << leg || (leg == LEG_MULTI && o->rescore_multi))
            for (size_t q = 0; q < n; q++) {
                tri_status st = searcher_check_leg(s->x, &queries[q], leg, err);
                if (st != TRI_OK) return err_prefix(err, st, "query %zu: ", q);
            }
    size_t n_live = s->n_docs - (size_t)s->x->dead.count;
    size_t depth = o->candidates ? o->candidates : o->rescore_multi ? default_rescored : n_live;
    s->legs = legs;
    s->by_rank = o->mode == TRI_MODE_HYBRID && o->fuse != TRI_FUSE_WEIGHTED && !o->rescore_multi;
    s->nominates = o->rescore_multi || (o->mode == TRI_MODE_HYBRID && o->fuse == TRI_FUSE_WEIGHTED && o->candidates);
    s->depth = depth < n_live ? depth : n_live;
    s->k = o->k < n_live ? o->k : n_live;
    return TRI_OK;
}

static tri_status new_hits(size_t n_queries, size_t stride, tri_hits **out, tri_error *err)
{
    size_t counts, hits, n_hits, bytes;
    bool fits = mul_size(n_queries, sizeof(size_t), &counts) && mul_size(n_queries, stride, &n_hits) &&
                mul_size(n_hits, sizeof(tri_hit), &hits) && add_size(sizeof(tri_hits) + counts, hits, &bytes);
    tri_hits *h = fits ? mem_alloc(bytes) : NULL;
    if (!h) return err_memory(err, fits ? bytes : SIZE_MAX);
    h->n_queries = n_queries;
    h->stride = stride;
    h->hits = (tri_hit *)(void *)(h + 1); /* hits first: their alignment is the stricter one */
    h->n = (size_t *)(void *)(h->hits + n_hits);
    memset(h->n, 0, counts);
    *out = h;
    return TRI_OK;
}

void searcher_hits_free(tri_hits *hits)
{
    mem_free(hits);
}

/* ---- legs ------------------------------------------------------------------------------------------------------- */

static tri_status score_legs(search *s, tri_error *err)
{
    typedef tri_status (*leg_run)(const tri_index *, workbench *, const tri_query *, size_t, leg_scores *, tri_error *);
    static const leg_run runs[LEGS] = {leg_dense_run, leg_sparse_run, leg_multi_run};
    size_t n_values;
    for (int leg = 0; leg < LEGS; leg++) {
        if (!(s->legs & 1u << leg)) continue;
        leg_scores *out = &s->scores[leg];
        out->n_docs = s->n_docs;
        out->values = mul_size(s->n, s->n_docs, &n_values) ? arena_array(&s->bench->scratch, n_values, sizeof(float)) : NULL;
        if (!out->values) return err_memory(err, s->n * s->n_docs * sizeof(float));
        TRI_TRY(runs[leg](s->x, s->bench, s->queries, s->n, out, err));
    }
    return TRI_OK;
}

static float leg_score(const search *s, int leg, size_t q, uint32_t doc)
{
    return s->scores[leg].values[q * s->n_docs + doc];
}

static tri_status refuse_score(const search *s, uint32_t doc, float score, tri_error *err)
{
    const segment *seg = collection_segment_of(s->x, doc);
    tri_text key = segment_key(seg, (uint32_t)(doc - seg->first));
    return err_set(err, TRI_ERR_NUMERIC, "score of document \"%.*s\" is %g", key.len < 64 ? (int)key.len : 64, key.bytes,
                   (double)score);
}

/* The best `cap` of a leg's documents; those that share no token are not in the sparse leg's list. */
static tri_status rank_leg(const search *s, int leg, size_t q, size_t cap, arena *a, topk *out, tri_error *err)
{
    const float *scores = s->scores[leg].values + q * s->n_docs;
    *out = (topk){arena_array(a, cap, sizeof *out->entries), 0, cap};
    if (!out->entries) return err_memory(err, cap * sizeof *out->entries);
    for (uint32_t doc = 0; doc < s->n_docs; doc++) {
        if (ordinal_set_has(&s->x->dead, doc)) continue;
        if (!isfinite(scores[doc])) return refuse_score(s, doc, scores[doc], err);
        if (leg != LEG_SPARSE || scores[doc] > 0) topk_push(out, scores[doc], doc);
    }
    return TRI_OK;
}

/* ---- candidates ------------------------------------------------------------------------------------------------- */

static tri_status nominate(search *s, size_t q, arena *a, tri_error *err)
{
    size_t n_words = s->n_docs / 64 + 1, n = 0;
    uint64_t *chosen = arena_calloc(a, n_words, sizeof *chosen);
    if (!chosen) return err_memory(err, n_words * sizeof *chosen);
    for (int leg = 0; leg < LEGS; leg++) {
        topk list;
        if (!(s->legs & 1u << leg)) continue;
        arena_mark mark = arena_save(a);
        TRI_TRY(rank_leg(s, leg, q, s->depth, a, &list, err));
        for (size_t i = 0; i < list.n; i++) chosen[list.entries[i].doc / 64] |= (uint64_t)1 << (list.entries[i].doc % 64);
        arena_restore(a, mark);
    }
    for (size_t w = 0; w < n_words; w++)
        for (uint64_t bits = chosen[w]; bits; bits &= bits - 1)
            s->candidates[q][n++] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(bits));
    s->n_candidates[q] = n;
    return TRI_OK;
}

static void nominate_task(void *ctx, size_t q, size_t worker)
{
    search *s = ctx;
    workbench_seat *seat = &s->bench->seats[worker];
    arena_mark mark = arena_save(&seat->scratch);
    tri_error cause;
    if (nominate(s, q, &seat->scratch, &cause) != TRI_OK) workbench_fail(seat, s->first + q, &cause);
    arena_restore(&seat->scratch, mark);
}

static void rescore_task(void *ctx, size_t task, size_t worker)
{
    search *s = ctx;
    size_t chunks = s->max_candidates / RESCORE_CHUNK + 1, q = task / chunks, at = task % chunks * RESCORE_CHUNK;
    if (at >= s->n_candidates[q]) return;
    size_t n = s->n_candidates[q] - at < RESCORE_CHUNK ? s->n_candidates[q] - at : RESCORE_CHUNK;
    leg_multi_some(s->x, s->bench->seats[worker].device, s->queries[q].multi, s->candidates[q] + at, n, s->rescored[q] + at);
}

static tri_status choose_candidates(search *s, tri_error *err)
{
    arena *a = &s->bench->scratch;
    size_t n_legs = (size_t)__builtin_popcount(s->legs), most;
    s->max_candidates = mul_size(s->depth, n_legs, &most) && most < s->n_docs ? most : s->n_docs;
    s->candidates = arena_calloc(a, s->n, sizeof *s->candidates);
    s->n_candidates = arena_calloc(a, s->n, sizeof *s->n_candidates);
    s->rescored = arena_calloc(a, s->n, sizeof *s->rescored);
    if (!s->candidates || !s->n_candidates || !s->rescored) return err_memory(err, s->n * sizeof *s->candidates);
    for (size_t q = 0; q < s->n; q++) {
        s->candidates[q] = arena_array(a, s->max_candidates, sizeof **s->candidates);
        if (s->o->rescore_multi) s->rescored[q] = arena_array(a, s->max_candidates, sizeof **s->rescored);
        if (!s->candidates[q] || (s->o->rescore_multi && !s->rescored[q]))
            return err_memory(err, s->max_candidates * sizeof(float));
    }
    pool_run(s->bench->threads, nominate_task, s, s->n);
    TRI_TRY(workbench_outcome(s->bench, err));
    if (s->o->rescore_multi) pool_run(s->bench->threads, rescore_task, s, s->n * (s->max_candidates / RESCORE_CHUNK + 1));
    return TRI_OK;
}

/* ---- ranking ---------------------------------------------------------------------------------------------------- */

/* What a document is compared by, when no ranks are fused. i: its place among the candidates. */
static float final_score(const search *s, size_t q, uint32_t doc, size_t i)
{
    if (s->o->rescore_multi) return s->rescored[q][i];
    if (s->o->mode != TRI_MODE_HYBRID) return leg_score(s, __builtin_ctz(s->legs), q, doc);
    double sum = 0;
    for (int leg = 0; leg < LEGS; leg++)
        if (s->legs & 1u << leg) sum += s->o->weights[leg] * leg_score(s, leg, q, doc);
    return (float)sum;
}

static tri_status rank_by_score(const search *s, size_t q, topk *best, tri_error *err)
{
    size_t n = s->nominates ? s->n_candidates[q] : s->n_docs;
    for (size_t i = 0; i < n; i++) {
        uint32_t doc = s->nominates ? s->candidates[q][i] : (uint32_t)i;
        if (ordinal_set_has(&s->x->dead, doc)) continue;
        float score = final_score(s, q, doc, i);
        if (!isfinite(score)) return refuse_score(s, doc, score, err);
        topk_push(best, score, doc);
    }
    return TRI_OK;
}

static tri_status list_of_leg(const search *s, int leg, size_t q, arena *a, fuse_list *out, tri_error *err)
{
    topk ranked;
    TRI_TRY(rank_leg(s, leg, q, s->depth, a, &ranked, err));
    topk_sort(&ranked);
    uint32_t *docs = arena_array(a, ranked.n, sizeof *docs);
    double *scores = arena_array(a, ranked.n, sizeof *scores);
    if (!docs || !scores) return err_memory(err, ranked.n * sizeof *scores);
    for (size_t i = 0; i < ranked.n; i++) {
        docs[i] = ranked.entries[i].doc;
        scores[i] = ranked.entries[i].score;
    }
    *out = (fuse_list){docs, scores, ranked.n, 1};
    return TRI_OK;
}

static tri_status rank_by_lists(const search *s, size_t q, arena *a, topk *best, tri_error *err)
{
    fuse_list lists[LEGS];
    fuse_rules rules = {s->o->fuse, TRI_NORM_DEFAULT, s->o->rrf_k, s->o->rrf_base, TRI_MISSING_NONE};
    size_t n_lists = 0, total = 0, n = 0;
    for (int leg = 0; leg < LEGS; leg++) {
        if (!(s->legs & 1u << leg)) continue;
        TRI_TRY(list_of_leg(s, leg, q, a, &lists[n_lists], err));
        total += lists[n_lists++].n;
    }
    fuse_hit *fused = arena_array(a, total, sizeof *fused);
    if (!fused) return err_memory(err, total * sizeof *fused);
    TRI_TRY(fuse_run(lists, n_lists, &rules, fused, &n, err));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite((float)fused[i].score)) return refuse_score(s, fused[i].doc, (float)fused[i].score, err);
        topk_push(best, (float)fused[i].score, fused[i].doc);
    }
    return TRI_OK;
}

static void fill_hit(const search *s, size_t q, topk_entry e, tri_hit *hit)
{
    const segment *seg = collection_segment_of(s->x, e.doc);
    uint32_t doc = (uint32_t)(e.doc - seg->first);
    float legs[LEGS];
    for (int leg = 0; leg < LEGS; leg++) legs[leg] = s->legs & 1u << leg ? leg_score(s, leg, q, e.doc) : NAN;
    if (s->o->rescore_multi) legs[LEG_MULTI] = e.score;
    *hit = (tri_hit){.key = segment_key(seg, doc),
                     .text = segment_text(seg, doc),
                     .ordinal = e.doc,
                     .score = e.score,
                     .dense = legs[LEG_DENSE],
                     .sparse = legs[LEG_SPARSE],
                     .multi = legs[LEG_MULTI],
                     .kept = 1};
}

static tri_status rank_query(const search *s, size_t q, arena *a, tri_error *err)
{
    topk best = {arena_array(a, s->k, sizeof *best.entries), 0, s->k};
    if (!best.entries) return err_memory(err, s->k * sizeof *best.entries);
    TRI_TRY(s->by_rank ? rank_by_lists(s, q, a, &best, err) : rank_by_score(s, q, &best, err));
    topk_sort(&best);
    tri_hit *hits = s->hits->hits + (s->first + q) * s->hits->stride;
    for (size_t i = 0; i < best.n; i++) fill_hit(s, q, best.entries[i], &hits[i]);
    threshold_apply(s->o->threshold, s->o->threshold_value, hits, best.n);
    s->hits->n[s->first + q] = best.n;
    return TRI_OK;
}

static void rank_task(void *ctx, size_t q, size_t worker)
{
    const search *s = ctx;
    workbench_seat *seat = &s->bench->seats[worker];
    arena_mark mark = arena_save(&seat->scratch);
    tri_error cause;
    if (rank_query(s, q, &seat->scratch, &cause) != TRI_OK) workbench_fail(seat, s->first + q, &cause);
    arena_restore(&seat->scratch, mark);
}

/* ---- the story -------------------------------------------------------------------------------------------------- */

static tri_status answer_group(search *s, tri_error *err)
{
    arena_mark mark = arena_save(&s->bench->scratch);
    tri_status st = score_legs(s, err);
    if (st == TRI_OK && s->nominates) st = choose_candidates(s, err);
    if (st == TRI_OK) {
        pool_run(s->bench->threads, rank_task, s, s->n);
        st = workbench_outcome(s->bench, err);
    }
    arena_restore(&s->bench->scratch, mark);
    return st;
}

static size_t group_size(const search *s)
{
    size_t each = s->n_docs * sizeof(float) * (size_t)__builtin_popcount(s->legs);
    return each < group_bytes ? group_bytes / each : 1;
}

static tri_status answer(search *s, const tri_query *queries, size_t n, tri_error *err)
{
    size_t group = group_size(s);
    for (size_t first = 0; first < n; first += s->n) {
        s->queries = queries + first;
        s->first = first;
        s->n = n - first < group ? n - first : group;
        TRI_TRY(answer_group(s, err));
    }
    return TRI_OK;
}

tri_status searcher_run(const tri_index *x, const tri_search_options *o, const tri_query *queries, size_t n, tri_hits **out,
                        tri_error *err)
{
    search s = {.x = x, .o = o, .n_docs = (size_t)x->m.docs};
    TRI_TRY(plan(&s, queries, n, err));
    TRI_TRY(new_hits(n, s.k, &s.hits, err));
    tri_status st = TRI_OK;
    if (n && s.k) {
        st = workbench_take(x, o->threads, &s.bench, err);
        if (st == TRI_OK) {
            st = answer(&s, queries, n, err);
            workbench_give_back(x, s.bench);
        }
    }
    if (st != TRI_OK) {
        searcher_hits_free(s.hits);
        return st;
    }
    *out = s.hits;
    return TRI_OK;
}
