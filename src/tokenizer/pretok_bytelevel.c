/* SPDX-License-Identifier: Apache-2.0 */
/* pretok_bytelevel.c — GPT-2's cut and its alphabet of 256 printable characters.
 *
 * The cut is the regex  's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+  written out by hand,
 * alternatives in order. Its look-ahead gives the last blank of a run to the next word (when that blank is a space; else it
 * stands alone). Then each byte becomes a character: 21-7E, A1-AC and AE-FF stand for themselves, the other 68, ascending, are
 * U+0100 onwards. */
#include "tokenizer/pretok.h"

#include "base/err.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/ucd.h"
#include "tokenizer/utf8_walk.h"

tri_status pretok_bytelevel_parse(pretok_stage *stage, const json_t *object, tri_error *err)
{
    static const char what[] = "pre-tokenizer ByteLevel";
    TRI_TRY(json_get_bool(object, "add_prefix_space", what, true, &stage->add_prefix_space, err));
    return json_get_bool(object, "use_regex", what, true, &stage->use_regex, err);
}

uint32_t pretok_bytelevel_char(uint8_t byte)
{
    if (byte <= 0x20) return 0x100u + byte;
    if (byte < 0x7F) return byte;
    if (byte <= 0xA0) return 0x121u + (byte - 0x7Fu);
    return byte == 0xAD ? 0x143u : byte;
}

/* The length of 's 't 're 've 'm 'll 'd at p, or 0. */
static size_t contraction(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 2 || *p != '\'') return 0;
    if (p[1] == 's' || p[1] == 't' || p[1] == 'm' || p[1] == 'd') return 2;
    if (end - p < 3) return 0;
    bool long_form = (p[1] == 'r' && p[2] == 'e') || (p[1] == 'v' && p[2] == 'e') || (p[1] == 'l' && p[2] == 'l');
    return long_form ? 3 : 0;
}

/* letter, number, blank, or (0) none of these */
static uint32_t class_at(const uint8_t *p, size_t *n)
{
    uint32_t cp;
    *n = utf8_walk(p, &cp);
    return ucd_props(cp) & (UCD_LETTER | UCD_NUMBER | UCD_SPACE);
}

static const uint8_t *class_end(const uint8_t *p, const uint8_t *end, uint32_t class)
{
    size_t n;
    while (p < end && class_at(p, &n) == class) p += n;
    return p;
}

/* The end of the match that begins at p < end. */
static const uint8_t *match_end(const uint8_t *p, const uint8_t *end)
{
    size_t n = contraction(p, end), n_next;
    if (n) return p + n;
    uint32_t class = class_at(p, &n);
    if (class != UCD_SPACE) return class_end(p + n, end, class);
    if (*p == ' ' && p + 1 < end) {
        class = class_at(p + 1, &n_next);
        if (class != UCD_SPACE) return class_end(p + 1 + n_next, end, class);
    }
    const uint8_t *stop = class_end(p + n, end, UCD_SPACE);
    if (stop == end || stop == p + n) return stop;
    return utf8_back(stop); /* the last blank belongs to what follows */
}

/* Writes text [from, to) in the byte alphabet and emits it as one piece. */
static tri_status put_bytes(pretok_work *w, const uint8_t *from, const uint8_t *to, bool first, tri_error *err)
{
    buf *out = &w->texts[w->which];
    span s = {out->len, 0, TOKEN_NONE, first};
    for (; from < to; from++) out->len += utf8_put(out->data + out->len, pretok_bytelevel_char(*from));
    return pretok_emit(w, s, s.start, out->len, err);
}

/* The same for a span with a space put before it: the first match takes the space in. */
static tri_status put_prefixed(const pretok_stage *stage, pretok_work *w, const uint8_t **p, const uint8_t *end, bool first,
                               tri_error *err)
{
    size_t n;
    uint32_t class = class_at(*p, &n);
    const uint8_t *stop = end;
    if (stage->use_regex) stop = class == UCD_SPACE ? NULL : class_end(*p + n, end, class);
    buf *out = &w->texts[w->which];
    span s = {out->len, 0, TOKEN_NONE, first};
    out->len += utf8_put(out->data + out->len, pretok_bytelevel_char(' '));
    if (!stop) { /* space, then a blank that is no space: the run of blanks, but its last one when something follows */
        stop = class_end(*p + n, end, UCD_SPACE);
        if (stop < end) stop = utf8_back(stop);
    }
    for (; *p < stop; ++*p) out->len += utf8_put(out->data + out->len, pretok_bytelevel_char(**p));
    return pretok_emit(w, s, s.start, out->len, err);
}

tri_status pretok_bytelevel_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    size_t need = 4; /* utf8_put may be given a whole character's room at the very end */
    for (size_t i = 0; i < w->spans.n; i++) need += 2 * (w->spans.v[i].len + 1);
    if (buf_reserve(&w->texts[w->which], need)) return err_memory(err, need);
    for (size_t i = 0; i < w->spans.n; i++) {
        const uint8_t *p = w->text + w->spans.v[i].start, *end = p + w->spans.v[i].len;
        bool first = w->spans.v[i].first;
        if (stage->add_prefix_space && *p != ' ') {
            TRI_TRY(put_prefixed(stage, w, &p, end, first, err));
            first = false;
        }
        while (p < end) {
            const uint8_t *stop = stage->use_regex ? match_end(p, end) : end;
            TRI_TRY(put_bytes(w, p, stop, first, err));
            first = false;
            p = stop;
        }
    }
    if (w->spans.n) pretok_swap_text(w);
    return TRI_OK;
}
