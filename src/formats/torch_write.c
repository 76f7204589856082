/* SPDX-License-Identifier: Apache-2.0 */
/* torch_write.c — a zip archive of stored members, as torch 1.6 and later write it:
 *
 *   archive/data.pkl     pickle, protocol 2: OrderedDict of name -> _rebuild_tensor_v2(storage, 0, shape, strides, False, {})
 *   archive/byteorder    "little"
 *   archive/data/<i>     the numbers of tensor i
 *   archive/version      "3\n"
 *
 * The whole is built in memory: heads have some MB at the most. */
#include "formats/torch_write.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

enum { MOST_BYTES = 1 << 30, ALIGNMENT = 64, LOCAL_BYTES = 30 };

typedef struct archive {
    buf body, directory;
    unsigned count;
} archive;

/* ---- zip ------------------------------------------------------------------------------------------------------------- */

static tri_status put(buf *b, uint64_t value, int bytes)
{
    uint8_t le[8];
    for (int i = 0; i < bytes; i++) le[i] = (uint8_t)(value >> (8 * i));
    return buf_append(b, le, (size_t)bytes);
}

/* What the local header and the directory's entry have in common. */
static tri_status put_facts(buf *b, uint32_t crc, size_t len, size_t name_len, size_t extra)
{
    TRI_TRY(put(b, 20, 2));   /* version needed */
    TRI_TRY(put(b, 0, 4));    /* flags, stored */
    TRI_TRY(put(b, 0, 2));    /* time */
    TRI_TRY(put(b, 0x21, 2)); /* 1 January 1980 */
    TRI_TRY(put(b, crc, 4));
    TRI_TRY(put(b, len, 4));
    TRI_TRY(put(b, len, 4));
    TRI_TRY(put(b, name_len, 2));
    return put(b, extra, 2);
}

/* torch maps files whose numbers begin at multiples of 64: an extra field "FB" of that length does it, as torch has it. */
static size_t extra_for(size_t at, size_t name_len)
{
    size_t data = at + LOCAL_BYTES + name_len + 4;
    return 4 + (ALIGNMENT - data % ALIGNMENT) % ALIGNMENT;
}

static tri_status add_member(archive *a, const char *name, const void *data, size_t len)
{
    size_t name_len = strlen(name), at = a->body.len, extra = extra_for(at, name_len);
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), data, (uInt)len);
    TRI_TRY(put(&a->body, 0x04034b50, 4));
    TRI_TRY(put_facts(&a->body, crc, len, name_len, extra));
    TRI_TRY(buf_append(&a->body, name, name_len));
    TRI_TRY(put(&a->body, 0x4246, 2));
    TRI_TRY(put(&a->body, extra - 4, 2));
    for (size_t i = 4; i < extra; i++) TRI_TRY(buf_byte(&a->body, 'Z'));
    TRI_TRY(buf_append(&a->body, data, len));
    TRI_TRY(put(&a->directory, 0x02014b50, 4));
    TRI_TRY(put(&a->directory, 20, 2)); /* made by */
    TRI_TRY(put_facts(&a->directory, crc, len, name_len, 0));
    TRI_TRY(put(&a->directory, 0, 6)); /* no comment, disk 0, internal attributes */
    TRI_TRY(put(&a->directory, 0, 4)); /* external attributes */
    TRI_TRY(put(&a->directory, at, 4));
    a->count++;
    return buf_append(&a->directory, name, name_len);
}

static tri_status close_archive(archive *a)
{
    size_t at = a->body.len;
    TRI_TRY(buf_append(&a->body, a->directory.data, a->directory.len));
    TRI_TRY(put(&a->body, 0x06054b50, 4));
    TRI_TRY(put(&a->body, 0, 4));
    TRI_TRY(put(&a->body, a->count, 2));
    TRI_TRY(put(&a->body, a->count, 2));
    TRI_TRY(put(&a->body, a->directory.len, 4));
    TRI_TRY(put(&a->body, at, 4));
    return put(&a->body, 0, 2);
}

/* ---- pickle ---------------------------------------------------------------------------------------------------------- */

static const char *storage_of(dtype t)
{
    switch (t) {
    case DTYPE_F32:
        return "FloatStorage";
    case DTYPE_F16:
        return "HalfStorage";
    case DTYPE_BF16:
        return "BFloat16Storage";
    case DTYPE_F64:
        return "DoubleStorage";
    default:
        return NULL;
    }
}

static tri_status put_text(buf *b, const char *text)
{
    TRI_TRY(buf_byte(b, 'X'));
    TRI_TRY(put(b, strlen(text), 4));
    return buf_str(b, text);
}

static tri_status put_int(buf *b, uint64_t value)
{
    TRI_TRY(buf_byte(b, 'J'));
    return put(b, value, 4);
}

static const char ordered_dict[] = "ccollections\nOrderedDict\n)R";

static tri_status put_tensor(buf *b, const weight *w, size_t i)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", i);
    TRI_TRY(put_text(b, w->name));
    TRI_TRY(buf_str(b, "ctorch._utils\n_rebuild_tensor_v2\n(("));
    TRI_TRY(put_text(b, "storage"));
    TRI_TRY(buf_printf(b, "ctorch\n%s\n", storage_of(w->type)));
    TRI_TRY(put_text(b, key));
    TRI_TRY(put_text(b, "cpu"));
    TRI_TRY(put_int(b, w->bytes / dtype_size(w->type)));
    TRI_TRY(buf_str(b, "tQ"));
    TRI_TRY(put_int(b, 0));
    TRI_TRY(buf_byte(b, '('));
    for (int d = 0; d < w->rank; d++) TRI_TRY(put_int(b, w->shape[d]));
    TRI_TRY(buf_str(b, "t("));
    for (int d = 0; d < w->rank; d++) TRI_TRY(put_int(b, d + 1 < w->rank ? w->shape[d + 1] : 1));
    TRI_TRY(buf_str(b, "t\x89")); /* no gradient */
    TRI_TRY(buf_str(b, ordered_dict));
    return buf_str(b, "tR");
}

static tri_status put_state(buf *b, const weight *const *tensors, size_t n)
{
    TRI_TRY(buf_append(b, "\x80\x02", 2));
    TRI_TRY(buf_str(b, ordered_dict));
    TRI_TRY(buf_byte(b, '('));
    for (size_t i = 0; i < n; i++) TRI_TRY(put_tensor(b, tensors[i], i));
    return buf_str(b, "u.");
}

/* ---- the file -------------------------------------------------------------------------------------------------------- */

static tri_status build(archive *a, buf *pickle, const weight *const *tensors, size_t n)
{
    char name[48];
    TRI_TRY(put_state(pickle, tensors, n));
    TRI_TRY(add_member(a, "archive/data.pkl", pickle->data, pickle->len));
    TRI_TRY(add_member(a, "archive/byteorder", "little", 6));
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "archive/data/%zu", i);
        TRI_TRY(add_member(a, name, tensors[i]->data, tensors[i]->bytes));
    }
    TRI_TRY(add_member(a, "archive/version", "3\n", 2));
    return close_archive(a);
}

static tri_status write_file(const char *path, const buf *b, tri_error *err)
{
    out_file *f;
    TRI_TRY(out_file_open(path, &f, err));
    tri_status st = out_file_write(f, b->data, b->len, err);
    if (!st) return out_file_commit(f, err);
    out_file_discard(f);
    return st;
}

tri_status torch_write(const char *path, const weight *const *tensors, size_t n, tri_error *err)
{
    archive a = {.count = 0};
    buf pickle;
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        const weight *w = tensors[i];
        total += w->bytes;
        if (!storage_of(w->type) || w->rank < 1 || w->rank > 2 || total > MOST_BYTES)
            return err_set(err, TRI_ERR_ARGUMENT, "could not write %s: tensor \"%s\" is no small one of floats", path, w->name);
    }
    buf_init(&a.body, 0);
    buf_init(&a.directory, 0);
    buf_init(&pickle, 0);
    tri_status st = build(&a, &pickle, tensors, n) ? err_memory(err, a.body.len) : write_file(path, &a.body, err);
    buf_drop(&a.body);
    buf_drop(&a.directory);
    buf_drop(&pickle);
    return st;
}
