/* SPDX-License-Identifier: Apache-2.0 */
/* normalizer.c — the chain and its small steps; the two big ones are charsmap.c and normalizer_bert.c.
 *
 * `first` follows one fact through the chain: does the text still begin with what came from the first character of the input?
 * Only Metaspace with prepend_scheme "first" asks for it. The reference keeps an offset for every byte to know it; these are
 * the cases in which that offset leaves zero: something deleted at the very start by a filter, a strip or a replacement by
 * nothing, or several characters replaced there (the new text then counts as coming from the last of them). A charsmap that
 * deletes the first cluster does *not* move it: the reference loses that count. */
#include "tokenizer/normalizer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"
#include "formats/base64.h"
#include "formats/json.h"
#include "tokenizer/ucd.h"
#include "tokenizer/utf8_walk.h"

void normalizer_work_init(normalizer_work *w)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; i < 2; i++) {
        buf_init(&w->text[i], 0);
        buf_init(&w->spare[i], 0);
    }
}

void normalizer_work_drop(normalizer_work *w)
{
    for (int i = 0; i < 2; i++) {
        buf_drop(&w->text[i]);
        buf_drop(&w->spare[i]);
    }
    unicode_norm_drop(&w->forms);
}

static tri_status append(buf *out, const void *bytes, size_t len, tri_error *err)
{
    return buf_append(out, bytes, len) ? err_memory(err, out->len + len) : TRI_OK;
}

/* ---- Precompiled ---- */

static tri_status parse_precompiled(normalizer_step *step, const json_t *object, tri_error *err)
{
    const json_t *field = json_object_get(object, "precompiled_charsmap");
    if (!json_is_string(field))
        return err_set(err, TRI_ERR_FORMAT, "normalizer Precompiled: precompiled_charsmap is not a string");
    size_t len = json_string_length(field), n = 0;
    uint8_t *blob = mem_alloc(base64_bound(len));
    if (!blob) return err_memory(err, base64_bound(len));
    tri_status st = base64_decode(json_string_value(field), len, "precompiled_charsmap", blob, &n, err);
    if (!st) st = charsmap_new(blob, n, &step->map, err);
    mem_free(blob);
    return st;
}

static tri_status run_precompiled(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                                  bool *first, tri_error *err)
{
    (void)w;
    (void)first;
    return charsmap_run(step->map, text, len, out, err);
}

/* ---- Replace ---- */

static tri_status copy_string(const json_t *json, char **out, size_t *len, tri_error *err)
{
    *len = json_string_length(json);
    *out = mem_copy(json_string_value(json), *len);
    return *out ? TRI_OK : err_memory(err, *len);
}

static tri_status parse_replace(normalizer_step *step, const json_t *object, tri_error *err)
{
    const json_t *pattern = json_object_get(object, "pattern"), *content = json_object_get(object, "content");
    const json_t *string = json_object_get(pattern, "String"), *regex = json_object_get(pattern, "Regex");
    if (!json_is_string(content) || !(json_is_string(string) || json_is_string(regex)))
        return err_set(err, TRI_ERR_FORMAT, "normalizer Replace: pattern or content is missing");
    if (json_is_string(string)) {
        TRI_TRY(copy_string(string, &step->pattern, &step->pattern_len, err));
        if (!step->pattern_len) return err_set(err, TRI_ERR_UNSUPPORTED, "normalizer Replace: the pattern is empty");
    } else {
        if (strcmp(json_string_value(regex), " {2,}") || memchr(json_string_value(content), '$', json_string_length(content)))
            return err_set(err, TRI_ERR_UNSUPPORTED, "normalizer Replace: regex \"%s\" with content \"%s\" is not supported",
                           json_string_value(regex), json_string_value(content));
        step->min_spaces = 2;
    }
    return copy_string(content, &step->content, &step->content_len, err);
}

/* The next match in [p, end), or end; *n = its length. */
static const uint8_t *find_match(const normalizer_step *step, const uint8_t *p, const uint8_t *end, size_t *n)
{
    if (!step->min_spaces) {
        *n = step->pattern_len;
        const uint8_t *at = memmem(p, (size_t)(end - p), step->pattern, step->pattern_len);
        return at ? at : end;
    }
    while (p < end && (p = memchr(p, ' ', (size_t)(end - p)))) {
        const uint8_t *q = p;
        while (q < end && *q == ' ') q++;
        *n = (size_t)(q - p);
        if (*n >= step->min_spaces) return p;
        p = q;
    }
    return end;
}

static tri_status run_replace(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                              bool *first, tri_error *err)
{
    (void)w;
    const uint8_t *p = text, *end = text + len;
    if (buf_reserve(out, len)) return err_memory(err, len);
    while (p < end) {
        size_t n = 0;
        const uint8_t *match = find_match(step, p, end, &n);
        TRI_TRY(append(out, p, (size_t)(match - p), err));
        if (match == end) break;
        if (match == text && (!step->content_len || utf8_len(*match) < n)) *first = false;
        TRI_TRY(append(out, step->content, step->content_len, err));
        p = match + n;
    }
    return TRI_OK;
}

/* ---- Prepend ---- */

static tri_status parse_prepend(normalizer_step *step, const json_t *object, tri_error *err)
{
    const json_t *field = json_object_get(object, "prepend");
    if (!json_is_string(field)) return err_set(err, TRI_ERR_FORMAT, "normalizer Prepend: prepend is not a string");
    return copy_string(field, &step->content, &step->content_len, err);
}

static tri_status run_prepend(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                              bool *first, tri_error *err)
{
    (void)w;
    (void)first;
    if (len) TRI_TRY(append(out, step->content, step->content_len, err));
    return append(out, text, len, err);
}

/* ---- Strip ---- */

static tri_status parse_strip(normalizer_step *step, const json_t *object, tri_error *err)
{
    TRI_TRY(json_get_bool(object, "strip_left", "normalizer Strip", true, &step->left, err));
    return json_get_bool(object, "strip_right", "normalizer Strip", true, &step->right, err);
}

static tri_status run_strip(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                            bool *first, tri_error *err)
{
    (void)w;
    const uint8_t *p = text, *end = text + len;
    uint32_t cp;
    while (step->left && p < end) {
        size_t n = utf8_walk(p, &cp);
        if (!ucd_is(cp, UCD_SPACE)) break;
        p += n;
    }
    while (step->right && p < end) {
        const uint8_t *last = utf8_back(end);
        utf8_walk(last, &cp);
        if (!ucd_is(cp, UCD_SPACE)) break;
        end = last;
    }
    if (p > text) *first = false;
    return append(out, p, (size_t)(end - p), err);
}

/* ---- the Unicode forms ---- */

static tri_status run_form(unicode_form form, const uint8_t *text, size_t len, normalizer_work *w, buf *out, tri_error *err)
{
    return unicode_norm_run(form, text, len, &w->forms, out, err);
}

#define DEFINE_FORM(name, form)                                                                                                \
    static tri_status name(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,         \
                           bool *first, tri_error *err)                                                                        \
    {                                                                                                                          \
        (void)step;                                                                                                            \
        (void)first;                                                                                                           \
        return run_form(form, text, len, w, out, err);                                                                         \
    }
DEFINE_FORM(run_nfd, UNICODE_NFD)
DEFINE_FORM(run_nfc, UNICODE_NFC)
DEFINE_FORM(run_nfkd, UNICODE_NFKD)
DEFINE_FORM(run_nfkc, UNICODE_NFKC)

static tri_status run_lowercase(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                                bool *first, tri_error *err)
{
    (void)step;
    (void)w;
    (void)first;
    for (const uint8_t *p = text, *end = text + len; p < end;) {
        uint32_t cp, low[2];
        p += utf8_walk(p, &cp);
        size_t n = ucd_lower(cp, low);
        for (size_t i = 0; i < n; i++) {
            uint8_t utf8[4];
            TRI_TRY(append(out, utf8, utf8_put(utf8, low[i]), err));
        }
    }
    return TRI_OK;
}

static tri_status run_strip_accents(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                                    bool *first, tri_error *err)
{
    (void)step;
    (void)w;
    for (const uint8_t *p = text, *end = text + len; p < end;) {
        uint32_t cp;
        size_t n = utf8_walk(p, &cp);
        if (!ucd_is(cp, UCD_MARK))
            TRI_TRY(append(out, p, n, err));
        else if (p == text)
            *first = false;
        p += n;
    }
    return TRI_OK;
}

/* ---- the chain ---- */

static const normalizer_kind kinds[] = {
    {"Precompiled", parse_precompiled, run_precompiled},
    {"Replace", parse_replace, run_replace},
    {"Strip", parse_strip, run_strip},
    {"NFD", NULL, run_nfd},
    {"NFC", NULL, run_nfc},
    {"NFKD", NULL, run_nfkd},
    {"NFKC", NULL, run_nfkc},
    {"Lowercase", NULL, run_lowercase},
    {"StripAccents", NULL, run_strip_accents},
    {"Prepend", parse_prepend, run_prepend},
    {"BertNormalizer", normalizer_bert_parse, normalizer_bert_run},
};

static const normalizer_kind *find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].type, type)) return &kinds[i];
    return NULL;
}

static void drop_step(normalizer_step *step)
{
    charsmap_free(step->map);
    mem_free(step->pattern);
    mem_free(step->content);
}

tri_status normalizer_add_spm_spaces(normalizer *n, tri_error *err)
{
    normalizer_step *strip = normalizer_add(n, "Strip"), *replace = strip ? normalizer_add(n, "Replace") : NULL;
    if (!replace) return err_memory(err, sizeof *replace);
    strip->right = true;
    replace->min_spaces = 2;
    replace->content = mem_strdup("\xE2\x96\x81");
    replace->content_len = 3;
    return replace->content ? TRI_OK : err_memory(err, 4);
}

void normalizer_drop(normalizer *n)
{
    for (size_t i = 0; i < n->n; i++) drop_step(&n->steps[i]);
    mem_free(n->steps);
    memset(n, 0, sizeof *n);
}

normalizer_step *normalizer_add(normalizer *n, const char *type)
{
    if (!n->steps) n->steps = mem_calloc(NORMALIZER_STEPS_MAX, sizeof *n->steps);
    if (!n->steps || n->n == NORMALIZER_STEPS_MAX) return NULL;
    normalizer_step *step = &n->steps[n->n++];
    step->kind = find_kind(type);
    return step;
}

static tri_status add_parsed(normalizer *n, const char *type, const json_t *object, tri_error *err)
{
    if (!find_kind(type)) return err_set(err, TRI_ERR_UNSUPPORTED, "normalizer of type \"%s\" is not supported", type);
    if (n->n == NORMALIZER_STEPS_MAX)
        return err_set(err, TRI_ERR_LIMIT, "a normalizer of more than %d steps", NORMALIZER_STEPS_MAX);
    normalizer_step *step = normalizer_add(n, type);
    if (!step) return err_memory(err, NORMALIZER_STEPS_MAX * sizeof *step);
    return step->kind->parse ? step->kind->parse(step, object, err) : TRI_OK;
}

/* Sequences are walked with a stack of their own; the JSON's depth is bounded by its reader. */
static tri_status parse_all(const json_t *json, normalizer *n, tri_error *err)
{
    struct {
        const json_t *list;
        size_t next;
    } stack[NORMALIZER_STEPS_MAX];
    size_t depth = 0;
    const json_t *object = json;
    for (;;) {
        const char *type;
        if (!json_is_object(object)) return err_set(err, TRI_ERR_FORMAT, "a normalizer is not an object");
        TRI_TRY(json_get_str(object, "type", "normalizer", "", &type, err));
        if (strcmp(type, "Sequence")) {
            TRI_TRY(add_parsed(n, type, object, err));
        } else {
            const json_t *list = json_object_get(object, "normalizers");
            if (!json_is_array(list)) return err_set(err, TRI_ERR_FORMAT, "normalizer Sequence: normalizers is not a list");
            if (depth == NORMALIZER_STEPS_MAX) return err_set(err, TRI_ERR_LIMIT, "normalizers are nested too deep");
            stack[depth].list = list;
            stack[depth++].next = 0;
        }
        while (depth && stack[depth - 1].next == json_array_size(stack[depth - 1].list)) depth--;
        if (!depth) return TRI_OK;
        object = json_array_get(stack[depth - 1].list, stack[depth - 1].next++);
    }
}

tri_status normalizer_parse(const json_t *json, normalizer *out, tri_error *err)
{
    normalizer n = {0};
    tri_status st = json && !json_is_null(json) ? parse_all(json, &n, err) : TRI_OK;
    if (st)
        normalizer_drop(&n);
    else
        *out = n;
    return st;
}

void normalizer_keep_only(normalizer *n, const char *type)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->n; i++) {
        if (!strcmp(n->steps[i].kind->type, type))
            n->steps[kept++] = n->steps[i];
        else
            drop_step(&n->steps[i]);
    }
    n->n = kept;
}

tri_status normalizer_run(const normalizer *n, const uint8_t *text, size_t len, normalizer_work *w, const uint8_t **out,
                          size_t *out_len, bool *first, tri_error *err)
{
    for (size_t i = 0; i < n->n && len; i++) {
        buf *to = &w->text[i % 2];
        buf_clear(to);
        TRI_TRY(n->steps[i].kind->run(&n->steps[i], text, len, w, to, first, err));
        text = to->data;
        len = to->len;
    }
    *out = text;
    *out_len = len;
    return TRI_OK;
}
