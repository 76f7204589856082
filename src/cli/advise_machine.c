/* SPDX-License-Identifier: Apache-2.0 */
/* advise_machine.c — how fast is this machine, now? Where the model is here it is run: random token ids, one untimed pass, then
 * passes for two seconds, the median counts. A machine that others use gives what is left of it, which is what a job would
 * get. */
#include "cli/advise_machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/rng.h"
#include "cli/text_sample.h"
#include "hub/model_dir.h"
#include "trident/experimental.h"
#include "trident/rerank.h"

enum { TEXTS = 8, RUNS_MOST = 200, RUNS_LEAST = 3, LENGTH_MOST = 512, SAMPLE = 20000 };
static const double seconds_enough = 2;

typedef struct trial_run {
    const setup_model *m;
    tri_input inputs[TEXTS];
    tri_pair pairs[TEXTS];
    uint32_t ids[TEXTS * LENGTH_MOST];
    size_t length;
} trial_run;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void draw_texts(trial_run *r, double length)
{
    rng draw;
    size_t most = r->m->info.max_tokens < LENGTH_MOST ? r->m->info.max_tokens : LENGTH_MOST;
    r->length = length < 8 ? 8 : length > (double)most ? most : (size_t)length;
    rng_seed(&draw, 1);
    for (size_t i = 0; i < TEXTS; i++) {
        uint32_t *ids = r->ids + i * r->length;
        for (size_t k = 0; k < r->length; k++) ids[k] = (uint32_t)rng_below(&draw, r->m->info.vocab);
        r->inputs[i] = (tri_input){.ids = ids, .n_ids = r->length};
        r->pairs[i] = (tri_pair){.ids = ids, .n_ids = r->length};
    }
}

static tri_status run_once(trial_run *r, tri_error *err)
{
    if (r->m->info.reranks) {
        tri_pair_score scores[TEXTS];
        return tri_rerank(r->m->session, NULL, r->pairs, TEXTS, scores, err);
    }
    tri_embed_options options;
    tri_embeddings *e;
    tri_embed_options_init(&options);
    TRI_TRY(tri_embed(r->m->session, &options, r->inputs, TEXTS, &e, err));
    tri_embeddings_free(e);
    return TRI_OK;
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static tri_status time_model(trial_run *r, double *seconds, tri_error *err)
{
    double times[RUNS_MOST], end = 0;
    size_t n = 0;
    TRI_TRY(run_once(r, err));
    for (end = now() + seconds_enough; n < RUNS_MOST && (n < RUNS_LEAST || now() < end); n++) {
        double began = now();
        TRI_TRY(run_once(r, err));
        TRI_TRY(cli_check_stop(err));
        times[n] = now() - began;
    }
    qsort(times, n, sizeof *times, compare_times);
    *seconds = times[n / 2];
    return TRI_OK;
}

static model_shape shape_of(const tri_model_info *info, const char *name)
{
    return (model_shape){.name = name,
                         .layers = info->layers,
                         .width = info->hidden,
                         .ffn = info->ffn,
                         .vocab = info->vocab,
                         .max_tokens = info->max_tokens,
                         .gated = info->gated,
                         .reranks = info->reranks,
                         .parameters = (double)info->n_parameters};
}

static tri_status measure_model(const setup_model *m, double length, advise_model *out, tri_error *err)
{
    double seconds;
    trial_run *r = mem_calloc(1, sizeof *r);
    if (!r) return err_memory(err, sizeof *r);
    r->m = m;
    draw_texts(r, length);
    tri_status st = time_model(r, &seconds, err);
    if (!st) {
        const advice_work work = {out->shape, TEXTS, (double)r->length, (double)(r->length * r->length), r->length};
        out->ops_per_s = advice_ops(&work) / seconds;
        out->is_measured = true;
    }
    mem_free(r);
    return st;
}

static void tell_engine(const tri_engine *engine, advise_model *out)
{
    tri_engine_info info = {.struct_size = sizeof info};
    tri_engine_info_get(engine, &info);
    snprintf(out->precision, sizeof out->precision, "%s", info.precision);
    snprintf(out->isa, sizeof out->isa, "%s", info.isa);
    out->threads = info.threads;
}

static tri_status open_and_measure(cli *c, double length, bool reranks, bool measure, advise_model *out, tri_error *err)
{
    setup_model m;
    uint64_t workspace = 0;
    tri_session_options o;
    TRI_TRY(setup_open(&c->shared, out->name, 0, &m, err));
    out->own = shape_of(&m.info, out->name);
    out->shape = &out->own;
    tell_engine(m.engine, out);
    tri_session_options_init(&o);
    tri_status st = tri_session_forecast(m.model, &o, &workspace, err);
    out->memory = (double)(workspace + m.info.weights_bytes + m.info.packed_bytes);
    if (!st && out->own.reranks != reranks)
        st = err_set(err, TRI_ERR_UNSUPPORTED, "%s %s", out->name,
                     reranks ? "gives vectors: it cannot score pairs" : "scores pairs: it gives no vectors");
    if (!st && measure) st = measure_model(&m, length, out, err);
    setup_close(&m);
    return st;
}

static tri_status known_shape(cli *c, bool reranks, bool measure, advise_model *out, tri_error *err)
{
    out->shape = shapes_find(out->name);
    if (!out->shape || out->shape->reranks != reranks) {
        char names[512] = "";
        for (size_t i = 0, at = 0; shapes_at(i); i++)
            if (shapes_at(i)->reranks == reranks && at < sizeof names - 64)
                at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", shapes_at(i)->name);
        err_set(err, TRI_ERR_NOT_FOUND, "%s is neither here nor among the known %s", out->name,
                reranks ? "rerankers" : "encoders");
        return err_hint(err, TRI_ERR_NOT_FOUND, "give a model folder, or one of %s", names);
    }
    if (!measure) return TRI_OK;
    tri_engine *engine;
    TRI_TRY(setup_open_engine(&c->shared, &engine, err));
    tell_engine(engine, out);
    tri_status st = tri_measure_peak(engine, NULL, out->threads, &out->ops_per_s, err);
    if (st == TRI_ERR_UNSUPPORTED) st = TRI_OK; /* no loops for this instruction set: the line is left out */
    out->ops_per_s *= ADVISE_STORED_SHARE;
    tri_engine_close(engine);
    return st;
}

tri_status advise_machine_model(cli *c, const char *name, bool reranks, double length, bool measure, advise_model *out,
                                tri_error *err)
{
    char path[LIMIT_PATH];
    *out = (advise_model){.name = name};
    out->is_here = model_dir_find(name, path, sizeof path, NULL) == TRI_OK;
    return out->is_here ? open_and_measure(c, length, reranks, measure, out, err) : known_shape(c, reranks, measure, out, err);
}

static tri_status add_lengths(tri_tokenizer *tokenizer, const text_sample *sample, size_t max_length, advice_work *out,
                              tri_error *err)
{
    tri_tokenize_options o;
    tri_tokenize_options_init(&o);
    o.max_length = max_length;
    double sum = 0, squares = 0;
    out->longest = 1;
    for (size_t i = 0; i < sample->n; i++) {
        tri_tokens tokens;
        TRI_TRY(cli_check_stop(err));
        TRI_TRY(tri_tokenize(tokenizer, &o, sample->inputs[i].text, NULL, &tokens, err));
        sum += (double)tokens.count;
        squares += (double)tokens.count * (double)tokens.count;
        if (tokens.count > out->longest) out->longest = tokens.count;
    }
    out->length = sum / (double)sample->n;
    out->squares = squares / (double)sample->n;
    return TRI_OK;
}

tri_status advise_machine_lengths(cli *c, const char *path, const char *model, size_t max_length, advice_work *out,
                                  tri_error *err)
{
    text_sample sample;
    tri_tokenizer *tokenizer;
    tri_status st = setup_open_tokenizer(&c->shared, model, &tokenizer, err);
    if (st == TRI_ERR_NOT_FOUND)
        return err_hint(err, st, "give --tokenizer FILE, a pulled model of the same tokenizer, or --tokens MEAN");
    TRI_TRY(st);
    st = text_sample_draw(&sample, c, path, SAMPLE, err);
    if (!st && !sample.n) st = err_set(err, TRI_ERR_FORMAT, "could not measure lengths: %s holds no texts", path);
    if (!st) st = add_lengths(tokenizer, &sample, max_length, out, err);
    if (!st) out->texts = (double)sample.n_seen;
    text_sample_drop(&sample);
    tri_tokenizer_close(tokenizer);
    return st;
}

double advise_machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (double)pages * (double)size : 0;
}
