/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_texts.h — texts through a model in f32: some are watched, the others' vectors kept to compare with. */
#ifndef TRI_MODEL_CALIBRATE_TEXTS_H
#define TRI_MODEL_CALIBRATE_TEXTS_H

#include "model/calibrate.h"
#include "model/calibrate_inputs.h"
#include "model/session.h"
#include "trident/rerank.h"

/* A session whose limits fit the texts: longer ones are cut, longer rows of ids are refused. */
tri_status calibrate_texts_session(model *m, const calibration_plan *plan, session **out, tri_error *err);
/* How many texts are used within plan->max_tokens, noted in figures with their tokens; *identity is a hash of their ids. */
tri_status calibrate_texts_count(session *s, const calibration_plan *plan, tri_calibration *figures, uint64_t *identity,
                                 tri_error *err);
/* The first figures->n_texts texts, every Linear's input watched. */
tri_status calibrate_texts_watch(session *s, const calibration_plan *plan, const tri_calibration *figures, input_table *inputs,
                                 tri_error *err);
/* What a model gives for the texts that are held out: vectors, or of a reranker, whose texts are pairs as token ids, scores. */
typedef struct calibrated_output {
    tri_embeddings *vectors;
    tri_pair_score *scores; /* [n] */
    size_t n;
} calibrated_output;
tri_status calibrate_texts_encode(session *s, const calibration_plan *plan, const tri_calibration *figures,
                                  calibrated_output *out, tri_error *err);
void calibrated_output_drop(calibrated_output *o);

#endif
