/* SPDX-License-Identifier: Apache-2.0 */
/* pretok.h — where may no token reach across? A chain of stages that cut a normalised text into pieces, and may rewrite them
 * (Metaspace, ByteLevel). Empty pieces never come out. */
#ifndef TRI_TOKENIZER_PRETOK_H
#define TRI_TOKENIZER_PRETOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"
#include "tokenizer/list_grow.h"

/* The pieces so far are spans of `text`. A stage writes the next ones to next_spans, and either leaves the text alone or writes
 * another to next_text and calls pretok_swap_text. */
typedef struct pretok_work {
    const uint8_t *text;
    buf texts[2];
    unsigned which; /* texts[which] is the next to be written */
    span_list spans, next_spans, cuts;
} pretok_work;
void pretok_work_init(pretok_work *w);
void pretok_work_drop(pretok_work *w);

/* What becomes of a matched delimiter (HF's SplitDelimiterBehavior). */
typedef enum { CUT_REMOVED, CUT_ISOLATED, CUT_MERGED_WITH_PREVIOUS, CUT_MERGED_WITH_NEXT, CUT_CONTIGUOUS } cut_behavior;

typedef struct pretok_stage pretok_stage;
typedef struct pretok_kind {
    const char *type;
    tri_status (*parse)(pretok_stage *stage, const json_t *object, tri_error *err); /* NULL = no settings */
    tri_status (*run)(const pretok_stage *stage, pretok_work *w, tri_error *err);
} pretok_kind;

typedef enum { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } prepend_scheme;

struct pretok_stage {
    const pretok_kind *kind;
    size_t place;  /* in the chain */
    char *pattern; /* Split */
    size_t pattern_len;
    cut_behavior behavior;
    bool invert;
    bool individual_digits;
    bool add_prefix_space, use_regex; /* ByteLevel */
    prepend_scheme prepend;           /* Metaspace */
    bool split;
    uint8_t mark[4];
    size_t mark_len;
};

enum { PRETOK_STAGES_MAX = 64 }; /* real files have up to 4 */
typedef struct pretok {
    pretok_stage *stages;
    size_t n;
} pretok;

/* json NULL or null gives the empty chain: the whole text is one piece. */
tri_status pretok_parse(const json_t *json, pretok *out, tri_error *err);
/* NULL without memory. The type must be known. */
pretok_stage *pretok_add(pretok *p, const char *type);
/* WhitespaceSplit (optional) and Metaspace("▁", always): SentencePiece's word rule. */
tri_status pretok_make_metaspace(pretok *p, bool whitespace_split, tri_error *err);
/* The chain begins with a Metaspace of prepend_scheme "first". */
bool pretok_asks_first(const pretok *p);
bool pretok_is_split_metaspace(const pretok *p); /* exactly WhitespaceSplit + Metaspace("▁", always, split) */
void pretok_drop(pretok *p);
/* The pieces are w->spans of w->text, until the next run. `first`: the text begins where the whole input does. */
tri_status pretok_run(const pretok *p, const uint8_t *text, size_t len, bool first, pretok_work *w, tri_error *err);

/* For stages. */
tri_status pretok_emit(pretok_work *w, span s, size_t start, size_t end, tri_error *err); /* [start, end) of s, if not empty */
void pretok_swap_text(pretok_work *w);
/* Cuts span s at w->cuts, which tile it: id 1 = delimiter, 0 = the rest. */
tri_status pretok_cut(pretok_work *w, span s, cut_behavior behavior, tri_error *err);

tri_status pretok_metaspace_parse(pretok_stage *stage, const json_t *object, tri_error *err);
tri_status pretok_metaspace_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
tri_status pretok_bytelevel_parse(pretok_stage *stage, const json_t *object, tri_error *err);
tri_status pretok_bytelevel_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
/* The character that stands for a byte in byte-level vocabularies: U+0021 to U+0143. */
uint32_t pretok_bytelevel_char(uint8_t byte);
tri_status pretok_split_parse(pretok_stage *stage, const json_t *object, tri_error *err);
tri_status pretok_split_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
tri_status pretok_punctuation_parse(pretok_stage *stage, const json_t *object, tri_error *err);
tri_status pretok_punctuation_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
tri_status pretok_digits_parse(pretok_stage *stage, const json_t *object, tri_error *err);
tri_status pretok_digits_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
tri_status pretok_whitespace_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
tri_status pretok_whitespace_split_run(const pretok_stage *stage, pretok_work *w, tri_error *err);
tri_status pretok_bert_run(const pretok_stage *stage, pretok_work *w, tri_error *err);

#endif
