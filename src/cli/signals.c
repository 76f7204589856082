/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c — how does a command stop cleanly?
 *
 * SIGINT, SIGTERM and SIGHUP set a flag; work looks at it between windows (tri_progress_fn), takes the ordinary failure path,
 * and so removes its temporary files. A second Ctrl-C ends the process at once. A command that waits for standard input
 * would never look, so the handler also turns standard input into an empty file: the blocked read returns, the next one
 * says "end of file", and the loop comes by the flag. dup2 is async-signal-safe, and there is no race: a read that starts after
 * the signal already sees the empty file.
 * SIGPIPE is ignored: a write to a closed pipe then fails like any other write and is cleaned up after. */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/number.h"

static volatile sig_atomic_t stopped;
static int empty_file = -1;

static void on_stop(int signal_number)
{
    int saved = errno;
    struct sigaction again = {.sa_handler = SIG_DFL};
    stopped = 1;
    sigaction(signal_number, &again, NULL);
    if (empty_file >= 0) dup2(empty_file, STDIN_FILENO);
    errno = saved;
}

/* Makes `empty_file`: the reading end of a pipe without a writer. A closed descriptor 0, 1 or 2 would be given to the next file
 * opened, and talk would be written into it; the same end keeps such a number busy: writing to it fails, as it should. */
static void make_empty_file(void)
{
    int ends[2];
    if (pipe(ends) != 0) return;
    empty_file = fcntl(ends[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(ends[0]);
    close(ends[1]);
    for (int fd = 0; empty_file >= 0 && fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) dup2(empty_file, fd);
}

/* `trident run` names itself to its children: they end when it does, however it does. It may have ended before this. */
static void die_with_runner(void)
{
    const char *parent = getenv("TRIDENT_PARENT");
    uint64_t pid;
    if (!parent || !number_parse_u64(parent, strlen(parent), &pid)) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ((uint64_t)getppid() != pid) raise(SIGKILL);
}

void signals_begin(void)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop}; /* no SA_RESTART: a blocked read must return */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    die_with_runner();
    make_empty_file();
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        if (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup stays in force */
            sigaction(stops[i], &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool signals_stopped(void)
{
    return stopped != 0;
}

bool signals_reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}
