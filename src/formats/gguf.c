/* SPDX-License-Identifier: Apache-2.0 */
/* gguf.c — one pass over the front of a GGUF file, every length checked against what is left before it is used.
 *
 * Invariants: (1) no number of the file is multiplied or added without a check; (2) keys and tensor names are there once; (3)
 * strings that are handed out as text are valid UTF-8; (4) tensors lie in the data in the order in which they are listed and do
 * not overlap, so what is decoded is at most some eight times the file. Arrays of arrays, which llama.cpp does not read either,
 * and big-endian files are refused by name. */
#include "formats/gguf.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "formats/gguf_blocks.h"
#include "formats/le.h"

enum { HEADER_BYTES = 24, DEFAULT_ALIGNMENT = 32, MAX_RANK = 4 };

typedef struct cursor {
    gguf *g;
    size_t at;
    tri_error *err;
} cursor;

static const uint8_t item_bytes[] = {
    [GGUF_U8] = 1,   [GGUF_I8] = 1,     [GGUF_U16] = 2,   [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4,
    [GGUF_BOOL] = 1, [GGUF_STRING] = 0, [GGUF_ARRAY] = 0, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};
enum { N_TYPES = sizeof item_bytes };

bool gguf_is(const uint8_t *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes, "GGUF", 4) == 0;
}

static tri_status cut_short(const cursor *c, const char *what)
{
    err_set(c->err, TRI_ERR_FORMAT, "%s at byte %zu reaches past the end of the file (%zu bytes)", what, c->at, c->g->len);
    return err_hint(c->err, TRI_ERR_FORMAT, "it may be cut short: download it again and compare its size");
}

static size_t left(const cursor *c)
{
    return c->g->len - c->at;
}

static tri_status take_u32(cursor *c, uint32_t *out, const char *what)
{
    if (left(c) < 4) return cut_short(c, what);
    *out = le_u32(c->g->bytes + c->at);
    c->at += 4;
    return TRI_OK;
}

static tri_status take_u64(cursor *c, uint64_t *out, const char *what)
{
    if (left(c) < 8) return cut_short(c, what);
    *out = le_u64(c->g->bytes + c->at);
    c->at += 8;
    return TRI_OK;
}

static tri_status take_text(cursor *c, tri_text *out, const char *what)
{
    uint64_t len;
    TRI_TRY(take_u64(c, &len, what));
    if (len > left(c)) return cut_short(c, what);
    *out = (tri_text){(const char *)c->g->bytes + c->at, (size_t)len};
    c->at += (size_t)len;
    return TRI_OK;
}

/* A key or a tensor's name, kept with a zero byte after it. */
static tri_status take_name(cursor *c, size_t max, const char *what, const char **out)
{
    tri_text text;
    TRI_TRY(take_text(c, &text, what));
    if (!text.len || text.len > max || memchr(text.bytes, 0, text.len) || utf8_count_bad((const uint8_t *)text.bytes, text.len))
        return err_set(c->err, TRI_ERR_FORMAT, "%s of %zu bytes before byte %zu is empty, too long or no UTF-8", what, text.len,
                       c->at);
    *out = arena_copy(&c->g->keep, text.bytes, text.len);
    return *out ? TRI_OK : err_memory(c->err, text.len);
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static tri_status take_array(cursor *c, gguf_value *v)
{
    uint32_t item;
    TRI_TRY(take_u32(c, &item, "an array's type"));
    TRI_TRY(take_u64(c, &v->n, "an array's length"));
    if (item == GGUF_ARRAY) return err_set(c->err, TRI_ERR_UNSUPPORTED, "key \"%s\" is an array of arrays", v->key);
    if (item >= N_TYPES) return err_set(c->err, TRI_ERR_FORMAT, "key \"%s\" is an array of type %u", v->key, item);
    v->item = (gguf_type)item;
    v->bytes = c->g->bytes + c->at;
    size_t start = c->at;
    if (item == GGUF_STRING) {
        tri_text text;
        for (uint64_t i = 0; i < v->n; i++) TRI_TRY(take_text(c, &text, "a string of an array"));
    } else {
        if (v->n > left(c) / item_bytes[item]) return cut_short(c, "an array");
        c->at += (size_t)v->n * item_bytes[item];
    }
    v->len = c->at - start;
    return TRI_OK;
}

static tri_status take_value(cursor *c, gguf_value *v)
{
    uint32_t type;
    TRI_TRY(take_u32(c, &type, "a key's type"));
    if (type >= N_TYPES) return err_set(c->err, TRI_ERR_FORMAT, "key \"%s\" has type %u", v->key, type);
    v->type = (gguf_type)type;
    if (v->type == GGUF_ARRAY) return take_array(c, v);
    if (v->type == GGUF_STRING) {
        tri_text text;
        TRI_TRY(take_text(c, &text, "a string"));
        v->bytes = (const uint8_t *)text.bytes;
        v->len = text.len;
        return TRI_OK;
    }
    v->len = item_bytes[type];
    v->bytes = c->g->bytes + c->at;
    if (v->len > left(c)) return cut_short(c, "a number");
    c->at += v->len;
    return TRI_OK;
}

static tri_status take_keys(cursor *c, uint64_t n)
{
    gguf *g = c->g;
    if (n > LIMIT_GGUF_ENTRIES)
        return err_set(c->err, TRI_ERR_LIMIT, "it claims %llu keys, over the limit of %u", (unsigned long long)n,
                       LIMIT_GGUF_ENTRIES);
    g->values = arena_calloc(&g->keep, n ? (size_t)n : 1, sizeof *g->values);
    if (!g->values) return err_memory(c->err, (size_t)n * sizeof *g->values);
    for (uint32_t i = 0; i < n; i++) {
        gguf_value *v = &g->values[i];
        uint32_t there;
        TRI_TRY(take_name(c, LIMIT_GGUF_KEY, "a key", &v->key));
        if (strmap_find(&g->keys, v->key, strlen(v->key), &there))
            return err_set(c->err, TRI_ERR_FORMAT, "key \"%.200s\" is there twice", v->key);
        if (strmap_put(&g->keys, v->key, strlen(v->key), i, NULL, NULL)) return err_memory(c->err, strlen(v->key));
        TRI_TRY(take_value(c, v));
        g->n_values = i + 1;
    }
    return TRI_OK;
}

/* ---- tensors --------------------------------------------------------------------------------------------------------- */

static tri_status take_tensor(cursor *c, gguf_tensor *t)
{
    uint32_t rank;
    uint64_t dims[MAX_RANK];
    TRI_TRY(take_name(c, LIMIT_GGUF_NAME, "a tensor's name", &t->name));
    TRI_TRY(take_u32(c, &rank, "a tensor's rank"));
    if (rank < 1 || rank > MAX_RANK) return err_set(c->err, TRI_ERR_FORMAT, "tensor \"%s\" has %u dimensions", t->name, rank);
    t->rank = (int)rank;
    for (uint32_t i = 0; i < rank; i++) TRI_TRY(take_u64(c, &dims[i], "a tensor's shape"));
    for (uint32_t i = 0; i < rank; i++) t->shape[i] = dims[rank - 1 - i];
    TRI_TRY(take_u32(c, &t->type, "a tensor's type"));
    return take_u64(c, &t->offset, "a tensor's place");
}

static tri_status find_data(cursor *c)
{
    size_t alignment;
    TRI_TRY(gguf_get_size(c->g, "general.alignment", DEFAULT_ALIGNMENT, 1, 1u << 20, &alignment, c->err));
    if (alignment & (alignment - 1))
        return err_set(c->err, TRI_ERR_FORMAT, "\"general.alignment\" is %zu, which is no power of two", alignment);
    size_t at = (c->at + alignment - 1) / alignment * alignment;
    c->g->data_at = at < c->g->len ? at : c->g->len;
    return TRI_OK;
}

static tri_status read_all(cursor *c)
{
    gguf *g = c->g;
    uint64_t n_tensors, n_keys;
    if (!gguf_is(g->bytes, g->len)) return err_set(c->err, TRI_ERR_FORMAT, "it does not begin with \"GGUF\"");
    if (g->len < HEADER_BYTES) return cut_short(c, "the header");
    uint32_t version = le_u32(g->bytes + 4);
    if (version == 2u << 24 || version == 3u << 24)
        return err_set(c->err, TRI_ERR_UNSUPPORTED, "it is a big-endian GGUF file; little-endian ones are read");
    if (version != 2 && version != 3)
        return err_set(c->err, TRI_ERR_UNSUPPORTED, "it is of GGUF version %u; 2 and 3 are read", version);
    c->at = 8;
    TRI_TRY(take_u64(c, &n_tensors, "the header"));
    TRI_TRY(take_u64(c, &n_keys, "the header"));
    if (n_tensors > LIMIT_TENSORS)
        return err_set(c->err, TRI_ERR_LIMIT, "it claims %llu tensors, over the limit of %u", (unsigned long long)n_tensors,
                       LIMIT_TENSORS);
    TRI_TRY(take_keys(c, n_keys));
    g->tensors = arena_calloc(&g->keep, n_tensors ? (size_t)n_tensors : 1, sizeof *g->tensors);
    if (!g->tensors) return err_memory(c->err, (size_t)n_tensors * sizeof *g->tensors);
    for (; g->n_tensors < n_tensors; g->n_tensors++) TRI_TRY(take_tensor(c, &g->tensors[g->n_tensors]));
    return find_data(c);
}

tri_status gguf_read(const uint8_t *bytes, size_t len, gguf *out, tri_error *err)
{
    memset(out, 0, sizeof *out);
    out->bytes = bytes;
    out->len = len;
    strmap_init(&out->keys);
    arena_init(&out->keep, 0);
    cursor c = {.g = out, .err = err};
    return read_all(&c);
}

void gguf_drop(gguf *g)
{
    strmap_drop(&g->keys);
    arena_drop(&g->keep);
    memset(g, 0, sizeof *g);
}

/* ---- looking up ------------------------------------------------------------------------------------------------------ */

const gguf_value *gguf_find(const gguf *g, const char *key)
{
    uint32_t at;
    return strmap_find(&g->keys, key, strlen(key), &at) ? &g->values[at] : NULL;
}

/* False: no integer, or a negative one. */
static bool read_count(const gguf_value *v, uint64_t *out)
{
    const uint8_t *p = v->bytes;
    switch (v->type) {
    case GGUF_U8:
    case GGUF_I8:
        *out = p[0];
        break;
    case GGUF_U16:
    case GGUF_I16:
        *out = le_u16(p);
        break;
    case GGUF_U32:
    case GGUF_I32:
        *out = le_u32(p);
        break;
    case GGUF_U64:
    case GGUF_I64:
        *out = le_u64(p);
        break;
    default:
        return false;
    }
    bool has_sign = v->type == GGUF_I8 || v->type == GGUF_I16 || v->type == GGUF_I32 || v->type == GGUF_I64;
    return !has_sign || !(p[v->len - 1] & 0x80);
}

tri_status gguf_get_size(const gguf *g, const char *key, uint64_t fallback, uint64_t min, uint64_t max, size_t *out,
                         tri_error *err)
{
    const gguf_value *v = gguf_find(g, key);
    uint64_t n = fallback;
    if (v && !read_count(v, &n)) return err_set(err, TRI_ERR_FORMAT, "key \"%s\" is no count", key);
    if (v && (n < min || n > max))
        return err_set(err, TRI_ERR_FORMAT, "key \"%s\" is %llu, expected %llu to %llu", key, (unsigned long long)n,
                       (unsigned long long)min, (unsigned long long)max);
    *out = (size_t)n;
    return TRI_OK;
}

tri_status gguf_get_f32(const gguf *g, const char *key, float fallback, float *out, tri_error *err)
{
    const gguf_value *v = gguf_find(g, key);
    *out = fallback;
    if (!v) return TRI_OK;
    if (v->type != GGUF_F32) return err_set(err, TRI_ERR_FORMAT, "key \"%s\" is no float", key);
    uint32_t bits = le_u32(v->bytes);
    memcpy(out, &bits, sizeof bits);
    return TRI_OK;
}

tri_status gguf_get_bool(const gguf *g, const char *key, bool fallback, bool *out, tri_error *err)
{
    const gguf_value *v = gguf_find(g, key);
    *out = fallback;
    if (!v) return TRI_OK;
    if (v->type != GGUF_BOOL) return err_set(err, TRI_ERR_FORMAT, "key \"%s\" is neither true nor false", key);
    *out = v->bytes[0] != 0;
    return TRI_OK;
}

tri_status gguf_get_text(const gguf *g, const char *key, tri_text *out, tri_error *err)
{
    const gguf_value *v = gguf_find(g, key);
    *out = (tri_text){NULL, 0};
    if (!v) return TRI_OK;
    if (v->type != GGUF_STRING || utf8_count_bad(v->bytes, v->len))
        return err_set(err, TRI_ERR_FORMAT, "key \"%s\" is no text", key);
    *out = (tri_text){(const char *)v->bytes, v->len};
    return TRI_OK;
}

const gguf_value *gguf_find_array(const gguf *g, const char *key, gguf_type item)
{
    const gguf_value *v = gguf_find(g, key);
    return v && v->type == GGUF_ARRAY && v->item == item ? v : NULL;
}

tri_text gguf_next_text(const gguf_value *array, size_t *at)
{
    size_t len = (size_t)le_u64(array->bytes + *at);
    tri_text text = {(const char *)array->bytes + *at + 8, len};
    *at += 8 + len;
    return text;
}

uint32_t gguf_item_u32(const gguf_value *array, uint64_t i)
{
    return le_u32(array->bytes + 4 * i);
}

float gguf_item_f32(const gguf_value *array, uint64_t i)
{
    uint32_t bits = gguf_item_u32(array, i);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

const gguf_tensor *gguf_find_tensor(const gguf *g, const char *name)
{
    for (size_t i = 0; i < g->n_tensors; i++)
        if (strcmp(g->tensors[i].name, name) == 0) return &g->tensors[i];
    return NULL;
}

/* ---- data ------------------------------------------------------------------------------------------------------------ */

/* Bytes and number of elements of a tensor in the file. */
static tri_status measure(const gguf_tensor *t, const gguf_block *kind, size_t *bytes, size_t *count, tri_error *err)
{
    size_t n = 1;
    bool fits = true;
    for (int i = 0; i < t->rank; i++) fits = fits && mul_size(n, (size_t)t->shape[i], &n);
    if (!fits || !mul_size(n / kind->items, kind->bytes, bytes))
        return err_set(err, TRI_ERR_FORMAT, "the shape of tensor \"%s\" overflows", t->name);
    if (t->shape[t->rank - 1] % kind->items)
        return err_set(err, TRI_ERR_FORMAT, "rows of tensor \"%s\" have %llu elements, no multiple of %s's %u", t->name,
                       (unsigned long long)t->shape[t->rank - 1], kind->name, kind->items);
    *count = n;
    return TRI_OK;
}

static tri_status decode(const gguf_block *kind, size_t count, arena *store, weight *w, tri_error *err)
{
    size_t bytes;
    if (!mul_size(count, sizeof(float), &bytes)) return err_memory(err, SIZE_MAX);
    float *out = arena_alloc(store, bytes ? bytes : 1);
    if (!out) return err_memory(err, bytes);
    gguf_blocks_decode(kind, w->data, count / kind->items, out);
    w->data = out;
    w->bytes = bytes;
    w->type = DTYPE_F32;
    return TRI_OK;
}

static tri_status add_tensor(const gguf *g, const gguf_tensor *t, const char *file, uint64_t *end, tensor_table *table,
                             tri_error *err)
{
    const gguf_block *kind = gguf_block_find(t->type);
    size_t bytes, count;
    if (!kind) return err_set(err, TRI_ERR_UNSUPPORTED, "tensor \"%s\" has type %u, which is not known", t->name, t->type);
    TRI_TRY(measure(t, kind, &bytes, &count, err));
    uint64_t room = g->len - g->data_at;
    if (t->offset < *end) return err_set(err, TRI_ERR_FORMAT, "tensor \"%s\" overlaps the one before it", t->name);
    if (t->offset > room || bytes > room - t->offset) {
        err_set(err, TRI_ERR_FORMAT, "tensor \"%s\" ends at byte %llu of the data, but the file has only %llu", t->name,
                (unsigned long long)(t->offset + bytes), (unsigned long long)room);
        return err_hint(err, TRI_ERR_FORMAT, "it may be cut short: download it again and compare its size");
    }
    *end = t->offset + bytes;
    weight w = {.type = kind->type,
                .type_name = kind->name,
                .file = file,
                .rank = t->rank,
                .data = g->bytes + g->data_at + t->offset,
                .bytes = bytes};
    memcpy(w.shape, t->shape, sizeof t->shape);
    if (kind->decode) TRI_TRY(decode(kind, count, &table->store, &w, err));
    return tensor_table_add(table, t->name, strlen(t->name), &w, err);
}

tri_status gguf_add_tensors(const gguf *g, const char *file, tensor_table *t, tri_error *err)
{
    uint64_t end = 0;
    for (size_t i = 0; i < g->n_tensors; i++) TRI_TRY(add_tensor(g, &g->tensors[i], file, &end, t, err));
    return TRI_OK;
}
