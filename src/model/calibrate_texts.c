/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_texts.c — see calibrate_texts.h.
 *
 * The budget of tokens is shared by the two parts as the texts are, and each part takes its texts from its beginning as long as
 * they fit, one at least. Lengths are known only to the tokenizer, so all are tokenized once before. */
#include "model/calibrate_texts.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "model/embed.h"
#include "model/rerank.h"
#include "model/text_batch.h"

enum {
    TEXT_TOKENS = 2048, /* of one text: what a channel looks like is seen long before */
    WINDOW = 32,        /* texts at once: their vectors are made and thrown away, 4 KB a token at BGE-M3's width */
    TOKENS_MOST = 131072
};

static size_t longest_ids(const calibration_plan *plan)
{
    size_t longest = 0;
    for (size_t i = 0; i < plan->n_texts; i++)
        if (plan->texts[i].ids && plan->texts[i].n_ids > longest) longest = plan->texts[i].n_ids;
    return longest;
}

tri_status calibrate_texts_session(model *m, const calibration_plan *plan, session **out, tri_error *err)
{
    tri_session_options o = {.struct_size = sizeof o};
    o.max_length = m->max_text < TEXT_TOKENS ? m->max_text : TEXT_TOKENS;
    /* rows of ids are never cut: the session is made for the longest, if the model can take it at all */
    size_t longest = longest_ids(plan);
    if (longest > TEXT_TOKENS && longest <= m->max_tokens) o.batch_tokens = longest;
    return session_new(m, &o, out, err);
}

/* Texts [from, to) as long as they fit. */
static size_t take(const text_tokens *texts, size_t from, size_t to, size_t budget, uint64_t *tokens, hash64_stream *h)
{
    size_t n = 0;
    *tokens = 0;
    for (size_t i = from; i < to && (!n || *tokens + texts[i].n <= budget); i++, n++) {
        *tokens += texts[i].n;
        hash64_update(h, texts[i].ids, texts[i].n * sizeof *texts[i].ids);
    }
    return n;
}

static tri_status share_out(const calibration_plan *plan, const text_tokens *texts, tri_calibration *figures,
                            uint64_t *identity, tri_error *err)
{
    size_t most = plan->max_tokens ? plan->max_tokens : TOKENS_MOST, n = plan->n_texts, first = n - plan->n_held_out;
    size_t held = (size_t)((double)most * (double)plan->n_held_out / (double)n);
    hash64_stream *h = hash64_new();
    if (!h) return err_memory(err, sizeof *identity);
    figures->n_texts = take(texts, 0, first, most - held, &figures->n_tokens, h);
    figures->n_held_out = take(texts, first, n, held, &figures->n_held_out_tokens, h);
    *identity = hash64_digest(h);
    hash64_free(h);
    return TRI_OK;
}

tri_status calibrate_texts_count(session *s, const calibration_plan *plan, tri_calibration *figures, uint64_t *identity,
                                 tri_error *err)
{
    tri_embed_options o = {.struct_size = sizeof o};
    text_tokens *texts;
    arena_mark mark = arena_save(&s->scratch);
    tri_status st = text_batch_tokenize(s, &o, plan->texts, plan->n_texts, &texts, err);
    if (!st) st = share_out(plan, texts, figures, identity, err);
    arena_restore(&s->scratch, mark);
    session_rest(s);
    return st;
}

typedef struct phase {
    const calibration_plan *plan;
    const char *name;
    uint64_t before, total; /* tokens */
} phase;

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
    const phase *p = ctx;
    (void)total;
    return p->plan->progress ? p->plan->progress(p->plan->progress_ctx, p->name, p->before + done, p->total) : 0;
}

void calibrated_output_drop(calibrated_output *o)
{
    tri_embeddings_free(o->vectors);
    mem_free(o->scores);
    *o = (calibrated_output){.n = 0};
}

static tri_status score(session *s, const tri_input *texts, size_t n, phase *p, tri_pair_score *scores, tri_error *err)
{
    tri_rerank_options o = {.struct_size = sizeof o, .progress = on_progress, .progress_ctx = p};
    tri_pair *pairs = mem_array(n, sizeof *pairs);
    if (!pairs) return err_memory(err, n * sizeof *pairs);
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < n; i++) {
        pairs[i] = (tri_pair){.ids = texts[i].ids, .type_ids = texts[i].type_ids, .n_ids = texts[i].n_ids};
        if (!texts[i].ids)
            st = err_set(err, TRI_ERR_ARGUMENT,
                         "input %zu: could not calibrate a cross-encoder on a single text: it reads pairs", i);
    }
    if (!st) st = rerank_run(s, &o, pairs, n, scores, err);
    mem_free(pairs);
    return st;
}

/* n texts through the model; each text's tokens are counted as gone by. */
static tri_status run_texts(session *s, const tri_input *texts, size_t n, phase *p, calibrated_output *out, tri_error *err)
{
    tri_embed_options o = {.struct_size = sizeof o, .progress = on_progress, .progress_ctx = p};
    *out = (calibrated_output){.n = n};
    if (s->m->config.task != TASK_RERANK) return embed_run(s, &o, texts, n, &out->vectors, err);
    out->scores = mem_array(n, sizeof *out->scores);
    if (!out->scores) return err_memory(err, n * sizeof *out->scores);
    return score(s, texts, n, p, out->scores, err);
}

static tri_status watch_window(session *s, const tri_input *texts, size_t n, phase *p, tri_error *err)
{
    calibrated_output out;
    tri_status st = run_texts(s, texts, n, p, &out, err);
    for (size_t i = 0; !st && i < n; i++)
        p->before += out.vectors ? tri_embeddings_tokens(out.vectors, i) : out.scores[i].tokens;
    calibrated_output_drop(&out);
    return st;
}

tri_status calibrate_texts_watch(session *s, const calibration_plan *plan, const tri_calibration *figures, input_table *inputs,
                                 tri_error *err)
{
    observer watch = input_table_observer(inputs);
    phase p = {plan, "calibrate", 0, figures->n_tokens};
    tri_status st = TRI_OK;
    s->ws.watch = &watch;
    for (size_t at = 0; !st && at < figures->n_texts; at += WINDOW) {
        size_t n = figures->n_texts - at < WINDOW ? figures->n_texts - at : WINDOW;
        st = watch_window(s, plan->texts + at, n, &p, err);
    }
    s->ws.watch = NULL;
    return st;
}

tri_status calibrate_texts_encode(session *s, const calibration_plan *plan, const tri_calibration *figures,
                                  calibrated_output *out, tri_error *err)
{
    phase p = {plan, "measure", 0, figures->n_held_out_tokens};
    tri_status st = run_texts(s, plan->texts + plan->n_texts - plan->n_held_out, figures->n_held_out, &p, out, err);
    if (st) calibrated_output_drop(out);
    return st;
}
