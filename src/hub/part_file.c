/* SPDX-License-Identifier: Apache-2.0 */
/* part_file.c — a file on its way.
 *
 * The note is written before the first byte, so a part without a note, or with a note about something else, is a part of an
 * unknown whole and is emptied. Whether the bytes are right is not judged here: the caller hashes the whole before commit.
 * base/file.h has no appending writer, because nothing else may show a reader half a file; hence the system calls here, with
 * the same fault injection. */
#include "hub/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/file.h"

enum { NOTE_MAX = 512 }; /* an identity, an ETag and two line ends fit: see part_file */

static tri_status say_errno(const part_file *p, const char *action, int code, tri_error *err)
{
    err_set(err, TRI_ERR_IO, "could not %s %s: %s", action, p->part, strerror(code));
    if (code == ENOSPC || code == EDQUOT)
        err_hint(err, TRI_ERR_IO,
                 "the disk is full: free some space and run the same command again, it goes on where it stopped");
    return TRI_ERR_IO;
}

static bool write_fails(void)
{
    if (!fault_hit(FAULT_WRITE)) return false;
    errno = ENOSPC;
    return true;
}

/* Does the note (two lines: identity, ETag) say that the part belongs to this whole? Takes the server's ETag from it. */
static bool read_note(part_file *p)
{
    buf text;
    bool same = false;
    buf_init(&text, 0);
    if (file_exists(p->note) && file_read_all(p->note, NOTE_MAX, &text, NULL) == TRI_OK && buf_byte(&text, 0) == TRI_OK) {
        char *identity = (char *)text.data, *etag = identity + strcspn(identity, "\n");
        if (*etag) *etag++ = 0;
        etag[strcspn(etag, "\n")] = 0;
        same = strcmp(identity, p->identity) == 0;
        if (same && strlen(etag) < sizeof p->etag) memcpy(p->etag, etag, strlen(etag) + 1);
    }
    buf_drop(&text);
    return same;
}

static tri_status write_note(const part_file *p, tri_error *err)
{
    out_file *f = NULL;
    char text[NOTE_MAX];
    int n = snprintf(text, sizeof text, "%s\n%s\n", p->identity, p->etag);
    TRI_TRY(out_file_open(p->note, &f, err));
    tri_status st = out_file_write(f, text, (size_t)n, err);
    if (!st) return out_file_commit(f, err);
    out_file_discard(f);
    return st;
}

tri_status part_file_open(part_file *p, const char *path, const char *identity, tri_error *err)
{
    struct stat info;
    *p = (part_file){.fd = -1};
    int n = snprintf(p->note, sizeof p->note, "%s.part.note", path);
    if (n < 0 || (size_t)n >= sizeof p->note || strlen(identity) >= sizeof p->identity)
        return err_set(err, TRI_ERR_LIMIT, "path of %s is too long", path);
    snprintf(p->path, sizeof p->path, "%s", path);
    snprintf(p->identity, sizeof p->identity, "%s", identity);
    snprintf(p->part, sizeof p->part, "%.*s", n - 5, p->note); /* without ".note" */
    bool known = read_note(p);
    p->fd = write_fails() ? -1 : open(p->part, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (known ? 0 : O_TRUNC), 0666);
    if (p->fd < 0) return say_errno(p, "write", errno, err);
    if (fstat(p->fd, &info) != 0) {
        tri_status st = say_errno(p, "examine", errno, err);
        part_file_close(p);
        return st;
    }
    p->bytes = (uint64_t)info.st_size;
    return TRI_OK;
}

tri_status part_file_append(part_file *p, const void *bytes, size_t len, tri_error *err)
{
    for (const char *at = bytes; len > 0;) {
        ssize_t n = write_fails() ? -1 : write(p->fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return say_errno(p, "write", errno, err);
        at += n;
        len -= (size_t)n;
        p->bytes += (uint64_t)n;
    }
    return TRI_OK;
}

tri_status part_file_restart(part_file *p, const char *etag, tri_error *err)
{
    if (write_fails() || ftruncate(p->fd, 0) != 0) return say_errno(p, "empty", errno, err);
    p->bytes = 0;
    snprintf(p->etag, sizeof p->etag, "%s", etag);
    return write_note(p, err);
}

tri_status part_file_commit(part_file *p, tri_error *err)
{
    tri_status st = TRI_OK;
    if ((write_fails() || fsync(p->fd) != 0) && errno != EINVAL) st = say_errno(p, "sync", errno, err);
    part_file_close(p);
    if (!st) st = file_rename(p->part, p->path, err);
    if (!st) st = file_remove(p->note, err);
    return st;
}

void part_file_close(part_file *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}
