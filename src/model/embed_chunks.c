/* SPDX-License-Identifier: Apache-2.0 */
/* embed_chunks.c — a long text cut into pieces, each encoded alone, one vector made of theirs: the baseline that whole texts
 * are compared with (a fact that needs two pieces to be seen is lost, and the mean of twenty vectors is near everything).
 *
 *   text --> tokens --> pieces: prompt + run of tokens, in the template --> embed_run --> mean or maximum --> unit length
 * Pieces do not overlap; the last may be short. An empty text is one piece. Token ids given as they are, are one piece. */
#include "model/embed_chunks.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "model/embed.h"
#include "model/result.h"

typedef struct pieces {
    session *s;
    const tri_embed_options *o;
    arena memory;
    uint32_t *prompt;      /* its tokens, without specials */
    size_t n_prompt, room; /* tokens of a text in a piece */
    tri_input *list;
    size_t *first;     /* [count + 1] of each text */
    size_t *bad_bytes; /* [count] */
    size_t n, cap;
} pieces;

static tri_status add_piece(pieces *p, tri_input piece, tri_error *err)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        tri_input *list = mem_realloc(p->list, cap * sizeof *list);
        if (!list) return err_memory(err, cap * sizeof *list);
        p->list = list;
        p->cap = cap;
    }
    p->list[p->n++] = piece;
    return TRI_OK;
}

static tri_status keep_ids(pieces *p, const encoding *e, tri_input *out, tri_error *err)
{
    uint32_t *ids = arena_array(&p->memory, e->n + 1, sizeof *ids);
    uint8_t *types = arena_alloc(&p->memory, e->n + 1);
    if (!ids || !types) return err_memory(err, 5 * e->n);
    memcpy(ids, e->ids, e->n * sizeof *ids);
    if (e->type_ids) memcpy(types, e->type_ids, e->n);
    *out = (tri_input){.ids = ids, .type_ids = types, .n_ids = e->n};
    return TRI_OK;
}

/* Prompt and n of the text's tokens, in the template. */
static tri_status make_piece(pieces *p, const uint32_t *ids, size_t n, tri_error *err)
{
    encoding e;
    tri_input piece;
    size_t total = p->n_prompt + n;
    uint32_t *joined = arena_array(&p->memory, total + 1, sizeof *joined);
    if (!joined) return err_memory(err, total * sizeof *joined);
    if (p->n_prompt) memcpy(joined, p->prompt, p->n_prompt * sizeof *joined);
    if (n) memcpy(joined + p->n_prompt, ids, n * sizeof *joined);
    token_part all = {joined, total, total};
    TRI_TRY(tokenizer_join(p->s->m->tok, p->s->workers[0].tok, all, NULL, &e, err));
    TRI_TRY(keep_ids(p, &e, &piece, err));
    return add_piece(p, piece, err);
}

static tri_status cut_text(pieces *p, tri_text text, size_t *bad_bytes, tri_error *err)
{
    encode_options bare = {.no_specials = true};
    encoding e;
    tri_input all;
    size_t at = 0;
    TRI_TRY(tokenizer_encode(p->s->m->tok, p->s->workers[0].tok, text, NULL, &bare, &e, err));
    *bad_bytes = e.bad_bytes;
    TRI_TRY(keep_ids(p, &e, &all, err));
    do {
        size_t n = all.n_ids - at < p->room ? all.n_ids - at : p->room;
        TRI_TRY(make_piece(p, all.ids + at, n, err));
        at += n;
    } while (at < all.n_ids);
    return TRI_OK;
}

/* The prompt's tokens, and what it and the specials leave of a piece. White space at the prompt's end is the next word's. */
static tri_status find_room(pieces *p, tri_error *err)
{
    const model_config *c = &p->s->m->config;
    const tri_embed_options *o = p->o;
    const char *prompt = o->prompt                     ? o->prompt
                         : o->role == TRI_ROLE_QUERY   ? c->prompt_query
                         : o->role == TRI_ROLE_PASSAGE ? c->prompt_passage
                                                       : "";
    encode_options bare = {.no_specials = true};
    encoding e;
    tri_input ids;
    tokenizer_info info;
    size_t len = strlen(prompt);
    while (len && prompt[len - 1] == ' ') len--;
    TRI_TRY(tokenizer_encode(p->s->m->tok, p->s->workers[0].tok, (tri_text){prompt, len}, NULL, &bare, &e, err));
    TRI_TRY(keep_ids(p, &e, &ids, err));
    p->prompt = (uint32_t *)(uintptr_t)ids.ids;
    p->n_prompt = ids.n_ids;
    tokenizer_info_get(p->s->m->tok, &info);
    size_t taken = info.specials_single + p->n_prompt;
    if (o->chunk > p->s->max_length)
        return err_set(err, TRI_ERR_ARGUMENT, "could not encode by pieces of %zu tokens: the limit of a text is %zu", o->chunk,
                       p->s->max_length);
    if (o->chunk <= taken)
        return err_set(err, TRI_ERR_ARGUMENT, "could not encode by pieces of %zu tokens: prompt and specials take %zu",
                       o->chunk, taken);
    p->room = o->chunk - taken;
    return TRI_OK;
}

static tri_status cut_all(pieces *p, const tri_input *inputs, size_t count, tri_error *err)
{
    if (!p->s->m->tok) {
        if (err) *err = p->s->m->tok_error;
        return p->s->m->tok_error.status;
    }
    TRI_TRY(find_room(p, err));
    p->first = arena_calloc(&p->memory, count + 1, sizeof *p->first);
    p->bad_bytes = arena_calloc(&p->memory, count + 1, sizeof *p->bad_bytes);
    if (!p->first || !p->bad_bytes) return err_memory(err, count * 2 * sizeof *p->first);
    for (size_t i = 0; i < count; i++) {
        tri_status st = inputs[i].ids ? add_piece(p, inputs[i], err) : cut_text(p, inputs[i].text, &p->bad_bytes[i], err);
        if (st) return count > 1 ? err_prefix(err, st, "input %zu: ", i) : st;
        p->first[i + 1] = p->n;
    }
    return TRI_OK;
}

/* Of n vectors of e from `first`. */
static void join(const pieces *p, const tri_embeddings *e, size_t first, size_t n, float *out, size_t dim)
{
    double length = 0;
    for (size_t d = 0; d < dim; d++) {
        double sum = 0, greatest = -INFINITY;
        for (size_t i = first; i < first + n; i++) {
            double v = (double)tri_embeddings_dense(e, i).values[d];
            sum += v;
            greatest = v > greatest ? v : greatest;
        }
        double joined = p->o->chunk_pool == TRI_CHUNKS_MAX ? greatest : sum / (double)n;
        length += joined * joined;
        out[d] = (float)joined;
    }
    length = fmax(sqrt(length), 1e-12);
    for (size_t d = 0; p->s->m->config.normalize && d < dim; d++) out[d] = (float)((double)out[d] / length);
}

static tri_status join_all(const pieces *p, const tri_embeddings *e, size_t count, tri_embeddings **out, tri_error *err)
{
    size_t tokens = 0, at = 0, dim = e->dense_dim;
    for (size_t i = 0; i < p->n; i++) tokens += tri_embeddings_tokens(e, i);
    TRI_TRY(result_new(count, tokens, TRI_DENSE, dim, 0, out, err));
    for (size_t i = 0; i < count; i++) {
        result_text *t = &(*out)->texts[i];
        *t = (result_text){.token_start = at, .sparse_start = at, .bad_bytes = p->bad_bytes[i]};
        for (size_t k = p->first[i]; k < p->first[i + 1]; k++) {
            size_t n;
            const uint32_t *ids = tri_embeddings_ids(e, k, &n);
            memcpy((*out)->ids + at, ids, n * sizeof *ids);
            at += n;
            t->n_tokens += n;
        }
        join(p, e, p->first[i], p->first[i + 1] - p->first[i], (*out)->dense + i * dim, dim);
    }
    return TRI_OK;
}

tri_status embed_chunks_run(session *s, const tri_embed_options *o, const tri_input *inputs, size_t count, tri_embeddings **out,
                            tri_error *err)
{
    pieces p = {.s = s, .o = o};
    tri_embed_options plain = *o;
    tri_embeddings *e = NULL;
    arena_init(&p.memory, 0);
    *out = NULL;
    plain.chunk = 0;
    plain.want = TRI_DENSE;
    tri_status st = cut_all(&p, inputs, count, err);
    if (!st) st = embed_run(s, &plain, p.list, p.n, &e, err);
    if (!st) st = join_all(&p, e, count, out, err);
    tri_embeddings_free(e);
    mem_free(p.list);
    arena_drop(&p.memory);
    return st;
}
