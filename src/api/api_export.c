/* SPDX-License-Identifier: Apache-2.0 */
/* api_export.c — the public door to src/model/export_packed.c and calibrate.c: argument checks, options that grow, results
 * copied out; and the task whose ranking a calibration measures. */
#include <string.h>

#include "api/engine.h"
#include "api/rank_dense.h"
#include "base/err.h"
#include "model/calibrate.h"
#include "model/export_packed.h"
#include "trident.h"
#include "trident/experimental.h"

_Static_assert(sizeof(((tri_export_result *)0)->path) == LIMIT_PATH, "the public path holds what the inner one does");

void tri_export_options_init(tri_export_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

static void hand_out(const packed_export_result *made, tri_export_result *out)
{
    memcpy(out->path, made->path, sizeof out->path);
    out->bytes = made->bytes;
    out->n_matrices = made->n_matrices;
    out->was_there = made->was_there;
}

tri_status tri_export_packed(tri_engine *engine, const char *path, const tri_export_options *options, tri_export_result *out,
                             tri_error *err)
{
    if (!engine || !path || !out) return err_set(err, TRI_ERR_ARGUMENT, "could not export a model: an argument is missing");
    tri_export_options o;
    packed_export_result made;
    TRI_TRY(engine_host_only(engine, "exported", err));
    tri_export_options_init(&o);
    options_take(&o, sizeof o, options);
    packed_export e = {.p = engine->p,
                       .version = TRI_VERSION,
                       .to = o.to,
                       .force = o.force != 0,
                       .progress = o.progress,
                       .progress_ctx = o.progress_ctx};
    if (o.precision) TRI_TRY(engine_precision(o.precision, false, &e.p, err));
    TRI_TRY(export_packed(engine->c, engine->log, path, &e, &made, err));
    hand_out(&made, out);
    return TRI_OK;
}

/* ---- int8 ------------------------------------------------------------------------------------------------------------ */

void tri_calibrate_options_init(tri_calibrate_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

static int on_rank_progress(void *ctx, uint64_t done, uint64_t total)
{
    const tri_calibrate_options *o = ctx;
    return o->progress ? o->progress(o->progress_ctx, "rank", done, total) : 0;
}

static tri_status rank(void *ctx, model *m, double *ndcg, tri_error *err)
{
    return rank_dense_ndcg(ctx, m, ndcg, err);
}

static tri_status check_calibrate(const tri_calibrate_options *o, tri_error *err)
{
    if (o->n_texts && !o->texts)
        return err_set(err, TRI_ERR_ARGUMENT, "could not calibrate: %zu texts are missing", o->n_texts);
    if (o->qrels && (!o->queries || !o->query_ids || !o->n_queries || !o->corpus || !o->corpus_ids || !o->n_corpus))
        return err_set(err, TRI_ERR_ARGUMENT, "could not calibrate: judgments came without queries, corpus or their ids");
    if (o->n_corpus > UINT32_MAX)
        return err_set(err, TRI_ERR_LIMIT, "could not rank a corpus of %zu texts: %u at the most", o->n_corpus, UINT32_MAX);
    return TRI_OK;
}

tri_status tri_export_calibrated(tri_engine *engine, const char *path, const tri_calibrate_options *options,
                                 tri_calibration *figures, tri_export_result *out, tri_error *err)
{
    if (!engine || !path || !options || !figures || !out)
        return err_set(err, TRI_ERR_ARGUMENT, "could not calibrate a model: an argument is missing");
    tri_calibrate_options o;
    packed_export_result made;
    TRI_TRY(engine_host_only(engine, "calibrated", err));
    tri_calibrate_options_init(&o);
    options_take(&o, sizeof o, options);
    TRI_TRY(check_calibrate(&o, err));
    rank_task task = {.qrels = o.qrels,
                      .queries = o.queries,
                      .corpus = o.corpus,
                      .query_ids = o.query_ids,
                      .corpus_ids = o.corpus_ids,
                      .n_queries = o.n_queries,
                      .n_corpus = o.n_corpus,
                      .progress = on_rank_progress,
                      .progress_ctx = &o};
    calibration_plan plan = {.version = TRI_VERSION,
                             .to = o.to,
                             .accept_loss = o.accept_loss != 0,
                             .texts = o.texts,
                             .n_texts = o.n_texts,
                             .n_held_out = o.n_held_out    ? o.n_held_out
                                           : o.n_texts < 4 ? 1
                                                           : o.n_texts / 4,
                             .max_tokens = o.max_tokens,
                             .rank = o.qrels ? rank : NULL,
                             .rank_ctx = &task,
                             .progress = o.progress,
                             .progress_ctx = o.progress_ctx};
    TRI_TRY(calibrate_run(engine->c, engine->log, path, &plan, figures, &made, err));
    hand_out(&made, out);
    return TRI_OK;
}
