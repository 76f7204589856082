/* SPDX-License-Identifier: Apache-2.0 */
/* search_rerank.c — pairs of a window's queries and their hits go through the cross-encoder in one call. */
#include "cli/search_rerank.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "cli/logit_order.h"

enum { MAX_LENGTH = 512 };

tri_status search_rerank_open(search_rerank *r, cli *c, const char *name, size_t top, const char *cache, tri_error *err)
{
    tri_session_options o;
    tri_rerank_options options;
    memset(r, 0, sizeof *r);
    r->c = c;
    r->top = top;
    TRI_TRY(setup_open_model(&c->shared, name, 0, &r->model, err));
    if (!r->model.info.reranks) {
        err_set(err, TRI_ERR_UNSUPPORTED, "could not rerank with %s: it gives vectors, it is no cross-encoder", name);
        return err_hint(err, TRI_ERR_UNSUPPORTED, "--rescore multi orders hits by the index's own multi-vectors");
    }
    tri_session_options_init(&o);
    o.max_length = r->model.info.max_tokens < MAX_LENGTH ? r->model.info.max_tokens : MAX_LENGTH;
    o.memory_limit = c->shared.memory_limit;
    TRI_TRY(tri_session_new(r->model.model, &o, &r->model.session, err));
    tri_rerank_options_init(&options); /* as `trident rerank` has them: the two may share a cache */
    options.max_length = o.max_length;
    options.progress = progress_tick;
    options.progress_ctx = &c->bar;
    pair_scorer_settle(&r->model, &options);
    return pair_scorer_open(&r->scorer, &r->model, &options, cache, err);
}

static void drop_window(search_rerank *r)
{
    mem_free(r->hits);
    mem_free(r->start);
    mem_free(r->pairs);
    mem_free(r->scores);
    r->hits = NULL;
    r->start = NULL;
    r->pairs = NULL;
    r->scores = NULL;
}

tri_status search_rerank_close(search_rerank *r, tri_error *err)
{
    const tri_rerank_options *o = &r->scorer.options;
    if (r->c && r->model.model) rerank_watch_report(&r->watch, r->c, o->max_length, o->activation != TRI_SCORE_NONE);
    if (r->scorer.cache)
        cli_note(r->c, "%llu of %llu pairs came from the cache", (unsigned long long)r->scorer.n_cached,
                 (unsigned long long)r->scorer.n_pairs);
    tri_status st = pair_scorer_close(&r->scorer, err);
    drop_window(r);
    setup_close(&r->model);
    return st;
}

static tri_status make_window(search_rerank *r, size_t n, const tri_hits *hits, tri_error *err)
{
    size_t total = 0, n_hits;
    drop_window(r);
    for (size_t q = 0; q < n; q++) {
        tri_hits_get(hits, q, &n_hits);
        total += n_hits;
    }
    r->start = mem_array(n + 1, sizeof *r->start);
    r->hits = mem_array(total, sizeof *r->hits);
    r->pairs = mem_array(total, sizeof *r->pairs);
    r->scores = mem_array(total, sizeof *r->scores);
    return r->start && r->hits && r->pairs && r->scores
               ? TRI_OK
               : err_memory(err, total * (sizeof *r->hits + sizeof *r->pairs + sizeof *r->scores));
}

static tri_status collect(search_rerank *r, const record *records, size_t n, const tri_hits *hits, tri_error *err)
{
    size_t at = 0, n_hits;
    for (size_t q = 0; q < n; q++) {
        const tri_hit *list = tri_hits_get(hits, q, &n_hits);
        const tri_text query = records[q].input.text;
        if (records[q].input.ids)
            return err_set(err, TRI_ERR_ARGUMENT,
                           "could not rerank the query of line %llu: it is token ids, a cross-encoder reads text",
                           (unsigned long long)records[q].line);
        r->start[q] = at;
        for (size_t i = 0; i < n_hits && at - r->start[q] < r->top; i++) {
            if (!list[i].kept) continue;
            r->hits[at] = list[i];
            r->pairs[at++] = (tri_pair){.query = query, .passage = list[i].text};
        }
    }
    r->start[n] = at;
    return TRI_OK;
}

/* scores[] and hits[] of one query from `first`; spare: hits of as many. */
static tri_status reorder(search_rerank *r, size_t first, size_t n, tri_error *err)
{
    tri_hit *spare = mem_array(n, sizeof *spare);
    uint64_t *order = mem_array(n, sizeof *order);
    bool ok = spare && order;
    if (ok) {
        logit_order(r->scores + first, n, order);
        for (size_t i = 0; i < n; i++) {
            size_t place = logit_order_place(order[i]);
            spare[i] = r->hits[first + place];
            spare[i].score = r->scores[first + place].score;
        }
        memcpy(r->hits + first, spare, n * sizeof *spare);
    }
    mem_free(spare);
    mem_free(order);
    return ok ? TRI_OK : err_memory(err, n * (sizeof *spare + sizeof *order));
}

tri_status search_rerank_run(search_rerank *r, const record *records, size_t n, const tri_hits *hits, tri_error *err)
{
    TRI_TRY(make_window(r, n, hits, err));
    TRI_TRY(collect(r, records, n, hits, err));
    TRI_TRY(pair_scorer_run(&r->scorer, r->pairs, r->start[n], r->scores, err));
    for (size_t i = 0; i < r->start[n]; i++) rerank_watch_add(&r->watch, &r->scores[i]);
    for (size_t q = 0; q < n; q++)
        if (r->start[q + 1] > r->start[q]) TRI_TRY(reorder(r, r->start[q], r->start[q + 1] - r->start[q], err));
    return TRI_OK;
}
