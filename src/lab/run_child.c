/* SPDX-License-Identifier: Apache-2.0 */
/* run_child.c — a step as a process: its log, its environment, its cores; and its end, ours or its own.
 *
 * A child is this very program (/proc/self/exe: the same file when a new build replaces it on disk). TRIDENT_PARENT
 * tells it to die with its runner (cli/signals.c): a runner killed by force leaves nobody to write into its folder. Hooks
 * are the user's own shell lines and outlive it: one of them may be what switches the machine off. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "lab/run_int.h"

extern char **environ;

/* ---- starting ----------------------------------------------------------------------------------------------------- */

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n + 1) == 0;
}

static bool is_set(const char *const *env, const char *line)
{
    for (; env && *env; env++)
        if (same_name(*env, line)) return true;
    return false;
}

/* Our environment with theirs over it; the strings stay where they are. */
static const char **join_env(const char *const *env, const char *parent)
{
    size_t n = 2, at = 0;
    for (char **p = environ; *p; p++) n++;
    for (const char *const *p = env; p && *p; p++) n++;
    const char **out = mem_array(n + 1, sizeof *out);
    if (!out) return NULL;
    for (char **p = environ; *p; p++)
        if (!is_set(env, *p) && !same_name("TRIDENT_PARENT=", *p)) out[at++] = *p;
    for (const char *const *p = env; p && *p; p++)
        if (!is_set(p + 1, *p)) out[at++] = *p; /* the last of a name counts */
    if (parent) out[at++] = parent;
    out[at] = NULL;
    return out;
}

static const char **join_argv(const run_spawn *s, const char **path)
{
    size_t n = 3;
    for (const char *const *p = s->argv; p && *p; p++) n++;
    const char **out = mem_array(n + 1, sizeof *out);
    if (!out) return NULL;
    size_t at = 0;
    *path = s->shell ? "/bin/sh" : s->program ? s->program : "/proc/self/exe";
    out[at++] = s->shell ? "sh" : s->program ? s->program : "trident";
    if (s->shell) {
        out[at++] = "-c";
        out[at++] = s->shell;
    }
    for (const char *const *p = s->argv; p && *p; p++) out[at++] = *p;
    out[at] = NULL;
    return out;
}

static int plan_files(const run_spawn *s, posix_spawn_file_actions_t *actions)
{
    int append = O_WRONLY | O_CREAT | O_APPEND, fresh = O_WRONLY | O_CREAT | O_TRUNC;
    int code = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code)
        code = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, s->stdout_to ? s->stdout_to : s->log,
                                                s->stdout_to ? fresh : append, 0666);
    if (!code) code = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, s->log, append, 0666);
    if (!code && s->folder) code = posix_spawn_file_actions_addchdir_np(actions, s->folder);
    return code;
}

bool run_device_cores(const char *device, uint64_t *first, uint64_t *last)
{
    if (!device || strncmp(device, "cpu:", 4) != 0) return false;
    const char *p = device + 4, *dash = strchr(p, '-');
    if (!number_parse_u64(p, dash ? (size_t)(dash - p) : strlen(p), first)) return false;
    if (!dash || !number_parse_u64(dash + 1, strlen(dash + 1), last)) *last = *first;
    return true;
}

/* Children inherit the cores of the thread that starts them: ours are changed for that moment. */
static bool take_cores(const char *device, cpu_set_t *before)
{
    uint64_t first, last;
    cpu_set_t set;
    if (!run_device_cores(device, &first, &last)) return false;
    if (sched_getaffinity(0, sizeof *before, before) != 0) return false;
    CPU_ZERO(&set);
    for (uint64_t i = first; i <= last && i < CPU_SETSIZE; i++) CPU_SET((size_t)i, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

static int spawn(const run_spawn *s, const char *path, const char **argv, const char **env, pid_t *out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* we ignore it, and what is ignored stays so across exec */
    int code = posix_spawn_file_actions_init(&actions);
    if (code) return code;
    code = posix_spawnattr_init(&attributes);
    if (!code) {
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        code = plan_files(s, &actions);
        char *const *args = (char *const *)(const void *)argv, *const *variables = (char *const *)(const void *)env;
        if (!code)
            code = s->program ? posix_spawnp(out, path, &actions, &attributes, args, variables)
                              : posix_spawn(out, path, &actions, &attributes, args, variables);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

tri_status run_child_start(const run_spawn *s, pid_t *out, tri_error *err)
{
    char parent[40];
    const char *path = NULL;
    cpu_set_t before;
    snprintf(parent, sizeof parent, "TRIDENT_PARENT=%ld", (long)getpid());
    const char **argv = join_argv(s, &path), **env = join_env(s->env, s->argv && !s->program ? parent : NULL);
    int code = ENOMEM;
    if (argv && env) {
        bool moved = take_cores(s->device, &before);
        code = spawn(s, path, argv, env, out);
        if (moved) sched_setaffinity(0, sizeof before, &before);
    }
    mem_free(argv);
    mem_free(env);
    if (!code) return TRI_OK;
    *out = 0;
    return err_set(err, code == ENOMEM ? TRI_ERR_MEMORY : TRI_ERR_IO, "could not start %s: %s", path ? path : "a process",
                   strerror(code));
}

/* ---- ending ------------------------------------------------------------------------------------------------------- */

bool run_child_ended(pid_t pid, int *code)
{
    int status;
    pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == 0) return false;
    if (got < 0) /* somebody else took it: nothing is known of its end */
        *code = -SIGKILL;
    else
        *code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return true;
}

void run_child_stop(pid_t pid, bool now)
{
    if (pid > 0) kill(pid, now ? SIGKILL : SIGTERM);
}

/* Was it started for this progress file? Numbers of processes are used again, by other people's runs, too. */
static bool is_old_child(long pid, const char *progress_path)
{
    static const char name[] = "TRIDENT_PROGRESS=";
    char path[64];
    buf text;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/environ", pid);
    buf_init(&text, 0);
    if (file_read_all(path, 1 << 22, &text, NULL) == TRI_OK && buf_byte(&text, 0) == TRI_OK)
        for (const char *p = (const char *)text.data; !found && p < (const char *)text.data + text.len; p += strlen(p) + 1)
            found = strncmp(p, name, sizeof name - 1) == 0 && strcmp(p + sizeof name - 1, progress_path) == 0;
    buf_drop(&text);
    return found;
}

void run_child_await_old(long pid, const char *progress_path)
{
    const struct timespec step = {0, 10 * 1000000L};
    if (pid <= 1 || pid == (long)getpid()) return;
    for (int i = 0; i < 300 && is_old_child(pid, progress_path); i++) { /* its runner is dead, so it is dying */
        if (i == 200) kill((pid_t)pid, SIGKILL);
        nanosleep(&step, NULL);
    }
}
