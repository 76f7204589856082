/* SPDX-License-Identifier: Apache-2.0 */
/* pair_batch.c — query and passage are tokenised apart, cut, and put into the template of pairs.
 *
 *   TRI_CUT_PASSAGE   FlagEmbedding 1.3 FlagReranker: query to query_max tokens, passage to max_length, then what is over
 *                     from the passage (only_second). Upstream leaves a pair over-long, with a message, where the passage
 *                     cannot take the whole cut; here the passage goes and the query is cut to what is left.
 *   TRI_CUT_LONGEST   sentence-transformers CrossEncoder: HF tokenizers' longest_first on the whole.
 *   windows           query to query_max; the passage in runs of what is left, each beginning three quarters of a run after the
 *                     one before it
 *
 *   sides (parallel) --> how many rows each pair gives --> rows (parallel): template, ids, type ids
 * A query that comes again for the next pair of a worker is not tokenised again. */
#include "model/pair_batch.h"

#include <string.h>

#include "base/err.h"
#include "model/first_failure.h"
#include "tokenizer/truncate.h"

/* One text without specials, in a worker's arena. */
typedef struct side {
    uint32_t *ids;
    size_t n, bad_bytes;
    size_t cut; /* tokens that a limit of its own took */
} side;

typedef struct pair_sides {
    side query, passage;
    size_t first_row, n_rows;
    size_t room; /* tokens of a window of the passage */
} pair_sides;

typedef struct pair_worker {
    tri_text last_query;
    side query; /* of last_query */
} pair_worker;

typedef struct job {
    session *s;
    const tri_rerank_options *o;
    size_t budget; /* max_length less the template's specials */
    const tri_pair *pairs;
    pair_sides *sides; /* [count] */
    pair_rows *out;
    tri_pair_score *scores;
    pair_worker *workers; /* [n_workers] */
    failure *failures;    /* [n_workers] */
} job;

/* ---- sides ---------------------------------------------------------------------------------------------------------- */

/* limit 0: none. The number of tokens past a limit is not counted by the tokenizer, which stops there; a text that was cut is
 * encoded again without it. */
static tri_status encode_side(const job *j, struct session_worker *w, tri_text text, size_t limit, side *out, tri_error *err)
{
    const tokenizer *t = j->s->m->tok;
    encode_options o = {.max_length = limit, .no_specials = true}, all = {.no_specials = true};
    encoding e;
    TRI_TRY(tokenizer_encode(t, w->tok, text, NULL, &o, &e, err));
    uint32_t *ids = arena_array(&w->tokens, e.n + 1, sizeof *ids);
    if (!ids) return err_memory(err, (e.n + 1) * sizeof *ids);
    memcpy(ids, e.ids, e.n * sizeof *ids);
    *out = (side){.ids = ids, .n = e.n, .bad_bytes = e.bad_bytes};
    if (!e.truncated) return TRI_OK;
    TRI_TRY(tokenizer_encode(t, w->tok, text, NULL, &all, &e, err));
    out->cut = e.n - out->n;
    return TRI_OK;
}

static bool same_text(tri_text a, tri_text b)
{
    return a.len == b.len && a.bytes == b.bytes;
}

static tri_status encode_query(const job *j, struct session_worker *w, pair_worker *mine, tri_text query, tri_error *err)
{
    if (mine->query.ids && same_text(mine->last_query, query)) return TRI_OK;
    mine->query.ids = NULL;
    TRI_TRY(encode_side(j, w, query, j->o->query_max, &mine->query, err));
    mine->last_query = query;
    return TRI_OK;
}

static tri_status encode_sides(const job *j, size_t worker, size_t i, tri_error *err)
{
    struct session_worker *w = &j->s->workers[worker];
    pair_worker *mine = &j->workers[worker];
    pair_sides *p = &j->sides[i];
    bool whole = j->o->windows || j->o->cut == TRI_CUT_LONGEST;
    TRI_TRY(encode_query(j, w, mine, j->pairs[i].query, err));
    TRI_TRY(encode_side(j, w, j->pairs[i].passage, whole ? 0 : j->o->max_length, &p->passage, err));
    p->query = mine->query;
    return TRI_OK;
}

static void sides_of_one(void *ctx, size_t i, size_t worker)
{
    job *j = ctx;
    const tri_pair *pair = &j->pairs[i];
    failure *f = &j->failures[worker];
    tri_error err = {0};
    if (!failure_is_later(f, i)) return;
    if (!pair->ids) {
        failure_note(f, i, encode_sides(j, worker, i, &err), &err);
        return;
    }
    tri_input in = {.ids = pair->ids, .type_ids = pair->type_ids, .n_ids = pair->n_ids};
    failure_note(f, i, text_batch_check_ids(j->s, &in, &err), &err);
}

/* ---- how many rows -------------------------------------------------------------------------------------------------- */

/* At least one; windows beyond the first begin `step` further each and end where the passage does. */
static size_t count_windows(const job *j, pair_sides *p)
{
    size_t query = p->query.n < j->budget ? p->query.n : j->budget - 1, n = p->passage.n;
    p->room = j->budget - query;
    if (!j->o->windows || n <= p->room) return 1;
    size_t step = p->room - p->room / 4;
    return 1 + (n - p->room + step - 1) / step;
}

static tri_status plan_rows(job *j, size_t count, tri_error *err)
{
    pair_rows *out = j->out;
    for (size_t i = 0; i < count; i++) {
        pair_sides *p = &j->sides[i];
        p->first_row = out->n;
        p->n_rows = j->pairs[i].ids ? 1 : count_windows(j, p);
        out->n += p->n_rows;
    }
    out->texts = arena_calloc(&j->s->scratch, out->n, sizeof *out->texts);
    out->pair = arena_array(&j->s->scratch, out->n, sizeof *out->pair);
    if (!out->texts || !out->pair) return err_memory(err, out->n * (sizeof *out->texts + sizeof *out->pair));
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < j->sides[i].n_rows; r++) out->pair[j->sides[i].first_row + r] = i;
    return TRI_OK;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

/* How many tokens of each stay. */
static void cut_pair(const job *j, token_part *q, token_part *p)
{
    if (j->o->cut == TRI_CUT_LONGEST && !j->o->windows) {
        truncate_lengths(j->budget, TRUNCATE_LONGEST_FIRST, true, &q->keep, &p->keep, NULL);
        return;
    }
    size_t most = j->o->windows ? j->budget - 1 : j->budget;
    if (q->keep > most) q->keep = most;
    if (p->keep > j->budget - q->keep) p->keep = j->budget - q->keep;
}

static tri_status refuse_long(const job *j, const pair_sides *p, tri_error *err)
{
    err_set(err, TRI_ERR_LIMIT, "could not score: query and passage have %zu and %zu tokens, the limit of both is %zu",
            p->query.n + p->query.cut, p->passage.n + p->passage.cut, j->budget);
    return err_hint(err, TRI_ERR_LIMIT, "raise --max-length (this model can take %zu) or use --on-long truncate",
                    j->s->m->max_tokens);
}

static tri_status join(const job *j, struct session_worker *w, token_part a, token_part b, text_tokens *out, tri_error *err)
{
    encoding e;
    TRI_TRY(tokenizer_join(j->s->m->tok, w->tok, a, &b, &e, err));
    uint32_t *ids = arena_array(&w->tokens, e.n, sizeof *ids);
    uint8_t *types = arena_alloc(&w->tokens, e.n);
    if (!ids || !types) return err_memory(err, e.n * 5);
    memcpy(ids, e.ids, e.n * sizeof *ids);
    memcpy(types, e.type_ids, e.n);
    *out = (text_tokens){.ids = ids, .types = types, .n = e.n};
    tri_input as_ids = {.ids = ids, .type_ids = types, .n_ids = e.n};
    return text_batch_check_ids(j->s, &as_ids, err);
}

/* The window-th run of the passage; the whole of it where there is one row. */
static token_part window_of(const pair_sides *p, size_t window)
{
    if (p->n_rows == 1) return (token_part){p->passage.ids, p->passage.n, p->passage.n};
    size_t first = window * (p->room - p->room / 4), left = p->passage.n - first, n = left < p->room ? left : p->room;
    return (token_part){p->passage.ids + first, n, n};
}

static tri_status make_rows(const job *j, size_t worker, size_t i, tri_error *err)
{
    const pair_sides *p = &j->sides[i];
    tri_pair_score *s = &j->scores[i];
    s->bad_bytes = p->query.bad_bytes + p->passage.bad_bytes;
    for (size_t r = 0; r < p->n_rows; r++) {
        token_part a = {p->query.ids, p->query.n, p->query.n}, b = window_of(p, r);
        cut_pair(j, &a, &b);
        s->query_cut = p->query.cut + a.n - a.keep;
        s->passage_cut = p->passage.cut + b.n - b.keep;
        if ((s->query_cut || s->passage_cut) && j->o->on_long == TRI_LONG_ERROR) return refuse_long(j, p, err);
        TRI_TRY(join(j, &j->s->workers[worker], a, b, &j->out->texts[p->first_row + r], err));
        s->tokens += j->out->texts[p->first_row + r].n;
    }
    return TRI_OK;
}

static void rows_of_one(void *ctx, size_t i, size_t worker)
{
    job *j = ctx;
    const tri_pair *pair = &j->pairs[i];
    failure *f = &j->failures[worker];
    tri_error err = {0};
    if (!failure_is_later(f, i)) return;
    j->scores[i] = (tri_pair_score){.windows = j->sides[i].n_rows};
    if (!pair->ids) {
        failure_note(f, i, make_rows(j, worker, i, &err), &err);
        return;
    }
    j->out->texts[j->sides[i].first_row] = (text_tokens){.ids = pair->ids, .types = pair->type_ids, .n = pair->n_ids};
    j->scores[i].tokens = pair->n_ids;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static tri_status find_budget(job *j, tri_error *err)
{
    tokenizer_info info;
    tokenizer_info_get(j->s->m->tok, &info);
    if (j->o->max_length <= info.specials_pair) {
        err_set(err, TRI_ERR_ARGUMENT, "could not score: max length %zu, the template of a pair alone has %zu tokens",
                j->o->max_length, info.specials_pair);
        return err_hint(err, TRI_ERR_ARGUMENT, "use 512 or more where the model can take it");
    }
    j->budget = j->o->max_length - info.specials_pair;
    return TRI_OK;
}

static bool any_text(const tri_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!pairs[i].ids) return true;
    return false;
}

tri_status pair_batch_tokenize(session *s, const tri_rerank_options *o, const tri_pair *pairs, size_t count, pair_rows *out,
                               tri_pair_score *scores, tri_error *err)
{
    job j = {.s = s, .o = o, .pairs = pairs, .out = out, .scores = scores};
    bool texts = any_text(pairs, count);
    *out = (pair_rows){.n = 0};
    if (texts && !s->m->tok) {
        if (err) *err = s->m->tok_error;
        return s->m->tok_error.status;
    }
    if (texts) TRI_TRY(find_budget(&j, err));
    for (size_t w = 0; w < s->n_workers; w++) arena_restore(&s->workers[w].tokens, (arena_mark){NULL, 0});
    j.sides = arena_calloc(&s->scratch, count, sizeof *j.sides);
    j.workers = arena_calloc(&s->scratch, s->n_workers, sizeof *j.workers);
    j.failures = arena_calloc(&s->scratch, s->n_workers, sizeof *j.failures);
    if (!j.sides || !j.workers || !j.failures) return err_memory(err, count * sizeof *j.sides);
    pool_run(s->m->c->threads, sides_of_one, &j, count);
    TRI_TRY(failure_tell(j.failures, s->n_workers, "pair", count, err));
    TRI_TRY(plan_rows(&j, count, err));
    pool_run(s->m->c->threads, rows_of_one, &j, count);
    return failure_tell(j.failures, s->n_workers, "pair", count, err);
}
