/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_encode.c — from a text to ids, in the reference's order:
 *
 *   bytes -> repair UTF-8 -> added tokens in the raw text -> for each span between: normalise -> added tokens in the normalised
 * text
 *         -> for each span between: pre-tokenise -> for each piece: the model -> ids -> truncate -> template
 *
 * Truncation comes before the special tokens are put around: the budget is max_length minus what the template adds. A
 * max_length under that number is refused (the reference lets it wrap round and cuts nothing). */
#include "tokenizer/tokenizer_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/truncate.h"

struct tokenizer_scratch {
    buf repaired;
    normalizer_work normalizer;
    pretok_work pretok;
    token_model_work model;
    word_cache *words;
    u32_list ids[2];
    u32_list out_ids;
    uint8_t *out_type_ids;
    size_t cap_type_ids;
};

tri_status tokenizer_scratch_new(tokenizer_scratch **out, tri_error *err)
{
    *out = NULL;
    tokenizer_scratch *s = mem_calloc(1, sizeof *s);
    if (!s) return err_memory(err, sizeof *s);
    buf_init(&s->repaired, 0);
    normalizer_work_init(&s->normalizer);
    pretok_work_init(&s->pretok);
    token_model_work_init(&s->model);
    tri_status st = word_cache_new(&s->words, err);
    if (st) {
        tokenizer_scratch_free(s);
        return st;
    }
    *out = s;
    return TRI_OK;
}

void tokenizer_scratch_free(tokenizer_scratch *s)
{
    if (!s) return;
    buf_drop(&s->repaired);
    normalizer_work_drop(&s->normalizer);
    pretok_work_drop(&s->pretok);
    token_model_work_drop(&s->model);
    word_cache_free(s->words);
    mem_free(s->ids[0].v);
    mem_free(s->ids[1].v);
    mem_free(s->out_ids.v);
    mem_free(s->out_type_ids);
    mem_free(s);
}

static tri_status push(u32_list *ids, uint32_t id, tri_error *err)
{
    return u32_list_push(ids, id) ? TRI_OK : err_memory(err, (ids->n + 1) * sizeof id);
}

static tri_status encode_piece(const tokenizer *t, tokenizer_scratch *s, const uint8_t *piece, size_t len, u32_list *ids,
                               tri_error *err)
{
    if (len > WORD_CACHE_KEY) return t->model.kind->encode(&t->model, piece, len, &s->model, ids, err);
    int hit;
    word_entry *e = word_cache_at(s->words, piece, len, &hit);
    if (hit) {
        if (!u32_list_reserve(ids, e->n)) return err_memory(err, e->n * sizeof *e->ids);
        memcpy(ids->v + ids->n, e->ids, e->n * sizeof *e->ids);
        ids->n += e->n;
        return TRI_OK;
    }
    size_t before = ids->n;
    TRI_TRY(t->model.kind->encode(&t->model, piece, len, &s->model, ids, err));
    if (ids->n > before) word_cache_keep(e, ids->v + before, ids->n - before, len);
    return TRI_OK;
}

/* A normalised span without added tokens. Stops when more than `limit` ids are there. */
static tri_status encode_span(const tokenizer *t, tokenizer_scratch *s, const uint8_t *text, size_t len, bool first,
                              size_t limit, u32_list *ids, tri_error *err)
{
    TRI_TRY(pretok_run(&t->pretok, text, len, first, &s->pretok, err));
    const span_list *pieces = &s->pretok.spans;
    for (size_t i = 0; i < pieces->n && ids->n <= limit; i++)
        TRI_TRY(encode_piece(t, s, s->pretok.text + pieces->v[i].start, pieces->v[i].len, ids, err));
    return TRI_OK;
}

/* A span of the raw text without raw added tokens. */
static tri_status encode_raw(const tokenizer *t, tokenizer_scratch *s, const uint8_t *text, size_t len, bool first,
                             size_t limit, u32_list *ids, tri_error *err)
{
    const uint8_t *normal;
    size_t normal_len;
    TRI_TRY(normalizer_run(&t->normalizer, text, len, &s->normalizer, &normal, &normal_len, &first, err));
    added_scan scan;
    span found;
    added_scan_begin(&scan, &t->added, &t->added.normal, normal, normal_len);
    while (ids->n <= limit && added_scan_next(&scan, &found)) {
        if (found.id != TOKEN_NONE)
            TRI_TRY(push(ids, found.id, err));
        else
            TRI_TRY(encode_span(t, s, normal + found.start, found.len, first && found.first, limit, ids, err));
    }
    return TRI_OK;
}

/* One text without its template. At least limit + 1 ids, or all. */
static tri_status encode_text(const tokenizer *t, tokenizer_scratch *s, tri_text text, size_t limit, u32_list *ids,
                              size_t *bad_bytes, tri_error *err)
{
    const uint8_t *bytes = (const uint8_t *)text.bytes;
    size_t len = text.len, n_bad = 0;
    if (len > LIMIT_TEXT_BYTES)
        return err_set(err, TRI_ERR_LIMIT, "a text of %zu bytes, over the limit of %u", len, LIMIT_TEXT_BYTES);
    if (utf8_count_bad(bytes, len)) {
        buf_clear(&s->repaired);
        if (utf8_repair(bytes, len, &s->repaired, &n_bad)) return err_memory(err, len);
        bytes = s->repaired.data;
        len = s->repaired.len;
    }
    *bad_bytes += n_bad;
    ids->n = 0;
    added_scan scan;
    span found;
    added_scan_begin(&scan, &t->added, &t->added.raw, bytes, len);
    while (ids->n <= limit && added_scan_next(&scan, &found)) {
        if (found.id != TOKEN_NONE)
            TRI_TRY(push(ids, found.id, err));
        else
            TRI_TRY(encode_raw(t, s, bytes + found.start, found.len, found.first, limit, ids, err));
    }
    return TRI_OK;
}

/* What the template adds, and what is left of max_length for the texts. */
static tri_status find_budget(const template_list *parts, const encode_options *o, size_t *budget, tri_error *err)
{
    size_t n_special = o->no_specials ? 0 : parts->n_special;
    if (o->max_length && o->max_length < n_special)
        return err_set(err, TRI_ERR_ARGUMENT, "max_length %zu is less than the %zu special tokens of the template",
                       o->max_length, n_special);
    *budget = o->max_length ? o->max_length - n_special : SIZE_MAX;
    return TRI_OK;
}

static u32_list keep(const tokenizer *t, const u32_list *ids, size_t n)
{
    return (u32_list){ids->v ? ids->v + (t->config.truncate_left ? ids->n - n : 0) : NULL, n, n};
}

static tri_status finish(tokenizer_scratch *s, const template_list *parts, const u32_list *a, const u32_list *b,
                         bool no_specials, encoding *out, tri_error *err)
{
    size_t room = a->n + b->n + parts->n_special;
    s->out_ids.n = 0;
    uint8_t *type_ids = list_grow(s->out_type_ids, &s->cap_type_ids, room, 1);
    if (type_ids) s->out_type_ids = type_ids;
    if (!type_ids || !u32_list_reserve(&s->out_ids, room)) return err_memory(err, room * sizeof *s->out_ids.v);
    s->out_ids.n = template_apply(parts, a, b, no_specials, s->out_ids.v, type_ids);
    out->ids = s->out_ids.v;
    out->type_ids = type_ids;
    out->n = s->out_ids.n;
    return TRI_OK;
}

static u32_list keep_part(const tokenizer *t, token_part p)
{
    u32_list ids = {(uint32_t *)(uintptr_t)p.ids, p.n, p.n}; /* read only */
    return keep(t, &ids, p.keep);
}

tri_status tokenizer_join(const tokenizer *t, tokenizer_scratch *s, token_part a, const token_part *b, encoding *out,
                          tri_error *err)
{
    u32_list first = keep_part(t, a), second = {NULL, 0, 0};
    encoding e = {.truncated = a.keep < a.n || (b && b->keep < b->n)};
    if (b) second = keep_part(t, *b);
    TRI_TRY(finish(s, b ? &t->template.pair : &t->template.single, &first, &second, false, &e, err));
    *out = e;
    return TRI_OK;
}

tri_status tokenizer_encode(const tokenizer *t, tokenizer_scratch *s, tri_text text, const tri_text *pair,
                            const encode_options *options, encoding *out, tri_error *err)
{
    static const encode_options defaults = {0};
    const encode_options *o = options ? options : &defaults;
    const template_list *parts = pair ? &t->template.pair : &t->template.single;
    size_t budget = 0, bad_bytes = 0;
    TRI_TRY(find_budget(parts, o, &budget, err));
    /* a single text cut on the right needs no ids past its budget, to know that it was cut needs one more */
    bool may_stop = !pair && !t->config.truncate_left && o->strategy == TRUNCATE_LONGEST_FIRST;
    size_t limit = may_stop ? budget : SIZE_MAX;
    word_cache_own(s->words, t->fingerprint);
    s->ids[1].n = 0;
    TRI_TRY(encode_text(t, s, text, limit, &s->ids[0], &bad_bytes, err));
    if (pair) TRI_TRY(encode_text(t, s, *pair, limit, &s->ids[1], &bad_bytes, err));
    size_t n_a = s->ids[0].n, n_b = s->ids[1].n;
    bool over = n_a + n_b > budget;
    TRI_TRY(truncate_lengths(budget, o->strategy, pair != NULL, &n_a, &n_b, err));
    u32_list a = keep(t, &s->ids[0], n_a), b = keep(t, &s->ids[1], n_b);
    encoding e = {.truncated = over, .bad_bytes = bad_bytes};
    TRI_TRY(finish(s, parts, &a, &b, o->no_specials, &e, err));
    *out = e;
    return TRI_OK;
}
