/* SPDX-License-Identifier: Apache-2.0 */
/* export_int8.c — texts from files to tri_export_calibrated, figures from there to the reader. The figures are printed whether
 * or not the file was written: they are what the command was asked for, and the reason when it was not. */
#include "cli/export_int8.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "cli/calibration_view.h"
#include "cli/encode_stream.h"
#include "cli/json_out.h"
#include "cli/pair_sample.h"
#include "cli/text_sample.h"
#include "formats/json.h"
#include "trident.h"
#include "trident/experimental.h"

/* With 131,072 tokens at the most; what a channel looks like changes little after the first thousands. 32 questions of one
 * language, 600 tokens, lose two to three times on other texts what 300 mixed ones do. */
enum {
    TEXTS_MOST = 512,
    FEW_TEXTS = 64,
    FEW_TOKENS = 8192,
    FEW_HELD_OUT = 32 /* the least and the 5th percentile of fewer say little */
};

typedef struct work {
    cli *c;
    const char *phase; /* that the bar shows */
    text_sample texts, queries, corpus;
    tri_qrels *qrels;
} work;

/* ---- progress -------------------------------------------------------------------------------------------------------- */

static const char *unit_of(const char *phase)
{
    if (strcmp(phase, "rank") == 0) return "texts";
    return strcmp(phase, "round") == 0 ? "bytes" : "tokens";
}

static int on_progress(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
    work *w = ctx;
    progress *bar = &w->c->bar;
    if (phase != w->phase || done < bar->items) {
        if (w->phase) progress_end(bar);
        progress_begin(bar, phase, unit_of(phase), total, w->c->shared.quiet);
        w->phase = phase;
    }
    return progress_whole(bar, done, total);
}

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

static tri_status load_task(work *w, const export_int8 *args, tri_error *err)
{
    if (!args->qrels) return TRI_OK;
    TRI_TRY(tri_qrels_load(args->qrels, &w->qrels, err));
    TRI_TRY(text_sample_all(&w->queries, w->c, args->queries, err));
    return text_sample_all(&w->corpus, w->c, args->corpus, err);
}

static tri_status load_texts(work *w, const export_int8 *args, const char *dir, tri_error *err)
{
    bool pairs = pair_sample_is(w->c, args->texts);
    TRI_TRY(pairs ? pair_sample_draw(&w->texts, w->c, args->texts, dir, TEXTS_MOST, err)
                  : text_sample_draw(&w->texts, w->c, args->texts, TEXTS_MOST, err));
    size_t n = w->texts.n;
    if (n < 2 || args->hold_out >= n)
        return err_set(err, TRI_ERR_ARGUMENT,
                       "could not calibrate on %s: %zu texts, with %zu held out; it takes one of each kind at the least",
                       args->texts, n, args->hold_out);
    cli_note(w->c, "%zu of the %" PRIu64 " %s of %s are used, drawn evenly with seed %d", n, w->texts.n_seen,
             pairs ? "pairs" : "texts", args->texts, (int)TEXT_SAMPLE_SEED);
    return load_task(w, args, err);
}

/* The library names a text by its place; the user knows lines. */
static tri_status name_line(const work *w, tri_status st, tri_error *err)
{
    size_t failed;
    const char *text;
    tri_error said;
    if (w->texts.n < 2 || !encode_stream_failed_input(err, w->texts.n, &failed, &text)) return st;
    err_set(&said, st, "%s line %" PRIu64 ": %s", w->texts.path, w->texts.lines[failed], text);
    memcpy(said.hint, err->hint, sizeof said.hint);
    *err = said;
    return st;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------ */

static tri_status as_json(const tri_calibration *f, const tri_export_result *r, buf *out)
{
    TRI_TRY(buf_str(out, "{\"file\": "));
    TRI_TRY(json_out_str(out, r ? r->path : NULL));
    if (r)
        TRI_TRY(buf_printf(out, ", \"precision\": \"int8\", \"matrices\": %zu, \"bytes\": %" PRIu64, r->n_matrices, r->bytes));
    return buf_printf(out, ", \"within\": %s, \"calibration\": %s}\n", f->within ? "true" : "false", f->json);
}

static tri_status as_text(const tri_calibration *f, const tri_export_result *r, buf *out)
{
    json_t *calibration;
    tri_status st = json_text_load(f->json, strlen(f->json), "calibration", &calibration, NULL);
    if (st) return st;
    st = buf_str(out, "calibrated ");
    if (!st) st = calibration_view_texts(calibration, out);
    if (!st) st = buf_str(out, "\n");
    if (!st) st = calibration_view_losses(calibration, out);
    if (!st && f->ndcg10_f32 > 0) st = buf_printf(out, "nDCG@10, dense: f32 %.4f, int8 %.4f\n", f->ndcg10_f32, f->ndcg10_int8);
    if (!st && r) st = buf_printf(out, "%s\n", r->path);
    json_decref(calibration);
    return st;
}

/* r NULL: no file was written. */
static tri_status show(work *w, const tri_calibration *f, const tri_export_result *r, tri_error *err)
{
    buf out;
    buf_init(&out, 0);
    progress_end(&w->c->bar);
    if (f->n_texts < FEW_TEXTS || f->n_tokens < FEW_TOKENS)
        cli_note(w->c,
                 "%zu texts, %" PRIu64 " tokens, are few to calibrate on: %d and %d at the least, of all kinds, are better",
                 f->n_texts, f->n_tokens, (int)FEW_TEXTS, (int)FEW_TOKENS);
    if (f->n_held_out < FEW_HELD_OUT)
        cli_note(w->c, "measured on %zu texts only: losses of fewer than %d say little", f->n_held_out, (int)FEW_HELD_OUT);
    tri_status st = w->c->shared.json ? as_json(f, r, &out) : as_text(f, r, &out);
    st = st ? err_set(err, st, "could not write the result") : cli_print(&out, err);
    buf_drop(&out);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

static tri_status calibrate(work *w, tri_engine *engine, const char *dir, const export_int8 *args, tri_error *err)
{
    tri_calibrate_options o;
    tri_calibration figures;
    tri_export_result made;
    tri_calibrate_options_init(&o);
    o.to = args->output;
    o.accept_loss = args->force;
    o.texts = w->texts.inputs;
    o.n_texts = w->texts.n;
    o.n_held_out = args->hold_out;
    o.qrels = w->qrels;
    o.queries = w->queries.inputs;
    o.query_ids = w->queries.ids;
    o.n_queries = w->queries.n;
    o.corpus = w->corpus.inputs;
    o.corpus_ids = w->corpus.ids;
    o.n_corpus = w->corpus.n;
    o.progress = on_progress;
    o.progress_ctx = w;
    tri_status st = tri_export_calibrated(engine, dir, &o, &figures, &made, err);
    bool measured = st == TRI_OK || (st == TRI_ERR_LIMIT && figures.json[0]);
    if (!measured) return name_line(w, st, err);
    tri_status shown = show(w, &figures, st ? NULL : &made, st ? NULL : err);
    return st ? st : shown;
}

tri_status export_int8_run(cli *c, tri_engine *engine, const char *dir, const export_int8 *args, tri_error *err)
{
    work w = {.c = c};
    tri_status st = load_texts(&w, args, dir, err);
    if (!st) st = calibrate(&w, engine, dir, args, err);
    text_sample_drop(&w.texts);
    text_sample_drop(&w.queries);
    text_sample_drop(&w.corpus);
    tri_qrels_free(w.qrels);
    return st;
}
