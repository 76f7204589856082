/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_score.c — `trident score MODEL`: pairs of texts to the five M3 scores, as FlagEmbedding's compute_score names them.
 *
 * dense, sparse and multi are the plain scores of the pair. With weights (a, b, c):
 *   sparse+dense = (a dense + b sparse) / (a + b)          all = (a dense + b sparse + c multi) / (a + b + c)
 * No prompts, as upstream. Passages are not padded, so upstream's floor of 0 on each token's best match (an accident of its
 * padding) does not show. Both sides of a window of pairs go through the encoder in one call. */
#include "cli/cli.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/json_out.h"
#include "cli/object_lines.h"
#include "cli/setup.h"

struct score_args {
    const char *input, *output, *weights;
};

#define FIELD(name) offsetof(struct score_args, name)
static const flag flags[] = {
    {"input", 'i', FLAG_TEXT, "FILE", "-", "pairs to score; - is standard input", FIELD(input)},
    {"output", 'o', FLAG_TEXT, "FILE", "-", "where the scores go; - is standard output", FIELD(output)},
    {"weights", 0, FLAG_TEXT, "mkqa|mldr|a,b,c", "1,1,1", "weights of dense, sparse and multi in the sums", FIELD(weights)},
    FLAG_END};

/* 256 pairs: upstream's batch. Multi-vector rows of 512 texts of a few hundred tokens fit in some hundred megabytes. */
enum { WINDOW_PAIRS = 256, WINDOW_BYTES = 128 << 10 };

typedef struct score_job {
    cli *c;
    double weights[3];
    setup_model model;
    object_lines lines;
    out_file *out;
    buf text;
    arena memory;
    tri_input inputs[2 * WINDOW_PAIRS]; /* query, passage, query, ... */
    size_t n_pairs;
    uint64_t n_texts, n_truncated;
} score_job;

static tri_status keep(score_job *job, tri_text text, tri_input *out, tri_error *err)
{
    char *copy = arena_copy(&job->memory, text.bytes, text.len);
    if (!copy) return err_memory(err, text.len);
    *out = (tri_input){.text = {copy, text.len}};
    return TRI_OK;
}

static tri_status read_pair(score_job *job, const object_line *line, size_t *bytes, tri_error *err)
{
    tri_text query, passage;
    if (!line->object) return object_lines_bad(&job->lines, line->number, err, "pairs are JSON objects, not lines of text");
    TRI_TRY(object_lines_text(&job->lines, line, "query", &query, err));
    TRI_TRY(object_lines_text(&job->lines, line, "passage", &passage, err));
    if (!query.bytes || !passage.bytes)
        return object_lines_bad(&job->lines, line->number, err, "there is no \"%s\"", query.bytes ? "passage" : "query");
    TRI_TRY(keep(job, query, &job->inputs[2 * job->n_pairs], err));
    TRI_TRY(keep(job, passage, &job->inputs[2 * job->n_pairs + 1], err));
    *bytes += query.len + passage.len;
    job->n_pairs++;
    return TRI_OK;
}

static tri_status read_window(score_job *job, bool *at_end, tri_error *err)
{
    arena_restore(&job->memory, (arena_mark){NULL, 0});
    job->n_pairs = 0;
    for (size_t bytes = 0; !*at_end && job->n_pairs < WINDOW_PAIRS && bytes < WINDOW_BYTES;) {
        object_line line;
        TRI_TRY(cli_check_stop(err));
        tri_status st = object_lines_next(&job->lines, &line, err);
        *at_end = st == TRI_OK && !line.number;
        if (st == TRI_OK && !*at_end) st = read_pair(job, &line, &bytes, err);
        if (st) TRI_TRY(object_lines_refuse(&job->lines, st, err));
    }
    return TRI_OK;
}

/* a/b, and null in the output where no weight is left */
static double divide(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

static tri_status render(const score_job *job, const tri_embeddings *e, size_t pair, buf *b)
{
    static const char *const names[5] = {"dense", "sparse", "multi", "sparse+dense", "all"};
    const double *w = job->weights;
    size_t q = 2 * pair, p = q + 1;
    double s[5];
    s[0] = (double)tri_score_dense(tri_embeddings_dense(e, q), tri_embeddings_dense(e, p));
    s[1] = (double)tri_score_sparse(tri_embeddings_sparse(e, q), tri_embeddings_sparse(e, p));
    s[2] = (double)tri_score_multi(tri_embeddings_multi(e, q), tri_embeddings_multi(e, p));
    s[3] = divide(w[0] * s[0] + w[1] * s[1], w[0] + w[1]);
    s[4] = divide(w[0] * s[0] + w[1] * s[1] + w[2] * s[2], w[0] + w[1] + w[2]);
    for (int i = 0; i < 5; i++) {
        TRI_TRY(buf_printf(b, "%s\"%s\": ", i ? ", " : "{", names[i]));
        TRI_TRY(json_out_f32(b, (float)s[i]));
    }
    return buf_str(b, "}\n");
}

static tri_status score_window(score_job *job, tri_error *err)
{
    tri_embed_options o;
    tri_embeddings *e;
    tri_embed_options_init(&o);
    o.want = TRI_ALL;
    o.on_long = job->c->shared.on_long;
    o.progress = progress_tick;
    o.progress_ctx = &job->c->bar;
    TRI_TRY(tri_embed(job->model.session, &o, job->inputs, 2 * job->n_pairs, &e, err));
    buf_clear(&job->text);
    tri_status st = TRI_OK;
    for (size_t i = 0; i < job->n_pairs && st == TRI_OK; i++) {
        st = render(job, e, i, &job->text);
        job->n_truncated += (tri_embeddings_truncated(e, 2 * i) != 0) + (tri_embeddings_truncated(e, 2 * i + 1) != 0);
    }
    job->n_texts += 2 * job->n_pairs;
    tri_embeddings_free(e);
    if (st) return err_memory(err, job->text.len);
    return out_file_write(job->out, job->text.data, job->text.len, err);
}

static tri_status run_windows(score_job *job, tri_error *err)
{
    const struct score_args *args = job->c->options;
    uint64_t from = 0;
    progress_begin(&job->c->bar, "score", "pairs", object_lines_extent(args->input), job->c->shared.quiet);
    for (bool at_end = false; !at_end;) {
        TRI_TRY(read_window(job, &at_end, err));
        uint64_t to = line_reader_bytes(job->lines.reader);
        progress_span(&job->c->bar, from, to, job->n_pairs);
        if (job->n_pairs) TRI_TRY(score_window(job, err));
        from = to;
    }
    return cli_check_stop(err);
}

static tri_status run_job(score_job *job, tri_error *err)
{
    const struct score_args *args = job->c->options;
    TRI_TRY(object_lines_open(&job->lines, args->input, &job->c->shared, err));
    tri_status st = out_file_open(args->output, &job->out, err);
    if (st == TRI_OK) st = run_windows(job, err);
    if (st == TRI_OK)
        st = out_file_commit(job->out, err);
    else
        out_file_discard(job->out);
    if (st == TRI_OK) {
        progress_end(&job->c->bar);
        if (job->n_truncated)
            cli_note(job->c, "%llu of %llu texts were longer than %zu tokens: cut at the tail",
                     (unsigned long long)job->n_truncated, (unsigned long long)job->n_texts,
                     job->c->shared.max_length ? job->c->shared.max_length : job->model.info.max_tokens);
        object_lines_report(&job->lines, job->c);
    }
    object_lines_close(&job->lines);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct score_args *args = c->options;
    double weights[3];
    if (setup_parse_weights(args->weights, weights, err) != TRI_OK) {
        c->wrong_usage = true;
        return TRI_ERR_ARGUMENT;
    }
    score_job *job = mem_calloc(1, sizeof *job);
    if (!job) return err_memory(err, sizeof *job);
    job->c = c;
    memcpy(job->weights, weights, sizeof weights);
    arena_init(&job->memory, 0);
    buf_init(&job->text, 0);
    tri_status st = setup_open(&c->shared, c->args[0], TRI_ALL, &job->model, err);
    if (st == TRI_OK) st = run_job(job, err);
    setup_close(&job->model);
    buf_drop(&job->text);
    arena_drop(&job->memory);
    mem_free(job);
    return st;
}

const cli_command cmd_score = {
    .name = "score",
    .summary = "pairs of texts to the five M3 scores",
    .usage = "MODEL [-i FILE] [-o FILE] [--weights mkqa|mldr|a,b,c]",
    .notes = "in   {\"query\": \"...\", \"passage\": \"...\"}\n"
             "out  {\"dense\": 0.6, \"sparse\": 0.2, \"multi\": 0.7, \"sparse+dense\": 0.4, \"all\": 0.5}\n"
             "The sums are divided by the sum of their weights. Presets: mkqa is 1,0.3,1 and mldr 0.15,0.5,0.35.",
    .examples =
        {"trident score small-m3 -i pairs.jsonl -o scores.jsonl",
         "echo '{\"query\": \"what is M3\", \"passage\": \"M3 is a model\"}' | trident score small-m3 --weights 0.4,0.2,0.4"},
    .flags = flags,
    .options_size = sizeof(struct score_args),
    .shared = SETUP_MODEL | SETUP_LINES,
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
