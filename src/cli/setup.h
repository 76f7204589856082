/* SPDX-License-Identifier: Apache-2.0 */
/* setup.h — the shared options, and the engine, model and session that they ask for. */
#ifndef TRI_CLI_SETUP_H
#define TRI_CLI_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "cli/flags.h"
#include "trident/embed.h"
#include "trident/engine.h"

/* Groups of shared flags; a command names those that mean something to it. */
enum {
    SETUP_JSON = 1,    /* --json */
    SETUP_MACHINE = 2, /* --device --threads --precision --isa --memory-limit */
    SETUP_LENGTH = 4,  /* --max-length --on-long --batch-tokens */
    SETUP_LINES = 8,   /* --format --skip-bad */
    SETUP_RULES = 16,  /* --tokenizer-rules */
    SETUP_MODEL = SETUP_MACHINE | SETUP_LENGTH | SETUP_RULES
};

enum { SETUP_FORMAT_BY_NAME = -1, SETUP_FORMAT_JSONL = 0, SETUP_FORMAT_TEXT = 1 };

typedef struct setup_args {
    bool help, quiet, json, skip_bad, private_weights, node_weights, invariant;
    const char *device, *precision, *isa;
    size_t threads;
    uint64_t memory_limit;
    size_t max_length, batch_tokens;
    int on_long; /* TRI_LONG_* */
    int rules;   /* TRI_RULES_*; -1 = not given */
    int format;  /* SETUP_FORMAT_* */
} setup_args;

/* The flag sets of these groups, for flags_parse and help. At most SETUP_MAX_SETS. */
enum { SETUP_MAX_SETS = 6 };
size_t setup_flag_sets(unsigned groups, setup_args *args, flag_set *sets);

/* engine > model > session, opened together and closed together. */
typedef struct setup_model {
    tri_engine *engine;
    tri_model *model;
    tri_session *session;
    tri_model_info info;
    char path[LIMIT_PATH]; /* the folder that the name stood for */
} setup_model;

/* `name`: a folder or the name of a pulled model. want 0 = every head that the model should have. */
tri_status setup_open(const setup_args *args, const char *name, unsigned want, setup_model *out, tri_error *err);
/* The same without a session: for looking at a model. */
tri_status setup_open_model(const setup_args *args, const char *name, unsigned want, setup_model *out, tri_error *err);
/* The machine alone. */
tri_status setup_open_engine(const setup_args *args, tri_engine **out, tri_error *err);
void setup_close(setup_model *m); /* a zeroed one is fine */
/* Only the tokenizer; `name` may also be a tokenizer file. */
tri_status setup_open_tokenizer(const setup_args *args, const char *name, tri_tokenizer **out, tri_error *err);

/* "dense,sparse" into a want mask; TRI_ERR_ARGUMENT names the word that is none. NULL gives 0: everything. */
tri_status setup_parse_want(const char *words, unsigned *want, tri_error *err);
/* "mkqa", "mldr" or "a,b,c" (dense, sparse, multi) */
tri_status setup_parse_weights(const char *words, double weights[3], tri_error *err);
/* The mask as words: "dense,multi" */
const char *setup_want_words(unsigned want);

#endif
