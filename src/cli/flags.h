/* SPDX-License-Identifier: Apache-2.0 */
/* flags.h — a command's flags as a table: the parser, the help text and the documentation test all read the same rows.
 *
 *   struct fuse_args { int method; double rrf_k; bool plain; };
 *   static const flag fuse_flags[] = {
 *       {"method", 0, FLAG_CHOICE, "weighted|rrf", "rrf", "how lists become one", offsetof(struct fuse_args, method)},
 *       {"rrf-k", 'k', FLAG_NUMBER, "X", "60", "the constant of reciprocal rank fusion", offsetof(struct fuse_args, rrf_k)},
 *       {"plain", 0, FLAG_SWITCH, NULL, NULL, "without scores", offsetof(struct fuse_args, plain)},
 *       FLAG_END};
 * `--rrf-k 60`, `--rrf-k=60`, `-k 60` and `-k60` are the same. A value may begin with a dash (`-1`, `-`). `--` ends the flags;
 * `-` alone and negative numbers are arguments. Given twice, the last one counts. */
#ifndef TRI_CLI_FLAGS_H
#define TRI_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "trident/status.h"

typedef enum flag_kind {
    FLAG_SWITCH, /* bool */
    FLAG_TEXT,   /* const char *: NULL when not given and without a default */
    FLAG_WORD,   /* const char *: text that must be one of the words of `value` */
    FLAG_COUNT,  /* size_t */
    FLAG_NUMBER, /* double: NaN when not given and without a default */
    FLAG_BYTES,  /* uint64_t: "512m", "1.5g", powers of 1024 */
    FLAG_CHOICE  /* int: place in the list of `value`; -1 when not given and without a default */
} flag_kind;

typedef struct flag {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* one-letter form, 0 = none */
    flag_kind kind;
    const char *value;    /* its name in help, "FILE"; for words and choices the list, "truncate|error"; NULL for a switch */
    const char *fallback; /* the default, written as a user would; NULL = none */
    const char *help;     /* a phrase, no full stop */
    size_t offset;        /* of its field in the struct that the table fills */
} flag;

#define FLAG_END                                                                                                               \
    {                                                                                                                          \
        NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0                                                                              \
    }

/* A table and the struct that it fills. */
typedef struct flag_set {
    const flag *flags;
    void *fields;
    const char *title; /* heading in help */
} flag_set;

/* Writes every default into its field. */
tri_status flags_default(const flag_set *sets, size_t n_sets, tri_error *err);
/* Reads argv[0..argc); arguments that are no flags are collected in args (room for argc), in order. Text fields borrow argv. */
tri_status flags_parse(const flag_set *sets, size_t n_sets, char *const *argv, size_t argc, const char **args, size_t *n_args,
                       tri_error *err);
/* The tables as help text. */
tri_status flags_describe(const flag_set *sets, size_t n_sets, buf *out);

#endif
