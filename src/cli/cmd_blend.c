/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_blend.c — `trident blend RUN... --qrels Q`: which fusion of these runs, and is it worth it?
 *
 * The choice is lab/blend.h's. What is written is what `trident fuse` writes with the same options: all queries of the members,
 * judged or not. Where no fusion is worth it, the best single run is copied. */
#include "cli/cli.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/blend_plan.h"
#include "cli/blend_view.h"
#include "cli/run_names.h"
#include "lab/blend.h"
#include "trident/search.h"

struct blend_args {
    const char *qrels, *metric, *output, *recipe, *pick;
    size_t folds, most, seed, threads;
};

#define FIELD(name) offsetof(struct blend_args, name)
static const flag flags[] = {
    {"qrels", 0, FLAG_TEXT, "FILE", NULL, "judgments of the validation queries (needed)", FIELD(qrels)},
    {"metric", 0, FLAG_TEXT, "NAME", "ndcg@10", "what is to be high: a metric of `trident eval`", FIELD(metric)},
    {"folds", 0, FLAG_COUNT, "K", "5", "folds of the judged queries, each scored by what the others choose", FIELD(folds)},
    {"max", 0, FLAG_COUNT, "N", "6", "runs in the fusion at most", FIELD(most)},
    {"pick", 0, FLAG_WORD, "simplest|highest", "simplest",
     "the simplest fusion within one standard error of the highest score, or the highest", FIELD(pick)},
    {"seed", 0, FLAG_COUNT, "N", "20240131", "of the folds and of the randomisation test", FIELD(seed)},
    {"threads", 0, FLAG_COUNT, "N", "0", "threads; 0 is all the processors that this process may use", FIELD(threads)},
    {"output", 'o', FLAG_TEXT, "RUN", NULL, "where the chosen fusion of all queries goes", FIELD(output)},
    {"recipe", 0, FLAG_TEXT, "FILE", NULL, "where a plan goes that `trident run` turns into the same run", FIELD(recipe)},
    FLAG_END};

typedef struct blend_job {
    cli *c;
    const struct blend_args *args;
    arena memory;
    const char **names; /* [n_args] */
    tri_run **runs;     /* [n_args] */
    tri_trials *trials;
    blend chosen;
    buf out;
} blend_job;

static tri_status check_args(cli *c, const struct blend_args *args, tri_error *err)
{
    if (!args->qrels) {
        cli_usage(c, err, "no judgments given to choose by");
        return err_hint(err, TRI_ERR_ARGUMENT, "give --qrels FILE");
    }
    if (args->folds < 2) return cli_usage(c, err, "--folds is at least 2, got %zu", args->folds);
    if (args->most < 1 || args->most > BLEND_MEMBERS)
        return cli_usage(c, err, "--max is 1 to %d, got %zu", (int)BLEND_MEMBERS, args->most);
    if (args->threads > 4096) return cli_usage(c, err, "--threads is at most 4096, got %zu", args->threads);
    if ((args->output && !strcmp(args->output, "-")) || (args->recipe && !strcmp(args->recipe, "-")))
        return cli_usage(c, err, "-o and --recipe take files: standard output is for the figures");
    for (size_t i = 0; i < c->n_args; i++) {
        if (!strcmp(c->args[i], "-")) return cli_usage(c, err, "runs are files: the recipe names them");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->args[i], c->args[k]) || file_is_same(c->args[i], c->args[k]))
                return cli_usage(c, err, "the run %s is named twice", c->args[i]);
    }
    return TRI_OK;
}

/* What is written must be none of what is read: the recipe would name a file that is not what it was. */
static tri_status check_outputs(const blend_job *job, tri_error *err)
{
    const char *const outputs[] = {job->args->output, job->args->recipe};
    for (size_t i = 0; i < 2; i++) {
        if (!outputs[i]) continue;
        if (file_is_same(outputs[i], job->args->qrels))
            return cli_usage(job->c, err, "%s holds the judgments: it cannot be written over", outputs[i]);
        for (size_t k = 0; k < job->c->n_args; k++)
            if (file_is_same(outputs[i], job->c->args[k]))
                return cli_usage(job->c, err, "%s is one of the runs: it cannot be written over", outputs[i]);
    }
    if (outputs[0] && outputs[1] && (!strcmp(outputs[0], outputs[1]) || file_is_same(outputs[0], outputs[1])))
        return cli_usage(job->c, err, "-o and --recipe are one file: %s", outputs[0]);
    return TRI_OK;
}

static tri_status check_folds(const blend_job *job, tri_error *err)
{
    size_t n = tri_trials_queries(job->trials);
    if (n >= job->args->folds) return TRI_OK;
    err_set(err, TRI_ERR_ARGUMENT, "could not make %zu folds of %zu judged queries", job->args->folds, n);
    return err_hint(err, TRI_ERR_ARGUMENT, n < 2 ? "judge more queries" : "give --folds %zu or fewer", n);
}

/* A run without a judged query takes no part in any score: it is there by mistake. */
static tri_status check_runs(const blend_job *job, const tri_qrels *qrels, tri_error *err)
{
    tri_eval_options options;
    tri_eval_options_init(&options);
    options.metrics = &job->args->metric;
    options.n_metrics = 1;
    for (size_t i = 0; i < job->c->n_args; i++) {
        tri_report *r;
        TRI_TRY(cli_check_stop(err));
        TRI_TRY(tri_eval(qrels, job->runs[i], &options, &r, err));
        size_t n = tri_report_queries(r), missing = tri_report_missing(r), unjudged = tri_report_unjudged(r);
        tri_report_free(r);
        if (missing == n) {
            err_set(err, TRI_ERR_MISMATCH, "could not blend %s: none of its %zu queries is among the %zu judged ones",
                    job->c->args[i], tri_run_queries(job->runs[i]), n);
            return err_hint(err, TRI_ERR_MISMATCH, "are run and judgments of the same queries?");
        }
        if (missing)
            cli_note(job->c, "%s lacks %zu of the %zu judged queries: they count as zero", job->c->args[i], missing, n);
        if (unjudged && !i)
            cli_note(job->c, "%zu of the %zu queries of %s are not judged: they are fused too, and play no part in the choice",
                     unjudged, tri_run_queries(job->runs[i]), job->c->args[i]);
    }
    return TRI_OK;
}

static tri_status read_files(blend_job *job, tri_error *err)
{
    cli *c = job->c;
    tri_qrels *qrels;
    job->names = arena_calloc(&job->memory, c->n_args, sizeof *job->names);
    job->runs = arena_calloc(&job->memory, c->n_args, sizeof *job->runs);
    if (!job->names || !job->runs) return err_memory(err, c->n_args * sizeof *job->runs);
    TRI_TRY(run_names_make(&job->memory, c->args, c->n_args, job->names, err));
    TRI_TRY(tri_qrels_load(job->args->qrels, &qrels, err));
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < c->n_args; i++) {
        st = cli_check_stop(err);
        if (!st) st = tri_run_load(c->args[i], &job->runs[i], err);
    }
    if (!st) st = check_runs(job, qrels, err);
    if (!st) st = tri_trials_new(qrels, (const tri_run *const *)job->runs, c->n_args, job->args->metric, &job->trials, err);
    tri_qrels_free(qrels);
    return st;
}

static tri_status choose(blend_job *job, tri_error *err)
{
    const blend_options options = {.folds = job->args->folds,
                                   .most = job->args->most,
                                   .take_best = strcmp(job->args->pick, "highest") == 0,
                                   .seed = job->args->seed,
                                   .threads = (int)job->args->threads,
                                   .progress = progress_whole,
                                   .progress_ctx = &job->c->bar};
    TRI_TRY(check_folds(job, err));
    progress_begin(&job->c->bar, "blend", "trials", 0, job->c->shared.quiet);
    tri_status st = blend_choose(&job->chosen, job->trials, job->c->n_args, &options, err);
    progress_end(&job->c->bar);
    return st;
}

static tri_status write_run(const blend_job *job, const blend_recipe *recipe, tri_error *err)
{
    const tri_run *members[BLEND_MEMBERS];
    tri_fuse_options options = blend_recipe_options(recipe);
    tri_run *fused;
    /* a run alone stays as it is, byte for byte */
    if (recipe->n == 1) return file_copy(job->c->args[recipe->members[0]], job->args->output, err);
    for (size_t i = 0; i < recipe->n; i++) members[i] = job->runs[recipe->members[i]];
    TRI_TRY(tri_fuse_runs(members, recipe->n, &options, &fused, err));
    tri_status st = cli_check_stop(err);
    if (!st) st = tri_run_save(fused, job->args->output, "trident", err);
    tri_run_free(fused);
    return st;
}

static tri_status show(blend_job *job, tri_error *err)
{
    const blend_view view = {.b = &job->chosen,
                             .metric = job->args->metric,
                             .paths = job->c->args,
                             .names = job->names,
                             .output = job->args->output,
                             .plan = job->args->recipe,
                             .n_answered = tri_trials_answered(job->trials)};
    tri_status st = job->c->shared.json ? blend_view_json(&view, &job->out) : blend_view_tables(&view, &job->out);
    return st ? err_memory(err, job->out.len) : cli_print(&job->out, err);
}

static void drop_job(blend_job *job)
{
    for (size_t i = 0; job->runs && i < job->c->n_args; i++) tri_run_free(job->runs[i]);
    tri_trials_free(job->trials);
    blend_drop(&job->chosen);
    buf_drop(&job->out);
    arena_drop(&job->memory);
}

static tri_status run(cli *c, tri_error *err)
{
    blend_job job = {.c = c, .args = c->options};
    TRI_TRY(check_args(c, job.args, err));
    TRI_TRY(check_outputs(&job, err));
    arena_init(&job.memory, 0);
    buf_init(&job.out, 0);
    tri_status st = read_files(&job, err);
    if (!st) st = choose(&job, err);
    const blend_recipe *recipe = st ? NULL : &job.chosen.space.recipes[job.chosen.winner];
    if (!st && job.args->output) st = write_run(&job, recipe, err);
    if (!st && job.args->recipe) st = blend_plan_write(c, job.args->recipe, recipe, c->args, job.names, err);
    if (!st) st = show(&job, err);
    drop_job(&job);
    return st;
}

const cli_command cmd_blend = {
    .name = "blend",
    .summary = "the best fusion of runs, chosen on judged queries and proved on others",
    .usage = "RUN RUN... --qrels FILE [-o RUN] [--recipe PLAN]",
    .notes =
        "Up to six runs: every subset, by rrf (k 10, 60, 100), combsum (min-max, z-score), combmnz, dbsf, the plain sum, and "
        "weighted "
        "rrf and sums (weights 1, 2, 3). More: greedily, from the best run on. Of the fusions within one standard error of the "
        "highest score the simplest is taken: fewest runs, then no weights. A score on the queries that a fusion was chosen by "
        "flatters it; so the same choice is made once for each fold on the other folds and scored on the fold. Both are "
        "printed, with Student's paired t and Fisher's randomisation (100,000 rounds) against the best single run. The folds "
        "follow from the query ids and --seed alone. The run is what `trident fuse` writes with the options that are printed; "
        "where a single run is best, it is that file.",
    .examples = {"trident blend v1.trec v2.trec v3.trec --qrels dev.tsv -o best.trec --recipe best.yaml",
                 "trident blend exp.run/v*/run.trec --qrels dev.tsv --metric mrr@10 --folds 10 --json"},
    .flags = flags,
    .options_size = sizeof(struct blend_args),
    .shared = SETUP_JSON,
    .min_args = 2,
    .max_args = SIZE_MAX,
    .run = run,
};
