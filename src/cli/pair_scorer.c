/* SPDX-License-Identifier: Apache-2.0 */
/* pair_scorer.c — looking first, computing the rest in one call, keeping it as it comes. */
#include "cli/pair_scorer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

void pair_scorer_settle(const setup_model *model, tri_rerank_options *options)
{
    if (options->activation != TRI_SCORE_MODEL) return;
    bool plain = strcmp(model->info.score_activation, "identity") == 0;
    options->activation = plain ? TRI_SCORE_NONE : TRI_SCORE_SIGMOID;
}

static tri_status keep_scores(void *ctx, const size_t *pairs, size_t n, tri_error *err)
{
    pair_scorer *s = ctx;
    return score_cache_put(s->cache, s->todo, s->fresh, pairs, n, err);
}

tri_status pair_scorer_open(pair_scorer *s, const setup_model *model, const tri_rerank_options *options, const char *cache_path,
                            tri_error *err)
{
    *s = (pair_scorer){.session = model->session, .options = *options};
    if (!cache_path) return TRI_OK;
    bool hf5 = model->info.tokenizer_rules_differ && strcmp(model->info.tokenizer_rules, "hf5") == 0;
    cache_terms terms = {.model = model->info.fingerprint,
                         .precision = model->info.precision,
                         .max_length = options->max_length,
                         .query_max = options->query_max,
                         .cut = options->cut,
                         .windows = options->windows,
                         .hf5_rules = hf5,
                         .sigmoid = options->activation == TRI_SCORE_SIGMOID};
    TRI_TRY(score_cache_open(cache_path, &terms, &s->cache, err));
    s->options.scored = keep_scores;
    s->options.scored_ctx = s;
    return TRI_OK;
}

static tri_status make_room(pair_scorer *s, size_t n, tri_error *err)
{
    if (n <= s->cap) return TRI_OK;
    tri_pair *todo = mem_realloc(s->todo, n * sizeof *todo);
    if (todo) s->todo = todo;
    size_t *place = mem_realloc(s->place, n * sizeof *place);
    if (place) s->place = place;
    tri_pair_score *fresh = mem_realloc(s->fresh, n * sizeof *fresh);
    if (fresh) s->fresh = fresh;
    if (!todo || !place || !fresh) return err_memory(err, n * (sizeof *todo + sizeof *place + sizeof *fresh));
    s->cap = n;
    return TRI_OK;
}

static tri_status look_in_cache(pair_scorer *s, const tri_pair *pairs, size_t n, tri_pair_score *scores, tri_error *err)
{
    s->n_todo = 0;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        if (s->cache) TRI_TRY(score_cache_find(s->cache, &pairs[i], &scores[i], &found, err));
        s->n_cached += found;
        if (found) continue;
        s->todo[s->n_todo] = pairs[i];
        s->place[s->n_todo++] = i;
    }
    return TRI_OK;
}

tri_status pair_scorer_run(pair_scorer *s, const tri_pair *pairs, size_t n, tri_pair_score *scores, tri_error *err)
{
    TRI_TRY(make_room(s, n, err));
    TRI_TRY(look_in_cache(s, pairs, n, scores, err));
    TRI_TRY(tri_rerank(s->session, &s->options, s->todo, s->n_todo, s->fresh, err));
    for (size_t i = 0; i < s->n_todo; i++) {
        if (s->cache && !s->todo[i].ids) score_cache_level(s->cache, &s->fresh[i]);
        scores[s->place[i]] = s->fresh[i];
    }
    s->n_pairs += n;
    return TRI_OK;
}

tri_status pair_scorer_close(pair_scorer *s, tri_error *err)
{
    tri_status st = score_cache_close(s->cache, err);
    mem_free(s->todo);
    mem_free(s->place);
    mem_free(s->fresh);
    *s = (pair_scorer){0};
    return st;
}
