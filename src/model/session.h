/* SPDX-License-Identifier: Apache-2.0 */
/* session.h — the workspace of one caller: sized once from its limits, then reused; one thread at a time. */
#ifndef TRI_MODEL_SESSION_H
#define TRI_MODEL_SESSION_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/model.h"

typedef struct tri_session session;
struct tri_session {
    model *m;
    size_t max_length; /* texts are cut here, specials included */
    size_t max_rows;   /* rows that fit; no input may be longer */
    size_t pass_rows;  /* rows of one forward pass, unless one text alone is longer */
    workspace ws;
    size_t peak_rows;     /* of the passes since the last rest */
    batch b;              /* its arrays are the session's, sized for max_rows */
    int32_t *multi_rows;  /* [max_rows] rows of the encoder's result that the multi head projects */
    float *token_weights; /* [max_rows] */
    float *vocab_weights; /* [V] of a SPLADE model, else NULL */
    uint64_t *order;      /* [max_rows] */
    float *taken;         /* rows of a head's result on their way to the caller's */
    size_t taken_floats;
    arena scratch; /* per call */
    size_t n_workers;
    struct session_worker {
        tokenizer_scratch *tok;
        arena tokens; /* ids of the texts this worker tokenised, per call */
        buf text;     /* prompt + text */
    } * workers;
};

tri_status session_new(model *m, const tri_session_options *options, session **out, tri_error *err);
void session_free(session *s);
/* At the end of a call: what a peak took beyond an ordinary pass goes back to the system. */
void session_rest(session *s);
tri_status session_forecast(const model *m, const tri_session_options *options, uint64_t *bytes, tri_error *err);
tri_status session_forecast_card(const model *m, const tri_session_options *options, tri_card_forecast *out, tri_error *err);

#endif
