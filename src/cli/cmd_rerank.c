/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_rerank.c — `trident rerank MODEL`: queries with their candidate passages in, the same ranked by a cross-encoder out.
 *
 * Groups (a query and its passages) are read in windows; all pairs of a window, of all its queries, go through the encoder in
 * one call, which packs them by tokens. What a cache holds is not computed again, and what is computed goes into it pass by
 * pass, so that a killed run that is started again repeats one pass at most. Groups come out in input order. */
#include "cli/cli.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/half_gain.h"
#include "cli/pair_scorer.h"
#include "cli/rerank_groups.h"
#include "cli/rerank_out.h"
#include "cli/rerank_watch.h"
#include "cli/setup.h"
#include "trident/rerank.h"

struct rerank_args {
    const char *input, *output, *cache;
    int activation, cut, windows;
    size_t top, batch, query_max;
};

#define FIELD(name) offsetof(struct rerank_args, name)
static const flag flags[] = {
    {"input", 'i', FLAG_TEXT, "FILE", "-", "queries with their passages; - is standard input", FIELD(input)},
    {"output", 'o', FLAG_TEXT, "FILE", "-", "one JSON array, or with *.jsonl an object a line; - is standard output",
     FIELD(output)},
    {"top", 'k', FLAG_COUNT, "K", NULL, "passages kept of each query; 0 is all", FIELD(top)},
    {"activation", 0, FLAG_CHOICE, "sigmoid|none", NULL, "from logit to score; by default what the model says, else sigmoid",
     FIELD(activation)},
    {"query-max", 0, FLAG_COUNT, "N", NULL, "tokens of a query; by default 3/4 of --max-length where passages are cut",
     FIELD(query_max)},
    {"cut", 0, FLAG_CHOICE, "passage|longest", NULL,
     "how a pair that is too long is cut: the passage (FlagEmbedding), or the longer of the two (sentence-transformers); by "
     "default "
     "as the model was made",
     FIELD(cut)},
    {"windows", 0, FLAG_CHOICE, "cut|max|mean", "cut",
     "what does not fit of a long passage: cut it off, or read it through windows and take the greatest or the mean of their "
     "logits",
     FIELD(windows)},
    {"batch", 0, FLAG_COUNT, "N", NULL, "most pairs of one forward pass; 0 is as many as fit", FIELD(batch)},
    {"cache", 0, FLAG_TEXT, "FILE", NULL,
     "scores to take and to keep: an SQLite file, or rerank_cache.json (any *.json) in the form that scripts keep by hand",
     FIELD(cache)},
    FLAG_END};

enum { MAX_LENGTH = 512 }; /* FlagReranker's default, and CrossEncoder's for these models */

typedef struct rerank_job {
    cli *c;
    setup_model model;
    tri_rerank_options options;
    rerank_groups groups;
    rerank_out out;
    rerank_watch watch;
    pair_scorer scorer;
    tri_pair_score *scores; /* [cap] of the window's pairs */
    size_t cap;
} rerank_job;

/* ---- a window ------------------------------------------------------------------------------------------------------- */

static tri_status score_window(rerank_job *job, tri_error *err)
{
    size_t n = job->groups.n_pairs;
    if (n > job->cap) {
        tri_pair_score *scores = mem_realloc(job->scores, n * sizeof *scores);
        if (!scores) return err_memory(err, n * sizeof *scores);
        job->scores = scores;
        job->cap = n;
    }
    TRI_TRY(pair_scorer_run(&job->scorer, job->groups.pairs, n, job->scores, err));
    for (size_t i = 0; i < n; i++) rerank_watch_add(&job->watch, &job->scores[i]);
    return TRI_OK;
}

static tri_status run_windows(rerank_job *job, tri_error *err)
{
    const struct rerank_args *args = job->c->options;
    uint64_t from = 0;
    progress_begin(&job->c->bar, "rerank", "pairs", object_lines_extent(args->input), job->c->shared.quiet);
    for (;;) {
        TRI_TRY(rerank_groups_fill(&job->groups, err));
        if (!job->groups.n) return cli_check_stop(err);
        uint64_t to = rerank_groups_bytes(&job->groups);
        progress_span(&job->c->bar, from, to, job->groups.n_pairs);
        TRI_TRY(score_window(job, err));
        for (size_t i = 0; i < job->groups.n; i++)
            TRI_TRY(rerank_out_put(&job->out, &job->groups.groups[i], job->scores, args->top, err));
        from = to;
    }
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static void report(const rerank_job *job)
{
    progress_end(&job->c->bar);
    rerank_watch_report(&job->watch, job->c, job->options.max_length, job->options.activation != TRI_SCORE_NONE);
    if (job->scorer.cache)
        cli_note(job->c, "%llu of %llu pairs came from the cache", (unsigned long long)job->scorer.n_cached,
                 (unsigned long long)job->scorer.n_pairs);
    object_lines_report(&job->groups.lines, job->c);
    half_gain_note(job->c, job->model.engine);
}

static tri_status run_job(rerank_job *job, tri_error *err)
{
    const struct rerank_args *args = job->c->options;
    TRI_TRY(rerank_groups_open(&job->groups, args->input, &job->c->shared, job->model.info.vocab, err));
    tri_status st = rerank_out_open(&job->out, args->output, err);
    if (!st) st = run_windows(job, err);
    if (!st)
        st = rerank_out_commit(&job->out, err);
    else
        rerank_out_discard(&job->out);
    if (!st) report(job);
    rerank_groups_close(&job->groups);
    return st;
}

static void settle_options(rerank_job *job)
{
    const struct rerank_args *args = job->c->options;
    tri_rerank_options *o = &job->options;
    tri_rerank_options_init(o);
    o->max_length = job->c->shared.max_length;
    o->query_max = args->query_max;
    o->cut = args->cut < 0 ? TRI_CUT_MODEL : args->cut == 0 ? TRI_CUT_PASSAGE : TRI_CUT_LONGEST;
    o->windows = args->windows;
    o->activation = args->activation < 0 ? TRI_SCORE_MODEL : args->activation == 0 ? TRI_SCORE_SIGMOID : TRI_SCORE_NONE;
    pair_scorer_settle(&job->model, o);
    o->on_long = job->c->shared.on_long;
    o->batch_pairs = args->batch;
    o->progress = progress_tick;
    o->progress_ctx = &job->c->bar;
}

/* A session that does not fit the memory limit is tried with fewer tokens a pass, down to one pair. */
static tri_status open_session(rerank_job *job, tri_error *err)
{
    tri_session_options o;
    tri_session_options_init(&o);
    o.max_length = job->c->shared.max_length;
    o.batch_tokens = job->c->shared.batch_tokens;
    o.memory_limit = job->c->shared.memory_limit;
    tri_status st = tri_session_new(job->model.model, &o, &job->model.session, err);
    size_t tokens = o.batch_tokens > o.max_length ? o.batch_tokens : 2 * o.max_length;
    while ((st == TRI_ERR_LIMIT || st == TRI_ERR_MEMORY) && tokens > o.max_length) {
        tokens = tokens / 2 > o.max_length ? tokens / 2 : o.max_length;
        o.batch_tokens = tokens;
        cli_note(job->c, "not enough memory: trying passes of %zu tokens", tokens);
        st = tri_session_new(job->model.model, &o, &job->model.session, err);
    }
    return st;
}

static tri_status open_model(rerank_job *job, tri_error *err)
{
    cli *c = job->c;
    TRI_TRY(setup_open_model(&c->shared, c->args[0], 0, &job->model, err));
    if (!c->shared.max_length)
        c->shared.max_length = job->model.info.max_tokens < MAX_LENGTH ? job->model.info.max_tokens : MAX_LENGTH;
    TRI_TRY(open_session(job, err));
    settle_options(job);
    const struct rerank_args *args = c->options;
    return pair_scorer_open(&job->scorer, &job->model, &job->options, args->cache, err);
}

static tri_status run(cli *c, tri_error *err)
{
    rerank_job *job = mem_calloc(1, sizeof *job);
    if (!job) return err_memory(err, sizeof *job);
    job->c = c;
    tri_status st = open_model(job, err);
    if (!st) st = run_job(job, err);
    tri_status closed = pair_scorer_close(&job->scorer, st ? NULL : err);
    setup_close(&job->model);
    mem_free(job->scores);
    mem_free(job);
    return st ? st : closed;
}

const cli_command cmd_rerank = {
    .name = "rerank",
    .summary = "passages of each query, ranked by a cross-encoder",
    .usage = "MODEL [-i FILE] [-o submission.json] [--cache FILE]",
    .notes = "in   {\"query\": \"...\", \"passages\": [{\"id\": \"p1\", \"text\": \"...\"}]}\n"
             "out  [{\"query\": \"...\", \"ranked_passages\": [{\"id\": \"p1\", \"score\": 0.98}]}]\n"
             "Ids keep their JSON type; a missing one is the passage's place from 0. Equal scores stay in input order, and the "
             "order is "
             "that of the logits. A line {\"ids\": [...], \"type_ids\": [...]} is one pair as tokens and gives {\"logit\", "
             "\"score\"}. "
             "--max-length is 512 unless given, and 0 is 512 too; a number up to the model's limit reads longer texts whole. "
             "The SQLite cache knows model, precision, lengths and both texts; a .json cache "
             "knows "
             "the md5 of QUERY_PASSAGE alone, so that it must not outlive its model.",
    .examples = {"trident rerank small-rerank -i candidates.jsonl -o submission.json",
                 "echo '{\"query\": \"what is M3\", \"passages\": [{\"id\": 1, \"text\": \"M3 is a model\"}]}' | "
                 "trident rerank small-rerank -q"},
    .flags = flags,
    .options_size = sizeof(struct rerank_args),
    .shared = SETUP_MODEL | SETUP_LINES,
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
