/* SPDX-License-Identifier: Apache-2.0 */
/* api_engine.c — engines, models, sessions: argument checks in front of src/model. */
#include <stdio.h>
#include <string.h>

#include "api/engine.h"
#include "base/alloc.h"
#include "base/err.h"
#include "model/model.h"
#include "model/precision_word.h"
#include "model/session.h"
#include "trident.h"

const char *tri_version(void)
{
    return TRI_VERSION;
}

/* ---- engine --------------------------------------------------------------------------------------------------------- */

void tri_engine_options_init(tri_engine_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

tri_status engine_precision(const char *word, bool on_card, precision *out, tri_error *err)
{
    char here[64];
    *out = on_card ? PRECISION_F16 : PRECISION_F32;
    if (!word || strcmp(word, "auto") == 0) return TRI_OK;
    if (precision_from_word(word, out) && precision_is_here(*out, on_card)) return TRI_OK;
    precision_words_here(on_card, here, sizeof here);
    err_set(err, TRI_ERR_UNSUPPORTED, "could not use precision \"%s\"%s", word, on_card ? " on a card" : "");
    return err_hint(err, TRI_ERR_UNSUPPORTED, "this build computes in: auto (%s), %s", on_card ? "f16" : "f32", here);
}

static tri_status check_engine_options(const tri_engine_options *o, tri_error *err)
{
    if (o->weights_copy < TRI_WEIGHTS_SHARED || o->weights_copy > TRI_WEIGHTS_EACH_NODE)
        return err_set(err, TRI_ERR_ARGUMENT, "could not open an engine: weights_copy is %d, expected %d to %d",
                       o->weights_copy, TRI_WEIGHTS_SHARED, TRI_WEIGHTS_EACH_NODE);
    if (o->threads < 0) return err_set(err, TRI_ERR_ARGUMENT, "could not open an engine with %d threads", o->threads);
    return TRI_OK;
}

tri_status tri_engine_open(const tri_engine_options *options, tri_engine **out, tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "could not open an engine: no place for the handle");
    *out = NULL;
    tri_engine_options o;
    tri_engine_options_init(&o);
    options_take(&o, sizeof o, options);
    TRI_TRY(check_engine_options(&o, err));
    tri_engine *e = mem_calloc(1, sizeof *e);
    if (!e) return err_memory(err, sizeof *e);
    e->log = (log_hook){o.log, o.log_ctx};
    e->weights_copy = o.weights_copy;
    if (e->weights_copy == TRI_WEIGHTS_EACH_NODE) processors_nodes(&e->nodes);
    int threads = o.threads ? o.threads : pool_default_threads();
    tri_status st = pool_new(threads, &e->threads, err);
    if (!st) st = engine_device_open(e, &o, err);
    if (!st) st = engine_precision(o.precision, e->c->memory != NULL, &e->p, err);
    if (st) {
        tri_engine_close(e);
        return st;
    }
    if (!e->c->memory)
        snprintf(e->description, sizeof e->description, "cpu %s %s %d thread%s", e->c->ops->name, precision_word(e->p), threads,
                 threads == 1 ? "" : "s");
    else /* which card it is stands there already */
        snprintf(e->description + strlen(e->description), sizeof e->description - strlen(e->description), " %s%s",
                 precision_word(e->p), o.invariant ? " invariant" : "");
    *out = e;
    return TRI_OK;
}

void tri_engine_close(tri_engine *engine)
{
    if (!engine) return;
    compute_close(engine->c);
    pool_free(engine->threads);
    mem_free(engine);
}

const char *tri_engine_describe(const tri_engine *engine)
{
    return engine->description;
}

const char *tri_engine_why(const tri_engine *engine)
{
    return engine->why;
}

/* ---- model ---------------------------------------------------------------------------------------------------------- */

void tri_model_options_init(tri_model_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

tri_status tri_model_open(tri_engine *engine, const char *path, const tri_model_options *options, tri_model **out,
                          tri_error *err)
{
    if (!engine || !path || !out)
        return err_set(err, TRI_ERR_ARGUMENT, "could not open a model: engine, path or place for the handle is missing");
    *out = NULL;
    tri_model_options o;
    tri_model_options_init(&o);
    options_take(&o, sizeof o, options);
    if (o.want & ~(unsigned)TRI_ALL)
        return err_set(err, TRI_ERR_ARGUMENT, "could not open %s: want %u names no known output", path, o.want);
    if (o.tokenizer_rules != TRI_RULES_FILE && o.tokenizer_rules != TRI_RULES_HF5)
        return err_set(err, TRI_ERR_ARGUMENT, "could not open %s: tokenizer rules %d", path, o.tokenizer_rules);
    const model_how how = {.p = engine->p,
                           .private_copy = engine->weights_copy != TRI_WEIGHTS_SHARED,
                           .nodes = engine->weights_copy == TRI_WEIGHTS_EACH_NODE ? &engine->nodes : NULL};
    return model_open(engine->c, &how, engine->log, path, &o, out, err);
}

void tri_model_close(tri_model *m)
{
    if (!m) return;
    tri_tokenizer_close(m->handle);
    model_close(m);
}

void tri_model_info_get(const tri_model *m, tri_model_info *info)
{
    model_info(m, info);
}

const char *tri_model_file(const tri_model *m, size_t i)
{
    return i < m->n_files ? m->files[i] : NULL;
}

/* ---- session -------------------------------------------------------------------------------------------------------- */

void tri_session_options_init(tri_session_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

tri_status tri_session_new(tri_model *m, const tri_session_options *options, tri_session **out, tri_error *err)
{
    if (!m || !out) return err_set(err, TRI_ERR_ARGUMENT, "could not make a session: model or place for the handle is missing");
    tri_session_options o;
    tri_session_options_init(&o);
    options_take(&o, sizeof o, options);
    return session_new(m, &o, out, err);
}

void tri_session_free(tri_session *s)
{
    session_free(s);
}

tri_status tri_session_forecast(const tri_model *m, const tri_session_options *options, uint64_t *bytes, tri_error *err)
{
    tri_session_options o;
    tri_session_options_init(&o);
    options_take(&o, sizeof o, options);
    return session_forecast(m, &o, bytes, err);
}

tri_status tri_session_forecast_card(const tri_model *m, const tri_session_options *options, tri_card_forecast *out,
                                     tri_error *err)
{
    tri_card_forecast mine = {.struct_size = out->struct_size};
    tri_session_options o;
    tri_session_options_init(&o);
    options_take(&o, sizeof o, options);
    TRI_TRY(session_forecast_card(m, &o, &mine, err));
    memcpy(out, &mine, out->struct_size < sizeof mine ? out->struct_size : sizeof mine);
    return TRI_OK;
}
