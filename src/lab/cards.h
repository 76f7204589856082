/* SPDX-License-Identifier: Apache-2.0 */
/* cards.h — what a card could do at most, from its maker's data sheet, and the shapes of models that are asked about by name.
 * */
#ifndef TRI_LAB_CARDS_H
#define TRI_LAB_CARDS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct card {
    const char *name;  /* as --price takes it */
    const char *title; /* as people say it */
    double memory_gib;
    const char *precision; /* of 16 bits, that its matrix units take: "fp16" where there is no bf16 */
    double tflops;         /* dense, that precision, sums in f32 */
    double bandwidth_gbs;
} card;
const card *cards_at(size_t i); /* NULL past the last; smallest first */
const card *cards_find(const char *name, size_t len);

typedef struct model_shape {
    const char *name;
    size_t layers, width, ffn, vocab, max_tokens;
    bool gated; /* three matrices in the feed-forward instead of two */
    bool reranks;
    double parameters;
} model_shape;
/* By name, with or without the organisation before it; NULL = not known. */
const model_shape *shapes_find(const char *name);
const model_shape *shapes_at(size_t i);

#endif
