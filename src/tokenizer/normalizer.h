/* SPDX-License-Identifier: Apache-2.0 */
/* normalizer.h — what is changed in a text before it is cut: a chain of steps, nested Sequences laid flat. */
#ifndef TRI_TOKENIZER_NORMALIZER_H
#define TRI_TOKENIZER_NORMALIZER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/unicode_norm.h"

/* Buffers of one thread. A step reads one and writes the other. */
typedef struct normalizer_work {
    buf text[2], spare[2]; /* the second pair is for inside one step */
    unicode_norm_work forms;
} normalizer_work;
void normalizer_work_init(normalizer_work *w);
void normalizer_work_drop(normalizer_work *w);

typedef struct normalizer_step normalizer_step;
typedef struct normalizer_kind {
    const char *type;                                                                 /* as tokenizer.json has it */
    tri_status (*parse)(normalizer_step *step, const json_t *object, tri_error *err); /* NULL = no settings */
    /* Appends the changed text. *first is true on entry when text[0] comes from the first character of the input; the step
     * clears it when its output no longer begins with that character. */
    tri_status (*run)(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out, bool *first,
                      tri_error *err);
} normalizer_kind;

typedef struct normalizer_bert {
    bool clean_text, handle_chinese_chars, strip_accents, lowercase;
} normalizer_bert;

struct normalizer_step {
    const normalizer_kind *kind;
    charsmap *map;           /* Precompiled */
    char *pattern, *content; /* Replace, Prepend (content) */
    size_t pattern_len, content_len;
    size_t min_spaces; /* Replace by the pattern " {n,}"; 0 = by `pattern` */
    unicode_form form;
    bool left, right; /* Strip */
    normalizer_bert bert;
};

enum { NORMALIZER_STEPS_MAX = 64 }; /* real files have up to 5 */
typedef struct normalizer {
    normalizer_step *steps;
    size_t n;
} normalizer;

/* json NULL or null gives an empty chain. A type that is not known, or a regex that is not " {2,}", is TRI_ERR_UNSUPPORTED by
 * name. On failure nothing is owned. */
tri_status normalizer_parse(const json_t *json, normalizer *out, tri_error *err);
/* Adds a step of the type; its fields are the caller's to fill. NULL without memory or past NORMALIZER_STEPS_MAX. */
normalizer_step *normalizer_add(normalizer *n, const char *type);
/* Strip(right) and Replace(" {2,}" -> "▁"), which follow XLM-R's charsmap. */
tri_status normalizer_add_spm_spaces(normalizer *n, tri_error *err);
void normalizer_drop(normalizer *n);
/* Drops every step of another type (the rule of transformers 5 keeps "Precompiled" alone). */
void normalizer_keep_only(normalizer *n, const char *type);
/* *out is a view of `text` or of w's buffers, valid until the next run. */
tri_status normalizer_run(const normalizer *n, const uint8_t *text, size_t len, normalizer_work *w, const uint8_t **out,
                          size_t *out_len, bool *first, tri_error *err);

/* normalizer_bert.c */
tri_status normalizer_bert_parse(normalizer_step *step, const json_t *object, tri_error *err);
tri_status normalizer_bert_run(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                               bool *first, tri_error *err);

#endif
