/* SPDX-License-Identifier: Apache-2.0 */
/* file.h — files as this house uses them: mapped whole, read whole with a bound, written whole or not at all.
 *
 * Reads pass fault_hit(FAULT_READ), writes (and fsync, rename) fault_hit(FAULT_WRITE). Errors name the path and the reason. */
#ifndef TRI_BASE_FILE_H
#define TRI_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"
#include "base/processors.h"

typedef struct mapped_file {
    const uint8_t *data; /* NULL when len is 0 */
    size_t len;
    bool is_private; /* memory of our own: nothing can be fetched again */
    size_t n_copies; /* then: node i's is at data + i * step */
    size_t step;
} mapped_file;

/* Read-only, private. A directory, a missing or an unreadable file is an error that says which. An empty file maps to len 0. */
tri_status mapped_file_open(const char *path, mapped_file *out, tri_error *err);
void mapped_file_close(mapped_file *m);
/* Hints to the kernel; may do nothing. */
void mapped_file_will_need(const mapped_file *m, size_t offset, size_t len);
/* The pages that lie wholly inside are given back; reading them again fetches them again. */
void mapped_file_wont_need(const mapped_file *m, size_t offset, size_t len);
/* The mapping becomes a private copy in memory for each of the nodes (NULL: one), in that node's memory, in huge pages where
 * the kernel has them. On failure it stays as it was. */
tri_status mapped_file_make_private(mapped_file *m, const processor_nodes *nodes, tri_error *err);

/* The whole file, at most max bytes (TRI_ERR_LIMIT past it). */
tri_status file_read_all(const char *path, size_t max, buf *out, tri_error *err);
bool file_exists(const char *path); /* a regular file, or what a link to one points at */
bool file_is_dir(const char *path);
bool file_is_same(const char *a, const char *b); /* two paths to one file or folder that is there */
tri_status file_size(const char *path, uint64_t *bytes, tri_error *err);
/* What tells cheaply whether a file is still the one that was read. */
typedef struct file_stamp {
    uint64_t bytes;
    int64_t mtime_ns;
} file_stamp;
tri_status file_stamp_get(const char *path, file_stamp *out, tri_error *err);
tri_status file_make_dirs(const char *path, tri_error *err); /* mkdir -p */
tri_status file_remove(const char *path, tri_error *err);    /* missing is fine */
tri_status file_rename(const char *from, const char *to, tri_error *err);
tri_status file_sync_dir(const char *path, tri_error *err);
/* Adds bytes at the end of a file, made if it is not there. Whoever reads the file later finds them, also after a kill. */
tri_status file_append(const char *path, const void *bytes, size_t len, tri_error *err);
/* The same, also after a power cut. */
tri_status file_append_synced(const char *path, const void *bytes, size_t len, tri_error *err);
/* A small file, whole or not at all. save: also after a power cut, as out_file does. replace: for facts of the moment that are
 * written many times and lost without harm; one writer a path. */
tri_status file_save(const char *path, const void *bytes, size_t len, tri_error *err);
tri_status file_replace(const char *path, const void *bytes, size_t len, tri_error *err);
/* As save, of any size. */
tri_status file_copy(const char *from, const char *to, tri_error *err);
/* "dir/name" into out (NUL-terminated). TRI_ERR_LIMIT when it does not fit. */
tri_status file_join(char *out, size_t cap, const char *dir, const char *name);

/* A sequential reader with a large buffer. path "-" is standard input. */
typedef struct in_file in_file;
tri_status in_file_open(const char *path, in_file **out, tri_error *err);
/* Up to cap bytes; *n = 0 at the end of the file only. */
tri_status in_file_read(in_file *f, void *out, size_t cap, size_t *n, tri_error *err);
void in_file_close(in_file *f);

/* A sequential writer into PATH.tmp.<pid>; the name PATH appears only at commit (fsync, rename). path "-" is standard output
 * (commit flushes); a device or a pipe is written in place. `offset` patches are possible before commit (headers). */
typedef struct out_file out_file;
tri_status out_file_open(const char *path, out_file **out, tri_error *err);
tri_status out_file_write(out_file *f, const void *bytes, size_t len, tri_error *err);
tri_status out_file_patch(out_file *f, uint64_t offset, const void *bytes, size_t len, tri_error *err);
uint64_t out_file_written(const out_file *f);
tri_status out_file_commit(out_file *f, tri_error *err); /* closes on success and on failure; f is then gone */
void out_file_discard(out_file *f);                      /* closes and removes the temporary; NULL is fine */

#endif
