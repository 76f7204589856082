/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h — what is behind the public handles. */
#ifndef TRI_API_ENGINE_H
#define TRI_API_ENGINE_H

#include <stdbool.h>

#include "base/log.h"
#include "base/pool.h"
#include "compute/compute.h"
#include "tokenizer/tokenizer.h"
#include "trident/engine.h"

struct tri_engine {
    pool *threads;
    compute *c;
    precision p;
    int weights_copy;      /* TRI_WEIGHTS_ */
    processor_nodes nodes; /* where it is TRI_WEIGHTS_EACH_NODE */
    log_hook log;
    char description[192];
    char why[512]; /* "auto" took no card */
};

struct tri_tokenizer {
    tokenizer *t;
    tokenizer_scratch *scratch;
    int owned; /* 1: opened by itself, 0: a model's */
};

/* A word of tri_engine_options.precision; NULL and "auto" are f32, f16 on a card. One that the device does not compute in is
 * TRI_ERR_UNSUPPORTED and names those that it does. */
tri_status engine_precision(const char *word, bool on_card, precision *out, tri_error *err);

/* Opens the device that the options name (engine_device.c): fills e->c, e->why. e->threads is there. */
tri_status engine_device_open(tri_engine *e, const tri_engine_options *o, tri_error *err);
/* TRI_ERR_UNSUPPORTED for a card: what only the processor does, `what` to be "exported". */
tri_status engine_host_only(const tri_engine *e, const char *what, tri_error *err);

/* A copy of the caller's options that is as large as ours: fields past his struct_size are the defaults already in `mine`. */
void options_take(void *mine, size_t my_size, const void *theirs);

#endif
