/* SPDX-License-Identifier: Apache-2.0 */
/* normalizer_bert.c — BERT's text cleaning: clean, space out Chinese characters, strip accents, lower case; in this order.
 *
 * It must match HF's BertNormalizer, whose categories are those of Unicode 8.0 (so unassigned characters stay, marks assigned
 * later are not stripped) and whose list of Chinese blocks starts its fifth range at 2B920 where the Python original has 2B820.
 * One pass over ASCII, which no later step changes; other characters go through the canonical decomposition in runs. */
#include "tokenizer/normalizer.h"

#include "base/err.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "tokenizer/ucd.h"
#include "tokenizer/utf8_walk.h"

tri_status normalizer_bert_parse(normalizer_step *step, const json_t *object, tri_error *err)
{
    static const char what[] = "normalizer BertNormalizer";
    normalizer_bert *b = &step->bert;
    TRI_TRY(json_get_bool(object, "clean_text", what, true, &b->clean_text, err));
    TRI_TRY(json_get_bool(object, "handle_chinese_chars", what, true, &b->handle_chinese_chars, err));
    TRI_TRY(json_get_bool(object, "lowercase", what, true, &b->lowercase, err));
    return json_get_bool(object, "strip_accents", what, b->lowercase, &b->strip_accents, err);
}

static bool is_chinese(uint32_t cp)
{
    return (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF) || (cp >= 0x20000 && cp <= 0x2A6DF) ||
           (cp >= 0x2A700 && cp <= 0x2B73F) || (cp >= 0x2B740 && cp <= 0x2B81F) || (cp >= 0x2B920 && cp <= 0x2CEAF) ||
           (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x2F800 && cp <= 0x2FA1F);
}

/* Cleans and spaces out one character: 0 to 5 code points. */
static size_t clean(const normalizer_bert *b, uint32_t cp, uint32_t out[3])
{
    if (b->clean_text) {
        uint32_t props = ucd_props(cp);
        if (props & UCD_DROP) return 0;
        if (props & UCD_SPACE) cp = ' ';
    }
    if (!b->handle_chinese_chars || !is_chinese(cp)) {
        out[0] = cp;
        return 1;
    }
    out[0] = out[2] = ' ';
    out[1] = cp;
    return 3;
}

static tri_status put(buf *out, uint32_t cp, tri_error *err)
{
    uint8_t utf8[4];
    size_t n = utf8_put(utf8, cp);
    return buf_append(out, utf8, n) ? err_memory(err, out->len + n) : TRI_OK;
}

/* The last two steps on one character of the decomposed text. */
static tri_status finish(const normalizer_bert *b, uint32_t cp, buf *out, tri_error *err)
{
    if (b->strip_accents && ucd_is(cp, UCD_MN)) return TRI_OK;
    uint32_t low[2] = {cp, 0};
    size_t n = b->lowercase ? ucd_lower(cp, low) : 1;
    for (size_t i = 0; i < n; i++) TRI_TRY(put(out, low[i], err));
    return TRI_OK;
}

/* A run without ASCII but what is deleted (two marks around a control character meet): cleaned into
 * `raw`, decomposed into `decomposed`, finished into `out`. */
static tri_status run_beyond_ascii(const normalizer_bert *b, const uint8_t *p, const uint8_t *end, normalizer_work *w, buf *out,
                                   tri_error *err)
{
    buf *raw = &w->spare[0], *decomposed = &w->spare[1];
    buf_clear(raw);
    while (p < end) {
        uint32_t cp, cleaned[3];
        p += utf8_walk(p, &cp);
        size_t n = clean(b, cp, cleaned);
        for (size_t i = 0; i < n; i++) TRI_TRY(put(raw, cleaned[i], err));
    }
    if (b->strip_accents && raw->len) {
        buf_clear(decomposed);
        TRI_TRY(unicode_norm_run(UNICODE_NFD, raw->data, raw->len, &w->forms, decomposed, err));
        raw = decomposed;
    }
    for (p = raw->data, end = p ? p + raw->len : p; p < end;) {
        uint32_t cp;
        p += utf8_walk(p, &cp);
        TRI_TRY(finish(b, cp, out, err));
    }
    return TRI_OK;
}

static void run_ascii(const normalizer_bert *b, const uint8_t *p, const uint8_t *end, buf *out)
{
    uint8_t *to = out->data + out->len;
    for (; p < end; p++) {
        uint8_t c = *p;
        if (b->clean_text && (c < 0x20 || c == 0x7F)) {
            if (c != '\t' && c != '\n' && c != '\r') continue;
            c = ' ';
        }
        if (b->lowercase && c >= 'A' && c <= 'Z') c |= 0x20;
        *to++ = c;
    }
    out->len = (size_t)(to - out->data);
}

/* true when the first character survives as the start of the output */
static bool keeps_first(const normalizer_bert *b, const uint8_t *text)
{
    uint32_t cp;
    utf8_walk(text, &cp);
    return !(b->clean_text && ucd_is(cp, UCD_DROP)) && !(b->strip_accents && ucd_is(cp, UCD_MN));
}

tri_status normalizer_bert_run(const normalizer_step *step, const uint8_t *text, size_t len, normalizer_work *w, buf *out,
                               bool *first, tri_error *err)
{
    const normalizer_bert *b = &step->bert;
    if (!keeps_first(b, text)) *first = false;
    for (const uint8_t *p = text, *end = text + len; p < end;) {
        const uint8_t *run = p;
        while (p < end && *p < 0x80) p++;
        if (buf_reserve(out, (size_t)(p - run))) return err_memory(err, out->len + (size_t)(p - run));
        if (p > run) run_ascii(b, run, p, out);
        run = p;
        while (p < end && (*p >= 0x80 || (b->clean_text && ucd_is(*p, UCD_DROP)))) p++;
        if (p > run) TRI_TRY(run_beyond_ascii(b, run, p, w, out, err));
    }
    return TRI_OK;
}
