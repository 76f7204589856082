/* SPDX-License-Identifier: Apache-2.0 */
/* text_batch.c — where the length policy lives, and where rows are laid side by side without padding.
 *
 *   order: longest first, so that a pass holds texts of like length and the last passes are short
 *   pack:  ids      | text a ......... | text b ..... | text c |     [T]
 *          positions  by the arch's rule, from each text's ids       [T]
 *          seq_start  0                na             na+nb    T     [B+1]
 * A text longer than the session's limit was cut by the tokenizer (its end specials kept) and is counted; ids given as they are
 * are never cut: too many is an error. */
#include "model/text_batch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/sort.h"
#include "model/first_failure.h"

typedef struct job {
    session *s;
    const tri_embed_options *o;
    const char *prompt;
    const tri_input *inputs;
    text_tokens *out;
    failure *failures; /* [n_workers] */
} job;

tri_status text_batch_check_ids(const session *s, const tri_input *in, tri_error *err)
{
    const model *m = s->m;
    if (in->n_ids == 0) return err_set(err, TRI_ERR_ARGUMENT, "could not encode: a text of zero tokens");
    if (in->n_ids > m->max_tokens || in->n_ids > s->max_rows) {
        size_t limit = in->n_ids > m->max_tokens ? m->max_tokens : s->max_rows;
        return err_set(err, TRI_ERR_LIMIT, "could not encode: %zu token ids, the limit is %zu", in->n_ids, limit);
    }
    for (size_t i = 0; i < in->n_ids; i++) {
        if (in->ids[i] >= m->config.vocab)
            return err_set(err, TRI_ERR_ARGUMENT, "could not encode: token id %u at place %zu, the vocabulary has %zu rows",
                           in->ids[i], i, m->config.vocab);
        if (in->type_ids && in->type_ids[i] && in->type_ids[i] >= m->config.types)
            return err_set(err, TRI_ERR_ARGUMENT, "could not encode: token type %u at place %zu, the model has %zu",
                           in->type_ids[i], i, m->config.types);
    }
    return TRI_OK;
}

static tri_status join_prompt(struct session_worker *w, const char *prompt, tri_text *text, tri_error *err)
{
    if (!prompt[0]) return TRI_OK;
    buf_clear(&w->text);
    tri_status st = buf_str(&w->text, prompt);
    if (!st) st = buf_append(&w->text, text->bytes, text->len);
    if (st) return err_set(err, st, "could not put the prompt before a text of %zu bytes", text->len);
    *text = (tri_text){(const char *)w->text.data, w->text.len};
    return TRI_OK;
}

static tri_status refuse_long(const session *s, struct session_worker *w, tri_text text, tri_error *err)
{
    encode_options all = {0};
    encoding e;
    TRI_TRY(tokenizer_encode(s->m->tok, w->tok, text, NULL, &all, &e, err));
    err_set(err, TRI_ERR_LIMIT, "could not encode: the text has %zu tokens, the limit is %zu", e.n, s->max_length);
    return err_hint(err, TRI_ERR_LIMIT, "raise --max-length (this model can take %zu) or use --on-long truncate",
                    s->m->max_tokens);
}

/* Ids the tokenizer gives may lie past the model's table (a vocabulary that does not belong to the weights). */
static tri_status tokenize_text(job *j, struct session_worker *w, tri_text text, text_tokens *out, tri_error *err)
{
    session *s = j->s;
    encode_options o = {.max_length = s->max_length};
    encoding e;
    TRI_TRY(join_prompt(w, j->prompt, &text, err));
    TRI_TRY(tokenizer_encode(s->m->tok, w->tok, text, NULL, &o, &e, err));
    if (e.truncated && j->o->on_long == TRI_LONG_ERROR) return refuse_long(s, w, text, err);
    uint32_t *ids = arena_array(&w->tokens, e.n, sizeof *ids);
    uint8_t *types = arena_alloc(&w->tokens, e.n);
    if (!ids || !types) return err_memory(err, e.n * 5);
    memcpy(ids, e.ids, e.n * sizeof *ids);
    memcpy(types, e.type_ids, e.n);
    *out = (text_tokens){ids, types, e.n, e.truncated, e.bad_bytes};
    tri_input as_ids = {.ids = ids, .type_ids = types, .n_ids = e.n};
    return text_batch_check_ids(s, &as_ids, err);
}

static void tokenize_one(void *ctx, size_t i, size_t worker)
{
    job *j = ctx;
    const tri_input *in = &j->inputs[i];
    failure *f = &j->failures[worker];
    if (!failure_is_later(f, i)) return;
    tri_error err = {0};
    tri_status st;
    if (in->ids) {
        st = text_batch_check_ids(j->s, in, &err);
        j->out[i] = (text_tokens){in->ids, in->type_ids, in->n_ids, false, 0};
    } else {
        st = tokenize_text(j, &j->s->workers[worker], in->text, &j->out[i], &err);
    }
    failure_note(f, i, st, &err);
}

static bool any_text(const tri_input *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!inputs[i].ids) return true;
    return false;
}

static const char *prompt_of(const session *s, const tri_embed_options *o)
{
    if (o->prompt) return o->prompt;
    if (o->role == TRI_ROLE_QUERY) return s->m->config.prompt_query;
    return o->role == TRI_ROLE_PASSAGE ? s->m->config.prompt_passage : "";
}

tri_status text_batch_tokenize(session *s, const tri_embed_options *o, const tri_input *inputs, size_t count, text_tokens **out,
                               tri_error *err)
{
    if (!s->m->tok && any_text(inputs, count)) {
        if (err) *err = s->m->tok_error;
        return s->m->tok_error.status;
    }
    for (size_t w = 0; w < s->n_workers; w++) arena_restore(&s->workers[w].tokens, (arena_mark){NULL, 0});
    job j = {.s = s, .o = o, .prompt = prompt_of(s, o), .inputs = inputs};
    j.out = arena_calloc(&s->scratch, count, sizeof *j.out);
    j.failures = arena_calloc(&s->scratch, s->n_workers, sizeof *j.failures);
    if (!j.out || !j.failures) return err_memory(err, count * sizeof *j.out);
    pool_run(s->m->c->threads, tokenize_one, &j, count);
    *out = j.out;
    return failure_tell(j.failures, s->n_workers, "input", count, err);
}

tri_status text_batch_sort(session *s, const text_tokens *texts, size_t count, uint64_t **order, tri_error *err)
{
    uint64_t *keys = arena_array(&s->scratch, count, sizeof *keys);
    if (!keys || count > UINT32_MAX) return err_memory(err, count * sizeof *keys);
    for (size_t i = 0; i < count; i++) keys[i] = (uint64_t)(UINT32_MAX - (uint32_t)texts[i].n) << 32 | i;
    sort_u64(keys, count);
    for (size_t i = 0; i < count; i++) keys[i] &= UINT32_MAX;
    *order = keys;
    return TRI_OK;
}

static void pack_text(session *s, const text_tokens *t, rows_wanted rows)
{
    batch *b = &s->b;
    size_t at = b->T;
    memcpy(b->ids + at, t->ids, t->n * sizeof *b->ids);
    if (t->types)
        memcpy(b->types + at, t->types, t->n);
    else
        memset(b->types + at, 0, t->n);
    s->m->kind->positions(&s->m->config, t->ids, t->n, b->positions + at);
    b->T += t->n;
    if (rows != WANT_ALL_ROWS) b->wanted[b->W++] = (int32_t)(rows == WANT_FIRST_ROWS ? at : b->T - 1);
    b->B++;
    b->seq_start[b->B] = (int32_t)b->T;
    b->wanted_start[b->B] = (int32_t)b->W;
}

size_t text_batch_pack(session *s, const text_tokens *texts, const uint64_t *order, size_t from, size_t count, rows_wanted rows)
{
    batch *b = &s->b;
    size_t longest = texts[order[from]].n, room = s->max_rows, n = 0;
    b->B = b->T = b->W = 0;
    b->all_rows = rows == WANT_ALL_ROWS;
    b->seq_start[0] = b->wanted_start[0] = 0;
    if (longest < s->pass_rows && s->pass_rows < room) room = s->pass_rows;
    while (from + n < count && b->T + texts[order[from + n]].n <= room) pack_text(s, &texts[order[from + n++]], rows);
    return n;
}
