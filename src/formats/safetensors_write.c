/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors_write.c — the header first, though the sizes may be known last.
 *
 * The header (safetensors.h draws the file) needs every tensor's size, and tensors may not interleave. So a growing tensor
 * waits outside the file: in memory up to SPILL_BYTES, then in a file of its own, which is copied behind the header at commit.
 * Tensors lie in the order of declaration without gaps; the header is padded with spaces so that the data begin at a multiple
 * of 64 bytes.
 *
 * Invariant: metadata come in the order given, tensors in the order declared, and nothing depends on time or place: equal calls
 * give equal bytes. */
#include "formats/safetensors_write.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "formats/le.h"

enum {
    SPILL_BYTES = 1 << 20, /* six tensors of an answer stay far below what a model needs */
    COPY_BYTES = 256 << 10,
    ALIGN = 64,
    LENGTH_BYTES = 8,
    SUFFIX_BYTES = 32, /* ".part<i>" */
};

typedef struct out_tensor {
    char *name;
    dtype type;
    int rank;
    uint64_t shape[LIMIT_TENSOR_RANK];
    uint64_t bytes;     /* declared, or appended so far */
    uint64_t row_bytes; /* of a growing one */
    bool growing;
    buf waiting;
    out_file *spill;
} out_tensor;

typedef enum { DECLARING, STREAMING, FAILED } writer_state;

struct safetensors_writer {
    char *path;
    out_file *file;
    writer_state state;
    buf metadata; /* "key":"value",... */
    strmap names;
    out_tensor *tensors;
    size_t count, cap;
    uint64_t promised, written; /* bytes of data when streaming */
};

tri_status safetensors_write_open(const char *path, safetensors_writer **out, tri_error *err)
{
    *out = NULL;
    if (strcmp(path, "-") == 0) {
        err_set(err, TRI_ERR_UNSUPPORTED, "could not write safetensors to standard output: its header is known last");
        return err_hint(err, TRI_ERR_UNSUPPORTED, "name a file");
    }
    if (strlen(path) + SUFFIX_BYTES > LIMIT_PATH)
        return err_set(err, TRI_ERR_LIMIT, "could not write safetensors: the path has %zu bytes", strlen(path));
    safetensors_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    buf_init(&w->metadata, LIMIT_SAFETENSORS_HEADER);
    strmap_init(&w->names);
    w->path = mem_strdup(path);
    tri_status st = w->path ? out_file_open(path, &w->file, err) : err_memory(err, strlen(path));
    if (st) {
        safetensors_write_discard(w);
        return st;
    }
    *out = w;
    return TRI_OK;
}

/* --- header text -------------------------------------------------------------------------------------------------------- */

static tri_status append_text(buf *b, const char *text, size_t len)
{
    size_t from = 0;
    TRI_TRY(buf_byte(b, '"'));
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        TRI_TRY(buf_append(b, text + from, i - from));
        TRI_TRY(c >= 0x20 ? buf_printf(b, "\\%c", c) : buf_printf(b, "\\u%04x", c));
        from = i + 1;
    }
    TRI_TRY(buf_append(b, text + from, len - from));
    return buf_byte(b, '"');
}

static tri_status header_failed(tri_status st, const safetensors_writer *w, tri_error *err)
{
    if (st == TRI_OK) return st;
    if (st == TRI_ERR_LIMIT)
        return err_set(err, st, "could not write %s: its header would pass %u bytes", w->path, LIMIT_SAFETENSORS_HEADER);
    return err_memory(err, w->metadata.len);
}

tri_status safetensors_write_metadata(safetensors_writer *w, const char *key, const char *value, size_t value_len,
                                      tri_error *err)
{
    if (w->state != DECLARING) return err_set(err, TRI_ERR_STATE, "could not write %s: metadata after the data", w->path);
    if (utf8_count_bad((const uint8_t *)key, strlen(key)) || utf8_count_bad((const uint8_t *)value, value_len))
        return err_set(err, TRI_ERR_ARGUMENT, "could not write %s: metadata \"%s\" is not UTF-8", w->path, key);
    tri_status st = w->metadata.len ? buf_byte(&w->metadata, ',') : TRI_OK;
    if (!st) st = append_text(&w->metadata, key, strlen(key));
    if (!st) st = buf_byte(&w->metadata, ':');
    if (!st) st = append_text(&w->metadata, value, value_len);
    if (st) w->state = FAILED;
    return header_failed(st, w, err);
}

static const char *type_text(dtype type)
{
    switch (type) {
    case DTYPE_F32:
        return "F32";
    case DTYPE_F16:
        return "F16";
    case DTYPE_BF16:
        return "BF16";
    case DTYPE_F64:
        return "F64";
    case DTYPE_I8:
        return "I8";
    case DTYPE_U8:
        return "U8";
    case DTYPE_I16:
        return "I16";
    case DTYPE_I32:
        return "I32";
    case DTYPE_I64:
        return "I64";
    case DTYPE_BOOL:
        return "BOOL";
    case DTYPE_OTHER:
        break;
    }
    return NULL;
}

static tri_status append_tensor(buf *b, const out_tensor *t, uint64_t begin)
{
    TRI_TRY(append_text(b, t->name, strlen(t->name)));
    TRI_TRY(buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", type_text(t->type)));
    for (int d = 0; d < t->rank; d++) {
        uint64_t size = d == 0 && t->growing ? t->bytes / t->row_bytes : t->shape[d];
        TRI_TRY(buf_printf(b, "%s%llu", d ? "," : "", (unsigned long long)size));
    }
    return buf_printf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin, (unsigned long long)(begin + t->bytes));
}

static tri_status build_header(const safetensors_writer *w, buf *b, uint64_t *data_bytes)
{
    uint64_t begin = 0;
    TRI_TRY(buf_append(b, (const uint8_t[LENGTH_BYTES]){0}, LENGTH_BYTES));
    TRI_TRY(buf_byte(b, '{'));
    if (w->metadata.len) {
        TRI_TRY(buf_str(b, "\"__metadata__\":{"));
        TRI_TRY(buf_append(b, w->metadata.data, w->metadata.len));
        TRI_TRY(buf_str(b, w->count ? "}," : "}"));
    }
    for (size_t i = 0; i < w->count; i++) {
        if (i) TRI_TRY(buf_byte(b, ','));
        TRI_TRY(append_tensor(b, &w->tensors[i], begin));
        begin += w->tensors[i].bytes;
    }
    TRI_TRY(buf_byte(b, '}'));
    while (b->len % ALIGN) TRI_TRY(buf_byte(b, ' '));
    le_put_u64(b->data, b->len - LENGTH_BYTES);
    *data_bytes = begin;
    return TRI_OK;
}

static tri_status write_header(safetensors_writer *w, tri_error *err)
{
    buf header;
    buf_init(&header, LIMIT_SAFETENSORS_HEADER + LENGTH_BYTES);
    tri_status st = header_failed(build_header(w, &header, &w->promised), w, err);
    if (!st) st = out_file_write(w->file, header.data, header.len, err);
    buf_drop(&header);
    return st;
}

/* --- declarations ------------------------------------------------------------------------------------------------------- */

static tri_status add_tensor(safetensors_writer *w, const char *name, out_tensor t, tri_error *err)
{
    bool found = false;
    if (w->state != DECLARING)
        return err_set(err, TRI_ERR_STATE, "could not write %s: tensor \"%s\" comes after the data", w->path, name);
    if (w->count == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16, bytes;
        out_tensor *bigger = mul_size(cap, sizeof *bigger, &bytes) ? mem_realloc(w->tensors, bytes) : NULL;
        if (!bigger) return err_memory(err, cap * sizeof *bigger);
        w->tensors = bigger;
        w->cap = cap;
    }
    t.name = mem_strdup(name);
    if (!t.name) return err_memory(err, strlen(name));
    tri_status st = strmap_put(&w->names, name, strlen(name), 0, NULL, &found);
    if (st || found) {
        mem_free(t.name);
        return st ? err_memory(err, strlen(name))
                  : err_set(err, TRI_ERR_ARGUMENT, "could not write %s: tensor \"%s\" is declared twice", w->path, name);
    }
    buf_init(&t.waiting, 0);
    w->tensors[w->count++] = t;
    return TRI_OK;
}

/* t.bytes = the product of the shape from `from` on and the size of the type. */
static tri_status make_tensor(const safetensors_writer *w, const char *name, dtype type, int rank, const uint64_t *shape,
                              int from, out_tensor *t, tri_error *err)
{
    size_t bytes = dtype_size(type);
    *t = (out_tensor){.type = type, .rank = rank};
    if (!type_text(type) || rank < from || rank > LIMIT_TENSOR_RANK || !*name || strcmp(name, "__metadata__") == 0 ||
        utf8_count_bad((const uint8_t *)name, strlen(name)))
        return err_set(err, TRI_ERR_ARGUMENT,
                       "could not write %s: tensor \"%s\" has a type, rank or name that cannot be stored", w->path, name);
    for (int d = 0; d < rank; d++) {
        t->shape[d] = shape[d];
        if (d >= from && !mul_size(bytes, (size_t)shape[d], &bytes))
            return err_set(err, TRI_ERR_LIMIT, "could not write %s: tensor \"%s\" is too big", w->path, name);
    }
    t->bytes = bytes;
    return TRI_OK;
}

tri_status safetensors_write_declare(safetensors_writer *w, const char *name, dtype type, int rank, const uint64_t *shape,
                                     tri_error *err)
{
    out_tensor t;
    TRI_TRY(make_tensor(w, name, type, rank, shape, 0, &t, err));
    return add_tensor(w, name, t, err);
}

tri_status safetensors_write_declare_growing(safetensors_writer *w, const char *name, dtype type, int rank,
                                             const uint64_t *shape, tri_error *err)
{
    out_tensor t;
    TRI_TRY(make_tensor(w, name, type, rank, shape, 1, &t, err));
    if (t.bytes == 0)
        return err_set(err, TRI_ERR_ARGUMENT, "could not write %s: tensor \"%s\" grows by empty rows", w->path, name);
    t.row_bytes = t.bytes;
    t.bytes = 0;
    t.growing = true;
    return add_tensor(w, name, t, err);
}

/* --- data --------------------------------------------------------------------------------------------------------------- */

tri_status safetensors_write_begin(safetensors_writer *w, tri_error *err)
{
    if (w->state != DECLARING) return err_set(err, TRI_ERR_STATE, "could not write %s: begun twice", w->path);
    for (size_t i = 0; i < w->count; i++)
        if (w->tensors[i].growing)
            return err_set(err, TRI_ERR_STATE, "could not write %s: the size of \"%s\" is not known yet", w->path,
                           w->tensors[i].name);
    w->state = FAILED; /* until the header is out */
    TRI_TRY(write_header(w, err));
    w->state = STREAMING;
    return TRI_OK;
}

tri_status safetensors_write_data(safetensors_writer *w, const void *bytes, size_t len, tri_error *err)
{
    if (w->state != STREAMING || len > w->promised - w->written)
        return err_set(err, TRI_ERR_STATE, "could not write %s: more data than was declared", w->path);
    TRI_TRY(out_file_write(w->file, bytes, len, err));
    w->written += len;
    return TRI_OK;
}

static void spill_path(char *out, size_t cap, const safetensors_writer *w, size_t tensor)
{
    snprintf(out, cap, "%s.part%zu", w->path, tensor);
}

static tri_status spill(safetensors_writer *w, size_t tensor, tri_error *err)
{
    char path[LIMIT_PATH];
    out_tensor *t = &w->tensors[tensor];
    spill_path(path, sizeof path, w, tensor);
    if (!t->spill) TRI_TRY(out_file_open(path, &t->spill, err));
    TRI_TRY(out_file_write(t->spill, t->waiting.data, t->waiting.len, err));
    buf_clear(&t->waiting);
    return TRI_OK;
}

tri_status safetensors_write_append(safetensors_writer *w, size_t tensor, const void *bytes, size_t len, tri_error *err)
{
    out_tensor *t = &w->tensors[tensor];
    if (w->state != DECLARING || !t->growing || len % t->row_bytes)
        return err_set(err, TRI_ERR_STATE, "could not write %s: %zu bytes are not rows of \"%s\"", w->path, len, t->name);
    tri_status st = TRI_OK;
    if (t->waiting.len + len > SPILL_BYTES) {
        st = spill(w, tensor, err);
        if (!st) st = out_file_write(t->spill, bytes, len, err);
    } else if (buf_append(&t->waiting, bytes, len) != TRI_OK) {
        st = err_memory(err, t->waiting.len + len);
    }
    if (st)
        w->state = FAILED;
    else
        t->bytes += len;
    return st;
}

/* Closes the spill file under its name, copies it behind the header, and removes it. */
static tri_status copy_spill(safetensors_writer *w, size_t tensor, tri_error *err)
{
    char path[LIMIT_PATH];
    out_tensor *t = &w->tensors[tensor];
    in_file *in = NULL;
    size_t n = 1;
    spill_path(path, sizeof path, w, tensor);
    TRI_TRY(spill(w, tensor, err));
    tri_status st = out_file_commit(t->spill, err);
    t->spill = NULL;
    TRI_TRY(st);
    uint8_t *block = mem_alloc(COPY_BYTES);
    st = block ? in_file_open(path, &in, err) : err_memory(err, COPY_BYTES);
    while (!st && n > 0) {
        st = in_file_read(in, block, COPY_BYTES, &n, err);
        if (!st) st = out_file_write(w->file, block, n, err);
    }
    in_file_close(in);
    mem_free(block);
    tri_status removed = file_remove(path, st ? NULL : err);
    return st ? st : removed;
}

static tri_status write_grown(safetensors_writer *w, tri_error *err)
{
    TRI_TRY(write_header(w, err));
    for (size_t i = 0; i < w->count; i++) {
        out_tensor *t = &w->tensors[i];
        if (!t->growing) return err_set(err, TRI_ERR_STATE, "could not write %s: no data for \"%s\"", w->path, t->name);
        TRI_TRY(t->spill ? copy_spill(w, i, err) : out_file_write(w->file, t->waiting.data, t->waiting.len, err));
    }
    return TRI_OK;
}

tri_status safetensors_write_commit(safetensors_writer *w, tri_error *err)
{
    tri_status st = TRI_OK;
    if (w->state == DECLARING)
        st = write_grown(w, err);
    else if (w->state == FAILED)
        st = err_set(err, TRI_ERR_STATE, "could not write %s: an earlier write failed", w->path);
    else if (w->written != w->promised)
        st = err_set(err, TRI_ERR_STATE, "could not write %s: %llu bytes of data are missing", w->path,
                     (unsigned long long)(w->promised - w->written));
    if (!st) {
        st = out_file_commit(w->file, err);
        w->file = NULL;
    }
    safetensors_write_discard(w);
    return st;
}

void safetensors_write_discard(safetensors_writer *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->count; i++) {
        mem_free(w->tensors[i].name);
        buf_drop(&w->tensors[i].waiting);
        out_file_discard(w->tensors[i].spill);
    }
    mem_free(w->tensors);
    out_file_discard(w->file);
    buf_drop(&w->metadata);
    strmap_drop(&w->names);
    mem_free(w->path);
    mem_free(w);
}
