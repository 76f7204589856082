/* SPDX-License-Identifier: Apache-2.0 */
/* postln.h — the post-LayerNorm encoder that BERT and XLM-RoBERTa share: everything but names' prefixes and positions. */
#ifndef TRI_MODEL_POSTLN_H
#define TRI_MODEL_POSTLN_H

#include "model/arch.h"

/* prefixes: tried in order, NULL-terminated; the first with word embeddings wins */
tri_status postln_bind(packing *pk, const model_config *config, const weights *w, const char *const *prefixes, encoder **out,
                       tri_error *err);
void postln_drop(compute *c, encoder *e);
void postln_workspace(const encoder *e, size_t rows, size_t *result_bytes, size_t *rest_bytes);
tensor postln_encode(compute *c, const encoder *e, const batch *b, workspace *ws);

#endif
