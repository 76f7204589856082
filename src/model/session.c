/* SPDX-License-Identifier: Apache-2.0 */
/* session.c — memory planned once.
 *
 *   rows T = max(longest allowed input, the device's pass_rows), or --batch-tokens
 *   bytes  = the encoder's result + max(the rest of what it needs, what the heads need) in the device, T * ~45 on the host
 * All of it is allocated here; a warm forward pass allocates nothing (tests/model/test_embed.c counts). */
#include "model/session.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/pool.h"
#include "compute/cuda/sizes.h"

enum {
    SCRATCH_CHUNK = 64 << 10,
    SCRATCH_KEPT = 4 << 20, /* of an arena between calls: the ids of some 10,000 texts of 70 tokens */
    TAKEN_HOST = 16,        /* rows of a head's result that a download takes at most: on the host copies cost nothing, */
    TAKEN_CARD = 1024,      /* from a card each takes some 10 microseconds */
};

typedef struct plan {
    size_t max_length, max_rows;
    uint64_t device_bytes, host_bytes;
} plan;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What the heads use beside the encoder's result: dense works on two buffers of one row a text, multi gathers and projects
 * every row but the first (in bf16 there is a narrow copy between), sparse takes a float a row. */
static size_t head_bytes(const model *m, size_t rows)
{
    size_t dense = m->config.hidden;
    for (size_t i = 0; i < m->config.n_dense; i++) dense = larger(dense, m->config.dense[i].out);
    size_t splade = m->splade.decoder ? head_splade_floats(&m->config) * sizeof(float) : 0;
    return larger(larger(2 * rows * dense * sizeof(float), splade),
                  m->multi.matrix ? rows * head_multi_floats(&m->multi, m->config.hidden) * sizeof(float) : 0);
}

/* Floats of the widest row that a head gives, in the middle of its work or at its end. */
static size_t widest_row(const model *m)
{
    size_t widest = larger(m->config.hidden, m->multi.dim);
    for (size_t i = 0; i < m->config.n_dense; i++) widest = larger(widest, m->config.dense[i].out);
    return widest;
}

static size_t taken_floats(const model *m)
{
    return widest_row(m) * (m->c->memory ? TAKEN_CARD : TAKEN_HOST);
}

static tri_status make_plan(const model *m, const tri_session_options *o, plan *p, tri_error *err)
{
    size_t limit = m->max_tokens;
    p->max_length = o->max_length ? o->max_length : m->max_text;
    if (p->max_length > limit) {
        err_set(err, TRI_ERR_ARGUMENT, "could not make a session: max length %zu, the model has positions for %zu tokens",
                p->max_length, limit);
        return err_hint(err, TRI_ERR_ARGUMENT, "use %zu or less", limit);
    }
    size_t least = o->max_length ? o->max_length : limit;
    p->max_rows = larger(o->batch_tokens ? o->batch_tokens : m->c->pass_rows, least);
    if (p->max_rows > INT32_MAX / 4 || (m->c->memory && p->max_rows > CARD_ROWS_MAX))
        return err_set(err, TRI_ERR_LIMIT, "could not make a session: batch of %zu tokens", p->max_rows);
    uint64_t T = p->max_rows;
    size_t result, rest;
    m->kind->workspace(m->enc, p->max_rows, &result, &rest);
    p->device_bytes = result + larger(rest, head_bytes(m, p->max_rows));
    p->host_bytes =
        T * (sizeof(uint32_t) + 1 + 5 * sizeof(int32_t) + sizeof(float) + sizeof(uint64_t)) + taken_floats(m) * sizeof(float);
    if (o->memory_limit && p->device_bytes + p->host_bytes > o->memory_limit) {
        err_set(err, TRI_ERR_LIMIT, "could not make a session of %zu tokens: it needs %llu MiB, the limit is %llu MiB",
                p->max_rows, (unsigned long long)((p->device_bytes + p->host_bytes) >> 20),
                (unsigned long long)(o->memory_limit >> 20));
        return err_hint(err, TRI_ERR_LIMIT, "lower --max-length (now %zu) or raise --memory-limit", p->max_length);
    }
    return TRI_OK;
}

tri_status session_forecast(const model *m, const tri_session_options *options, uint64_t *bytes, tri_error *err)
{
    plan p;
    TRI_TRY(make_plan(m, options, &p, err));
    *bytes = p.device_bytes + p.host_bytes;
    return TRI_OK;
}

tri_status session_forecast_card(const model *m, const tri_session_options *options, tri_card_forecast *out, tri_error *err)
{
    plan p;
    uint64_t held, available, total;
    compute *c = m->c;
    TRI_TRY(make_plan(m, options, &p, err));
    if (!c->memory) return TRI_OK;
    c->memory->count(c, &held, &available, &total);
    out->fixed = card_fixed_bytes();
    out->weights = held - out->fixed;
    out->workspace = card_rounded(p.device_bytes);
    out->total = held + out->workspace;
    out->used = total - available;
    out->available = available;
    out->card = total;
    return compute_sync(c, err);
}

static tri_status alloc_device(session *s, const plan *p, tri_error *err)
{
    void *block = NULL;
    TRI_TRY(compute_alloc(s->m->c, p->device_bytes, &block, err));
    s->ws = (workspace){.rows = p->max_rows, .bytes = p->device_bytes, .block = block};
    return TRI_OK;
}

/* A card that others fill too: passes become smaller until one fits, down to one text of the greatest length. `o` is then what
 * fits. Without room for that, the numbers. */
static tri_status fit_card(const model *m, tri_session_options *o, plan *p, tri_error *err)
{
    uint64_t held, available, total;
    size_t wanted = p->max_rows;
    if (!m->c->memory) return TRI_OK;
    m->c->memory->count(m->c, &held, &available, &total);
    for (size_t before = 0; p->device_bytes > available && p->max_rows != before;) {
        before = p->max_rows;
        o->batch_tokens = larger(p->max_rows / 2, p->max_length);
        TRI_TRY(make_plan(m, o, p, err)); /* never below the greatest length */
    }
    if (p->device_bytes <= available && p->max_rows < wanted)
        log_say(&m->log, 1, "%llu MiB of the card are free: passes of %zu tokens instead of %zu",
                (unsigned long long)(available >> 20), p->max_rows, wanted);
    if (p->device_bytes <= available) return compute_sync(m->c, err);
    err_set(err, TRI_ERR_MEMORY,
            "could not make a session: a text of %zu tokens takes %llu MiB of the card, %llu of its %llu MiB are free",
            p->max_length, (unsigned long long)((p->device_bytes >> 20) + 1), (unsigned long long)(available >> 20),
            (unsigned long long)(total >> 20));
    return err_hint(err, TRI_ERR_MEMORY, "lower --max-length, use a narrower --precision, or --device cpu");
}

static tri_status alloc_host(session *s, tri_error *err)
{
    size_t T = s->max_rows;
    batch *b = &s->b;
    b->ids = mem_array(T, sizeof *b->ids);
    b->types = mem_array(T, sizeof *b->types);
    b->positions = mem_array(T, sizeof *b->positions);
    b->seq_start = mem_array(T + 1, sizeof *b->seq_start);
    b->wanted = mem_array(T, sizeof *b->wanted);
    b->wanted_start = mem_array(T + 1, sizeof *b->wanted_start);
    s->multi_rows = mem_array(T, sizeof *s->multi_rows);
    s->token_weights = mem_array(T, sizeof *s->token_weights);
    s->order = mem_array(T, sizeof *s->order);
    s->taken_floats = taken_floats(s->m);
    s->taken = mem_array(s->taken_floats, sizeof *s->taken);
    if (s->m->splade.decoder && !(s->vocab_weights = mem_array(s->m->config.vocab, sizeof *s->vocab_weights)))
        return err_memory(err, s->m->config.vocab * sizeof *s->vocab_weights);
    bool ok = b->ids && b->types && b->positions && b->seq_start && b->wanted && b->wanted_start && s->multi_rows &&
              s->token_weights && s->order && s->taken;
    return ok ? TRI_OK : err_memory(err, T * 49);
}

static tri_status make_workers(session *s, tri_error *err)
{
    size_t n = (size_t)pool_size(s->m->c->threads);
    s->workers = mem_calloc(n, sizeof *s->workers);
    if (!s->workers) return err_memory(err, n * sizeof *s->workers);
    for (size_t i = 0; i < n; i++) {
        arena_init(&s->workers[i].tokens, SCRATCH_CHUNK);
        buf_init(&s->workers[i].text, 0);
    }
    s->n_workers = n;
    for (size_t i = 0; s->m->tok && i < n; i++) TRI_TRY(tokenizer_scratch_new(&s->workers[i].tok, err));
    return TRI_OK;
}

tri_status session_new(model *m, const tri_session_options *options, session **out, tri_error *err)
{
    *out = NULL;
    plan p;
    tri_session_options o = *options;
    TRI_TRY(make_plan(m, &o, &p, err));
    TRI_TRY(fit_card(m, &o, &p, err));
    session *s = mem_calloc(1, sizeof *s);
    if (!s) return err_memory(err, sizeof *s);
    s->m = m;
    s->max_length = p.max_length;
    s->max_rows = p.max_rows;
    s->pass_rows = o.batch_tokens ? o.batch_tokens : m->c->pass_rows;
    arena_init(&s->scratch, SCRATCH_CHUNK);
    tri_status st = alloc_device(s, &p, err);
    if (!st) st = alloc_host(s, err);
    if (!st) st = make_workers(s, err);
    if (st) {
        session_free(s);
        return st;
    }
    *out = s;
    return TRI_OK;
}

void session_free(session *s)
{
    if (!s) return;
    compute *c = s->m->c;
    compute_free(c, s->ws.block);
    void *const host[] = {s->b.ids,      s->b.types,       s->b.positions, s->b.seq_start,   s->b.wanted, s->b.wanted_start,
                          s->multi_rows, s->token_weights, s->order,       s->vocab_weights, s->taken};
    for (size_t i = 0; i < sizeof host / sizeof *host; i++) mem_free(host[i]);
    for (size_t i = 0; i < s->n_workers; i++) {
        tokenizer_scratch_free(s->workers[i].tok);
        arena_drop(&s->workers[i].tokens);
        buf_drop(&s->workers[i].text);
    }
    mem_free(s->workers);
    arena_drop(&s->scratch);
    mem_free(s);
}

void session_rest(session *s)
{
    if (s->peak_rows > s->m->c->pass_rows) compute_idle(s->m->c, s->ws.block, s->ws.bytes);
    s->peak_rows = 0;
    arena_trim(&s->scratch, SCRATCH_KEPT);
    for (size_t i = 0; i < s->n_workers; i++) {
        arena_restore(&s->workers[i].tokens, (arena_mark){NULL, 0});
        arena_trim(&s->workers[i].tokens, SCRATCH_KEPT);
    }
}
