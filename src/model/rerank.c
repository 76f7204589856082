/* SPDX-License-Identifier: Apache-2.0 */
/* rerank.c — how a pair becomes a score.
 *
 *   query, passage --> ids [n] --> rows [T] --> hidden states h [W, D] --> logit --> score
 *        pair_batch.c      pack        layers_run.c           head_logit.c     sigmoid, or as it is
 *
 * All pairs of the call, of all queries, share the passes: longest first, no padding. Where the classifier reads the first row
 * alone, the last layer computes those rows alone. A passage read through windows gives several rows of tokens; the greatest or
 * the mean of their logits is the pair's. The activation is done last, in f32, and ranking belongs on logits: the sigmoid
 * rounds scores over 17 to the same 1. */
#include "model/rerank.h"

#include <math.h>

#include "base/err.h"
#include "model/pair_batch.h"

typedef struct job {
    session *s;
    const tri_rerank_options *o;
    const tri_pair *pairs;
    pair_rows rows;
    const uint64_t *order; /* [rows.n] */
    size_t from;           /* this pass is rows order[from .. from + B] */
    float *logits;         /* [rows.n] */
    size_t *left;          /* [count] rows of each pair that are not computed yet */
    size_t *first;         /* [count] its first row */
    size_t *done;          /* [count] pairs that the pass finished */
    tri_pair_score *scores;
} job;

/* As much of a query as a message has room for, at a character's end. */
static int query_width(tri_text query)
{
    enum { MOST = 60 };
    size_t n = query.len;
    if (n > MOST)
        for (n = MOST; n > 0 && ((unsigned char)query.bytes[n] & 0xC0) == 0x80;) n--;
    return (int)n;
}

static tri_status blame(const model *m, const tri_pair *pairs, size_t pair, tri_error *err)
{
    const tri_pair *p = &pairs[pair];
    const weight *bad;
    size_t element;
    if (bind_find_not_finite(m->w, &bad, &element))
        return err_set(err, TRI_ERR_NUMERIC,
                       "could not score: the logit is not finite; tensor \"%s\" of %s holds a value that is not (element %zu)",
                       bad->name, bad->file, element);
    if (p->ids) return err_set(err, TRI_ERR_NUMERIC, "could not score pair %zu: its logit is not finite", pair);
    return err_set(err, TRI_ERR_NUMERIC, "could not score pair %zu, of the query \"%.*s\": its logit is not finite", pair,
                   query_width(p->query), p->query.bytes);
}

/* The logits of a pair's windows, in their order. */
static float join_windows(const job *j, const float *logits, size_t n)
{
    double sum = 0;
    float greatest = logits[0];
    for (size_t i = 0; i < n; i++) {
        sum += (double)logits[i];
        greatest = logits[i] > greatest ? logits[i] : greatest;
    }
    return j->o->windows == TRI_WINDOWS_MEAN ? (float)(sum / (double)n) : greatest;
}

static void finish_pair(const job *j, size_t pair)
{
    tri_pair_score *s = &j->scores[pair];
    s->logit = join_windows(j, j->logits + j->first[pair], s->windows);
    s->score = j->o->activation == TRI_SCORE_SIGMOID ? 1.0f / (1.0f + expf(-s->logit)) : s->logit;
}

static tri_status run_pass(const job *j, tri_error *err)
{
    session *s = j->s;
    const model *m = s->m;
    const batch *b = &s->b;
    size_t n_done = 0;
    tensor h = m->kind->encode(m->c, m->enc, b, &s->ws);
    const int32_t *row_start = b->all_rows ? b->seq_start : b->wanted_start;
    tensor logits = head_logit_run(m->c, &m->config, &m->logit, &h, row_start, b->B, (float *)(void *)s->ws.spare);
    float *values = s->token_weights; /* a logit a text; there are fewer texts than rows */
    compute_download(m->c, values, logits.data, b->B * logits.ld * sizeof(float));
    TRI_TRY(compute_sync(m->c, err));
    for (size_t i = 0; i < b->B; i++) {
        size_t row = j->order[j->from + i], pair = j->rows.pair[row];
        j->logits[row] = values[i * logits.ld];
        if (!isfinite(j->logits[row])) return blame(m, j->pairs, pair, err);
        if (--j->left[pair]) continue;
        finish_pair(j, pair);
        j->done[n_done++] = pair;
    }
    return j->o->scored ? j->o->scored(j->o->scored_ctx, j->done, n_done, err) : TRI_OK;
}

static tri_status run_passes(job *j, tri_error *err)
{
    session *s = j->s;
    size_t count = j->rows.n;
    uint64_t done = 0, total = 0;
    for (size_t i = 0; i < count; i++) total += j->rows.texts[i].n;
    rows_wanted rows = s->m->config.logit_pool == POOL_CLS ? WANT_FIRST_ROWS : WANT_ALL_ROWS;
    for (size_t n = 0; j->from < count; j->from += n) {
        size_t most = j->o->batch_pairs && j->o->batch_pairs < count - j->from ? j->from + j->o->batch_pairs : count;
        n = text_batch_pack(s, j->rows.texts, j->order, j->from, most, rows);
        if (s->b.T > s->peak_rows) s->peak_rows = s->b.T;
        TRI_TRY(run_pass(j, err));
        done += s->b.T;
        if (j->o->progress && j->o->progress(j->o->progress_ctx, done, total))
            return err_set(err, TRI_ERR_CANCELLED, "scoring was cancelled");
    }
    return TRI_OK;
}

static tri_status make_room(job *j, size_t count, tri_error *err)
{
    arena *a = &j->s->scratch;
    j->logits = arena_array(a, j->rows.n, sizeof *j->logits);
    j->left = arena_calloc(a, count, sizeof *j->left);
    j->first = arena_array(a, count, sizeof *j->first);
    j->done = arena_array(a, count, sizeof *j->done);
    if (!j->logits || !j->left || !j->first || !j->done)
        return err_memory(err, j->rows.n * sizeof *j->logits + 3 * count * sizeof *j->left);
    for (size_t i = j->rows.n; i-- > 0;) {
        j->left[j->rows.pair[i]]++;
        j->first[j->rows.pair[i]] = i;
    }
    return TRI_OK;
}

/* What the options leave to the model. */
static tri_status settle(const session *s, tri_rerank_options *o, tri_error *err)
{
    const model_config *c = &s->m->config;
    if (!o->max_length) o->max_length = s->max_length;
    if (o->max_length > s->max_length)
        return err_set(err, TRI_ERR_ARGUMENT, "could not score: max length %zu, the session was made for %zu", o->max_length,
                       s->max_length);
    if (o->cut == TRI_CUT_MODEL) o->cut = c->from_st ? TRI_CUT_LONGEST : TRI_CUT_PASSAGE;
    if (!o->query_max && (o->cut == TRI_CUT_PASSAGE || o->windows)) o->query_max = o->max_length * 3 / 4;
    if (o->activation == TRI_SCORE_MODEL) o->activation = c->score == SCORE_IDENTITY ? TRI_SCORE_NONE : TRI_SCORE_SIGMOID;
    return TRI_OK;
}

static tri_status run_job(job *j, size_t count, tri_error *err)
{
    uint64_t *order;
    TRI_TRY(pair_batch_tokenize(j->s, j->o, j->pairs, count, &j->rows, j->scores, err));
    TRI_TRY(text_batch_sort(j->s, j->rows.texts, j->rows.n, &order, err));
    j->order = order;
    TRI_TRY(make_room(j, count, err));
    return run_passes(j, err);
}

tri_status rerank_run(session *s, const tri_rerank_options *options, const tri_pair *pairs, size_t count,
                      tri_pair_score *scores, tri_error *err)
{
    arena_mark mark = arena_save(&s->scratch);
    tri_rerank_options o = *options;
    job j = {.s = s, .o = &o, .pairs = pairs, .scores = scores};
    tri_status st = settle(s, &o, err);
    if (!st && count) st = run_job(&j, count, err);
    arena_restore(&s->scratch, mark);
    session_rest(s);
    return st;
}
