/* SPDX-License-Identifier: Apache-2.0 */
/* bench_shapes.c — see bench_shapes.h. Operations are those of the mathematics, not of a way to compute them: a share of peak
 * then says how much of the machine came out as useful work. */
#include "cli/bench_shapes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"
#include "base/rng.h"
#include "cli/record.h"

enum { MIXED_TEXTS = 32, MAX_SHAPE_TOKENS = 1 << 24, WINDOW_RECORDS = 1024, WINDOW_BYTES = 1 << 20, N_SPECIALS = 4 };
static const char usual[] = "1x16,1x128,1x512,1x2048,1x8192,8x128,32x128", corpus_lead[] = "corpus:";

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static tri_status add_text(bench_shape *s, tri_input input, tri_error *err)
{
    if (s->n_texts == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : MIXED_TEXTS, bytes;
        tri_input *grown = mul_size(cap, sizeof *grown, &bytes) ? mem_realloc(s->inputs, bytes) : NULL;
        if (!grown) return err_memory(err, cap * sizeof *grown);
        s->inputs = grown;
        s->cap = cap;
    }
    s->inputs[s->n_texts++] = input;
    s->n_tokens += input.n_ids;
    if (input.n_ids > s->longest) s->longest = input.n_ids;
    return TRI_OK;
}

static tri_status add_lengths(bench_shape *s, size_t texts, size_t tokens, tri_error *err)
{
    for (size_t i = 0; i < texts; i++) TRI_TRY(add_text(s, (tri_input){.n_ids = tokens}, err));
    return TRI_OK;
}

static tri_status add_mixed(bench_shape *s, tri_error *err)
{
    rng r;
    for (size_t i = 0; i < MIXED_TEXTS / 2; i++) TRI_TRY(add_lengths(s, 1, 8 + i, err));
    for (size_t i = 0; i < MIXED_TEXTS / 2; i++) TRI_TRY(add_lengths(s, 1, 32 * (i + 1), err));
    rng_seed(&r, 1);
    for (size_t i = MIXED_TEXTS - 1; i > 0; i--) {
        size_t j = (size_t)rng_below(&r, i + 1), kept = s->inputs[i].n_ids;
        s->inputs[i].n_ids = s->inputs[j].n_ids;
        s->inputs[j].n_ids = kept;
    }
    return TRI_OK;
}

static tri_status name_corpus(bench_shapes *all, bench_shape *s, const char *path, size_t len, tri_error *err)
{
    s->corpus = arena_copy(&all->memory, path, len);
    if (!s->corpus) return err_memory(err, len);
    const char *slash = strrchr(s->corpus, '/'), *file = slash ? slash + 1 : s->corpus;
    size_t n = strlen(file) < sizeof s->name - 1 ? strlen(file) : sizeof s->name - 1;
    memcpy(s->name, file, n);
    return n ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "--shapes: corpus:%s names no file", s->corpus);
}

static tri_status parse_word(bench_shapes *all, const char *word, size_t len, tri_error *err)
{
    if (all->n == BENCH_SHAPES_MAX) return err_set(err, TRI_ERR_ARGUMENT, "--shapes takes %d shapes at most", BENCH_SHAPES_MAX);
    bench_shape *s = &all->list[all->n++];
    size_t lead = sizeof corpus_lead - 1;
    if (len > lead && memcmp(word, corpus_lead, lead) == 0) return name_corpus(all, s, word + lead, len - lead, err);
    uint64_t texts = 0, tokens = 0;
    const char *x = memchr(word, 'x', len);
    bool mixed = len == 5 && memcmp(word, "mixed", len) == 0;
    bool product = x && len < sizeof s->name && number_parse_u64(word, (size_t)(x - word), &texts) &&
                   number_parse_u64(x + 1, len - (size_t)(x - word) - 1, &tokens) && texts >= 1 && tokens >= 2 &&
                   tokens <= MAX_SHAPE_TOKENS && texts <= MAX_SHAPE_TOKENS / tokens;
    if (!mixed && !product)
        return err_set(err, TRI_ERR_ARGUMENT,
                       "--shapes takes TEXTSxTOKENS (2 tokens or more), mixed and corpus:FILE, got \"%.*s\"", (int)len, word);
    memcpy(s->name, word, len);
    return mixed ? add_mixed(s, err) : add_lengths(s, (size_t)texts, (size_t)tokens, err);
}

tri_status bench_shapes_parse(const char *words, bench_shapes *out, tri_error *err)
{
    memset(out, 0, sizeof *out);
    arena_init(&out->memory, 0);
    out->by_default = !words;
    for (const char *p = words ? words : usual; *p;) {
        size_t len = strcspn(p, ",");
        TRI_TRY(parse_word(out, p, len, err));
        p += len + (p[len] == ',');
    }
    return out->n ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "--shapes is empty");
}

void bench_shapes_drop(bench_shapes *s)
{
    for (size_t i = 0; i < s->n; i++) mem_free(s->list[i].inputs);
    arena_drop(&s->memory);
    memset(s, 0, sizeof *s);
}

/* ---- ids ---------------------------------------------------------------------------------------------------------------- */

static size_t token_limit(const cli *c, const setup_model *m)
{
    size_t asked = c->shared.max_length;
    return asked && asked < m->info.max_tokens ? asked : m->info.max_tokens;
}

/* What begins and ends a text: the tokenizer's specials, or XLM-R's where the folder has no tokenizer. */
static tri_status find_ends(const setup_model *m, uint32_t ends[2], tri_error *err)
{
    tri_tokenizer *t = tri_model_tokenizer(m->model);
    tri_tokens empty = {0};
    ends[0] = 0;
    ends[1] = 2;
    if (t) TRI_TRY(tri_tokenize(t, NULL, (tri_text){"", 0}, NULL, &empty, err));
    if (empty.count) {
        ends[0] = empty.ids[0];
        ends[1] = empty.ids[empty.count - 1];
    }
    return TRI_OK;
}

static tri_status draw(bench_shapes *all, bench_shape *s, const setup_model *m, tri_error *err)
{
    rng r;
    uint32_t ends[2], first = m->info.vocab > 2 * N_SPECIALS ? N_SPECIALS : 0; /* the low ids are specials, as pad is */
    TRI_TRY(find_ends(m, ends, err));
    rng_seed(&r, 2);
    uint32_t *ids = arena_array(&all->memory, s->n_tokens, sizeof *ids);
    if (!ids) return err_memory(err, s->n_tokens * sizeof *ids);
    for (size_t i = 0; i < s->n_texts; i++) {
        size_t n = s->inputs[i].n_ids;
        for (size_t t = 0; t < n; t++) ids[t] = first + (uint32_t)rng_below(&r, m->info.vocab - first);
        if (ends[0] < m->info.vocab) ids[0] = ends[0];
        if (ends[1] < m->info.vocab) ids[n - 1] = ends[1];
        s->inputs[i].ids = ids;
        ids += n;
    }
    return TRI_OK;
}

static tri_status keep_record(bench_shapes *all, bench_shape *s, const setup_model *m, const record *from, size_t limit,
                              size_t *n_cut, tri_error *err)
{
    tri_tokenize_options o;
    tri_tokens tokens = {.ids = from->input.ids, .count = from->input.n_ids};
    tri_tokenize_options_init(&o);
    o.max_length = limit;
    tri_tokenizer *t = tri_model_tokenizer(m->model);
    if (!tokens.ids && !t)
        return err_set(err, TRI_ERR_NOT_FOUND, "could not read %s: it holds texts, and the model has no tokenizer", s->corpus);
    if (!tokens.ids) TRI_TRY(tri_tokenize(t, &o, from->input.text, NULL, &tokens, err));
    if (tokens.count > limit) tokens.count = limit;
    *n_cut += tokens.truncated || tokens.count < from->input.n_ids;
    uint32_t *ids = arena_array(&all->memory, tokens.count, sizeof *ids);
    if (!ids) return err_memory(err, tokens.count * sizeof *ids);
    memcpy(ids, tokens.ids, tokens.count * sizeof *ids);
    return add_text(s, (tri_input){.ids = ids, .n_ids = tokens.count}, err);
}

static tri_status read_records(bench_shapes *all, bench_shape *s, const setup_model *m, record_reader *r, size_t limit,
                               size_t *n_cut, tri_error *err)
{
    for (;;) {
        TRI_TRY(record_reader_fill(r, WINDOW_RECORDS, WINDOW_BYTES, err));
        if (!r->n) return TRI_OK;
        for (size_t i = 0; i < r->n; i++) TRI_TRY(keep_record(all, s, m, &r->records[i], limit, n_cut, err));
    }
}

static tri_status read_corpus(bench_shapes *all, bench_shape *s, cli *c, const setup_model *m, tri_error *err)
{
    record_reader r;
    size_t limit = token_limit(c, m), n_cut = 0;
    setup_args lines = c->shared;
    lines.format = SETUP_FORMAT_BY_NAME;
    tri_status st = record_reader_open(&r, s->corpus, &lines, m->info.vocab, err);
    if (!st) st = read_records(all, s, m, &r, limit, &n_cut, err);
    record_reader_close(&r);
    if (st) return st;
    if (!s->n_texts) return err_set(err, TRI_ERR_FORMAT, "%s holds no texts", s->corpus);
    if (n_cut) cli_note(c, "%zu of %zu texts of %s were cut to %zu tokens", n_cut, s->n_texts, s->name, limit);
    return TRI_OK;
}

/* Of the usual shapes those that the model can take stay. */
static tri_status check_lengths(bench_shapes *all, cli *c, size_t limit, tri_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < all->n; i++) {
        bench_shape *s = &all->list[i];
        bool fits = s->longest <= limit;
        if (!fits && !all->by_default)
            return err_set(err, TRI_ERR_LIMIT, "%s has texts of %zu tokens, the limit is %zu", s->name, s->longest, limit);
        if (!fits) cli_note(c, "%s is left out: the limit is %zu tokens", s->name, limit);
        if (!fits) mem_free(s->inputs);
        if (fits) all->list[kept++] = *s;
    }
    all->n = kept;
    return kept ? TRI_OK : err_set(err, TRI_ERR_LIMIT, "no shape is short enough: the limit is %zu tokens", limit);
}

tri_status bench_shapes_fill(bench_shapes *all, cli *c, const setup_model *m, tri_error *err)
{
    TRI_TRY(check_lengths(all, c, token_limit(c, m), err));
    for (size_t i = 0; i < all->n; i++) {
        bench_shape *s = &all->list[i];
        TRI_TRY(s->corpus ? read_corpus(all, s, c, m, err) : draw(all, s, m, err));
    }
    return TRI_OK;
}

/* ---- figures ------------------------------------------------------------------------------------------------------------ */

/* Keys that all queries of a text see together, where each sees those at most `window` away. */
static double keys_seen(double L, double window)
{
    return L - 1 <= window ? L * L : L + window * (window + 1) + 2 * (L - 1 - window) * window;
}

/* The last layer is one that sees every key, where there is any. */
static double text_ops(double L, const tri_model_info *info, unsigned want, bool one_row)
{
    double D = (double)info->hidden, F = (info->gated ? 1.5 : 1) * (double)info->ffn, W = one_row ? 1 : L;
    double local = (double)info->local_layers, layers = (double)info->layers;
    double full = 2 * (4 * D * D + 2 * D * F) * L * (layers - 1) +
                  4 * D * ((layers - 1 - local) * L * L + local * keys_seen(L, (double)info->window));
    double last = 2 * (2 * D * D) * L + 2 * (2 * D * D + 2 * D * F) * W + 4 * L * W * D; /* keys and values of every row */
    double heads = 0;
    if ((want & TRI_DENSE) && info->dense_dim != info->hidden) heads += 2 * D * (double)info->dense_dim;
    if (want & TRI_SPARSE) heads += 2 * D * L;
    if (want & TRI_MULTI) heads += 2 * D * (double)info->multi_dim * (L - 1);
    return full + last + heads;
}

double bench_shapes_ops(const bench_shape *s, const tri_model_info *info, unsigned want)
{
    bool one_row = want == TRI_DENSE && (strcmp(info->pooling, "cls") == 0 || strcmp(info->pooling, "lasttoken") == 0);
    double ops = 0;
    for (size_t i = 0; i < s->n_texts; i++) ops += text_ops((double)s->inputs[i].n_ids, info, want, one_row);
    return ops;
}

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

tri_status bench_shapes_quantiles(const bench_shape *s, size_t out[BENCH_QUANTILES], tri_error *err)
{
    static const double at[BENCH_QUANTILES] = {0, 0.25, 0.5, 0.75, 0.95, 1};
    size_t *lengths = mem_array(s->n_texts, sizeof *lengths);
    if (!lengths) return err_memory(err, s->n_texts * sizeof *lengths);
    for (size_t i = 0; i < s->n_texts; i++) lengths[i] = s->inputs[i].n_ids;
    qsort(lengths, s->n_texts, sizeof *lengths, compare_sizes);
    for (size_t q = 0; q < BENCH_QUANTILES; q++) out[q] = lengths[(size_t)(at[q] * (double)(s->n_texts - 1) + 0.5)];
    mem_free(lengths);
    return TRI_OK;
}
