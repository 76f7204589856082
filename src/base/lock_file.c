/* SPDX-License-Identifier: Apache-2.0 */
/* lock_file.c — taking an advisory lock without waiting. The process id is written after the lock is taken, so a reader of the
 * text may find it empty for an instant, never another's; the lock itself is what counts. */
#include "base/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/number.h"

static long read_holder(int fd)
{
    char text[24];
    uint64_t pid = 0;
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n > 0 && text[n - 1] == '\n') n--;
    return n > 0 && number_parse_u64(text, (size_t)n, &pid) && pid <= INT32_MAX ? (long)pid : 0;
}

static bool write_holder(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (fault_hit(FAULT_WRITE)) {
        errno = ENOSPC;
        return false;
    }
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len;
}

tri_status lock_file_take(const char *path, lock_file *out, long *holder, tri_error *err)
{
    out->fd = -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return err_set(err, TRI_ERR_IO, "could not open lock file %s: %s", path, strerror(errno));
    tri_status st = TRI_OK;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int code = errno;
        if (holder) *holder = code == EWOULDBLOCK ? read_holder(fd) : 0;
        st = err_set(err, code == EWOULDBLOCK ? TRI_ERR_STATE : TRI_ERR_IO, "could not lock %s: %s", path, strerror(code));
    } else if (!write_holder(fd)) {
        st = err_set(err, TRI_ERR_IO, "could not write lock file %s: %s", path, strerror(errno));
    }
    if (st != TRI_OK) {
        close(fd);
        return st;
    }
    out->fd = fd;
    return TRI_OK;
}

tri_status lock_file_wait(const char *path, unsigned ms, lock_file *out, tri_error *err)
{
    enum { STEP_MS = 5 };
    const struct timespec step = {0, STEP_MS * 1000000L};
    tri_status st = lock_file_take(path, out, NULL, err);
    for (unsigned waited = 0; st == TRI_ERR_STATE && waited < ms; waited += STEP_MS) {
        nanosleep(&step, NULL);
        st = lock_file_take(path, out, NULL, err);
    }
    return st;
}

bool lock_file_is_taken(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool taken = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK; /* shared: those who ask do not meet each other */
    close(fd);
    return taken;
}

void lock_file_release(lock_file *lock)
{
    if (lock->fd >= 0) close(lock->fd);
    lock->fd = -1;
}
