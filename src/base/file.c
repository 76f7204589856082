/* SPDX-License-Identifier: Apache-2.0 */
/* file.c — the operating system's files (POSIX), with words for every refusal.
 *
 * Output protocol: PATH.tmp.<pid>.<n> is written, synced, renamed onto PATH, and the folder synced. Before the rename the old
 * PATH is untouched; after it the new one is whole. A failed writer removes its temporary file. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/fault.h"
#include "base/limits.h"

enum { IO_BUFFER = 1 << 18 };

static tri_status say_errno(tri_error *err, const char *action, const char *path, int code)
{
    tri_status st = code == ENOENT ? TRI_ERR_NOT_FOUND : code == ENOMEM ? TRI_ERR_MEMORY : TRI_ERR_IO;
    err_set(err, st, "could not %s %s: %s", action, path, strerror(code));
    if (code == ENOSPC) err_hint(err, st, "the disk is full: free some space and run the same command again");
    if (code == EACCES) err_hint(err, st, "check the permissions of the file and of the folders above it");
    return st;
}

static bool write_fails(void)
{
    if (!fault_hit(FAULT_WRITE)) return false;
    errno = ENOSPC;
    return true;
}

static bool read_fails(void)
{
    if (!fault_hit(FAULT_READ)) return false;
    errno = EIO;
    return true;
}

static tri_status open_regular(const char *path, int *fd, struct stat *info, tri_error *err)
{
    *fd = read_fails() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) return say_errno(err, "open", path, errno);
    tri_status st = TRI_OK;
    if (fstat(*fd, info) != 0)
        st = say_errno(err, "examine", path, errno);
    else if (S_ISDIR(info->st_mode))
        st = err_set(err, TRI_ERR_IO, "could not read %s: it is a directory, not a file", path);
    if (st) {
        close(*fd);
        *fd = -1;
    }
    return st;
}

tri_status mapped_file_open(const char *path, mapped_file *out, tri_error *err)
{
    *out = (mapped_file){0};
    int fd;
    struct stat info;
    TRI_TRY(open_regular(path, &fd, &info, err));
    tri_status st = TRI_OK;
    if (!S_ISREG(info.st_mode)) {
        st = err_set(err, TRI_ERR_IO, "could not map %s: it is not a regular file", path);
    } else if (info.st_size > 0) {
        void *p = read_fails() ? MAP_FAILED : mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            st = say_errno(err, "map", path, errno);
        else
            *out = (mapped_file){.data = p, .len = (size_t)info.st_size};
    }
    close(fd);
    return st;
}

void mapped_file_close(mapped_file *m)
{
    size_t before_last = m->n_copies > 1 ? (m->n_copies - 1) * m->step : 0;
    if (m->data) munmap((void *)(uintptr_t)m->data, before_last + m->len);
    *m = (mapped_file){0};
}

void mapped_file_will_need(const mapped_file *m, size_t offset, size_t len)
{
    if (!m->data || offset >= m->len) return;
    if (len > m->len - offset) len = m->len - offset;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), start = offset / page * page;
    madvise((void *)(uintptr_t)(m->data + start), len + (offset - start), MADV_WILLNEED);
}

void mapped_file_wont_need(const mapped_file *m, size_t offset, size_t len)
{
    if (!m->data || m->is_private || offset >= m->len) return;
    if (len > m->len - offset) len = m->len - offset;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), start = (offset + page - 1) / page * page, end = (offset + len) / page * page;
    if (start < end) madvise((void *)(uintptr_t)(m->data + start), end - start, MADV_DONTNEED);
}

enum { HUGE_PAGE = 2 << 20, COPY_STEP = 16 << 20 }; /* pages of the file held beside the copies */

typedef struct copy_task {
    const mapped_file *from;
    char *to;
    bool is_last;
} copy_task;

static void copy_all(void *ctx)
{
    const copy_task *t = ctx;
    for (size_t at = 0; at < t->from->len; at += COPY_STEP) {
        size_t n = t->from->len - at < COPY_STEP ? t->from->len - at : COPY_STEP;
        memcpy(t->to + at, t->from->data + at, n);
        if (t->is_last) mapped_file_wont_need(t->from, at, n);
    }
}

tri_status mapped_file_make_private(mapped_file *m, const processor_nodes *nodes, tri_error *err)
{
    if (!m->data || m->is_private) return TRI_OK;
    static const processor_nodes one = {.n = 1};
    if (!nodes) nodes = &one;
    size_t step = (m->len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE, bytes = (nodes->n - 1) * step + m->len;
    void *p =
        fault_hit(FAULT_ALLOC) ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return err_memory(err, bytes);
    madvise(p, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < nodes->n; i++) {
        copy_task t = {m, (char *)p + i * step, i + 1 == nodes->n};
        processors_run_on_node(nodes, i, copy_all, &t);
    }
    mprotect(p, bytes, PROT_READ);
    munmap((void *)(uintptr_t)m->data, m->len);
    *m = (mapped_file){.data = p, .len = m->len, .is_private = true, .n_copies = nodes->n, .step = step};
    return TRI_OK;
}

/* ---- sequential reading -------------------------------------------------------------------------------------------- */

struct in_file {
    int fd;
    bool owned; /* false for standard input */
    char *path;
};

tri_status in_file_open(const char *path, in_file **out, tri_error *err)
{
    *out = NULL;
    bool is_stdin = strcmp(path, "-") == 0;
    in_file *f = mem_calloc(1, sizeof *f);
    char *copy = mem_strdup(is_stdin ? "standard input" : path);
    if (!f || !copy) {
        mem_free(f);
        mem_free(copy);
        return err_memory(err, sizeof *f + strlen(path));
    }
    *f = (in_file){.fd = STDIN_FILENO, .owned = !is_stdin, .path = copy};
    struct stat info;
    tri_status st = is_stdin ? TRI_OK : open_regular(path, &f->fd, &info, err);
    if (st) {
        f->owned = false;
        in_file_close(f);
        return st;
    }
    *out = f;
    return TRI_OK;
}

tri_status in_file_read(in_file *f, void *out, size_t cap, size_t *n, tri_error *err)
{
    *n = 0;
    ssize_t got;
    do got = read_fails() ? -1 : read(f->fd, out, cap < SSIZE_MAX ? cap : SSIZE_MAX);
    while (got < 0 && errno == EINTR);
    if (got < 0) return say_errno(err, "read", f->path, errno);
    *n = (size_t)got;
    return TRI_OK;
}

void in_file_close(in_file *f)
{
    if (!f) return;
    if (f->owned) close(f->fd);
    mem_free(f->path);
    mem_free(f);
}

tri_status file_read_all(const char *path, size_t max, buf *out, tri_error *err)
{
    in_file *f;
    TRI_TRY(in_file_open(path, &f, err));
    buf_clear(out);
    tri_status st = TRI_OK;
    for (size_t n = 1; !st && n > 0;) {
        if (out->len > max) {
            st = err_set(err, TRI_ERR_LIMIT, "could not read %s: it is longer than %zu bytes", path, max);
            break;
        }
        st = buf_reserve(out, IO_BUFFER);
        if (st)
            err_set(err, st, "could not read %s: no room for more than %zu bytes", path, out->len);
        else
            st = in_file_read(f, out->data + out->len, out->cap - out->len, &n, err);
        if (!st) out->len += n;
    }
    in_file_close(f);
    return st;
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool file_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

tri_status file_size(const char *path, uint64_t *bytes, tri_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) return say_errno(err, "examine", path, errno);
    *bytes = (uint64_t)info.st_size;
    return TRI_OK;
}

tri_status file_stamp_get(const char *path, file_stamp *out, tri_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) return say_errno(err, "examine", path, errno);
    *out = (file_stamp){(uint64_t)info.st_size, (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec};
    return TRI_OK;
}

tri_status file_make_dirs(const char *path, tri_error *err)
{
    char part[LIMIT_PATH];
    size_t len = strlen(path);
    if (!len || len >= sizeof part) return err_set(err, TRI_ERR_LIMIT, "could not make folder: path of %zu bytes", len);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != 0) continue;
        char kept = part[i];
        part[i] = 0;
        if ((write_fails() || mkdir(part, 0777) != 0) && !(errno == EEXIST && file_is_dir(part)))
            return say_errno(err, "make folder", part, errno);
        part[i] = kept;
    }
    return TRI_OK;
}

tri_status file_remove(const char *path, tri_error *err)
{
    if (unlink(path) != 0 && errno != ENOENT) return say_errno(err, "remove", path, errno);
    return TRI_OK;
}

tri_status file_rename(const char *from, const char *to, tri_error *err)
{
    if (write_fails() || rename(from, to) != 0) return say_errno(err, "rename to", to, errno);
    return TRI_OK;
}

tri_status file_sync_dir(const char *path, tri_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return say_errno(err, "open folder", path, errno);
    int failed = write_fails() ? -1 : fsync(fd);
    int code = errno;
    close(fd);
    if (failed && code != EINVAL && code != EROFS)
        return say_errno(err, "sync folder", path, code); /* some file systems cannot */
    return TRI_OK;
}

static tri_status write_all(int fd, const char *path, const uint8_t *p, size_t len, tri_error *err)
{
    while (len) {
        ssize_t n = write_fails() ? -1 : write(fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return say_errno(err, "write", path, errno);
        p += n;
        len -= (size_t)n;
    }
    return TRI_OK;
}

static tri_status append(const char *path, const void *bytes, size_t len, bool sync, tri_error *err)
{
    int fd = write_fails() ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return say_errno(err, "open", path, errno);
    tri_status st = write_all(fd, path, bytes, len, err);
    if (!st && sync && (write_fails() || fdatasync(fd) != 0) && errno != EINVAL) st = say_errno(err, "sync", path, errno);
    close(fd);
    return st;
}

tri_status file_append(const char *path, const void *bytes, size_t len, tri_error *err)
{
    return append(path, bytes, len, false, err);
}

tri_status file_append_synced(const char *path, const void *bytes, size_t len, tri_error *err)
{
    return append(path, bytes, len, true, err);
}

tri_status file_join(char *out, size_t cap, const char *dir, const char *name)
{
    size_t len = strlen(dir);
    bool slash = len > 0 && dir[len - 1] == '/';
    int n = snprintf(out, cap, "%s%s%s", dir, len == 0 || slash ? "" : "/", name);
    return n < 0 || (size_t)n >= cap ? TRI_ERR_LIMIT : TRI_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

struct out_file {
    int fd;
    bool is_stdout;
    char *path, *temporary; /* temporary NULL: written in place (standard output, a device, a pipe) */
    uint8_t *buffer;
    size_t fill;
    uint64_t written; /* bytes already handed to the system */
};

static void free_out(out_file *f)
{
    mem_free(f->path);
    mem_free(f->temporary);
    mem_free(f->buffer);
    mem_free(f);
}

/* A device or a pipe is written to, never replaced: renaming over /dev/null as root would be the end of it. */
static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static tri_status open_out(out_file *f, const char *path, tri_error *err)
{
    static atomic_uint counter;
    if (file_is_dir(path)) return err_set(err, TRI_ERR_IO, "could not write %s: it is a directory", path);
    if (write_fails()) return say_errno(err, "write", path, errno);
    if (is_special(path)) {
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
        return f->fd < 0 ? say_errno(err, "write", path, errno) : TRI_OK;
    }
    size_t cap = strlen(path) + 48; /* ".tmp." and two numbers */
    f->temporary = mem_alloc(cap);
    if (!f->temporary) return err_memory(err, cap);
    snprintf(f->temporary, cap, "%s.tmp.%ld.%u", path, (long)getpid(), atomic_fetch_add(&counter, 1u));
    f->fd = open(f->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return f->fd < 0 ? say_errno(err, "write", path, errno) : TRI_OK;
}

tri_status out_file_open(const char *path, out_file **out, tri_error *err)
{
    *out = NULL;
    bool is_stdout = strcmp(path, "-") == 0;
    out_file *f = mem_calloc(1, sizeof *f);
    if (!f) return err_memory(err, sizeof *f);
    f->fd = STDOUT_FILENO;
    f->is_stdout = is_stdout;
    f->path = mem_strdup(is_stdout ? "standard output" : path);
    f->buffer = mem_alloc(IO_BUFFER);
    tri_status st = f->path && f->buffer ? TRI_OK : err_memory(err, IO_BUFFER + strlen(path));
    if (!st && !is_stdout) st = open_out(f, path, err);
    if (st) {
        free_out(f);
        return st;
    }
    *out = f;
    return TRI_OK;
}

static tri_status write_through(out_file *f, const uint8_t *p, size_t len, tri_error *err)
{
    TRI_TRY(write_all(f->fd, f->path, p, len, err));
    f->written += len;
    return TRI_OK;
}

static tri_status flush(out_file *f, tri_error *err)
{
    size_t fill = f->fill;
    f->fill = 0;
    return write_through(f, f->buffer, fill, err);
}

tri_status out_file_write(out_file *f, const void *bytes, size_t len, tri_error *err)
{
    if (len >= IO_BUFFER) {
        TRI_TRY(flush(f, err));
        return write_through(f, bytes, len, err);
    }
    if (len > IO_BUFFER - f->fill) TRI_TRY(flush(f, err));
    if (len) memcpy(f->buffer + f->fill, bytes, len);
    f->fill += len;
    return TRI_OK;
}

tri_status out_file_patch(out_file *f, uint64_t offset, const void *bytes, size_t len, tri_error *err)
{
    if (f->is_stdout) return err_set(err, TRI_ERR_UNSUPPORTED, "standard output cannot be patched: name a file");
    TRI_TRY(flush(f, err));
    for (const uint8_t *p = bytes; len;) {
        ssize_t n = write_fails() ? -1 : pwrite(f->fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return say_errno(err, "write", f->path, errno);
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return TRI_OK;
}

uint64_t out_file_written(const out_file *f)
{
    return f->written + f->fill;
}

static void sync_parent(const char *path)
{
    char dir[LIMIT_PATH];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof dir) return;
    memcpy(dir, path, len);
    dir[len] = 0;
    file_sync_dir(slash ? (len ? dir : "/") : ".",
                  NULL); /* the file is whole either way: durability of the name is best effort */
}

tri_status out_file_commit(out_file *f, tri_error *err)
{
    tri_status st = flush(f, err);
    if (f->temporary && !st && (write_fails() || fsync(f->fd) != 0) && errno != EINVAL)
        st = say_errno(err, "sync", f->path, errno);
    if (!f->is_stdout && close(f->fd) != 0 && !st) st = say_errno(err, "close", f->path, errno);
    if (f->temporary) {
        if (!st) st = file_rename(f->temporary, f->path, err);
        if (st)
            unlink(f->temporary);
        else
            sync_parent(f->path);
    }
    free_out(f);
    return st;
}

void out_file_discard(out_file *f)
{
    if (!f) return;
    if (!f->is_stdout) close(f->fd);
    if (f->temporary) unlink(f->temporary);
    free_out(f);
}
