/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench.c — how fast does this machine encode, in the shapes that matter, and how much of it is put to use?
 *
 * What is timed is tri_embed on token ids, after one untimed run of the shape: no tokenizer, no file, no opening. Runs repeat
 * until the seconds are used up, at least MIN_RUNS of them; rates are of the median run, because a shared machine makes means
 * lie. The peak that the share refers to is measured just before and just after (bench_peak.h). It does not compare: that takes
 * two programs in turns (make bench). `--peak` measures the peak alone, `--make-model` writes a model to measure with. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/err.h"
#include "cli/bench_peak.h"
#include "cli/bench_report.h"
#include "cli/bench_shapes.h"
#include "cli/random_model.h"

enum { MIN_RUNS = 3, MIN_RUNS_CARD = 50, MAX_RUNS = 100000 };

/* By default on a card, whose passes are larger. */
static const char card_shapes[] = "1x128,1x512,1x1024,1x2048,1x8192,8x128,16x128,32x128,4x8192,mixed";

struct bench_args {
    const char *shapes, *want, *csv, *make_model, *shape;
    double seconds;
    size_t rounds, layers, vocab, outliers, seed;
    int dtype; /* ORDER DTYPES */
    bool peak;
};
static const char DTYPES[] = "f32|bf16";

typedef struct bench {
    cli *c;
    const struct bench_args *args;
    const setup_model *m;
    const bench_shapes *shapes;
    unsigned want;
    bench_context context;
    buf out, csv;    /* JSON to be; rows of this round */
    double *ms;      /* [MAX_RUNS] */
    double *card_ms; /* [MAX_RUNS] by the card's own clock */
    bool on_card;
} bench;

/* ---- one shape ------------------------------------------------------------------------------------------------------- */

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

static tri_status time_runs(bench *b, const bench_shape *s, size_t *runs, tri_error *err)
{
    tri_embed_options options;
    tri_embed_options_init(&options);
    options.want = b->want;
    double end = 0;
    for (size_t run = 0; run < MAX_RUNS + 1; run++) { /* run 0 warms up */
        tri_embeddings *e;
        double begin = now_ms(), on_card = 0;
        if (b->on_card) TRI_TRY(tri_engine_clock_begin(b->m->engine, err));
        TRI_TRY(tri_embed(b->m->session, &options, s->inputs, s->n_texts, &e, err));
        double done = now_ms();
        if (b->on_card) TRI_TRY(tri_engine_clock_end(b->m->engine, &on_card, err));
        tri_embeddings_free(e);
        TRI_TRY(cli_check_stop(err));
        if (run == 0) {
            end = now_ms() + b->args->seconds * 1e3;
            continue;
        }
        b->ms[run - 1] = done - begin;
        b->card_ms[run - 1] = on_card;
        *runs = run;
        if (run >= (b->on_card ? (size_t)MIN_RUNS_CARD : (size_t)MIN_RUNS) && done >= end) break;
    }
    return TRI_OK;
}

static bench_timing timing_of(double *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, compare_ms);
    return (bench_timing){.runs = n,
                          .min_ms = ms[0],
                          .max_ms = ms[n - 1],
                          .p50_ms = (ms[(n - 1) / 2] + ms[n / 2]) / 2,
                          .p95_ms = ms[(n * 95 + 99) / 100 - 1]};
}

static tri_status time_shape(bench *b, const bench_shape *s, size_t round, bench_row *out, tri_error *err)
{
    size_t runs = 0;
    bench_peak before, after;
    TRI_TRY(bench_peak_measure(b->m->engine, NULL, &before, err));
    TRI_TRY(time_runs(b, s, &runs, err));
    TRI_TRY(bench_peak_measure(b->m->engine, NULL, &after, err));
    *out = (bench_row){.shape = s,
                       .round = round,
                       .t = timing_of(b->ms, runs),
                       .card_ms = b->on_card ? timing_of(b->card_ms, runs).p50_ms : 0,
                       .peak = bench_peak_join(before, after),
                       .ops = bench_shapes_ops(s, &b->m->info, b->want)};
    return TRI_OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------- */

static tri_status say_row(bench *b, const bench_row *r, tri_error *err)
{
    if (b->args->csv && bench_report_csv_row(&b->context, r, &b->csv)) return err_memory(err, b->csv.len);
    if (b->c->shared.json) return bench_report_json_row(r, &b->out, err);
    buf_clear(&b->out);
    TRI_TRY(bench_report_text_row(r, &b->out, err));
    return cli_print(&b->out, err);
}

static tri_status say_head(bench *b, tri_error *err)
{
    bool json = b->c->shared.json;
    if ((json ? bench_report_json_head : bench_report_text_head)(&b->context, &b->out)) return err_memory(err, b->out.len);
    return json ? TRI_OK : cli_print(&b->out, err);
}

static tri_status run_round(bench *b, size_t round, tri_error *err)
{
    buf_clear(&b->csv);
    for (size_t i = 0; i < b->shapes->n; i++) {
        bench_row row;
        TRI_TRY(time_shape(b, &b->shapes->list[i], round, &row, err));
        TRI_TRY(say_row(b, &row, err));
    }
    return b->args->csv ? bench_report_csv_append(b->args->csv, &b->csv, err) : TRI_OK;
}

static tri_status run_rounds(bench *b, tri_error *err)
{
    if (b->args->csv) TRI_TRY(bench_report_csv_append(b->args->csv, &b->csv, err));
    TRI_TRY(say_head(b, err));
    for (size_t round = 1; round <= b->args->rounds; round++) TRI_TRY(run_round(b, round, err));
    bool json = b->c->shared.json;
    if (!json) buf_clear(&b->out);
    if ((json ? bench_report_json_end : bench_report_text_end)(&b->context, &b->out)) return err_memory(err, b->out.len);
    return cli_print(&b->out, err);
}

static tri_status bench_model(cli *c, bench_shapes *shapes, unsigned want, tri_error *err)
{
    setup_model m = {0};
    TRI_TRY(setup_open(&c->shared, c->args[0], want, &m, err));
    bench b = {.c = c, .args = c->options, .m = &m, .shapes = shapes, .want = want ? want : m.info.want};
    b.ms = mem_array(MAX_RUNS, 2 * sizeof *b.ms);
    b.card_ms = b.ms + MAX_RUNS;
    b.on_card = strncmp(tri_engine_describe(m.engine), "cuda", 4) == 0;
    buf_init(&b.out, 0);
    buf_init(&b.csv, 0);
    bench_report_context(&m, c->args[0], b.want, &b.context);
    tri_status st = b.ms ? bench_shapes_fill(shapes, c, &m, err) : err_memory(err, 2 * MAX_RUNS * sizeof *b.ms);
    if (!st) st = run_rounds(&b, err);
    buf_drop(&b.out);
    buf_drop(&b.csv);
    mem_free(b.ms);
    setup_close(&m);
    return st;
}

/* ---- the other two forms ----------------------------------------------------------------------------------------------- */

static tri_status measure_peak(cli *c, tri_error *err)
{
    tri_engine *engine;
    TRI_TRY(setup_open_engine(&c->shared, &engine, err));
    tri_status st = bench_peak_print(engine, c->shared.json, err);
    tri_engine_close(engine);
    return st;
}

static tri_status make_model(cli *c, tri_error *err)
{
    const struct bench_args *args = c->options;
    random_model m = {.shape = args->shape,
                      .layers = args->layers,
                      .vocab = args->vocab,
                      .n_outliers = args->outliers,
                      .seed = args->seed,
                      .type = args->dtype == 1 ? DTYPE_BF16 : DTYPE_F32};
    progress_begin(&c->bar, "make", "bytes", 0, c->shared.quiet);
    return random_model_write(&m, args->make_model, progress_whole, &c->bar, err);
}

/* ---- the command ------------------------------------------------------------------------------------------------------- */

static tri_status check_form(cli *c, tri_error *err)
{
    const struct bench_args *args = c->options;
    const char *form = args->peak ? "--peak" : args->make_model ? "--make-model" : NULL;
    bool maker_flags = args->shape || args->layers || args->vocab || args->outliers;
    if (args->peak && args->make_model) return cli_usage(c, err, "--peak and --make-model are two forms");
    if (form && c->n_args) return cli_usage(c, err, "%s takes no MODEL, got \"%s\"", form, c->args[0]);
    if (form && (args->shapes || args->csv)) return cli_usage(c, err, "%s takes neither --shapes nor --csv", form);
    if (!args->make_model && maker_flags)
        return cli_usage(c, err, "--shape, --layers, --vocab and --outliers go with --make-model");
    if (args->make_model && !args->shape) return cli_usage(c, err, "--make-model needs --shape " RANDOM_MODEL_SHAPES);
    if (!form && !c->n_args) return cli_usage(c, err, "no MODEL given: trident bench MODEL, or --peak, or --make-model DIR");
    if (!(args->seconds >= 0)) return cli_usage(c, err, "--seconds is 0 or more, got %g", args->seconds);
    if (!args->rounds) return cli_usage(c, err, "--rounds is 1 or more");
    return TRI_OK;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct bench_args *args = c->options;
    TRI_TRY(check_form(c, err));
    if (args->peak) return measure_peak(c, err);
    if (args->make_model) return make_model(c, err);
    bench_shapes shapes;
    unsigned want = 0;
    bool on_card = c->shared.device && strncmp(c->shared.device, "cuda", 4) == 0;
    tri_status st = bench_shapes_parse(!args->shapes && on_card ? card_shapes : args->shapes, &shapes, err);
    shapes.by_default = !args->shapes;
    if (!st) st = setup_parse_want(args->want, &want, err);
    if (st == TRI_ERR_ARGUMENT) c->wrong_usage = true;
    if (!st) st = bench_model(c, &shapes, want, err);
    bench_shapes_drop(&shapes);
    return st;
}

#define FIELD(name) offsetof(struct bench_args, name)
static const flag flags[] = {
    {"shapes", 0, FLAG_TEXT, "LIST", NULL,
     "TEXTSxTOKENS, mixed and corpus:FILE, comma between; by default those of 1x16, 1x128, 1x512, 1x2048, 1x8192, 8x128 and "
     "32x128 "
     "that the model's positions allow",
     FIELD(shapes)},
    {"seconds", 0, FLAG_NUMBER, "X", "3", "time for each shape of a round, after one run that does not count", FIELD(seconds)},
    {"rounds", 0, FLAG_COUNT, "N", "1", "times to go through the shapes", FIELD(rounds)},
    {"want", 0, FLAG_TEXT, "LIST", NULL, "dense, sparse, multi (comma between); by default all that the model has",
     FIELD(want)},
    {"csv", 0, FLAG_TEXT, "FILE", NULL, "append a row for each shape and round, with date, processor and commit", FIELD(csv)},
    {"peak", 0, FLAG_SWITCH, NULL, NULL, "measure what the arithmetic units can do at most, and nothing else", FIELD(peak)},
    {"make-model", 0, FLAG_TEXT, "DIR", NULL, "write a folder with random weights of a known shape, to measure with",
     FIELD(make_model)},
    {"shape", 0, FLAG_WORD, RANDOM_MODEL_SHAPES, NULL, "the shape of that model", FIELD(shape)},
    {"layers", 0, FLAG_COUNT, "N", NULL, "its layers; 0 is as many as the shape has", FIELD(layers)},
    {"vocab", 0, FLAG_COUNT, "N", NULL, "its rows of token embeddings; 0 is as many as the shape has", FIELD(vocab)},
    {"outliers", 0, FLAG_COUNT, "N", NULL, "channels of it that stand out thirtyfold, to make quantising hard",
     FIELD(outliers)},
    {"dtype", 0, FLAG_CHOICE, DTYPES, "f32", "how its weights are stored", FIELD(dtype)},
    {"seed", 0, FLAG_COUNT, "N", "1", "its numbers: the same seed gives the same bytes", FIELD(seed)},
    FLAG_END};

const cli_command cmd_bench = {
    .name = "bench",
    .summary = "measure how fast this machine encodes, and its share of the possible",
    .usage = "MODEL [--shapes LIST] [--seconds X] [--rounds N] [--csv FILE]\n"
             "--peak [--threads N]\n"
             "--make-model DIR --shape " RANDOM_MODEL_SHAPES " [--layers N] [--vocab N] [--outliers N]",
    .notes =
        "Times the forward pass on token ids: no tokenizer, no files; a corpus is tokenised before. Rates are of the median "
        "run\n"
        "(p50). GFLOP/s counts matrix products and attention, a multiplication and an addition as two; of the last layer only\n"
        "what the wanted rows need. The peak is that of all threads, from register to register in the same precision, "
        "measured\n"
        "before and after each shape. \"cores shared\": two threads reached less than 1.8 times one thread's peak, so that "
        "the\n"
        "threads share cores, or the machine is busy, and the row says little.",
    .examples = {"trident bench small-m3 --precision bf16 --shapes 1x128,corpus:texts.jsonl --want dense",
                 "trident bench --make-model /tmp/m3 --shape bge-m3 --layers 4 --vocab 4096"},
    .flags = flags,
    .options_size = sizeof(struct bench_args),
    .shared = SETUP_MACHINE | SETUP_LENGTH | SETUP_RULES | SETUP_JSON,
    .max_args = 1,
    .run = run,
};
