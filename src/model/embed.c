/* SPDX-License-Identifier: Apache-2.0 */
/* embed.c — how a text becomes three vectors.
 *
 *                                                            +--> dense  [D']       pooled rows (CLS or mean), unit length
 *   text --> ids [n] --> rows [T] --> hidden states h [W, D] +--> sparse {id: w}    max over tokens of relu(w.h), no specials
 *      tokenize     pack         encode                      +--> multi  [n-1, D'']  every row but the first, unit length
 *      text_batch.c              arch_*.c, layers_run.c           head_dense.c, head_sparse.c (or head_splade.c), head_multi.c
 *
 * One encode serves all three heads; asking for fewer outputs skips a head, never changes another. When only the dense vector
 * of one row a text is asked for, the encoder is told so and its last layer computes those rows alone: same bits, less work.
 *
 * Texts are taken longest first, as many as fill a pass; results go to the input's place. A text's numbers do not depend on its
 * companions: no padding exists, and no op mixes rows of different texts.
 *
 * Every number that leaves is finite: a NaN or an infinity is an error that names the tensor which holds one, or the text.
 * Reference: FlagEmbedding M3Embedder.encode and sentence-transformers' modules; tolerances in
 * tests/model/test_golden_models.c. */
#include "model/embed.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "model/bind.h"
#include "model/result.h"
#include "model/text_batch.h"

typedef struct pass {
    session *s;
    const tri_embed_options *o;
    unsigned want;
    const text_tokens *texts; /* [count] */
    const uint64_t *order;    /* this pass is texts order[from .. from + B] */
    size_t from;
    tri_embeddings *out;
} pass;

static bool all_finite(const float *v, size_t n)
{
    float zero = 0;
    for (size_t i = 0; i < n; i++) zero += v[i] * 0.0f; /* NaN as soon as one is not finite */
    return zero == 0;
}

/* Only after a result was found not to be a number: which weight did it? */
static tri_status blame(const model *m, const char *output, size_t input, tri_error *err)
{
    const weight *bad;
    size_t element;
    if (bind_find_not_finite(m->w, &bad, &element))
        return err_set(
            err, TRI_ERR_NUMERIC,
            "could not encode: the %s output is not finite; tensor \"%s\" of %s holds a value that is not (element %zu)",
            output, bad->name, bad->file, element);
    return err_set(err, TRI_ERR_NUMERIC, "could not encode input %zu: its %s output is not finite", input, output);
}

static rows_wanted rows_needed(const model *m, unsigned want)
{
    if (want & (TRI_SPARSE | TRI_MULTI)) return WANT_ALL_ROWS;
    return m->config.pool == POOL_CLS ? WANT_FIRST_ROWS : m->config.pool == POOL_LAST ? WANT_LAST_ROWS : WANT_ALL_ROWS;
}

/* Where take_rows puts what it took: one text's rows of a head's result. */
typedef struct taker {
    const session *s;
    const tensor *from; /* device; its rows may be wider than what is kept */
    size_t first, n;    /* the rows of it that `rows` holds */
} taker;

/* Rows of a head's result to host memory, by way of the session's few rows: one download for many texts. */
static tri_status take_rows(taker *t, size_t row, size_t n, float *to, tri_error *err)
{
    const tensor *from = t->from;
    size_t room = t->s->taken_floats / from->ld;
    for (size_t i = 0; i < n; i++, row++) {
        if (row < t->first || row >= t->first + t->n) {
            t->first = row;
            t->n = from->rows - row < room ? from->rows - row : room;
            compute_download(t->s->m->c, t->s->taken, (const float *)from->data + row * from->ld,
                             ((t->n - 1) * from->ld + from->cols) * sizeof(float));
            TRI_TRY(compute_sync(t->s->m->c, err));
        }
        memcpy(to + i * from->cols, t->s->taken + (row - t->first) * from->ld, from->cols * sizeof(float));
    }
    return TRI_OK;
}

static tri_status run_dense(const pass *p, const tensor *h, tri_error *err)
{
    session *s = p->s;
    const batch *b = &s->b;
    size_t dim = p->out->dense_dim;
    const int32_t *row_start = b->all_rows ? b->seq_start : b->wanted_start;
    tensor v = head_dense_run(s->m->c, &s->m->config, &s->m->dense, h, row_start, b->B, dim, (float *)(void *)s->ws.spare);
    taker t = {s, &v, 0, 0};
    for (size_t i = 0; i < b->B; i++) {
        size_t text = p->order[p->from + i];
        float *out = p->out->dense + text * dim;
        TRI_TRY(take_rows(&t, i, 1, out, err));
        if (!all_finite(out, dim)) return blame(s->m, "dense", text, err);
    }
    return TRI_OK;
}

static tri_status run_sparse(const pass *p, const tensor *h, tri_error *err)
{
    session *s = p->s;
    const batch *b = &s->b;
    tensor w = head_sparse_run(s->m->c, &s->m->sparse, h, (float *)(void *)s->ws.spare);
    compute_download(s->m->c, s->token_weights, w.data, b->T * sizeof(float));
    TRI_TRY(compute_sync(s->m->c, err));
    for (size_t i = 0; i < b->B; i++) {
        size_t text = p->order[p->from + i], row = (size_t)b->seq_start[i], n = p->texts[text].n;
        result_text *r = &p->out->texts[text];
        if (!all_finite(s->token_weights + row, n)) return blame(s->m, "sparse", text, err);
        r->n_sparse = head_sparse_collapse(b->ids + row, s->token_weights + row, n, s->m->specials, s->m->n_specials, s->order,
                                           p->out->sparse_ids + r->token_start, p->out->sparse_weights + r->token_start);
    }
    return TRI_OK;
}

/* One text after the other: a vector as wide as the vocabulary is made of each. */
static tri_status run_splade(const pass *p, const tensor *h, tri_error *err)
{
    session *s = p->s;
    const batch *b = &s->b;
    size_t V = s->m->config.vocab;
    for (size_t i = 0; i < b->B; i++) {
        size_t text = p->order[p->from + i], first = (size_t)b->seq_start[i], n = (size_t)b->seq_start[i + 1] - first;
        TRI_TRY(head_splade_run(s->m->c, &s->m->config, &s->m->splade, h, first, n, (float *)(void *)s->ws.spare,
                                s->vocab_weights, err));
        if (!all_finite(s->vocab_weights, V)) return blame(s->m, "sparse", text, err);
        TRI_TRY(result_add_sparse(p->out, text, s->vocab_weights, V, err));
    }
    return TRI_OK;
}

static tri_status run_multi(const pass *p, const tensor *h, tri_error *err)
{
    session *s = p->s;
    const batch *b = &s->b;
    size_t dim = p->out->multi_dim, n_rows = 0, at = 0;
    for (size_t i = 0; i < b->B; i++)
        for (int32_t row = b->seq_start[i] + 1; row < b->seq_start[i + 1]; row++) s->multi_rows[n_rows++] = row;
    tensor v = head_multi_run(s->m->c, &s->m->multi, h, s->multi_rows, n_rows, dim, (float *)(void *)s->ws.spare);
    taker t = {s, &v, 0, 0};
    for (size_t i = 0; i < b->B; i++) {
        size_t text = p->order[p->from + i], n = p->texts[text].n - 1;
        float *out = p->out->multi + (p->out->texts[text].token_start - text) * dim;
        TRI_TRY(take_rows(&t, at, n, out, err));
        at += n;
        if (!all_finite(out, n * dim)) return blame(s->m, "multi", text, err);
    }
    return TRI_OK;
}

static tri_status run_pass(const pass *p, tri_error *err)
{
    session *s = p->s;
    tensor h = s->m->kind->encode(s->m->c, s->m->enc, &s->b, &s->ws); /* ids -> h [W, D] */
    tri_status st = TRI_OK;
    if (!st && (p->want & TRI_DENSE)) st = run_dense(p, &h, err);
    if (!st && (p->want & TRI_SPARSE)) st = s->m->splade.decoder ? run_splade(p, &h, err) : run_sparse(p, &h, err);
    if (!st && (p->want & TRI_MULTI)) st = run_multi(p, &h, err);
    return st;
}

/* Everything about the texts that does not need the encoder. */
static tri_status make_result(const session *s, const tri_embed_options *o, unsigned want, const text_tokens *texts,
                              size_t count, tri_embeddings **out, tri_error *err)
{
    size_t tokens = 0, dense_dim = s->m->dense.dim, multi_dim = s->m->multi.dim;
    for (size_t i = 0; i < count; i++) tokens += texts[i].n;
    if (o->dim && o->dim < dense_dim) dense_dim = o->dim;
    if (o->dim && o->dim < multi_dim) multi_dim = o->dim;
    TRI_TRY(result_new(count, tokens, want, dense_dim, multi_dim, out, err));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        (*out)->texts[i] = (result_text){.token_start = at,
                                         .sparse_start = at,
                                         .n_tokens = texts[i].n,
                                         .bad_bytes = texts[i].bad_bytes,
                                         .truncated = texts[i].truncated};
        memcpy((*out)->ids + at, texts[i].ids, texts[i].n * sizeof *texts[i].ids);
        at += texts[i].n;
    }
    return TRI_OK;
}

static tri_status run_passes(pass *p, size_t count, tri_error *err)
{
    uint64_t done = 0, total = 0;
    for (size_t i = 0; i < count; i++) total += p->texts[i].n;
    rows_wanted rows = rows_needed(p->s->m, p->want);
    for (size_t n = 0; p->from < count; p->from += n) {
        n = text_batch_pack(p->s, p->texts, p->order, p->from, count, rows);
        if (p->s->b.T > p->s->peak_rows) p->s->peak_rows = p->s->b.T;
        TRI_TRY(run_pass(p, err));
        done += p->s->b.T;
        if (p->o->progress && p->o->progress(p->o->progress_ctx, done, total))
            return err_set(err, TRI_ERR_CANCELLED, "encoding was cancelled");
    }
    return TRI_OK;
}

tri_status embed_run(session *s, const tri_embed_options *o, const tri_input *inputs, size_t count, tri_embeddings **out,
                     tri_error *err)
{
    arena_mark mark = arena_save(&s->scratch);
    pass p = {.s = s, .o = o, .want = o->want ? o->want : s->m->want};
    text_tokens *texts = NULL;
    uint64_t *order = NULL;
    *out = NULL;
    tri_status st = text_batch_tokenize(s, o, inputs, count, &texts, err); /* texts -> ids; the length policy lives there */
    if (!st) st = text_batch_sort(s, texts, count, &order, err);           /* longest first */
    if (!st) st = make_result(s, o, p.want, texts, count, &p.out, err);
    p.texts = texts;
    p.order = order;
    if (!st) st = run_passes(&p, count, err); /* pack, encode, heads */
    arena_restore(&s->scratch, mark);
    session_rest(s);
    if (st)
        tri_embeddings_free(p.out);
    else
        *out = p.out;
    return st;
}
