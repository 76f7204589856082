/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_fuse.c — `trident fuse RUN RUN...`: one run out of several, of any maker.
 *
 * The lists are taken as deep as they are; nothing is cut. Scores are fused in double in the order of the arguments, written as
 * float32, equal ones in ascending id order, so that the same files give the same bytes. What the numbers mean is told in
 * docs/metrics.md. */
#include "cli/cli.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"
#include "trident/search.h"

struct fuse_args {
    const char *method, *norm, *weights, *output;
    double rrf_k;
    int rrf_base, missing;
};

#define FIELD(name) offsetof(struct fuse_args, name)
static const flag flags[] = {
    {"method", 0, FLAG_WORD, "rrf|weighted|combsum|combmnz|dbsf", "rrf", "how lists become one", FIELD(method)},
    {"norm", 0, FLAG_WORD, "none|minmax|zscore", NULL,
     "scores of a list to a common scale (default: none for weighted, minmax for combsum and combmnz)", FIELD(norm)},
    {"rrf-k", 0, FLAG_NUMBER, "X", "60", "the constant of reciprocal rank fusion", FIELD(rrf_k)},
    {"rrf-base", 0, FLAG_CHOICE, "0|1", "0", "rank of the first document in it", FIELD(rrf_base)},
    {"weights", 0, FLAG_TEXT, "a,b,...", NULL, "a weight for each run, or mkqa or mldr for three (default: 1 each)",
     FIELD(weights)},
    {"missing", 0, FLAG_CHOICE, "none|zero", "none", "what a list gives a document that it lacks: nothing, or score 0",
     FIELD(missing)},
    {"output", 'o', FLAG_TEXT, "RUN", "-", "where the fused run goes; - is standard output", FIELD(output)},
    FLAG_END};

/* One finite number for each run, separated by commas. */
static tri_status parse_weights(cli *c, const char *words, double *weights, tri_error *err)
{
    const char *p = words;
    if (c->n_args == 3 && (strcmp(words, "mkqa") == 0 || strcmp(words, "mldr") == 0))
        return setup_parse_weights(words, weights, err);
    for (size_t i = 0; i < c->n_args; i++) {
        size_t len = strcspn(p, ",");
        if (!number_parse_f64(p, len, &weights[i]) || (p[len] == ',') != (i + 1 < c->n_args))
            return cli_usage(c, err, "--weights takes a number for each of the %zu runs, separated by commas, got \"%s\"",
                             c->n_args, words);
        p += len + (p[len] == ',');
    }
    return TRI_OK;
}

static tri_status check_rrf(cli *c, const struct fuse_args *args, tri_error *err)
{
    if (isfinite(args->rrf_k) && args->rrf_k + args->rrf_base > 0) return TRI_OK;
    return cli_usage(c, err, "--rrf-k %g with ranks from %d would divide by 0 or less", args->rrf_k, args->rrf_base);
}

static tri_status fuse_files(cli *c, const struct fuse_args *args, const double *weights, tri_run **runs, tri_error *err)
{
    tri_fuse_options options;
    tri_run *fused;
    tri_fuse_options_init(&options);
    options.method = tri_fuse_by_name(args->method);
    options.norm = args->norm ? tri_norm_by_name(args->norm) : TRI_NORM_DEFAULT;
    options.rrf_k = args->rrf_k;
    options.rrf_base = args->rrf_base;
    options.weights = weights;
    options.missing = args->missing == 1 ? TRI_MISSING_ZERO : TRI_MISSING_NONE;
    for (size_t i = 0; i < c->n_args; i++) {
        TRI_TRY(cli_check_stop(err));
        TRI_TRY(tri_run_load(c->args[i], &runs[i], err));
    }
    TRI_TRY(tri_fuse_runs((const tri_run *const *)runs, c->n_args, &options, &fused, err));
    tri_status st = cli_check_stop(err);
    if (!st) st = tri_run_save(fused, args->output, "trident", err);
    tri_run_free(fused);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct fuse_args *args = c->options;
    TRI_TRY(check_rrf(c, args, err));
    double *weights = mem_array(c->n_args, sizeof *weights);
    tri_run **runs = mem_calloc(c->n_args, sizeof(tri_run *));
    tri_status st = weights && runs ? TRI_OK : err_memory(err, c->n_args * sizeof *weights);
    if (!st && args->weights) st = parse_weights(c, args->weights, weights, err);
    if (!st) st = fuse_files(c, args, args->weights ? weights : NULL, runs, err);
    for (size_t i = 0; runs && i < c->n_args; i++) tri_run_free(runs[i]);
    mem_free(runs);
    mem_free(weights);
    return st;
}

const cli_command cmd_fuse = {
    .name = "fuse",
    .summary = "one run out of several: RRF, weighted sums and others",
    .usage = "RUN RUN... [--method NAME] [-o RUN]",
    .notes =
        "Runs are in TREC form (qid Q0 docid rank score tag) or BEIR .tsv with a header; the result is in TREC form, tag "
        "trident. In each list documents are ordered by score, equal ones by ascending id. `--method weighted --missing zero` "
        "is FlagEmbedding's own hybrid recipe.",
    .examples = {"trident fuse dense.trec sparse.trec -o fused.trec",
                 "trident fuse dense.trec sparse.trec multi.trec --method weighted --weights mkqa -o fused.trec"},
    .flags = flags,
    .options_size = sizeof(struct fuse_args),
    .min_args = 2,
    .max_args = SIZE_MAX,
    .run = run,
};
