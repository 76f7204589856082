/* SPDX-License-Identifier: Apache-2.0 */
/* pretok_words.c — the pre-tokenizers that only cut: at white space, at punctuation, at digits, at a string.
 *
 * WhitespaceSplit and BERT's are written out, because every text of theirs passes through; the rest tile a span with delimiters
 * and others and leave it to pretok_cut what becomes of the delimiters. */
#include "tokenizer/pretok.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/json.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/ucd.h"
#include "tokenizer/utf8_walk.h"

static bool is_ascii_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

tri_status pretok_whitespace_split_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    (void)stage;
    for (size_t i = 0; i < w->spans.n; i++) {
        span s = w->spans.v[i];
        size_t at = s.start, end = s.start + s.len, piece = at;
        while (at < end) {
            uint32_t cp = w->text[at];
            size_t n = 1;
            bool space = is_ascii_space((uint8_t)cp);
            if (cp >= 0x80) {
                n = utf8_walk(w->text + at, &cp);
                space = ucd_is(cp, UCD_SPACE);
            }
            if (space) {
                TRI_TRY(pretok_emit(w, s, piece, at, err));
                piece = at + n;
            }
            at += n;
        }
        TRI_TRY(pretok_emit(w, s, piece, end, err));
    }
    return TRI_OK;
}

tri_status pretok_bert_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    (void)stage;
    for (size_t i = 0; i < w->spans.n; i++) {
        span s = w->spans.v[i];
        size_t at = s.start, end = s.start + s.len, piece = at;
        while (at < end) {
            uint32_t cp;
            size_t n = utf8_walk(w->text + at, &cp);
            uint32_t props = ucd_props(cp);
            if (props & (UCD_SPACE | UCD_PUNCT)) {
                TRI_TRY(pretok_emit(w, s, piece, at, err));
                if (props & UCD_PUNCT) TRI_TRY(pretok_emit(w, s, at, at + n, err));
                piece = at + n;
            }
            at += n;
        }
        TRI_TRY(pretok_emit(w, s, piece, end, err));
    }
    return TRI_OK;
}

/* Adds a tile; neighbours that are not delimiters become one. */
static tri_status tile(pretok_work *w, size_t start, size_t len, bool delimiter, tri_error *err)
{
    span_list *c = &w->cuts;
    if (!delimiter && c->n && !c->v[c->n - 1].id) {
        c->v[c->n - 1].len += len;
        return TRI_OK;
    }
    span cut = {start, len, delimiter, false};
    return span_list_push(c, cut) ? TRI_OK : err_memory(err, (c->n + 1) * sizeof cut);
}

/* Every character with one of `bits` is a delimiter of its own. */
static tri_status cut_at_class(pretok_work *w, uint32_t bits, cut_behavior behavior, tri_error *err)
{
    for (size_t i = 0; i < w->spans.n; i++) {
        span s = w->spans.v[i];
        w->cuts.n = 0;
        for (size_t at = s.start; at < s.start + s.len;) {
            uint32_t cp;
            size_t n = utf8_walk(w->text + at, &cp);
            TRI_TRY(tile(w, at, n, ucd_is(cp, bits), err));
            at += n;
        }
        TRI_TRY(pretok_cut(w, s, behavior, err));
    }
    return TRI_OK;
}

static tri_status parse_behavior(const json_t *object, const char *what, const char *fallback, cut_behavior *out,
                                 tri_error *err)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *name;
    TRI_TRY(json_get_str(object, "behavior", what, fallback, &name, err));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(names[i], name)) {
            *out = (cut_behavior)i;
            return TRI_OK;
        }
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "%s: behavior \"%s\" is not known", what, name);
}

tri_status pretok_punctuation_parse(pretok_stage *stage, const json_t *object, tri_error *err)
{
    return parse_behavior(object, "pre-tokenizer Punctuation", "Isolated", &stage->behavior, err);
}

tri_status pretok_punctuation_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    return cut_at_class(w, UCD_PUNCT, stage->behavior, err);
}

tri_status pretok_digits_parse(pretok_stage *stage, const json_t *object, tri_error *err)
{
    return json_get_bool(object, "individual_digits", "pre-tokenizer Digits", false, &stage->individual_digits, err);
}

tri_status pretok_digits_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    return cut_at_class(w, UCD_NUMERIC, stage->individual_digits ? CUT_ISOLATED : CUT_CONTIGUOUS, err);
}

/* \w+|[^\w\s]+ : runs of word characters, runs of others, white space dropped */
tri_status pretok_whitespace_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    (void)stage;
    for (size_t i = 0; i < w->spans.n; i++) {
        span s = w->spans.v[i];
        size_t piece = s.start, end = s.start + s.len;
        uint32_t run = UCD_SPACE;
        for (size_t at = s.start; at < end;) {
            uint32_t cp;
            size_t n = utf8_walk(w->text + at, &cp);
            uint32_t class = ucd_props(cp) & (UCD_WORD | UCD_SPACE);
            if (class != run) {
                if (run != UCD_SPACE) TRI_TRY(pretok_emit(w, s, piece, at, err));
                piece = at;
                run = class;
            }
            at += n;
        }
        if (run != UCD_SPACE) TRI_TRY(pretok_emit(w, s, piece, end, err));
    }
    return TRI_OK;
}

tri_status pretok_split_parse(pretok_stage *stage, const json_t *object, tri_error *err)
{
    static const char what[] = "pre-tokenizer Split";
    const json_t *pattern = json_object_get(object, "pattern");
    const json_t *string = json_object_get(pattern, "String"), *regex = json_object_get(pattern, "Regex");
    if (json_is_string(regex))
        return err_set(err, TRI_ERR_UNSUPPORTED, "%s: regex \"%s\" is not supported", what, json_string_value(regex));
    if (!json_is_string(string)) return err_set(err, TRI_ERR_FORMAT, "%s: pattern is missing", what);
    stage->pattern_len = json_string_length(string);
    if (!stage->pattern_len) return err_set(err, TRI_ERR_UNSUPPORTED, "%s: the pattern is empty", what);
    TRI_TRY(parse_behavior(object, what, "", &stage->behavior, err));
    TRI_TRY(json_get_bool(object, "invert", what, false, &stage->invert, err));
    stage->pattern = mem_copy(json_string_value(string), stage->pattern_len);
    return stage->pattern ? TRI_OK : err_memory(err, stage->pattern_len);
}

tri_status pretok_split_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    for (size_t i = 0; i < w->spans.n; i++) {
        span s = w->spans.v[i];
        w->cuts.n = 0;
        for (size_t at = s.start, end = s.start + s.len; at < end;) {
            const uint8_t *match = memmem(w->text + at, end - at, stage->pattern, stage->pattern_len);
            size_t from = match ? (size_t)(match - w->text) : end;
            span other = {at, from - at, stage->invert, false}, found = {from, stage->pattern_len, !stage->invert, false};
            if (from > at && !span_list_push(&w->cuts, other)) return err_memory(err, sizeof other);
            if (match && !span_list_push(&w->cuts, found)) return err_memory(err, sizeof found);
            at = match ? from + stage->pattern_len : end;
        }
        TRI_TRY(pretok_cut(w, s, stage->behavior, err));
    }
    return TRI_OK;
}
