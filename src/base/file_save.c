/* SPDX-License-Identifier: Apache-2.0 */
/* file_save.c — small files in one call: bytes to a path through a temporary name, so that a reader never sees half. */
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
