/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors.c — what does the header of a safetensors file promise, and does the file keep it?
 *
 * The header may have 100 MB, so it is read once from front to back (json_stream.h), without a tree and without recursion;
 * values under keys that mean nothing here are checked and passed over.
 *
 * Checked, as the reference reader (safetensors, Rust) does, and a little more:
 *   (1) N <= 100,000,000 and 8 + N <= file size, without overflow; the header starts with '{' and is one JSON object;
 *   (2) each entry has dtype, shape and data_offsets, once each; begin <= end <= size of the data;
 *   (3) end - begin = product of the shape x size of the type, without overflow, when the type is a known one;
 *   (4) sorted by place, the tensors tile the data: the first begins at 0, each at the end of the one before, the last ends at
 * the file's end; (5) no name twice (the reference takes the last one silently). Only the header is read; the data may lie at
 * any address, aligned or not. */
#include "formats/safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/number.h"
#include "formats/json_stream.h"
#include "formats/le.h"

enum { LENGTH_BYTES = 8 };

static const struct {
    const char *name;
    dtype type;
    unsigned bits;
} dtype_rows[] = {
    {"F32", DTYPE_F32, 32},      {"F16", DTYPE_F16, 16},      {"BF16", DTYPE_BF16, 16},    {"F64", DTYPE_F64, 64},
    {"I64", DTYPE_I64, 64},      {"I32", DTYPE_I32, 32},      {"I16", DTYPE_I16, 16},      {"I8", DTYPE_I8, 8},
    {"U8", DTYPE_U8, 8},         {"BOOL", DTYPE_BOOL, 8},     {"U16", DTYPE_OTHER, 16},    {"U32", DTYPE_OTHER, 32},
    {"U64", DTYPE_OTHER, 64},    {"C64", DTYPE_OTHER, 64},    {"F8_E4M3", DTYPE_OTHER, 8}, {"F8_E5M2", DTYPE_OTHER, 8},
    {"F8_E8M0", DTYPE_OTHER, 8}, {"F6_E2M3", DTYPE_OTHER, 6}, {"F6_E3M2", DTYPE_OTHER, 6}, {"F4", DTYPE_OTHER, 4},
};

/* The reading of one header. */
typedef struct reading {
    json_stream json;
    tensor_table *table;
    const char *file;
    const uint8_t *data;
    uint64_t data_len;
    buf name; /* of the tensor in hand: the stream's own text lasts only until its next event */
    tri_error *err;
} reading;

/* One header entry as it stands in the JSON. */
typedef struct entry {
    const char *name; /* not NUL-terminated */
    size_t name_len;
    bool has_dtype, has_shape, has_offsets;
    unsigned bits; /* of one element; 0 = unknown type */
    uint64_t begin, end;
    weight w;
} entry;

static tri_status next_event(reading *r, json_event *event)
{
    return json_stream_next(&r->json, event, r->err);
}

static tri_status pass_over(reading *r)
{
    const char *bytes;
    size_t len;
    return json_stream_slice(&r->json, &bytes, &len, r->err);
}

static bool text_is(const reading *r, const char *word)
{
    return r->json.len == strlen(word) && memcmp(r->json.text, word, r->json.len) == 0;
}

static tri_status bad_entry(const reading *r, const entry *e, const char *what)
{
    return err_set(r->err, TRI_ERR_FORMAT, "tensor \"%.*s\" in the header: %s", tensor_name_width(e->name_len), e->name, what);
}

/* --- one entry ---------------------------------------------------------------------------------------------------------- */

/* [count, count, ...], at most cap of them */
static tri_status read_counts(reading *r, const entry *e, uint64_t *out, int cap, int *n)
{
    json_event event;
    *n = 0;
    TRI_TRY(next_event(r, &event));
    if (event != JSON_EVENT_ARRAY) return bad_entry(r, e, "its shape or data_offsets is not an array");
    for (;;) {
        TRI_TRY(next_event(r, &event));
        if (event == JSON_EVENT_ARRAY_END) return TRI_OK;
        if (*n == cap) return bad_entry(r, e, "too many dimensions or offsets");
        if (event != JSON_EVENT_NUMBER || !number_parse_u64(r->json.text, r->json.len, &out[*n]))
            return bad_entry(r, e, "its shape or data_offsets holds something that is not a count");
        ++*n;
    }
}

static tri_status read_dtype(reading *r, entry *e)
{
    json_event event;
    if (e->has_dtype) return bad_entry(r, e, "dtype is there twice");
    TRI_TRY(next_event(r, &event));
    if (event != JSON_EVENT_STRING) return bad_entry(r, e, "dtype is not text");
    e->has_dtype = true;
    for (size_t i = 0; i < sizeof dtype_rows / sizeof *dtype_rows; i++) {
        if (!text_is(r, dtype_rows[i].name)) continue;
        e->w.type = dtype_rows[i].type;
        e->w.type_name = dtype_rows[i].name;
        e->bits = dtype_rows[i].bits;
        return TRI_OK;
    }
    e->w.type = DTYPE_OTHER;
    e->w.type_name = arena_copy(&r->table->store, r->json.text, (size_t)tensor_name_width(r->json.len));
    return e->w.type_name ? TRI_OK : err_memory(r->err, r->json.len);
}

static tri_status read_shape(reading *r, entry *e)
{
    if (e->has_shape) return bad_entry(r, e, "shape is there twice");
    e->has_shape = true;
    return read_counts(r, e, e->w.shape, LIMIT_TENSOR_RANK, &e->w.rank);
}

static tri_status read_offsets(reading *r, entry *e)
{
    uint64_t offsets[2] = {0};
    int n = 0;
    if (e->has_offsets) return bad_entry(r, e, "data_offsets is there twice");
    e->has_offsets = true;
    TRI_TRY(read_counts(r, e, offsets, 2, &n));
    if (n != 2) return bad_entry(r, e, "data_offsets is not a pair");
    e->begin = offsets[0];
    e->end = offsets[1];
    return TRI_OK;
}

/* The tensor's place against the data's size, and its size against its shape. */
static tri_status check_entry(const reading *r, const entry *e)
{
    if (!e->has_dtype || !e->has_shape || !e->has_offsets) return bad_entry(r, e, "dtype, shape or data_offsets is absent");
    if (e->begin > e->end) return bad_entry(r, e, "it ends before it begins");
    if (e->end > r->data_len) {
        err_set(r->err, TRI_ERR_FORMAT,
                "tensor \"%.*s\" ends at byte %llu of the data, but the file has only %llu; it may be cut short",
                tensor_name_width(e->name_len), e->name, (unsigned long long)e->end, (unsigned long long)r->data_len);
        return err_hint(r->err, TRI_ERR_FORMAT, "download the file again and compare its size");
    }
    if (!e->bits) return TRI_OK;
    size_t count = 1, bits = 0;
    bool fits = true;
    for (int d = 0; d < e->w.rank; d++) fits = fits && mul_size(count, (size_t)e->w.shape[d], &count);
    if (!fits || !mul_size(count, e->bits, &bits)) return bad_entry(r, e, "its shape overflows");
    if (bits % 8 != 0 || bits / 8 != e->end - e->begin) {
        char shape[128];
        return err_set(r->err, TRI_ERR_FORMAT,
                       "tensor \"%.*s\" of shape %s and type %s has %llu bytes, which do not fit its shape",
                       tensor_name_width(e->name_len), e->name, weight_shape_text(&e->w, shape), e->w.type_name,
                       (unsigned long long)(e->end - e->begin));
    }
    return TRI_OK;
}

static tri_status read_entry(reading *r, entry *e)
{
    json_event event;
    TRI_TRY(next_event(r, &event));
    if (event != JSON_EVENT_OBJECT) return bad_entry(r, e, "its description is not an object");
    for (;;) {
        TRI_TRY(next_event(r, &event));
        if (event == JSON_EVENT_OBJECT_END) return TRI_OK;
        if (text_is(r, "dtype"))
            TRI_TRY(read_dtype(r, e));
        else if (text_is(r, "shape"))
            TRI_TRY(read_shape(r, e));
        else if (text_is(r, "data_offsets"))
            TRI_TRY(read_offsets(r, e));
        else
            TRI_TRY(pass_over(r));
    }
}

/* --- the file ----------------------------------------------------------------------------------------------------------- */

/* The stream stands after a tensor's name. */
static tri_status add_entry(reading *r)
{
    entry e = {.w.file = r->file};
    buf_clear(&r->name);
    if (buf_append(&r->name, r->json.text, r->json.len) != TRI_OK) return err_memory(r->err, r->json.len);
    e.name = r->name.len ? (const char *)r->name.data : "";
    e.name_len = r->name.len;
    TRI_TRY(read_entry(r, &e));
    TRI_TRY(check_entry(r, &e));
    e.w.data = r->data + e.begin;
    e.w.bytes = (size_t)(e.end - e.begin);
    return tensor_table_add(r->table, e.name, e.name_len, &e.w, r->err);
}

static tri_status read_header(reading *r)
{
    json_event event;
    TRI_TRY(next_event(r, &event));
    if (event != JSON_EVENT_OBJECT) return json_stream_error(&r->json, r->err, "an object was expected");
    for (;;) {
        TRI_TRY(next_event(r, &event));
        if (event == JSON_EVENT_OBJECT_END) break;
        TRI_TRY(text_is(r, "__metadata__") ? pass_over(r) : add_entry(r));
    }
    return next_event(r, &event); /* nothing but blanks may follow */
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
            st = err_set(err, TRI_ERR_FORMAT,
                         "tensor \"%.*s\" begins at byte %llu of the data, but the one before it ends at %llu",
                         tensor_name_width(strlen(places[i].w->name)), places[i].w->name, (unsigned long long)places[i].begin,
                         (unsigned long long)at);
        at = places[i].end;
    }
    if (!st && at != data_len)
        st = err_set(err, TRI_ERR_FORMAT, "the file has %llu bytes of data, but its tensors end at %llu",
                     (unsigned long long)data_len, (unsigned long long)at);
    mem_free(places);
    return st;
}

static tri_status check_length(const uint8_t *bytes, size_t len, uint64_t *header, tri_error *err)
{
    if (len < LENGTH_BYTES + 2) return err_set(err, TRI_ERR_FORMAT, "%zu bytes are too few for a safetensors file", len);
    *header = le_u64(bytes);
    if (*header > LIMIT_SAFETENSORS_HEADER)
        return err_set(err, TRI_ERR_FORMAT,
                       "the header length %llu is over the format's limit of %u bytes; is this a safetensors file?",
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
    reading r = {.table = t, .file = file, .data = data, .data_len = len - LENGTH_BYTES - header, .err = err};
    size_t first = t->count;
    json_stream_init(&r.json, start, (size_t)header, "the header");
    buf_init(&r.name, LIMIT_SAFETENSORS_HEADER);
    tri_status st = read_header(&r);
    if (!st) st = check_tiling(t, first, data, r.data_len, err);
    json_stream_drop(&r.json);
    buf_drop(&r.name);
    return st;
}
