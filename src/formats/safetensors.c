/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors.c — what does the header of a safetensors file promise, and does the file keep it?
 *
 * The header may have 100 MB, so it is scanned once from front to back, without a tree and without recursion: the grammar is two
 * objects and two arrays deep, and values under keys that mean nothing here are stepped over with a stack of bits.
 *
 * Checked, as the reference reader (safetensors, Rust) does, and a little more:
 *   (1) N <= 100,000,000 and 8 + N <= file size, without overflow; the header starts with '{' and is one JSON object;
 *   (2) each entry has dtype, shape and data_offsets, once each; begin <= end <= size of the data;
 *   (3) end - begin = product of the shape x size of the type, without overflow, when the type is a known one;
 *   (4) sorted by place, the tensors tile the data: the first begins at 0, each at the end of the one before, the last ends at the
 *       file's end;
 *   (5) no name twice (the reference takes the last one silently).
 * Only the header is read; the data may lie at any address, aligned or not. */
#include "formats/safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "formats/le.h"

enum { LENGTH_BYTES = 8 };

static const struct {
    const char *name;
    dtype type;
    unsigned bits;
} dtype_rows[] = {
    {"F32", DTYPE_F32, 32},       {"F16", DTYPE_F16, 16},       {"BF16", DTYPE_BF16, 16},     {"F64", DTYPE_F64, 64},
    {"I64", DTYPE_I64, 64},       {"I32", DTYPE_I32, 32},       {"I16", DTYPE_I16, 16},       {"I8", DTYPE_I8, 8},
    {"U8", DTYPE_U8, 8},          {"BOOL", DTYPE_BOOL, 8},      {"U16", DTYPE_OTHER, 16},     {"U32", DTYPE_OTHER, 32},
    {"U64", DTYPE_OTHER, 64},     {"C64", DTYPE_OTHER, 64},     {"F8_E4M3", DTYPE_OTHER, 8},  {"F8_E5M2", DTYPE_OTHER, 8},
    {"F8_E8M0", DTYPE_OTHER, 8},  {"F6_E2M3", DTYPE_OTHER, 6},  {"F6_E3M2", DTYPE_OTHER, 6},  {"F4", DTYPE_OTHER, 4},
};

typedef struct scan {
    const uint8_t *p, *end, *start;
    tri_error *err;
} scan;

/* One header entry as it stands in the JSON. */
typedef struct entry {
    const char *name; /* not NUL-terminated */
    size_t name_len;
    bool has_dtype, has_shape, has_offsets;
    unsigned bits; /* of one element; 0 = unknown type */
    uint64_t begin, end;
    weight w;
} entry;

/* --- JSON, as far as it is needed --------------------------------------------------------------------------------------- */

static tri_status bad_json(const scan *s, const char *what)
{
    return err_set(s->err, TRI_ERR_FORMAT, "the header is not valid JSON: %s at byte %zu", what, (size_t)(s->p - s->start));
}

static int peek(scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
    return s->p < s->end ? *s->p : -1;
}

static bool accept(scan *s, int c)
{
    if (peek(s) != c) return false;
    s->p++;
    return true;
}

static tri_status expect(scan *s, int c, const char *what)
{
    return accept(s, c) ? TRI_OK : bad_json(s, what);
}

static bool read_hex4(const uint8_t *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int c = p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

/* The escape after a backslash; s->p is at the letter. */
static tri_status read_escape(scan *s, buf *text)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint8_t utf8[4];
    uint32_t cp = 0, low = 0;
    if (s->p == s->end) return bad_json(s, "text without an end");
    int c = *s->p++;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) return buf_byte(text, (uint8_t)meanings[letter - letters]);
    if (c != 'u' || s->end - s->p < 4 || !read_hex4(s->p, &cp)) return bad_json(s, "a bad escape");
    s->p += 4;
    if (cp >= 0xD800 && cp < 0xE000) {
        if (cp >= 0xDC00 || s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' || !read_hex4(s->p + 2, &low) || low < 0xDC00 ||
            low >= 0xE000)
            return bad_json(s, "half of a surrogate pair");
        s->p += 6;
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
    }
    return buf_append(text, utf8, utf8_put(utf8, cp));
}

/* Text between quotes. *out points into the header, or into `text` when there were escapes: good until `text` changes. */
static tri_status read_text(scan *s, buf *text, const char **out, size_t *len)
{
    TRI_TRY(expect(s, '"', "expected text"));
    const uint8_t *from = s->p, *first = s->p;
    bool escaped = false;
    buf_clear(text);
    while (s->p < s->end && *s->p != '"') {
        if (*s->p < 0x20) return bad_json(s, "a control character in text");
        if (*s->p++ != '\\') continue;
        escaped = true;
        tri_status st = buf_append(text, from, (size_t)(s->p - 1 - from));
        if (!st) st = read_escape(s, text);
        if (st == TRI_ERR_MEMORY) return err_memory(s->err, text->len);
        TRI_TRY(st);
        from = s->p;
    }
    if (s->p == s->end) return bad_json(s, "text without an end");
    if (utf8_count_bad(first, (size_t)(s->p - first))) return bad_json(s, "text that is not UTF-8");
    if (escaped && buf_append(text, from, (size_t)(s->p - from)) != TRI_OK) return err_memory(s->err, text->len);
    *out = escaped ? (const char *)text->data : (const char *)first;
    *len = escaped ? text->len : (size_t)(s->p - first);
    s->p++;
    return TRI_OK;
}

static tri_status skip_key(scan *s, buf *text)
{
    const char *key;
    size_t len;
    TRI_TRY(read_text(s, text, &key, &len));
    return expect(s, ':', "expected ':'");
}

static size_t skip_digits(scan *s)
{
    const uint8_t *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

/* A number, true, false or null. */
static tri_status skip_scalar(scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(s->end - s->p) >= len && memcmp(s->p, words[i], len) == 0) {
            s->p += len;
            return TRI_OK;
        }
    }
    if (s->p < s->end && *s->p == '-') s->p++;
    bool zero = s->p < s->end && *s->p == '0';
    size_t digits = skip_digits(s);
    if (digits == 0 || (zero && digits > 1)) return bad_json(s, "expected a value");
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!skip_digits(s)) return bad_json(s, "a bad number");
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-')) s->p++;
        if (!skip_digits(s)) return bad_json(s, "a bad number");
    }
    return TRI_OK;
}

/* Steps over any value. Bit d of `objects` says that the container at depth d is an object. */
static tri_status skip_value(scan *s, buf *text)
{
    uint64_t objects = 0;
    _Static_assert(LIMIT_JSON_DEPTH <= 64, "one bit for each level");
    unsigned depth = 0;
    for (;;) {
        int c = peek(s);
        const char *unused;
        size_t unused_len;
        if (c == '{' || c == '[') {
            if (depth == LIMIT_JSON_DEPTH) return bad_json(s, "nesting too deep");
            uint64_t bit = UINT64_C(1) << depth++;
            objects = c == '{' ? objects | bit : objects & ~bit;
            s->p++;
            if (peek(s) != (c == '{' ? '}' : ']')) {
                if (c == '{') TRI_TRY(skip_key(s, text));
                continue;
            }
        } else {
            TRI_TRY(c == '"' ? read_text(s, text, &unused, &unused_len) : skip_scalar(s));
        }
        for (;; depth--) {
            if (depth == 0) return TRI_OK;
            bool object = objects >> (depth - 1) & 1;
            if (accept(s, ',')) {
                if (object) TRI_TRY(skip_key(s, text));
                break;
            }
            TRI_TRY(expect(s, object ? '}' : ']', object ? "expected ',' or '}'" : "expected ',' or ']'"));
        }
    }
}

/* --- one entry ---------------------------------------------------------------------------------------------------------- */

static tri_status bad_entry(const scan *s, const entry *e, const char *what)
{
    return err_set(s->err, TRI_ERR_FORMAT, "tensor \"%.*s\" in the header: %s", tensor_name_width(e->name_len), e->name, what);
}

/* [count, count, ...], at most cap of them */
static tri_status read_counts(scan *s, const entry *e, uint64_t *out, int cap, int *n)
{
    *n = 0;
    TRI_TRY(expect(s, '[', "expected '['"));
    if (accept(s, ']')) return TRI_OK;
    do {
        uint64_t value = 0;
        int first = peek(s);
        const uint8_t *from = s->p;
        size_t digits = skip_digits(s);
        int next = peek(s);
        /* 19 digits always fit in 64 bits */
        if (digits == 0 || digits > 19 || (first == '0' && digits > 1) || (next != ',' && next != ']'))
            return bad_entry(s, e, "a shape or an offset is not a count");
        if (*n == cap) return bad_entry(s, e, "too many dimensions or offsets");
        for (size_t i = 0; i < digits; i++)
            value = value * 10 + (uint64_t)(from[i] - '0');
        out[(*n)++] = value;
    } while (accept(s, ','));
    return expect(s, ']', "expected ']'");
}

static tri_status read_dtype(scan *s, entry *e, tensor_table *t, buf *text)
{
    const char *name;
    size_t len;
    if (e->has_dtype) return bad_entry(s, e, "dtype is there twice");
    if (peek(s) != '"') return bad_entry(s, e, "dtype is not text");
    TRI_TRY(read_text(s, text, &name, &len));
    e->has_dtype = true;
    for (size_t i = 0; i < sizeof dtype_rows / sizeof *dtype_rows; i++) {
        if (strlen(dtype_rows[i].name) != len || memcmp(dtype_rows[i].name, name, len) != 0) continue;
        e->w.type = dtype_rows[i].type;
        e->w.type_name = dtype_rows[i].name;
        e->bits = dtype_rows[i].bits;
        return TRI_OK;
    }
    e->w.type = DTYPE_OTHER;
    e->w.type_name = arena_copy(&t->store, name, (size_t)tensor_name_width(len));
    return e->w.type_name ? TRI_OK : err_memory(s->err, len);
}

static tri_status read_shape(scan *s, entry *e)
{
    if (e->has_shape) return bad_entry(s, e, "shape is there twice");
    e->has_shape = true;
    return read_counts(s, e, e->w.shape, LIMIT_TENSOR_RANK, &e->w.rank);
}

static tri_status read_offsets(scan *s, entry *e)
{
    uint64_t offsets[2];
    int n = 0;
    if (e->has_offsets) return bad_entry(s, e, "data_offsets is there twice");
    e->has_offsets = true;
    TRI_TRY(read_counts(s, e, offsets, 2, &n));
    if (n != 2) return bad_entry(s, e, "data_offsets is not a pair");
    e->begin = offsets[0];
    e->end = offsets[1];
    return TRI_OK;
}

/* The tensor's place against the data's size, and its size against its shape. */
static tri_status check_entry(const scan *s, const entry *e, uint64_t data_len)
{
    if (!e->has_dtype || !e->has_shape || !e->has_offsets) return bad_entry(s, e, "dtype, shape or data_offsets is absent");
    if (e->begin > e->end) return bad_entry(s, e, "it ends before it begins");
    if (e->end > data_len) {
        err_set(s->err, TRI_ERR_FORMAT, "tensor \"%.*s\" ends at byte %llu of the data, but the file has only %llu; it may be cut short",
                tensor_name_width(e->name_len), e->name, (unsigned long long)e->end, (unsigned long long)data_len);
        return err_hint(s->err, TRI_ERR_FORMAT, "download the file again and compare its size");
    }
    if (!e->bits) return TRI_OK;
    size_t count = 1, bits = 0;
    bool fits = true;
    for (int d = 0; d < e->w.rank; d++)
        fits = fits && mul_size(count, (size_t)e->w.shape[d], &count);
    if (!fits || !mul_size(count, e->bits, &bits)) return bad_entry(s, e, "its shape overflows");
    if (bits % 8 != 0 || bits / 8 != e->end - e->begin) {
        char shape[128];
        return err_set(s->err, TRI_ERR_FORMAT, "tensor \"%.*s\" of shape %s and type %s has %llu bytes, which do not fit its shape",
                       tensor_name_width(e->name_len), e->name, weight_shape_text(&e->w, shape), e->w.type_name,
                       (unsigned long long)(e->end - e->begin));
    }
    return TRI_OK;
}

static tri_status read_entry(scan *s, entry *e, tensor_table *t, buf *text)
{
    if (peek(s) != '{') return bad_entry(s, e, "its description is not an object");
    s->p++;
    if (accept(s, '}')) return TRI_OK;
    do {
        const char *key;
        size_t len;
        TRI_TRY(read_text(s, text, &key, &len));
        bool is_dtype = len == 5 && memcmp(key, "dtype", 5) == 0, is_shape = len == 5 && memcmp(key, "shape", 5) == 0,
             is_offsets = len == 12 && memcmp(key, "data_offsets", 12) == 0;
        TRI_TRY(expect(s, ':', "expected ':'"));
        TRI_TRY(is_dtype     ? read_dtype(s, e, t, text)
                : is_shape   ? read_shape(s, e)
                : is_offsets ? read_offsets(s, e)
                             : skip_value(s, text));
    } while (accept(s, ','));
    return expect(s, '}', "expected ',' or '}'");
}

/* --- the file ----------------------------------------------------------------------------------------------------------- */

static tri_status read_entries(scan *s, const uint8_t *data, uint64_t data_len, const char *file, tensor_table *t, buf *name_text,
                               buf *text)
{
    TRI_TRY(expect(s, '{', "expected '{'"));
    if (accept(s, '}')) return TRI_OK;
    do {
        entry e = {.w.file = file};
        TRI_TRY(read_text(s, name_text, &e.name, &e.name_len));
        TRI_TRY(expect(s, ':', "expected ':'"));
        if (e.name_len == 12 && memcmp(e.name, "__metadata__", 12) == 0) {
            TRI_TRY(skip_value(s, text));
            continue;
        }
        TRI_TRY(read_entry(s, &e, t, text));
        TRI_TRY(check_entry(s, &e, data_len));
        e.w.data = data + e.begin;
        e.w.bytes = (size_t)(e.end - e.begin);
        TRI_TRY(tensor_table_add(t, e.name, e.name_len, &e.w, s->err));
    } while (accept(s, ','));
    return expect(s, '}', "expected ',' or '}'");
}

typedef struct place {
    uint64_t begin, end;
    const weight *w;
} place;

/* By begin, then by end: an empty tensor comes before the one that starts where it lies. */
static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static tri_status check_tiling(const tensor_table *t, size_t first, const uint8_t *data, uint64_t data_len, tri_error *err)
{
    size_t n = t->count - first;
    uint64_t at = 0;
    place *places = mem_array(n, sizeof *places);
    if (!places) return err_memory(err, n * sizeof *places);
    for (size_t i = 0; i < n; i++) {
        const weight *w = &t->items[first + i];
        uint64_t begin = (uint64_t)((const uint8_t *)w->data - data);
        places[i] = (place){begin, begin + w->bytes, w};
    }
    qsort(places, n, sizeof *places, compare_places);
    tri_status st = TRI_OK;
    for (size_t i = 0; i < n && !st; i++) {
        if (places[i].begin != at)
            st = err_set(err, TRI_ERR_FORMAT, "tensor \"%.*s\" begins at byte %llu of the data, but the one before it ends at %llu",
                         tensor_name_width(strlen(places[i].w->name)), places[i].w->name, (unsigned long long)places[i].begin,
                         (unsigned long long)at);
        at = places[i].end;
    }
    if (!st && at != data_len)
        st = err_set(err, TRI_ERR_FORMAT, "the file has %llu bytes of data, but its tensors end at %llu", (unsigned long long)data_len,
                     (unsigned long long)at);
    mem_free(places);
    return st;
}

static tri_status check_length(const uint8_t *bytes, size_t len, uint64_t *header, tri_error *err)
{
    if (len < LENGTH_BYTES + 2) return err_set(err, TRI_ERR_FORMAT, "%zu bytes are too few for a safetensors file", len);
    *header = le_u64(bytes);
    if (*header > LIMIT_SAFETENSORS_HEADER)
        return err_set(err, TRI_ERR_FORMAT, "the header length %llu is over the format's limit of %u bytes; is this a safetensors file?",
                       (unsigned long long)*header, LIMIT_SAFETENSORS_HEADER);
    if (*header > len - LENGTH_BYTES)
        return err_set(err, TRI_ERR_FORMAT, "the header length %llu reaches past the end of the file (%zu bytes)",
                       (unsigned long long)*header, len);
    if (*header == 0 || bytes[LENGTH_BYTES] != '{') return err_set(err, TRI_ERR_FORMAT, "the header does not begin with '{'");
    return TRI_OK;
}

tri_status safetensors_parse(const uint8_t *bytes, size_t len, const char *file, tensor_table *t, tri_error *err)
{
    uint64_t header = 0;
    TRI_TRY(check_length(bytes, len, &header, err));
    const uint8_t *start = bytes + LENGTH_BYTES, *data = start + header;
    uint64_t data_len = len - LENGTH_BYTES - header;
    scan s = {.p = start, .end = data, .start = start, .err = err};
    size_t first = t->count;
    buf name_text, text;
    buf_init(&name_text, LIMIT_SAFETENSORS_HEADER);
    buf_init(&text, LIMIT_SAFETENSORS_HEADER);
    tri_status st = read_entries(&s, data, data_len, file, t, &name_text, &text);
    if (!st && peek(&s) != -1) st = bad_json(&s, "more than one value");
    if (!st) st = check_tiling(t, first, data, data_len, err);
    buf_drop(&name_text);
    buf_drop(&text);
    return st;
}
