/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h — what a command is. A command is one file, cmd_<name>.c, and one line in list.h:
 *
 *   struct count_args { const char *input; };
 *   static const flag flags[] = {
 *       {"input", 'i', FLAG_TEXT, "FILE", "-", "lines to count; - is standard input", offsetof(struct count_args, input)},
 *       FLAG_END};
 *   static tri_status run(cli *c, tri_error *err)
 *   {
 *       const struct count_args *args = c->options;   ... c->args[0], c->shared.max_length ...
 *       if (is_empty(c->args[0])) return cli_usage(c, err, "WHAT is empty");
 *       ...
 *   }
 *   const cli_command cmd_count = {
 *       .name = "count", .summary = "count lines", .usage = "WHAT [-i FILE]", .min_args = 1, .max_args = 1, .run = run,
 *       .flags = flags, .options_size = sizeof(struct count_args), .shared = SETUP_JSON,
 *       .examples = {"trident count words -i a.txt", "trident count lines < a.txt"}};
 *
 * `run` returns a status and leaves the words in err; the frame prints them (`trident count: ...; remedy`) and turns the status
 * into the exit code (exit.c). Data goes to an out_file, talk to cli_note; nobody else prints. */
#ifndef TRI_CLI_CLI_H
#define TRI_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cli/flags.h"
#include "cli/progress.h"
#include "cli/setup.h"
#include "trident/status.h"

struct cli_command;

/* One run of one command. */
typedef struct cli {
    const struct cli_command *command;
    setup_args shared;       /* what the shared flags say */
    void *options;           /* the command's own struct, filled from its table */
    const char *const *args; /* what is no flag, in order */
    size_t n_args;
    progress bar; /* begun by the command when it has long work to show */
    bool wrong_usage;
} cli;

typedef struct cli_command {
    const char *name, *summary; /* summary: one phrase */
    const char *usage;          /* what follows the name: "MODEL -i FILE -o FILE"; lines after a newline are further forms */
    const char *notes;          /* a paragraph on formats for --help, or NULL */
    const char *examples[2];    /* whole command lines that work */
    const flag *flags;          /* ended by FLAG_END; NULL = none of its own */
    size_t options_size;
    unsigned shared; /* SETUP_* groups of shared flags that it takes */
    size_t min_args, max_args;
    tri_status (*run)(cli *c, tri_error *err);
} cli_command;

/* The command line is wrong: exit 2. Returns TRI_ERR_ARGUMENT with the words set; err_hint may follow. */
tri_status cli_usage(cli *c, tri_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A line of talk on standard error, after `trident CMD: `; nothing under -q. */
void cli_note(cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The library's and the hub's talk as notes, level 1 and below; a tri_log_fn whose ctx is the cli. */
void cli_log(void *ctx, int level, const char *line);
/* Facts to standard output, whole. */
tri_status cli_print(const buf *text, tri_error *err);
/* TRI_ERR_CANCELLED after Ctrl-C, else TRI_OK: for loops that no tri_progress_fn reaches. */
tri_status cli_check_stop(tri_error *err);

/* Command i of the registry; NULL past the last. */
const cli_command *cli_command_at(size_t i);

#endif
