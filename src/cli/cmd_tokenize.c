/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_tokenize.c — `trident tokenize MODEL`: text to token ids, a line in, a line out, in order.
 *
 * A line that cannot be done answers {"error": "..."} in its place, so that input and output stay in step; the exit status
 * tells at the end. Needs a tokenizer only: MODEL may be a folder, a tokenizer file, or the name of a pulled model. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cli/json_out.h"
#include "cli/object_lines.h"
#include "trident/embed.h"

struct tokenize_args {
    const char *input, *output;
    size_t max_length;
    int strategy;
    bool no_specials, pieces;
};

#define FIELD(name) offsetof(struct tokenize_args, name)
static const char STRATEGIES[] = "longest_first|only_second"; /* ORDER TRI_TRUNCATE_* */

static const flag flags[] = {
    {"input", 'i', FLAG_TEXT, "FILE", "-", "lines to tokenize; - is standard input", FIELD(input)},
    {"output", 'o', FLAG_TEXT, "FILE", "-", "where the ids go; - is standard output", FIELD(output)},
    {"max-length", 0, FLAG_COUNT, "N", NULL,
     "cut to N tokens, specials included; 0 is no limit, whatever the tokenizer file says", FIELD(max_length)},
    {"strategy", 0, FLAG_CHOICE, STRATEGIES, "longest_first", "which side of a pair is cut", FIELD(strategy)},
    {"no-specials", 0, FLAG_SWITCH, NULL, NULL, "leave out the tokens that the template adds", FIELD(no_specials)},
    {"pieces", 0, FLAG_SWITCH, NULL, NULL, "print the vocabulary's strings too", FIELD(pieces)},
    FLAG_END};

typedef struct tokenize_job {
    const struct tokenize_args *args;
    tri_tokenizer *tokenizer;
    object_lines lines;
    out_file *out;
    buf text; /* the line being written */
    uint64_t n_lines, n_errors;
    tri_error first_error;
} tokenize_job;

/* What the line says about truncation wins over the flags. */
static tri_status line_options(const tokenize_job *job, const object_line *line, tri_tokenize_options *o, tri_error *err)
{
    tri_tokenize_options_init(o);
    o->max_length = job->args->max_length;
    o->strategy = job->args->strategy;
    o->no_specials = job->args->no_specials;
    if (!line->object) return TRI_OK;
    const json_t *length = json_object_get(line->object, "max_length");
    if (length && !json_is_null(length)) {
        if (!json_is_integer(length) || json_integer_value(length) < 0)
            return object_lines_bad(&job->lines, line->number, err, "\"max_length\" is not a whole number from 0 up");
        o->max_length = (size_t)json_integer_value(length);
    }
    tri_text strategy;
    TRI_TRY(object_lines_text(&job->lines, line, "strategy", &strategy, err));
    if (!strategy.bytes) return TRI_OK;
    o->strategy = strcmp(strategy.bytes, "longest_first") == 0 ? TRI_TRUNCATE_LONGEST_FIRST
                  : strcmp(strategy.bytes, "only_second") == 0 ? TRI_TRUNCATE_ONLY_SECOND
                                                               : -1;
    if (o->strategy < 0)
        return object_lines_bad(&job->lines, line->number, err,
                                "\"strategy\" is \"%.60s\", expected longest_first or only_second", strategy.bytes);
    return TRI_OK;
}

static tri_status tokenize_line(tokenize_job *job, const object_line *line, tri_tokens *tokens, tri_error *err)
{
    tri_tokenize_options o;
    tri_text text = line->text, pair = {NULL, 0};
    if (line->object) {
        TRI_TRY(object_lines_text(&job->lines, line, "text", &text, err));
        TRI_TRY(object_lines_text(&job->lines, line, "pair", &pair, err));
        if (!text.bytes) return object_lines_bad(&job->lines, line->number, err, "there is no \"text\"");
    }
    TRI_TRY(line_options(job, line, &o, err));
    return tri_tokenize(job->tokenizer, &o, text, pair.bytes ? &pair : NULL, tokens, err);
}

static tri_status render_pieces(const tokenize_job *job, const tri_tokens *tokens, buf *b)
{
    TRI_TRY(buf_str(b, ", \"pieces\": ["));
    for (size_t i = 0; i < tokens->count; i++) {
        tri_text piece = tri_token_piece(job->tokenizer, tokens->ids[i]);
        if (i) TRI_TRY(buf_str(b, ", "));
        TRI_TRY(piece.bytes ? json_out_text(b, piece.bytes, piece.len) : buf_str(b, "null"));
    }
    return buf_byte(b, ']');
}

static tri_status render(const tokenize_job *job, const tri_tokens *tokens, buf *b)
{
    TRI_TRY(buf_str(b, "{\"ids\": "));
    TRI_TRY(json_out_u32_array(b, tokens->ids, tokens->count));
    TRI_TRY(buf_str(b, ", \"type_ids\": ["));
    for (size_t i = 0; i < tokens->count; i++) TRI_TRY(buf_printf(b, i ? ",%u" : "%u", tokens->type_ids[i]));
    TRI_TRY(buf_byte(b, ']'));
    if (job->args->pieces) TRI_TRY(render_pieces(job, tokens, b));
    return buf_str(b, tokens->truncated ? ", \"truncated\": true}\n" : ", \"truncated\": false}\n");
}

static tri_status render_error(const tri_error *failure, buf *b)
{
    TRI_TRY(buf_str(b, "{\"error\": "));
    TRI_TRY(json_out_str(b, failure->text));
    return buf_str(b, "}\n");
}

static bool is_about_the_line(tri_status st)
{
    return st == TRI_ERR_FORMAT || st == TRI_ERR_LIMIT || st == TRI_ERR_ARGUMENT || st == TRI_ERR_UNSUPPORTED;
}

static tri_status run_lines(tokenize_job *job, cli *c, tri_error *err)
{
    for (;;) {
        object_line line;
        tri_tokens tokens = {0};
        TRI_TRY(cli_check_stop(err));
        tri_status st = object_lines_next(&job->lines, &line, err);
        if (st == TRI_OK && !line.number) return TRI_OK;
        progress_span(&c->bar, line_reader_bytes(job->lines.reader), line_reader_bytes(job->lines.reader), 1);
        if (st == TRI_OK) st = tokenize_line(job, &line, &tokens, err);
        if (st && !is_about_the_line(st)) return st;
        if (st && job->n_errors++ == 0) job->first_error = *err;
        job->n_lines++;
        buf_clear(&job->text);
        if ((st ? render_error(err, &job->text) : render(job, &tokens, &job->text)) != TRI_OK)
            return err_memory(err, job->text.len);
        TRI_TRY(out_file_write(job->out, job->text.data, job->text.len, err));
    }
}

static tri_status run_job(tokenize_job *job, cli *c, tri_error *err)
{
    TRI_TRY(object_lines_open(&job->lines, job->args->input, &c->shared, err));
    tri_status st = out_file_open(job->args->output, &job->out, err);
    progress_begin(&c->bar, "tokenize", "lines", object_lines_extent(job->args->input), c->shared.quiet);
    if (st == TRI_OK) st = run_lines(job, c, err);
    if (st == TRI_OK)
        st = out_file_commit(job->out, err);
    else
        out_file_discard(job->out);
    progress_end(&c->bar);
    if (st == TRI_OK) object_lines_report(&job->lines, c);
    object_lines_close(&job->lines);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    tokenize_job job = {.args = c->options};
    TRI_TRY(setup_open_tokenizer(&c->shared, c->args[0], &job.tokenizer, err));
    buf_init(&job.text, 0);
    tri_status st = run_job(&job, c, err);
    buf_drop(&job.text);
    tri_tokenizer_close(job.tokenizer);
    if (st || !job.n_errors) return st;
    if (c->shared.skip_bad) {
        cli_note(c, "%" PRIu64 " of %" PRIu64 " lines could not be done; the first: %s", job.n_errors, job.n_lines,
                 job.first_error.text);
        return TRI_OK;
    }
    return err_set(err, job.first_error.status, "%" PRIu64 " of %" PRIu64 " lines could not be done; the first: %s",
                   job.n_errors, job.n_lines, job.first_error.text);
}

const cli_command cmd_tokenize = {
    .name = "tokenize",
    .summary = "text to token ids",
    .usage = "MODEL [-i FILE] [-o FILE]",
    .notes = "in   {\"text\": \"...\", \"pair\": \"...\", \"max_length\": 128, \"strategy\": \"longest_first\"}, all but text "
             "optional;\n"
             "     the line's values win over the flags\n"
             "out  {\"ids\": [...], \"type_ids\": [...], \"pieces\": [...], \"truncated\": false}\n"
             "A line that cannot be done prints {\"error\": \"...\"}, the rest goes on, and the exit status is 1 at the end (0 "
             "with\n"
             "--skip-bad). MODEL may also be a bare tokenizer.json, sentencepiece.bpe.model or vocab.txt.",
    .examples = {"echo '{\"text\": \"hello world\"}' | trident tokenize small-m3 --pieces",
                 "trident tokenize tokenizer.json -i texts.txt -o ids.jsonl --max-length 512"},
    .flags = flags,
    .options_size = sizeof(struct tokenize_args),
    .shared = SETUP_LINES | SETUP_RULES,
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
