/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c — `trident check SUBMISSION`: may this be handed in? The items are judged in lab/submission_check.h; here they
 * become lines, and a red list becomes exit 1, or with --force a row of the ledger. */
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/check_view.h"
#include "cli/cli.h"
#include "lab/backup.h"
#include "lab/ledger.h"
#include "lab/submission_check.h"

struct check_args {
    const char *sample, *queries, *corpus, *runs, *force, *ledger;
    bool allow_truncation;
};

#define FIELD(name) offsetof(struct check_args, name)
static const flag flags[] = {
    {"sample", 0, FLAG_TEXT, "FILE", NULL, "the organiser's sample submission (needed)", FIELD(sample)},
    {"queries", 0, FLAG_TEXT, "FILE", NULL, "the organiser's queries: all must be there, no others, each script with results",
     FIELD(queries)},
    {"corpus", 0, FLAG_TEXT, "FILE", NULL, "the corpus: every document id must be in it", FIELD(corpus)},
    {"runs", 0, FLAG_TEXT, "DIR", NULL, "what trident run left: finished, nothing cut, stable over folds, raw runs kept",
     FIELD(runs)},
    {"allow-truncation", 0, FLAG_SWITCH, NULL, NULL, "texts that were cut are told but not red", FIELD(allow_truncation)},
    {"force", 0, FLAG_TEXT, "REASON", NULL, "exit 0 all the same; the reason goes into the ledger", FIELD(force)},
    {"ledger", 0, FLAG_TEXT, "FILE", NULL, "the ledger that --force writes to (default: where trident ledger looks)",
     FIELD(ledger)},
    FLAG_END};

static tri_status red_names(const check_sheet *sheet, buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < sheet->n_items; i++)
        if (!sheet->items[i].ok) TRI_TRY(buf_printf(out, "%s%s", n++ ? ", " : "", sheet->items[i].name));
    return buf_byte(out, 0);
}

static tri_status print_sheet(cli *c, const check_sheet *sheet, const char *forced, tri_error *err)
{
    buf text;
    buf_init(&text, 0);
    tri_status st =
        c->shared.json ? check_view_json(sheet, forced, &text) : check_view_text(sheet, isatty(STDOUT_FILENO) == 1, &text);
    st = st ? err_memory(err, text.len) : cli_print(&text, err);
    buf_drop(&text);
    if (st || c->shared.json) return st;
    check_view_notes(c, &sheet->sample.format.notes);
    check_view_notes(c, &sheet->notes);
    return TRI_OK;
}

static tri_status command_line(const cli *c, buf *out)
{
    const struct check_args *args = c->options;
    const struct {
        const char *name, *value;
    } given[] = {{"sample", args->sample}, {"queries", args->queries}, {"corpus", args->corpus}, {"runs", args->runs}};
    TRI_TRY(buf_printf(out, "trident check %s", c->args[0]));
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].value) TRI_TRY(buf_printf(out, " --%s %s", given[i].name, given[i].value));
    if (args->allow_truncation) TRI_TRY(buf_str(out, " --allow-truncation"));
    TRI_TRY(buf_printf(out, " --force \"%s\"", args->force));
    return buf_byte(out, 0);
}

/* The reason is in the ledger before the word "forced" is on the screen. */
static tri_status record(cli *c, const char *red, tri_error *err)
{
    const struct check_args *args = c->options;
    struct timeval now;
    char hash[BACKUP_HEX_CAP];
    buf command, reason;
    gettimeofday(&now, NULL);
    TRI_TRY(backup_hash(c->args[0], hash, err));
    buf_init(&command, 0);
    buf_init(&reason, 0);
    tri_status st = command_line(c, &command);
    if (!st) st = buf_printf(&reason, "%s; red: %s", args->force, red);
    if (!st) st = buf_byte(&reason, 0);
    if (st) {
        st = err_memory(err, 256);
    } else {
        ledger_entry entry = {.began = (double)now.tv_sec + (double)now.tv_usec * 1e-6,
                              .command = (const char *)command.data,
                              .name = c->args[0],
                              .data_hash = hash,
                              .outcome = "forced",
                              .note = (const char *)reason.data};
        st = ledger_add(args->ledger, &entry, err);
    }
    buf_drop(&command);
    buf_drop(&reason);
    return st;
}

static tri_status settle(cli *c, const check_sheet *sheet, tri_error *err)
{
    const struct check_args *args = c->options;
    buf red;
    bool ok = check_sheet_ok(sheet);
    const char *forced = !ok ? args->force : NULL;
    buf_init(&red, 0);
    tri_status st = red_names(sheet, &red) ? err_memory(err, red.len) : TRI_OK;
    if (!st && forced) st = record(c, (const char *)red.data, err);
    if (!st) st = print_sheet(c, sheet, forced, err);
    if (!st && !ok && !forced) {
        st = err_set(err, TRI_ERR_MISMATCH, "%s is not ready: red are %s", c->args[0], (const char *)red.data);
        err_hint(err, st, "mend them, or hand it in all the same with --force REASON");
    }
    if (!st && forced) cli_note(c, "forced, with %s red: \"%s\" is in the ledger", (const char *)red.data, forced);
    buf_drop(&red);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct check_args *args = c->options;
    check_sheet sheet;
    if (!args->sample) return cli_usage(c, err, "--sample FILE is needed: the format is learnt from it");
    if (args->force && strspn(args->force, " \t") == strlen(args->force))
        return cli_usage(c, err, "--force needs a reason in words: it is kept in the ledger");
    check_options options = {.file = c->args[0],
                             .sample = args->sample,
                             .queries = args->queries,
                             .corpus = args->corpus,
                             .runs = args->runs,
                             .allow_truncation = args->allow_truncation};
    TRI_TRY(submission_check(&options, &sheet, err));
    tri_status st = settle(c, &sheet, err);
    check_sheet_drop(&sheet);
    return st;
}

const cli_command cmd_check = {
    .name = "check",
    .summary = "a submission against the organiser's sample, item by item",
    .usage = "FILE --sample SAMPLE [--queries FILE] [--corpus FILE] [--runs DIR] [--force REASON] [--json]",
    .notes =
        "The format is learnt from the sample: CSV or TSV with any columns and separators, JSON, JSONL, TREC. Items, green or "
        "red "
        "with the fix: encoding (UTF-8, BOM and line ends as in the sample), format, columns, queries (none missing, unknown "
        "or "
        "doubled), ids, duplicates, scores (finite, in range), order, counts; with --queries languages; with --runs finished, "
        "truncation, stability, backup. Exit 1 when one is red. JSON: {\"ok\", \"format\", \"items\": [{\"name\", \"ok\", "
        "\"detail\", "
        "\"fix\"}], \"notes\", \"forced\"}. A sample that contradicts itself is refused with its line. docs/submission.md "
        "tells more.",
    .examples = {"trident check submission.csv --sample sample_submission.csv --queries queries.jsonl --corpus corpus.jsonl",
                 "trident check submission.json --sample sample.json --runs plan.run --json"},
    .flags = flags,
    .options_size = sizeof(struct check_args),
    .shared = SETUP_JSON,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
