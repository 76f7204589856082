/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_write.c — the front of the file (keys, tensors' names and places) is kept in memory until all is declared; data are
 * streamed. Each tensor begins at a multiple of 32, the format's default alignment, so no key has to say it. */
#include "formats/gguf_write.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "formats/gguf_blocks.h"

enum { ALIGNMENT = 32, VERSION = 3, MAX_RANK = 4 };

struct gguf_writer {
    char *path;
    out_file *file;
    buf keys, tensors;
    uint64_t n_keys, n_tensors;
    uint64_t *ends; /* where each tensor's bytes end, before padding */
    size_t cap_ends;
    uint64_t total, written; /* of data, padding counted */
    size_t now;              /* the tensor being written */
    bool begun;
};

tri_status gguf_write_open(const char *path, gguf_writer **out, tri_error *err)
{
    *out = NULL;
    gguf_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    buf_init(&w->keys, 0);
    buf_init(&w->tensors, 0);
    w->path = mem_strdup(path);
    tri_status st = w->path ? out_file_open(path, &w->file, err) : err_memory(err, strlen(path));
    if (st) {
        gguf_write_discard(w);
        return st;
    }
    *out = w;
    return TRI_OK;
}

/* ---- the front ------------------------------------------------------------------------------------------------------- */

static tri_status put_number(buf *b, uint64_t value, int bytes)
{
    uint8_t le[8];
    for (int i = 0; i < bytes; i++) le[i] = (uint8_t)(value >> (8 * i));
    return buf_append(b, le, (size_t)bytes);
}

static tri_status put_text(buf *b, const char *text, size_t len)
{
    TRI_TRY(put_number(b, len, 8));
    return buf_append(b, text, len);
}

static tri_status grown(const buf *b, tri_status st, tri_error *err)
{
    return st ? err_memory(err, b->len) : TRI_OK;
}

static tri_status put_key(gguf_writer *w, const char *key, gguf_type type)
{
    w->n_keys++;
    TRI_TRY(put_text(&w->keys, key, strlen(key)));
    return put_number(&w->keys, type, 4);
}

static tri_status write_number(gguf_writer *w, const char *key, gguf_type type, uint64_t value, int bytes, tri_error *err)
{
    tri_status st = put_key(w, key, type);
    if (!st) st = put_number(&w->keys, value, bytes);
    return grown(&w->keys, st, err);
}

tri_status gguf_write_u32(gguf_writer *w, const char *key, uint32_t value, tri_error *err)
{
    return write_number(w, key, GGUF_U32, value, 4, err);
}

tri_status gguf_write_f32(gguf_writer *w, const char *key, float value, tri_error *err)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return write_number(w, key, GGUF_F32, bits, 4, err);
}

tri_status gguf_write_bool(gguf_writer *w, const char *key, bool value, tri_error *err)
{
    return write_number(w, key, GGUF_BOOL, value, 1, err);
}

tri_status gguf_write_text(gguf_writer *w, const char *key, const char *text, size_t len, tri_error *err)
{
    tri_status st = put_key(w, key, GGUF_STRING);
    if (!st) st = put_text(&w->keys, text, len);
    return grown(&w->keys, st, err);
}

tri_status gguf_write_array(gguf_writer *w, const char *key, gguf_type item, uint64_t n, tri_error *err)
{
    tri_status st = put_key(w, key, GGUF_ARRAY);
    if (!st) st = put_number(&w->keys, item, 4);
    if (!st) st = put_number(&w->keys, n, 8);
    return grown(&w->keys, st, err);
}

tri_status gguf_write_item(gguf_writer *w, const void *bytes, size_t len, tri_error *err)
{
    return grown(&w->keys, buf_append(&w->keys, bytes, len), err);
}

tri_status gguf_write_item_text(gguf_writer *w, const char *text, size_t len, tri_error *err)
{
    return grown(&w->keys, put_text(&w->keys, text, len), err);
}

static uint64_t padded(uint64_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static tri_status note_end(gguf_writer *w, uint64_t end, tri_error *err)
{
    if (w->n_tensors == w->cap_ends) {
        size_t cap = w->cap_ends ? 2 * w->cap_ends : 256;
        uint64_t *ends = mem_realloc(w->ends, cap * sizeof *ends);
        if (!ends) return err_memory(err, cap * sizeof *ends);
        w->ends = ends;
        w->cap_ends = cap;
    }
    w->ends[w->n_tensors++] = end;
    return TRI_OK;
}

tri_status gguf_write_declare(gguf_writer *w, const char *name, uint32_t type, int rank, const uint64_t *shape, tri_error *err)
{
    const gguf_block *kind = gguf_block_find(type);
    size_t count = 1, bytes = 0;
    bool fits = kind && rank >= 1 && rank <= MAX_RANK && strlen(name) < 64 && w->n_tensors < LIMIT_TENSORS;
    for (int i = 0; fits && i < rank; i++) fits = mul_size(count, (size_t)shape[i], &count);
    fits = fits && shape[rank - 1] % kind->items == 0 && mul_size(count / kind->items, kind->bytes, &bytes);
    if (!fits || w->begun)
        return err_set(err, TRI_ERR_ARGUMENT, "could not write %s: tensor \"%s\" does not fit the format", w->path, name);
    tri_status st = put_text(&w->tensors, name, strlen(name));
    if (!st) st = put_number(&w->tensors, (uint64_t)rank, 4);
    for (int i = rank - 1; !st && i >= 0; i--) st = put_number(&w->tensors, shape[i], 8);
    if (!st) st = put_number(&w->tensors, type, 4);
    if (!st) st = put_number(&w->tensors, w->total, 8);
    TRI_TRY(grown(&w->tensors, st, err));
    TRI_TRY(note_end(w, w->total + bytes, err));
    w->total = padded(w->total + bytes);
    return TRI_OK;
}

/* ---- data ------------------------------------------------------------------------------------------------------------ */

static tri_status pad(gguf_writer *w, uint64_t from, uint64_t to, tri_error *err)
{
    static const uint8_t zeros[ALIGNMENT];
    return out_file_write(w->file, zeros, (size_t)(to - from), err);
}

/* Tensors that are whole get their padding; empty ones are passed over. */
static tri_status close_tensors(gguf_writer *w, tri_error *err)
{
    while (w->now < w->n_tensors && w->written == w->ends[w->now]) {
        uint64_t to = padded(w->written);
        TRI_TRY(pad(w, w->written, to, err));
        w->written = to;
        w->now++;
    }
    return TRI_OK;
}

tri_status gguf_write_begin(gguf_writer *w, tri_error *err)
{
    buf head;
    buf_init(&head, 0);
    tri_status st = buf_append(&head, "GGUF", 4);
    if (!st) st = put_number(&head, VERSION, 4);
    if (!st) st = put_number(&head, w->n_tensors, 8);
    if (!st) st = put_number(&head, w->n_keys, 8);
    st = st ? err_memory(err, head.len) : out_file_write(w->file, head.data, head.len, err);
    uint64_t len = head.len + w->keys.len + w->tensors.len;
    buf_drop(&head);
    if (!st && w->keys.len) st = out_file_write(w->file, w->keys.data, w->keys.len, err);
    if (!st && w->tensors.len) st = out_file_write(w->file, w->tensors.data, w->tensors.len, err);
    if (!st) st = pad(w, len, padded(len), err);
    w->begun = true;
    return st ? st : close_tensors(w, err);
}

tri_status gguf_write_data(gguf_writer *w, const void *bytes, size_t len, tri_error *err)
{
    if (!w->begun || w->now == w->n_tensors || len > w->ends[w->now] - w->written)
        return err_set(err, TRI_ERR_STATE, "could not write %s: more data than was declared", w->path);
    TRI_TRY(out_file_write(w->file, bytes, len, err));
    w->written += len;
    return close_tensors(w, err);
}

tri_status gguf_write_commit(gguf_writer *w, tri_error *err)
{
    tri_status st = TRI_OK;
    if (!w->begun || w->now != w->n_tensors) st = err_set(err, TRI_ERR_STATE, "could not write %s: data are missing", w->path);
    if (!st) {
        st = out_file_commit(w->file, err);
        w->file = NULL;
    }
    gguf_write_discard(w);
    return st;
}

void gguf_write_discard(gguf_writer *w)
{
    if (!w) return;
    out_file_discard(w->file);
    buf_drop(&w->keys);
    buf_drop(&w->tensors);
    mem_free(w->ends);
    mem_free(w->path);
    mem_free(w);
}
