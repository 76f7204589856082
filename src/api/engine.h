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
    char description[96];
};

struct tri_tokenizer {
    tokenizer *t;
    tokenizer_scratch *scratch;
    int owned; /* 1: opened by itself, 0: a model's */
};

/* A word of tri_engine_options.precision; NULL and "auto" are f32. One that this build does not compute in is
 * TRI_ERR_UNSUPPORTED and names those that it does. */
tri_status engine_precision(const char *word, precision *out, tri_error *err);

/* A copy of the caller's options that is as large as ours: fields past his struct_size are the defaults already in `mine`. */
void options_take(void *mine, size_t my_size, const void *theirs);

#endif
