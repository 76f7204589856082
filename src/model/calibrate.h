/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.h — from texts to an int8 packed file whose loss is known. See calibrate.c for the steps. */
#ifndef TRI_MODEL_CALIBRATE_H
#define TRI_MODEL_CALIBRATE_H

#include "base/log.h"
#include "model/export_packed.h"
#include "model/model.h"
#include "trident/experimental.h"

typedef int (*calibrate_progress_fn)(void *ctx, const char *phase, uint64_t done, uint64_t total);

typedef struct calibration_plan {
    const char *version, *to; /* as in packed_export */
    bool accept_loss;
    const tri_input *texts; /* [n_texts]; the last n_held_out of them are only measured on */
    size_t n_texts, n_held_out, max_tokens;
    /* nDCG@10 of an open model on some task; NULL = not measured. Called with the model in f32, then in int8. */
    tri_status (*rank)(void *ctx, model *m, double *ndcg, tri_error *err);
    void *rank_ctx;
    calibrate_progress_fn progress; /* may be NULL */
    void *progress_ctx;
} calibration_plan;

/* TRI_ERR_LIMIT: a loss misses its bar and nothing was written. *figures is filled as far as the work came. */
tri_status calibrate_run(compute *c, log_hook log, const char *path, const calibration_plan *plan, tri_calibration *figures,
                         packed_export_result *result, tri_error *err);

#endif
