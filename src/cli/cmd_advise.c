/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_advise.c — `trident advise --documents N --tokens MEAN`: which card does this job need, and what will it cost?
 *
 * This machine is measured on the spot; cards come from a table of data sheets (lab/cards.c) at a stated share of their peak.
 * The arithmetic is lab/advice.h's. */
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "cli/advise_machine.h"
#include "cli/advise_view.h"

enum { LINES_MAX = 32 };

struct advise_args {
    size_t documents, queries, versions, pairs;
    const char *tokens, *deadline, *model, *reranker, *tokenizer, *price, *bill;
    double query_tokens, pair_tokens, share;
    bool no_measure;
};

#define FIELD(name) offsetof(struct advise_args, name)
static const flag flags[] = {
    {"documents", 0, FLAG_COUNT, "N", NULL, "texts to encode (default: those of the --tokens file)", FIELD(documents)},
    {"tokens", 0, FLAG_TEXT, "MEAN|FILE.jsonl", NULL, "mean length of a document, or a file whose lengths are measured",
     FIELD(tokens)},
    {"queries", 0, FLAG_COUNT, "N", "0", "queries to encode", FIELD(queries)},
    {"query-tokens", 0, FLAG_NUMBER, "MEAN", "32", "mean length of a query", FIELD(query_tokens)},
    {"versions", 0, FLAG_COUNT, "N", "1", "encodings of all of it; versions that share model and precision are one",
     FIELD(versions)},
    {"rerank-pairs", 0, FLAG_COUNT, "N", "0", "pairs to score with the reranker", FIELD(pairs)},
    {"pair-tokens", 0, FLAG_NUMBER, "MEAN", "512", "mean length of a pair", FIELD(pair_tokens)},
    {"model", 0, FLAG_TEXT, "MODEL", "bge-m3", "the encoder: a folder, a pulled model, or a known name", FIELD(model)},
    {"rerank-model", 0, FLAG_TEXT, "MODEL", "bge-reranker-v2-m3", "the reranker, in the same way", FIELD(reranker)},
    {"tokenizer", 0, FLAG_TEXT, "MODEL|FILE", NULL, "tokenizer for the --tokens file (default: the model's)", FIELD(tokenizer)},
    {"deadline", 0, FLAG_TEXT, "72h", NULL, "time there is: s, m, h or d after a number", FIELD(deadline)},
    {"price", 0, FLAG_TEXT, "CARD=RATE,...", NULL, "money an hour, such as T4=4,A100-80=12,here=0", FIELD(price)},
    {"bill", 0, FLAG_WORD, "second|minute|hour", "minute", "what a bill is rounded up to", FIELD(bill)},
    {"share", 0, FLAG_NUMBER, "X", "0.35", "share of a card's peak that estimates count on", FIELD(share)},
    {"no-measure", 0, FLAG_SWITCH, NULL, NULL, "leave this machine out", FIELD(no_measure)},
    FLAG_END};

typedef struct advise_job {
    cli *c;
    const struct advise_args *args;
    advice_job job;
    advise_model encoder, reranker;
    advice_line lines[LINES_MAX];
    size_t n;
    double rates[LINES_MAX], rate_here; /* by card; NaN = not told */
    size_t max_length;
} advise_job;

/* ---- reading the question ------------------------------------------------------------------------------------------ */

static tri_status parse_deadline(advise_job *a, tri_error *err)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const char *text = a->args->deadline;
    size_t len = text ? strlen(text) : 0;
    double value;
    if (!text) return TRI_OK;
    for (size_t i = 0; len > 1 && i < sizeof units / sizeof *units; i++)
        if (text[len - 1] == units[i].unit && number_parse_f64(text, len - 1, &value) && value > 0 && value < 1e6) {
            a->job.deadline = value * units[i].seconds;
            return TRI_OK;
        }
    return cli_usage(a->c, err, "--deadline is a number and s, m, h or d, such as 72h, not \"%s\"", text);
}

static tri_status unknown_card(advise_job *a, const char *name, size_t len, tri_error *err)
{
    char names[256] = "here";
    for (size_t i = 0, at = 4; cards_at(i) && at < sizeof names - 16; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, ", %s", cards_at(i)->name);
    cli_usage(a->c, err, "--price names no card that is known: \"%.*s\"", (int)len, name);
    return err_hint(err, TRI_ERR_ARGUMENT, "known: %s", names);
}

static tri_status parse_prices(advise_job *a, tri_error *err)
{
    a->rate_here = NAN;
    for (size_t i = 0; i < LINES_MAX; i++) a->rates[i] = NAN;
    for (const char *p = a->args->price; p && *p;) {
        size_t len = strcspn(p, ","), name = strcspn(p, "=");
        double rate;
        if (name >= len || !number_parse_f64(p + name + 1, len - name - 1, &rate) || rate < 0)
            return cli_usage(a->c, err, "--price is CARD=RATE, separated by commas, not \"%s\"", a->args->price);
        size_t i = 0;
        const card *found = cards_find(p, name);
        while (found && cards_at(i) != found) i++;
        if (name == 4 && strncmp(p, "here", 4) == 0)
            a->rate_here = rate;
        else if (found)
            a->rates[i] = rate;
        else
            return unknown_card(a, p, name, err);
        p += len + (p[len] == ',');
    }
    return TRI_OK;
}

static tri_status check_args(advise_job *a, tri_error *err)
{
    const struct advise_args *args = a->args;
    if (!args->tokens && !args->pairs) {
        cli_usage(a->c, err, "no job given");
        return err_hint(err, TRI_ERR_ARGUMENT, "give --documents N --tokens MEAN, --tokens FILE.jsonl, or --rerank-pairs N");
    }
    if (args->documents && !args->tokens) return cli_usage(a->c, err, "--documents needs --tokens MEAN or --tokens FILE.jsonl");
    if (!(args->share > 0 && args->share <= 1))
        return cli_usage(a->c, err, "--share is above 0 and at most 1, got %g", args->share);
    if (!(args->query_tokens >= 1 && args->query_tokens <= 1e6) || !(args->pair_tokens >= 1 && args->pair_tokens <= 1e6))
        return cli_usage(a->c, err, "--query-tokens and --pair-tokens are at least 1");
    if (!args->versions) return cli_usage(a->c, err, "--versions is at least 1");
    a->job.versions = args->versions;
    a->job.bill = strcmp(args->bill, "hour") == 0     ? ADVICE_BILL_HOUR
                  : strcmp(args->bill, "minute") == 0 ? ADVICE_BILL_MINUTE
                                                      : ADVICE_BILL_SECOND;
    TRI_TRY(parse_deadline(a, err));
    return parse_prices(a, err);
}

/* A mean alone: every text is taken to be that long. */
static advice_work work_of(const advise_model *m, double texts, double length, size_t max_length)
{
    size_t most = m->shape->max_tokens && m->shape->max_tokens < max_length ? m->shape->max_tokens : max_length;
    double cut = length < (double)most ? length : (double)most;
    return (advice_work){m->shape, texts, cut, cut * cut, (size_t)ceil(cut)};
}

/* ---- the works ----------------------------------------------------------------------------------------------------- */

static tri_status read_documents(advise_job *a, tri_error *err)
{
    const struct advise_args *args = a->args;
    const char *tokens = args->tokens;
    double mean = 0;
    bool is_number = number_parse_f64(tokens, strlen(tokens), &mean);
    if (is_number && !(mean >= 1 && mean <= 1e6)) return cli_usage(a->c, err, "--tokens is at least 1, got %s", tokens);
    if (is_number && !args->documents) return cli_usage(a->c, err, "--tokens %s needs --documents N", tokens);
    advice_work file = {0};
    if (!is_number) {
        TRI_TRY(
            advise_machine_lengths(a->c, tokens, args->tokenizer ? args->tokenizer : args->model, a->max_length, &file, err));
        mean = file.length;
    }
    TRI_TRY(advise_machine_model(a->c, args->model, false, mean, !args->no_measure, &a->encoder, err));
    a->job.documents = work_of(&a->encoder, (double)args->documents, mean, a->max_length);
    if (!is_number) {
        double texts = args->documents ? (double)args->documents : file.texts;
        size_t most = a->encoder.shape->max_tokens;
        if (most && file.longest > most) file.longest = most;
        a->job.documents = (advice_work){a->encoder.shape, texts, file.length, file.squares, file.longest};
    }
    if (args->queries) a->job.queries = work_of(&a->encoder, (double)args->queries, args->query_tokens, a->max_length);
    return TRI_OK;
}

static tri_status read_works(advise_job *a, tri_error *err)
{
    const struct advise_args *args = a->args;
    a->max_length = a->c->shared.max_length ? a->c->shared.max_length : 8192;
    if (args->tokens) TRI_TRY(read_documents(a, err));
    if (!args->pairs) return TRI_OK;
    TRI_TRY(advise_machine_model(a->c, args->reranker, true, args->pair_tokens, !args->no_measure, &a->reranker, err));
    a->job.pairs = work_of(&a->reranker, (double)args->pairs, args->pair_tokens, a->max_length);
    return TRI_OK;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

static void add_here(advise_job *a)
{
    const advise_model *e = a->job.documents.model ? &a->encoder : NULL, *r = a->job.pairs.model ? &a->reranker : NULL;
    const advise_model *one = e ? e : r;
    if (a->args->no_measure || (e && e->ops_per_s <= 0) || (r && r->ops_per_s <= 0)) return;
    advice_line *l = &a->lines[a->n++];
    *l = (advice_line){.name = "here", .title = "this machine", .precision = one->precision, .memory = advise_machine_memory()};
    l->measured = (!e || e->is_measured) && (!r || r->is_measured);
    l->budget = a->c->shared.batch_tokens ? a->c->shared.batch_tokens : ADVICE_BUDGET_LEAST * 8;
    l->needs = fmax(e ? e->memory : 0, r ? r->memory : 0);
    if (l->needs == 0) l->needs = advice_memory(&a->job, l->budget, 4);
    l->fits = l->needs <= l->memory;
    advice_for_speeds(&a->job, e ? e->ops_per_s : 1, r ? r->ops_per_s : 1, a->rate_here, l);
}

static tri_status show(advise_job *a, tri_error *err)
{
    bool priced = false;
    buf out;
    for (size_t i = 0; i < a->n; i++) priced = priced || !isnan(a->lines[i].price);
    const advise_view view = {.job = &a->job,
                              .encoder = &a->encoder,
                              .reranker = &a->reranker,
                              .lines = a->lines,
                              .n = a->n,
                              .chosen = a->job.deadline > 0 || priced ? advice_choose(a->lines, a->n) : -1,
                              .share = a->args->share,
                              .priced = priced,
                              .max_length = a->max_length};
    buf_init(&out, 0);
    tri_status st = a->c->shared.json ? advise_view_json(&view, &out) : advise_view_text(&view, &out);
    st = st ? err_memory(err, out.len) : cli_print(&out, err);
    buf_drop(&out);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    advise_job a = {.c = c, .args = c->options};
    TRI_TRY(check_args(&a, err));
    TRI_TRY(read_works(&a, err));
    add_here(&a);
    for (size_t i = 0; cards_at(i) && a.n < LINES_MAX; i++)
        advice_for_card(&a.job, cards_at(i), a.args->share, a.rates[i], &a.lines[a.n++]);
    return show(&a, err);
}

const cli_command cmd_advise = {
    .name = "advise",
    .summary = "which card a job needs: memory, precision, batch, time and price",
    .usage = "--documents N --tokens MEAN [--deadline 72h] [--price CARD=RATE,...]\n--tokens FILE.jsonl [...]\n--rerank-pairs "
             "N [...]",
    .notes =
        "This machine is measured: the model encodes texts of the mean length for two seconds (a model that is not here: the "
        "peak of "
        "now at the share that BGE-M3's shape reached in bench/results). Cards are estimates: operations over a share of the "
        "data "
        "sheet's peak, 35 % unless --share says otherwise; every line says which of the two it is. Memory is the parameters at "
        "the "
        "precision, the rows of one batch and what a driver takes. A batch is a token budget, the most that fits up to 65536 "
        "tokens, in place of fixed batches by length. The advice is the cheapest that holds, or without prices the least "
        "machine.",
    .examples = {"trident advise --documents 1000000 --tokens 300 --queries 5000 --deadline 6h --price T4=4,A10=8,A100-80=12",
                 "trident advise --model small-m3 --tokens corpus.jsonl --rerank-pairs 200000 --json"},
    .flags = flags,
    .options_size = sizeof(struct advise_args),
    .shared = SETUP_JSON | SETUP_MODEL | SETUP_LINES,
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
