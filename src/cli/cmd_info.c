/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_info.c — `trident info MODEL`: what is this model, what can it give, and what memory does it take at a given length?
 *
 * It opens the model as encode would, so what it says was read and checked, not guessed from a file name; a model that encode
 * would refuse is refused here with the same words. The same facts as text and as JSON. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/calibration_view.h"
#include "cli/json_out.h"
#include "trident.h"

struct info_args {
    const char *want;
};

static const flag flags[] = {{"want", 0, FLAG_TEXT, "dense,sparse,multi", NULL,
                              "look at these heads only; by default at all that the model should have",
                              offsetof(struct info_args, want)},
                             FLAG_END};

typedef struct info_memory {
    size_t max_length, batch_tokens;
    uint64_t workspace, total;
    tri_card_forecast card; /* card.card 0: on the processor */
} info_memory;

static tri_status forecast(const cli *c, const setup_model *m, info_memory *out, tri_error *err)
{
    tri_session_options o;
    tri_session_options_init(&o);
    o.max_length = c->shared.max_length;
    o.batch_tokens = c->shared.batch_tokens;
    o.memory_limit = c->shared.memory_limit;
    out->max_length = o.max_length ? o.max_length : m->info.max_tokens;
    out->batch_tokens = o.batch_tokens;
    TRI_TRY(tri_session_forecast(m->model, &o, &out->workspace, err));
    out->total = out->workspace + m->info.weights_bytes + m->info.packed_bytes;
    out->card = (tri_card_forecast){.struct_size = sizeof out->card};
    return tri_session_forecast_card(m->model, &o, &out->card, err);
}

/* ---- as text -------------------------------------------------------------------------------------------------------- */

static void bytes_text(char out[32], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) value /= 1024, unit++;
    snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static tri_status row(buf *b, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static tri_status row(buf *b, const char *name, const char *fmt, ...)
{
    char text[1024];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    return buf_printf(b, "%-14s %s\n", name, text);
}

static tri_status row_rules(buf *b, const tri_model_info *info)
{
    if (!info->tokenizer[0]) return row(b, "tokenizer", "none");
    TRI_TRY(row(b, "tokenizer", "%s, rules: %s", info->tokenizer, info->tokenizer_rules));
    if (!info->tokenizer_rules_differ) return TRI_OK;
    return row(b, "",
               "the rules \"file\" (the published file, transformers 4) and \"hf5\" (transformers 5) give different ids");
}

/* The table's lines, one a row. */
static tri_status row_losses(buf *b, const json_t *calibration)
{
    buf table;
    buf_init(&table, 0);
    tri_status st = calibration_view_losses(calibration, &table);
    if (!st) st = buf_byte(&table, 0);
    for (const char *line = (const char *)table.data; !st && *line; line += strcspn(line, "\n") + 1)
        st = buf_printf(b, "%-14s %.*s\n", "", (int)strcspn(line, "\n"), line);
    buf_drop(&table);
    return st;
}

static tri_status row_calibration(buf *b, const json_t *calibration)
{
    if (!calibration) return TRI_OK;
    TRI_TRY(buf_printf(b, "%-14s ", "calibrated"));
    TRI_TRY(calibration_view_texts(calibration, b));
    TRI_TRY(buf_byte(b, '\n'));
    return row_losses(b, calibration);
}

static tri_status row_card(buf *b, const tri_card_forecast *f)
{
    char total[32], fixed[32], weights[32], workspace[32], used[32], card[32];
    if (!f->card) return TRI_OK;
    bytes_text(total, f->total);
    bytes_text(fixed, f->fixed);
    bytes_text(weights, f->weights);
    bytes_text(workspace, f->workspace);
    bytes_text(used, f->used);
    bytes_text(card, f->card);
    TRI_TRY(row(b, "card memory", "%s = rings %s + weights %s + workspace %s; in use by all, without the workspace: %s of %s",
                total, fixed, weights, workspace, used, card));
    if (f->workspace <= f->available) return TRI_OK;
    return row(b, "", "it does not fit: passes become smaller, or lower --batch-tokens or --max-length");
}

static tri_status as_text(const setup_model *m, const info_memory *memory, const json_t *calibration, buf *b)
{
    const tri_model_info *info = &m->info;
    char weights[32], packed[32], workspace[32], total[32];
    bytes_text(weights, info->weights_bytes);
    bytes_text(packed, info->packed_bytes);
    bytes_text(workspace, memory->workspace);
    bytes_text(total, memory->total);
    TRI_TRY(row(b, "model", "%s", info->path));
    TRI_TRY(row(b, "architecture", "%s, %zu layers, width %zu, %zu heads, feed-forward %zu", info->architecture, info->layers,
                info->hidden, info->heads, info->ffn));
    TRI_TRY(row(b, "parameters", "%" PRIu64 " as %s, %s mapped", info->n_parameters, info->weights_dtype, weights));
    TRI_TRY(row(b, "vocabulary", "%zu tokens", info->vocab));
    TRI_TRY(row(b, "longest text", "%zu tokens (%zu positions)", info->max_tokens, info->positions));
    if (info->reranks)
        TRI_TRY(row(b, "gives", "a score for a query and a passage (trident rerank): the classifier on %s, %s",
                    strcmp(info->pooling, "mean") == 0 ? "the mean of all rows" : "the first row",
                    strcmp(info->score_activation, "identity") == 0 ? "the logit as it is" : "the sigmoid of the logit"));
    else
        TRI_TRY(row(b, "gives", "%s", setup_want_words(info->want)));
    if (info->want & TRI_DENSE)
        TRI_TRY(row(b, "dense", "%zu wide, pooling %s, %s", info->dense_dim, info->pooling,
                    info->normalizes_dense ? "unit length" : "not normalised"));
    if (info->want & TRI_MULTI)
        TRI_TRY(row(b, "multi", "%zu wide, one vector a token but the first, unit length", info->multi_dim));
    TRI_TRY(row_rules(b, info));
    TRI_TRY(row(b, "prompts", "query \"%s\", passage \"%s\"", info->prompt_query, info->prompt_passage));
    TRI_TRY(row(b, "memory", "%s = weights %s + packed %s + workspace %s at %zu tokens a text", total, weights, packed,
                workspace, memory->max_length));
    TRI_TRY(row_card(b, &memory->card));
    TRI_TRY(row(b, "packed", "%s, %s", info->precision,
                info->packed_file[0] ? info->packed_file : "from the weights at each start"));
    TRI_TRY(row_calibration(b, calibration));
    TRI_TRY(row(b, "machine", "%s", tri_engine_describe(m->engine)));
    TRI_TRY(row(b, "fingerprint", "%016" PRIx64, info->fingerprint));
    for (size_t i = 0; tri_model_file(m->model, i); i++) TRI_TRY(row(b, i ? "" : "files", "%s", tri_model_file(m->model, i)));
    return TRI_OK;
}

/* ---- as JSON -------------------------------------------------------------------------------------------------------- */

static tri_status text_member(buf *b, const char *name, const char *value)
{
    TRI_TRY(buf_printf(b, ", \"%s\": ", name));
    return json_out_str(b, value);
}

static tri_status number_member(buf *b, const char *name, uint64_t value)
{
    return buf_printf(b, ", \"%s\": %" PRIu64, name, value);
}

static tri_status flag_member(buf *b, const char *name, bool value)
{
    return buf_printf(b, ", \"%s\": %s", name, value ? "true" : "false");
}

static tri_status json_model(const tri_model_info *info, buf *b)
{
    TRI_TRY(buf_str(b, "{\"model\": "));
    TRI_TRY(json_out_str(b, info->path));
    TRI_TRY(text_member(b, "architecture", info->architecture));
    TRI_TRY(number_member(b, "hidden", info->hidden));
    TRI_TRY(number_member(b, "layers", info->layers));
    TRI_TRY(number_member(b, "heads", info->heads));
    TRI_TRY(number_member(b, "ffn", info->ffn));
    TRI_TRY(number_member(b, "vocab", info->vocab));
    TRI_TRY(number_member(b, "positions", info->positions));
    TRI_TRY(number_member(b, "max_tokens", info->max_tokens));
    TRI_TRY(number_member(b, "parameters", info->n_parameters));
    TRI_TRY(text_member(b, "weights_dtype", info->weights_dtype));
    TRI_TRY(flag_member(b, "dense", info->want & TRI_DENSE));
    TRI_TRY(flag_member(b, "sparse", info->want & TRI_SPARSE));
    TRI_TRY(flag_member(b, "multi", info->want & TRI_MULTI));
    TRI_TRY(flag_member(b, "reranks", info->reranks));
    if (info->reranks) TRI_TRY(text_member(b, "score_activation", info->score_activation));
    TRI_TRY(number_member(b, "dense_dim", info->dense_dim));
    TRI_TRY(number_member(b, "multi_dim", info->multi_dim));
    TRI_TRY(text_member(b, "pooling", info->pooling));
    return flag_member(b, "normalizes_dense", info->normalizes_dense);
}

static tri_status json_words(const tri_model_info *info, buf *b)
{
    TRI_TRY(text_member(b, "tokenizer", info->tokenizer));
    TRI_TRY(text_member(b, "tokenizer_rules", info->tokenizer_rules));
    TRI_TRY(flag_member(b, "tokenizer_rules_differ", info->tokenizer_rules_differ));
    TRI_TRY(buf_str(b, ", \"prompts\": {\"query\": "));
    TRI_TRY(json_out_str(b, info->prompt_query));
    TRI_TRY(text_member(b, "passage", info->prompt_passage));
    return buf_byte(b, '}');
}

static tri_status json_card(const tri_card_forecast *f, buf *b)
{
    if (!f->card) return TRI_OK;
    return buf_printf(b,
                      ", \"card\": {\"total_bytes\": %" PRIu64 ", \"fixed_bytes\": %" PRIu64 ", \"weights_bytes\": %" PRIu64
                      ", \"workspace_bytes\": %" PRIu64 ", \"used_bytes\": %" PRIu64 ", \"available_bytes\": %" PRIu64
                      ", \"card_bytes\": %" PRIu64 "}",
                      f->total, f->fixed, f->weights, f->workspace, f->used, f->available, f->card);
}

static tri_status as_json(const setup_model *m, const info_memory *memory, const json_t *calibration, buf *b)
{
    const tri_model_info *info = &m->info;
    TRI_TRY(json_model(info, b));
    TRI_TRY(json_words(info, b));
    TRI_TRY(buf_printf(b, ", \"memory\": {\"max_length\": %zu", memory->max_length));
    if (memory->batch_tokens) TRI_TRY(number_member(b, "batch_tokens", memory->batch_tokens));
    TRI_TRY(number_member(b, "weights_bytes", info->weights_bytes));
    TRI_TRY(number_member(b, "packed_bytes", info->packed_bytes));
    TRI_TRY(number_member(b, "workspace_bytes", memory->workspace));
    TRI_TRY(number_member(b, "total_bytes", memory->total));
    TRI_TRY(json_card(&memory->card, b));
    TRI_TRY(buf_byte(b, '}'));
    TRI_TRY(text_member(b, "precision", info->precision));
    TRI_TRY(text_member(b, "packed_file", info->packed_file));
    if (calibration) {
        TRI_TRY(buf_str(b, ", \"calibration\": "));
        TRI_TRY(calibration_view_json(calibration, b));
    }
    TRI_TRY(text_member(b, "machine", tri_engine_describe(m->engine)));
    TRI_TRY(buf_printf(b, ", \"fingerprint\": \"%016" PRIx64 "\", \"files\": [", info->fingerprint));
    for (size_t i = 0; tri_model_file(m->model, i); i++) {
        if (i) TRI_TRY(buf_str(b, ", "));
        TRI_TRY(json_out_str(b, tri_model_file(m->model, i)));
    }
    return buf_str(b, "]}\n");
}

static tri_status print_facts(const cli *c, const setup_model *m, tri_error *err)
{
    info_memory memory;
    buf text;
    TRI_TRY(forecast(c, m, &memory, err));
    buf_init(&text, 0);
    json_t *recipe = NULL;
    const json_t *calibration = m->info.packed_file[0] ? calibration_view_load(m->info.packed_file, &recipe) : NULL;
    tri_status st = c->shared.json ? as_json(m, &memory, calibration, &text) : as_text(m, &memory, calibration, &text);
    json_decref(recipe);
    st = st == TRI_OK ? cli_print(&text, err) : err_memory(err, text.len);
    buf_drop(&text);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct info_args *args = c->options;
    setup_model m;
    unsigned want;
    if (setup_parse_want(args->want, &want, err) != TRI_OK) {
        c->wrong_usage = true;
        return TRI_ERR_ARGUMENT;
    }
    TRI_TRY(setup_open_model(&c->shared, c->args[0], want, &m, err));
    tri_status st = print_facts(c, &m, err);
    setup_close(&m);
    return st;
}

const cli_command cmd_info = {
    .name = "info",
    .summary = "what a model is, what it can give and what memory it takes",
    .usage = "MODEL [--json]",
    .examples = {"trident info small-m3", "trident info BAAI/bge-m3 --json --max-length 512 --batch-tokens 8192"},
    .flags = flags,
    .options_size = sizeof(struct info_args),
    .shared = SETUP_MODEL | SETUP_JSON,
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
