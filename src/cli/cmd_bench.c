/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench.c — how many tokens a second does this machine encode, in the shapes that matter?
 *
 * A shape is TEXTSxTOKENS (specials counted), or `mixed`: 32 texts in one call, 16 as long as questions (8 to 23 tokens) and 16
 * as long as paragraphs (32, 64 ... 512), in a shuffled order. bench/bench_st.py draws the same lengths for the other side.
 *
 * What is timed is tri_embed on token ids, after one untimed run of the shape: no tokenizer, no file, no opening. Runs repeat
 * until the seconds are used up, at least MIN_RUNS of them; the figure is the median, with minimum and maximum beside it,
 * because a shared machine makes means lie. Ids are drawn uniformly from the vocabulary with a fixed seed, so that embedding
 * rows come from memory and not from a warm cache line. It does not compare: that takes two programs in turns (make bench). */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"
#include "base/rng.h"

enum { MIN_RUNS = 3, MAX_RUNS = 100000, MIXED_TEXTS = 32, MAX_SHAPES = 32, MAX_SHAPE_TOKENS = 1 << 24 };

struct bench_args {
    const char *shapes, *want;
    double seconds;
};

typedef struct shape {
    char name[32];
    size_t n_texts, n_tokens;
    size_t *lengths; /* [n_texts] */
} shape;

typedef struct timing {
    size_t runs;
    double median_ms, min_ms, max_ms;
} timing;

/* ---- shapes --------------------------------------------------------------------------------------------------------- */

static void shape_drop(shape *s)
{
    mem_free(s->lengths);
    s->lengths = NULL;
}

static tri_status shape_of(const char *word, size_t len, shape *out, tri_error *err)
{
    uint64_t texts = 0, tokens = 0;
    const char *x = memchr(word, 'x', len);
    bool mixed = len == 5 && memcmp(word, "mixed", 5) == 0;
    memset(out, 0, sizeof *out);
    if (!mixed && (!x || len >= sizeof out->name || !number_parse_u64(word, (size_t)(x - word), &texts) ||
                   !number_parse_u64(x + 1, len - (size_t)(x - word) - 1, &tokens) || texts < 1 || tokens < 2 ||
                   tokens > MAX_SHAPE_TOKENS || texts > MAX_SHAPE_TOKENS / tokens))
        return err_set(err, TRI_ERR_ARGUMENT, "--shapes takes TEXTSxTOKENS (2 tokens or more) and mixed, got \"%.*s\"",
                       (int)len, word);
    memcpy(out->name, word, len);
    out->n_texts = mixed ? MIXED_TEXTS : (size_t)texts;
    out->lengths = mem_array(out->n_texts, sizeof *out->lengths);
    if (!out->lengths) return err_memory(err, out->n_texts * sizeof *out->lengths);
    for (size_t i = 0; i < out->n_texts; i++)
        out->lengths[i] = !mixed ? (size_t)tokens : i < MIXED_TEXTS / 2 ? 8 + i : 32 * (i - MIXED_TEXTS / 2 + 1);
    if (mixed) {
        rng r;
        rng_seed(&r, 1);
        for (size_t i = out->n_texts - 1; i > 0; i--) {
            size_t j = (size_t)rng_below(&r, i + 1), kept = out->lengths[i];
            out->lengths[i] = out->lengths[j];
            out->lengths[j] = kept;
        }
    }
    for (size_t i = 0; i < out->n_texts; i++) out->n_tokens += out->lengths[i];
    return TRI_OK;
}

static tri_status shapes_of(const char *words, shape *out, size_t *n, tri_error *err)
{
    *n = 0;
    for (const char *p = words; *p;) {
        size_t len = strcspn(p, ",");
        if (*n == MAX_SHAPES) return err_set(err, TRI_ERR_ARGUMENT, "--shapes takes %d shapes at most", MAX_SHAPES);
        TRI_TRY(shape_of(p, len, &out[(*n)++], err));
        p += len + (p[len] == ',');
    }
    return *n ? TRI_OK : err_set(err, TRI_ERR_ARGUMENT, "--shapes is empty");
}

/* ---- one shape ------------------------------------------------------------------------------------------------------- */

/* Texts of this shape as token ids: the model's own specials at the ends, anything of the vocabulary between. `ids` and
 * `inputs` are for mem_free. */
static tri_status draw_inputs(const setup_model *m, const shape *s, uint32_t **ids, tri_input **inputs, tri_error *err)
{
    tri_tokenize_options options;
    tri_tokens empty;
    tri_tokenize_options_init(&options);
    TRI_TRY(tri_tokenize(tri_model_tokenizer(m->model), &options, (tri_text){"", 0}, NULL, &empty, err));
    uint32_t first = empty.count ? empty.ids[0] : 0, last = empty.count ? empty.ids[empty.count - 1] : 0;
    *ids = mem_array(s->n_tokens, sizeof **ids);
    *inputs = mem_calloc(s->n_texts, sizeof **inputs);
    if (!*ids || !*inputs) return err_memory(err, s->n_tokens * sizeof **ids);
    rng r;
    rng_seed(&r, 2);
    uint32_t *p = *ids;
    for (size_t i = 0; i < s->n_texts; i++) {
        (*inputs)[i].ids = p;
        (*inputs)[i].n_ids = s->lengths[i];
        for (size_t t = 0; t < s->lengths[i]; t++) p[t] = (uint32_t)rng_below(&r, m->info.vocab);
        p[0] = first;
        p[s->lengths[i] - 1] = last;
        p += s->lengths[i];
    }
    return TRI_OK;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare_ms(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static tri_status time_runs(cli *c, tri_session *session, unsigned want, const tri_input *inputs, size_t n, double *ms,
                            size_t *runs, tri_error *err)
{
    const struct bench_args *args = c->options;
    tri_embed_options options;
    tri_embed_options_init(&options);
    options.want = want;
    double end = 0;
    for (size_t run = 0; run < MAX_RUNS + 1; run++) { /* run 0 warms up */
        tri_embeddings *e;
        double begin = now_ms();
        TRI_TRY(tri_embed(session, &options, inputs, n, &e, err));
        double done = now_ms();
        tri_embeddings_free(e);
        TRI_TRY(cli_check_stop(err));
        if (run == 0) {
            end = now_ms() + args->seconds * 1e3;
            continue;
        }
        ms[run - 1] = done - begin;
        *runs = run;
        if (run >= MIN_RUNS && done >= end) break;
    }
    return TRI_OK;
}

static tri_status time_shape(cli *c, const setup_model *m, const shape *s, unsigned want, timing *out, tri_error *err)
{
    uint32_t *ids = NULL;
    tri_input *inputs = NULL;
    double *ms = mem_array(MAX_RUNS, sizeof *ms);
    tri_status st = ms ? draw_inputs(m, s, &ids, &inputs, err) : err_memory(err, MAX_RUNS * sizeof *ms);
    if (st == TRI_OK) st = time_runs(c, m->session, want, inputs, s->n_texts, ms, &out->runs, err);
    if (st == TRI_OK) {
        qsort(ms, out->runs, sizeof *ms, compare_ms);
        out->min_ms = ms[0];
        out->max_ms = ms[out->runs - 1];
        out->median_ms = (ms[(out->runs - 1) / 2] + ms[out->runs / 2]) / 2;
    }
    mem_free(inputs);
    mem_free(ids);
    mem_free(ms);
    return st;
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static tri_status write_row(const cli *c, const shape *s, const timing *t, bool first, buf *out)
{
    double rate = (double)s->n_tokens / t->median_ms * 1e3;
    if (c->shared.json)
        return buf_printf(
            out,
            "%s{\"shape\": \"%s\", \"texts\": %zu, \"tokens\": %zu, \"runs\": %zu, \"median_ms\": %.4f, \"min_ms\": %.4f, "
            "\"max_ms\": %.4f, \"tokens_per_s\": %.1f}",
            first ? "" : ", ", s->name, s->n_texts, s->n_tokens, t->runs, t->median_ms, t->min_ms, t->max_ms, rate);
    return buf_printf(out, "%-10s %8zu %10.2f %10.2f %10.2f %8zu %12.0f\n", s->name, s->n_tokens, t->median_ms, t->min_ms,
                      t->max_ms, t->runs, rate);
}

static tri_status write_head(const cli *c, const setup_model *m, unsigned want, buf *out)
{
    const char *engine = tri_engine_describe(m->engine);
    if (c->shared.json)
        return buf_printf(out, "{\"engine\": \"%s\", \"want\": \"%s\", \"results\": [", engine, setup_want_words(want));
    return buf_printf(out, "%s, %s\n%-10s %8s %10s %10s %10s %8s %12s\n", engine, setup_want_words(want), "shape", "tokens",
                      "median ms", "min ms", "max ms", "runs", "tokens/s");
}

static tri_status bench_shapes(cli *c, const setup_model *m, const shape *shapes, size_t n, unsigned want, buf *out,
                               tri_error *err)
{
    tri_status st = write_head(c, m, want, out);
    for (size_t i = 0; st == TRI_OK && i < n; i++) {
        timing t = {0};
        TRI_TRY(time_shape(c, m, &shapes[i], want, &t, err));
        st = write_row(c, &shapes[i], &t, i == 0, out);
    }
    if (st == TRI_OK && c->shared.json) st = buf_str(out, "]}\n");
    return st == TRI_OK ? TRI_OK : err_set(err, st, "could not write the table");
}

static tri_status run(cli *c, tri_error *err)
{
    const struct bench_args *args = c->options;
    shape shapes[MAX_SHAPES] = {0};
    size_t n = 0;
    unsigned want = 0;
    setup_model m = {0};
    buf out;
    buf_init(&out, 0);
    tri_status st = args->seconds >= 0 ? shapes_of(args->shapes, shapes, &n, err)
                                       : err_set(err, TRI_ERR_ARGUMENT, "--seconds is 0 or more, got %g", args->seconds);
    if (st == TRI_OK) st = setup_parse_want(args->want, &want, err);
    if (st != TRI_OK) c->wrong_usage = true;
    if (st == TRI_OK) st = setup_open(&c->shared, c->args[0], want, &m, err);
    if (st == TRI_OK) st = bench_shapes(c, &m, shapes, n, want ? want : m.info.want, &out, err);
    if (st == TRI_OK) st = cli_print(&out, err);
    for (size_t i = 0; i < n; i++) shape_drop(&shapes[i]);
    setup_close(&m);
    buf_drop(&out);
    return st;
}

static const flag flags[] = {{"shapes", 0, FLAG_TEXT, "LIST", "1x16,1x128,1x512,32x128,mixed",
                              "TEXTSxTOKENS and mixed, comma between", offsetof(struct bench_args, shapes)},
                             {"seconds", 0, FLAG_NUMBER, "X", "3", "time for each shape, after one run that does not count",
                              offsetof(struct bench_args, seconds)},
                             {"want", 0, FLAG_TEXT, "LIST", NULL,
                              "dense, sparse, multi (comma between); by default all that the model has",
                              offsetof(struct bench_args, want)},
                             FLAG_END};

const cli_command cmd_bench = {
    .name = "bench",
    .summary = "measure how fast this machine encodes",
    .usage = "MODEL [--shapes LIST] [--seconds X]",
    .notes = "Times the forward pass on token ids: no tokenizer, no files. The rate is tokens over the median time of a run.",
    .examples = {"trident bench small-m3", "trident bench small-m3 --shapes 1x128,mixed --seconds 10 --json"},
    .flags = flags,
    .options_size = sizeof(struct bench_args),
    .shared = SETUP_MACHINE | SETUP_LENGTH | SETUP_RULES | SETUP_JSON,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
