/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.c — int8 weights that may be used, because what they lose was measured.
 *
 *   1 the model in f32: texts pass, the inputs of every Linear are watched          calibrate_texts.c, calibrate_inputs.c
 *   2                   from them and the weights follows a smoothing               calibrate_smooth.c
 *   3                   other texts are encoded: the truth                          calibrate_texts.c
 *   4 matrix by matrix: rounded, packed, written to a file of a passing name        export_packed.c
 *   5 the model in int8, from that file, by the kernels that will run it: the same texts again, compared     calibrate_loss.c
 *   6 within the bars, or accepted: the matrices go under their name, with the figures in the recipe
 *
 * The file of step 4 loses its name as soon as step 5 has it mapped, so whatever ends the work later leaves nothing behind; a
 * process that is killed in step 4 leaves that file. A file that lay there before is replaced in step 6 or not at all.
 * Memory: the f32 model and the facts of step 1, and in step 4 one matrix. */
#include "model/calibrate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "model/calibrate_loss.h"
#include "model/calibrate_smooth.h"
#include "model/calibrate_texts.h"

typedef struct run {
    compute *c;
    log_hook log;
    const char *path;
    const calibration_plan *plan;
    tri_calibration *figures;
    input_table inputs;
    calibrated_output truth;
    double ndcg;       /* in f32 */
    uint64_t identity; /* of the texts */
    char trial[LIMIT_PATH];
} run;

typedef struct phase {
    const calibration_plan *plan;
    const char *name;
} phase;

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
    const phase *p = ctx;
    return p->plan->progress ? p->plan->progress(p->plan->progress_ctx, p->name, done, total) : 0;
}

/* ---- in f32 ---------------------------------------------------------------------------------------------------------- */

static tri_status watch_and_encode(run *r, session *s, tri_error *err)
{
    TRI_TRY(calibrate_texts_count(s, r->plan, r->figures, &r->identity, err));
    TRI_TRY(input_table_init(&r->inputs, &s->m->pk, err));
    TRI_TRY(calibrate_texts_watch(s, r->plan, r->figures, &r->inputs, err));
    TRI_TRY(calibrate_smooth(&s->m->pk, &r->inputs, err));
    return calibrate_texts_encode(s, r->plan, r->figures, &r->truth, err);
}

static tri_status work_in_f32(run *r, tri_error *err)
{
    model *m;
    session *s;
    tri_model_options o = {.struct_size = sizeof o};
    model_how how = {.p = PRECISION_F32};
    TRI_TRY(model_open(r->c, &how, r->log, r->path, &o, &m, err));
    tri_status st = m->config.task == TASK_RERANK && r->plan->rank
                        ? err_set(err, TRI_ERR_UNSUPPORTED, "could not rank by dense vectors: %s is a cross-encoder", r->path)
                        : calibrate_texts_session(m, r->plan, &s, err);
    if (!st) {
        st = watch_and_encode(r, s, err);
        session_free(s);
    }
    if (!st && r->plan->rank) st = r->plan->rank(r->plan->rank_ctx, m, &r->ndcg, err);
    model_close(m);
    return st;
}

/* ---- rounding -------------------------------------------------------------------------------------------------------- */

static tri_status write_trial(run *r, tri_error *err)
{
    phase p = {r->plan, "round"};
    packed_export_result made;
    packed_export e = {.p = PRECISION_INT8,
                       .version = r->plan->version,
                       .to = r->trial,
                       .force = true,
                       .smoothing = calibrate_smooth_of,
                       .smoothing_ctx = &r->inputs,
                       .progress = on_progress,
                       .progress_ctx = &p};
    return export_packed(r->c, r->log, r->path, &e, &made, err);
}

/* ---- the losses ------------------------------------------------------------------------------------------------------ */

static tri_status add_number(buf *b, const char *before, double value)
{
    char text[32];
    number_format_f64(text, sizeof text, round(value * 1e6) / 1e6); /* more digits mean nothing */
    return buf_printf(b, "%s%s", before, text);
}

static tri_status describe_losses(const tri_calibration *f, buf *b)
{
    for (size_t i = 0; i < f->n_losses; i++) {
        const tri_loss *l = &f->losses[i];
        TRI_TRY(buf_printf(b, "%s{\"name\": \"%s\"", i ? ", " : "", l->name));
        TRI_TRY(add_number(b, ", \"value\": ", l->value));
        TRI_TRY(add_number(b, l->at_most ? ", \"at_most\": " : ", \"at_least\": ", l->bar));
        TRI_TRY(buf_str(b, "}"));
    }
    return TRI_OK;
}

static tri_status describe(const run *r, buf *b)
{
    const tri_calibration *f = r->figures;
    TRI_TRY(buf_printf(b,
                       "{\"method\": \"smoothed by root mean squares, outlying channels kept in f32, rounded to nearest\", "
                       "\"texts\": %zu, \"tokens\": %llu, ",
                       f->n_texts, (unsigned long long)f->n_tokens));
    TRI_TRY(buf_printf(b, "\"held_out_texts\": %zu, \"held_out_tokens\": %llu, \"texts_hash\": \"%016llx\", \"losses\": [",
                       f->n_held_out, (unsigned long long)f->n_held_out_tokens, (unsigned long long)r->identity));
    TRI_TRY(describe_losses(f, b));
    TRI_TRY(buf_str(b, "]"));
    if (r->plan->rank) {
        TRI_TRY(add_number(b, ", \"ndcg10_f32\": ", f->ndcg10_f32));
        TRI_TRY(add_number(b, ", \"ndcg10_int8\": ", f->ndcg10_int8));
    }
    return buf_printf(b, ", \"accepted\": \"%s\"}", f->within ? "measured" : r->plan->accept_loss ? "forced" : "no");
}

static tri_status write_down(run *r, buf *missed, tri_error *err)
{
    buf json;
    r->figures->within = calibrate_loss_judge(r->figures, missed);
    buf_init(&json, sizeof r->figures->json - 1);
    tri_status st = describe(r, &json);
    if (!st) memcpy(r->figures->json, json.data, json.len), r->figures->json[json.len] = 0;
    buf_drop(&json);
    return st ? err_memory(err, sizeof r->figures->json) : TRI_OK;
}

static tri_status measure(run *r, model *m, tri_error *err)
{
    session *s;
    calibrated_output rounded;
    double ndcg;
    TRI_TRY(calibrate_texts_session(m, r->plan, &s, err));
    tri_status st = calibrate_texts_encode(s, r->plan, r->figures, &rounded, err);
    session_free(s);
    if (st) return st;
    if (rounded.vectors)
        st = calibrate_loss_vectors(r->truth.vectors, rounded.vectors, r->figures, err);
    else
        calibrate_loss_scores(r->truth.scores, rounded.scores, rounded.n, r->figures);
    calibrated_output_drop(&rounded);
    if (st || !r->plan->rank) return st;
    TRI_TRY(r->plan->rank(r->plan->rank_ctx, m, &ndcg, err));
    calibrate_loss_ranking(r->ndcg, ndcg, r->figures);
    return TRI_OK;
}

static tri_status refuse(const buf *missed, tri_error *err)
{
    err_set(err, TRI_ERR_LIMIT, "could not accept int8 for this model: %.*s", (int)missed->len, (const char *)missed->data);
    return err_hint(err, TRI_ERR_LIMIT,
                    "calibrate on more texts of the kind that will be encoded, or use bf16; --force accepts the loss");
}

static tri_status judge_and_write(run *r, model *m, packed_export_result *result, tri_error *err)
{
    buf missed;
    TRI_TRY(measure(r, m, err));
    buf_init(&missed, 0);
    tri_status st = write_down(r, &missed, err);
    if (!st && !r->figures->within && !r->plan->accept_loss) st = refuse(&missed, err);
    buf_drop(&missed);
    if (st) return st;
    packed_export e = {.p = PRECISION_INT8, .version = r->plan->version, .to = r->plan->to, .calibration = r->figures->json};
    return export_packed_relabel(&m->packed, r->path, &e, result, err);
}

/* The trial's name goes as soon as it is mapped. */
static tri_status work_in_int8(run *r, packed_export_result *result, tri_error *err)
{
    model *m;
    tri_model_options o = {.struct_size = sizeof o, .packed = r->trial};
    model_how how = {.p = PRECISION_INT8};
    tri_status st = model_open(r->c, &how, r->log, r->path, &o, &m, err);
    file_remove(r->trial, NULL);
    if (st) return st;
    st = judge_and_write(r, m, result, err);
    model_close(m);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

/* That the file cannot be written is better known before the work than after it. */
static tri_status find_place(run *r, tri_error *err)
{
    char path[LIMIT_PATH];
    out_file *f;
    TRI_TRY(export_packed_path(PRECISION_INT8, r->plan->to, r->path, path, err));
    int n = snprintf(r->trial, sizeof r->trial, "%s.trial.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof r->trial)
        return err_set(err, TRI_ERR_LIMIT, "could not write %s: its path is too long", path);
    TRI_TRY(out_file_open(r->trial, &f, err));
    out_file_discard(f);
    return TRI_OK;
}

static tri_status check_plan(const calibration_plan *plan, tri_error *err)
{
    if (plan->n_texts >= 2 && plan->n_held_out >= 1 && plan->n_held_out < plan->n_texts) return TRI_OK;
    return err_set(err, TRI_ERR_ARGUMENT,
                   "could not calibrate on %zu texts, %zu of them held out: it takes one of each kind at the least",
                   plan->n_texts, plan->n_held_out);
}

tri_status calibrate_run(compute *c, log_hook log, const char *path, const calibration_plan *plan, tri_calibration *figures,
                         packed_export_result *result, tri_error *err)
{
    run r = {.c = c, .log = log, .path = path, .plan = plan, .figures = figures};
    memset(figures, 0, sizeof *figures);
    TRI_TRY(check_plan(plan, err));
    TRI_TRY(find_place(&r, err));
    tri_status st = work_in_f32(&r, err);
    if (!st) st = write_trial(&r, err);
    if (!st) st = work_in_int8(&r, result, err);
    input_table_drop(&r.inputs);
    calibrated_output_drop(&r.truth);
    return st;
}
