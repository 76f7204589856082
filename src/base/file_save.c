/* SPDX-License-Identifier: Apache-2.0 */
/* file_save.c — whole files in one call, through a temporary name, so that a reader never sees half. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"

tri_status file_save(const char *path, const void *bytes, size_t len, tri_error *err)
{
    out_file *file;
    TRI_TRY(out_file_open(path, &file, err));
    tri_status st = out_file_write(file, bytes, len, err);
    if (st == TRI_OK) return out_file_commit(file, err);
    out_file_discard(file);
    return st;
}

tri_status file_replace(const char *path, const void *bytes, size_t len, tri_error *err)
{
    static const char suffix[] = ".new";
    size_t n = strlen(path);
    char *next = mem_alloc(n + sizeof suffix);
    if (!next) return err_memory(err, n + sizeof suffix);
    memcpy(next, path, n);
    memcpy(next + n, suffix, sizeof suffix);
    tri_status st = file_remove(next, err);
    if (!st) st = file_append(next, bytes, len, err);
    if (!st) st = file_rename(next, path, err);
    mem_free(next);
    return st;
}

static tri_status pump(in_file *in, out_file *out, tri_error *err)
{
    uint8_t bytes[1 << 16];
    for (size_t n = 1; n > 0;) {
        TRI_TRY(in_file_read(in, bytes, sizeof bytes, &n, err));
        TRI_TRY(out_file_write(out, bytes, n, err));
    }
    return TRI_OK;
}

tri_status file_copy(const char *from, const char *to, tri_error *err)
{
    in_file *in;
    out_file *out = NULL;
    TRI_TRY(in_file_open(from, &in, err));
    tri_status st = out_file_open(to, &out, err);
    if (!st) st = pump(in, out, err);
    in_file_close(in);
    if (!st) return out_file_commit(out, err);
    out_file_discard(out);
    return st;
}
