/* SPDX-License-Identifier: Apache-2.0 */
/* json_stream.c — a JSON reader without a tree and without a stack.
 *
 * A tokenizer.json of XLM-R is 17 MB, most of it indentation around 250,002 short arrays; it is read in one pass at about the
 * speed of memory. What makes that so: blanks are skipped eight at a time, a string that needs no decoding is handed out as a
 * view, and its UTF-8 is checked only when a byte over 0x7F was seen in it.
 * State: which of the five things below may come next, and one bit a level that tells objects from arrays. */
#include "formats/json_stream.h"

#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/utf8.h"

_Static_assert(LIMIT_JSON_DEPTH <= 64, "in_object has one bit a level");

enum { EXPECT_VALUE, EXPECT_VALUE_OR_END, EXPECT_KEY, EXPECT_KEY_OR_END, EXPECT_COMMA_OR_END, EXPECT_NOTHING };

void json_stream_init(json_stream *s, const void *bytes, size_t len, const char *what)
{
    memset(s, 0, sizeof *s);
    s->start = s->p = bytes;
    s->end = s->start + len;
    s->what = what;
    s->expect = EXPECT_VALUE;
    buf_init(&s->decoded, 0);
}

void json_stream_drop(json_stream *s)
{
    buf_drop(&s->decoded);
}

static size_t line_of(const json_stream *s)
{
    size_t line = 1;
    for (const uint8_t *q = s->start; q < s->p; q++) line += *q == '\n';
    return line;
}

tri_status json_stream_error(const json_stream *s, tri_error *err, const char *message)
{
    return err_set(err, TRI_ERR_FORMAT, "%s line %zu: %s", s->what, line_of(s), message);
}

static void skip_blanks(json_stream *s)
{
    const uint8_t *p = s->p;
    for (;;) {
        uint64_t word;
        while (s->end - p >= 8 && (memcpy(&word, p, 8), word == 0x2020202020202020u)) p += 8;
        if (p == s->end || (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')) break;
        p++;
    }
    s->p = p;
}

static bool read_hex4(const uint8_t *p, const uint8_t *end, uint32_t *value)
{
    if (end - p < 4) return false;
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        uint32_t digit = c >= '0' && c <= '9' ? c - 48u : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10u : 16;
        if (digit == 16) return false;
        v = v << 4 | digit;
    }
    *value = v;
    return true;
}

/* s->p stands after the backslash; moves past the escape and appends what it means. */
static tri_status decode_escape(json_stream *s, tri_error *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->p == s->end) return json_stream_error(s, err, "the text ends inside a string");
    uint8_t c = *s->p++;
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) return buf_byte(&s->decoded, (uint8_t)to[simple - from]);
    uint32_t cp, low;
    if (c != 'u' || !read_hex4(s->p, s->end, &cp)) return json_stream_error(s, err, "invalid escape in a string");
    s->p += 4;
    if (cp >= 0xD800 && cp <= 0xDFFF) {
        if (cp > 0xDBFF || s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' || !read_hex4(s->p + 2, s->end, &low) ||
            low < 0xDC00 || low > 0xDFFF)
            return json_stream_error(s, err, "a surrogate without its partner in a string");
        s->p += 6;
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
    }
    uint8_t utf8[4];
    return buf_append(&s->decoded, utf8, utf8_put(utf8, cp));
}

/* The bytes up to the next quote, backslash or control character; *high = a byte over 0x7F was among them. */
static const uint8_t *plain_end(const uint8_t *p, const uint8_t *end, bool *high)
{
    uint8_t seen = 0;
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20) seen |= *p++;
    *high |= seen >= 0x80;
    return p;
}

/* utf8_count_bad for the strings of a vocabulary: short, and of three-byte characters where they are not ASCII. */
static bool is_utf8(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        /* E1 to EC: any two continuation bytes make a character */
        bool plain3 = (uint8_t)(*p - 0xE1) <= 0xEC - 0xE1 && end - p >= 3 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80;
        uint32_t cp;
        bool bad = false;
        if (*p < 0x80)
            p++;
        else if (plain3)
            p += 3;
        else
            p += utf8_next(p, (size_t)(end - p), &cp, &bad);
        if (bad) return false;
    }
    return true;
}

/* s->p stands after the opening quote. */
static tri_status read_string(json_stream *s, tri_error *err)
{
    const uint8_t *first = s->p;
    bool high = false;
    s->p = plain_end(first, s->end, &high);
    if (s->p < s->end && *s->p == '"') {
        s->text = (const char *)first;
        s->len = (size_t)(s->p - first);
    } else {
        buf_clear(&s->decoded);
        for (;;) {
            tri_status st = buf_append(&s->decoded, first, (size_t)(s->p - first));
            if (!st) {
                if (s->p == s->end) return json_stream_error(s, err, "the text ends inside a string");
                if (*s->p == '"') break;
                if (*s->p != '\\') return json_stream_error(s, err, "a control character inside a string");
                s->p++;
                st = decode_escape(s, err);
            }
            if (st == TRI_ERR_MEMORY) return err_memory(err, s->decoded.len);
            TRI_TRY(st);
            first = s->p;
            s->p = plain_end(first, s->end, &high);
        }
        s->text = s->decoded.data ? (const char *)s->decoded.data : "";
        s->len = s->decoded.len;
    }
    s->p++;
    const uint8_t *text = (const uint8_t *)s->text;
    if (high && !is_utf8(text, text + s->len)) return json_stream_error(s, err, "a string is not valid UTF-8");
    return TRI_OK;
}

static const uint8_t *digits_end(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

static tri_status read_number(json_stream *s, tri_error *err)
{
    const uint8_t *p = s->p, *digits;
    if (*p == '-') p++;
    digits = p;
    p = digits_end(p, s->end);
    bool ok = p > digits && (*digits != '0' || p == digits + 1);
    if (ok && p < s->end && *p == '.') {
        digits = ++p;
        p = digits_end(p, s->end);
        ok = p > digits;
    }
    if (ok && p < s->end && (*p | 0x20) == 'e') {
        p++;
        if (p < s->end && (*p == '+' || *p == '-')) p++;
        digits = p;
        p = digits_end(p, s->end);
        ok = p > digits;
    }
    if (!ok) return json_stream_error(s, err, "invalid number");
    s->text = (const char *)s->p;
    s->len = (size_t)(p - s->p);
    s->p = p;
    return TRI_OK;
}

static tri_status read_word(json_stream *s, const char *word, tri_error *err)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len)) return json_stream_error(s, err, "invalid value");
    s->p += len;
    return TRI_OK;
}

/* NaN and the infinities, which are no JSON but are written all the same. */
static bool read_number_word(json_stream *s)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; s->words_for_numbers && i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(s->end - s->p) < len || memcmp(s->p, words[i], len)) continue;
        s->text = (const char *)s->p;
        s->len = len;
        s->p += len;
        return true;
    }
    return false;
}

static void value_done(json_stream *s)
{
    s->expect = s->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static tri_status open_level(json_stream *s, bool object, tri_error *err)
{
    if (s->depth == LIMIT_JSON_DEPTH) return json_stream_error(s, err, "nesting is too deep");
    s->p++;
    s->depth++;
    s->in_object = s->in_object << 1 | object;
    s->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return TRI_OK;
}

static tri_status close_level(json_stream *s, json_event *event)
{
    *event = s->in_object & 1 ? JSON_EVENT_OBJECT_END : JSON_EVENT_ARRAY_END;
    s->p++;
    s->depth--;
    s->in_object >>= 1;
    value_done(s);
    return TRI_OK;
}

static tri_status read_value(json_stream *s, json_event *event, tri_error *err)
{
    switch (*s->p) {
    case '{':
        *event = JSON_EVENT_OBJECT;
        return open_level(s, true, err);
    case '[':
        *event = JSON_EVENT_ARRAY;
        return open_level(s, false, err);
    case '"':
        *event = JSON_EVENT_STRING;
        s->p++;
        TRI_TRY(read_string(s, err));
        break;
    case 't':
        *event = JSON_EVENT_TRUE;
        TRI_TRY(read_word(s, "true", err));
        break;
    case 'f':
        *event = JSON_EVENT_FALSE;
        TRI_TRY(read_word(s, "false", err));
        break;
    case 'n':
        *event = JSON_EVENT_NULL;
        TRI_TRY(read_word(s, "null", err));
        break;
    default:
        *event = JSON_EVENT_NUMBER;
        if (!read_number_word(s)) TRI_TRY(read_number(s, err));
    }
    value_done(s);
    return TRI_OK;
}

static tri_status read_key(json_stream *s, json_event *event, tri_error *err)
{
    if (*s->p != '"') return json_stream_error(s, err, "a key was expected");
    s->p++;
    TRI_TRY(read_string(s, err));
    skip_blanks(s);
    if (s->p == s->end || *s->p != ':') return json_stream_error(s, err, "':' was expected");
    s->p++;
    s->expect = EXPECT_VALUE;
    *event = JSON_EVENT_KEY;
    return TRI_OK;
}

tri_status json_stream_next(json_stream *s, json_event *event, tri_error *err)
{
    skip_blanks(s);
    if (s->p == s->end) {
        if (s->expect != EXPECT_NOTHING) return json_stream_error(s, err, "the text ends too early");
        *event = JSON_EVENT_END;
        return TRI_OK;
    }
    char closer = s->in_object & 1 ? '}' : ']';
    if (s->expect == EXPECT_COMMA_OR_END && *s->p == ',') {
        s->p++;
        s->expect = s->in_object & 1 ? EXPECT_KEY : EXPECT_VALUE;
        skip_blanks(s);
        if (s->p == s->end) return json_stream_error(s, err, "the text ends too early");
    }
    switch (s->expect) {
    case EXPECT_VALUE_OR_END:
        if (*s->p == closer) return close_level(s, event);
        return read_value(s, event, err);
    case EXPECT_VALUE:
        return read_value(s, event, err);
    case EXPECT_KEY_OR_END:
        if (*s->p == closer) return close_level(s, event);
        return read_key(s, event, err);
    case EXPECT_KEY:
        return read_key(s, event, err);
    case EXPECT_COMMA_OR_END:
        if (*s->p == closer) return close_level(s, event);
        return json_stream_error(s, err, "',' or the end of the list was expected");
    default:
        return json_stream_error(s, err, "bytes after the end of the value");
    }
}

tri_status json_stream_slice(json_stream *s, const char **bytes, size_t *len, tri_error *err)
{
    skip_blanks(s);
    const uint8_t *from = s->p;
    unsigned depth = s->depth;
    do {
        json_event event;
        TRI_TRY(json_stream_next(s, &event, err));
    } while (s->depth > depth);
    *bytes = (const char *)from;
    *len = (size_t)(s->p - from);
    return TRI_OK;
}
