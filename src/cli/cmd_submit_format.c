/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_submit_format.c — `trident submit-format RUN`: a run in the format of the organiser's sample (lab/submission_write.h). */
#include <string.h>

#include "cli/cli.h"
#include "base/err.h"
#include "cli/check_view.h"
#include "lab/submission_write.h"

struct submit_args {
    const char *sample, *queries, *corpus, *output;
    size_t top;
};

#define FIELD(name) offsetof(struct submit_args, name)
static const flag flags[] = {
    {"sample", 0, FLAG_TEXT, "FILE", NULL, "the organiser's sample submission (needed)", FIELD(sample)},
    {"queries", 0, FLAG_TEXT, "FILE", NULL,
     "the organiser's queries: which must be there, and their texts where the sample has texts", FIELD(queries)},
    {"corpus", 0, FLAG_TEXT, "FILE", NULL, "the corpus: ids that are not in it are refused", FIELD(corpus)},
    {"top", 'k', FLAG_COUNT, "K", NULL, "documents of each query; by default as the sample has them, else all", FIELD(top)},
    {"output", 'o', FLAG_TEXT, "OUT", "-", "the submission; - is standard output", FIELD(output)},
    FLAG_END};

static tri_status run(cli *c, tri_error *err)
{
    const struct submit_args *args = c->options;
    if (!args->sample) return cli_usage(c, err, "--sample FILE is needed: the format is learnt from it");
    write_options options = {.run = c->args[0],
                             .sample = args->sample,
                             .out = args->output,
                             .queries = args->queries,
                             .corpus = args->corpus,
                             .top = args->top};
    write_result result;
    TRI_TRY(submission_write(&options, &result, err));
    check_view_notes(c, &result.notes);
    cli_note(c, "%zu documents for %zu queries written to %s", result.n_pairs, result.n_queries,
             strcmp(args->output, "-") == 0 ? "standard output" : args->output);
    buf_drop(&result.notes);
    return TRI_OK;
}

const cli_command cmd_submit_format = {
    .name = "submit-format",
    .summary = "a run in the format of the organiser's sample",
    .usage = "RUN --sample SAMPLE [--queries FILE] [--corpus FILE] [--top K] -o OUT",
    .notes =
        "RUN is a run in TREC or BEIR form, or what search and rerank write (.jsonl, .json). The sample's format is learnt: "
        "CSV or "
        "TSV with any header, separator, quoting and order of columns, a row a pair or a row a query with a list; JSON; JSONL; "
        "TREC. Ids keep the sample's type, lines end as there, UTF-8 without BOM unless the sample has one. Scores out of the "
        "sample's range are moved into it by one linear map, which is told. What it writes passes `trident check` with the "
        "same "
        "options; what could not is refused. RUN and OUT are listed with their SHA-256 in manifest.sha256 beside OUT.",
    .examples =
        {"trident submit-format run.trec --sample sample_submission.csv --queries queries.jsonl -o submission.csv",
         "trident submit-format fused.trec --sample sample.json --queries queries.jsonl --corpus corpus.jsonl --top 10 -o "
         "submission.json"},
    .flags = flags,
    .options_size = sizeof(struct submit_args),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
