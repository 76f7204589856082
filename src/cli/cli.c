/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c — the frame around every command: find it, read its flags, run it, say what failed, answer the shell.
 *
 * Invariants
 *  1. Standard output carries data and asked-for help only; talk goes to standard error.
 *  2. A failure is one line: `trident CMD: what was attempted, the value; the remedy`. Wrong usage exits 2, failure 1.
 *  3. Commands know nothing of argv and exit codes; this file knows nothing of any command. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/nearest.h"
#include "cli/exit.h"
#include "cli/signals.h"
#include "trident.h"

#define COMMAND(name) extern const cli_command cmd_##name;
#include "cli/list.h"
#undef COMMAND

static const cli_command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "cli/list.h"
#undef COMMAND
};

const cli_command *cli_command_at(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? commands[i] : NULL;
}

tri_status cli_usage(cli *c, tri_error *err, const char *fmt, ...)
{
    char text[sizeof err->text];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    c->wrong_usage = true;
    return err_set(err, TRI_ERR_ARGUMENT, "%s", text);
}

void cli_note(cli *c, const char *fmt, ...)
{
    char text[sizeof((tri_error *)NULL)->text];
    tri_error clean;
    va_list list;
    if (c->shared.quiet) return;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    err_set(&clean, TRI_OK, "%s", text); /* no control characters from hostile names on the terminal */
    progress_hide(&c->bar);
    fprintf(stderr, "trident %s: %s\n", c->command->name, clean.text);
}

void cli_log(void *ctx, int level, const char *line)
{
    if (level <= 1) cli_note(ctx, "%s", line);
}

tri_status cli_print(const buf *text, tri_error *err)
{
    out_file *out;
    TRI_TRY(out_file_open("-", &out, err));
    tri_status st = out_file_write(out, text->data, text->len, err);
    if (st == TRI_OK) return out_file_commit(out, err);
    out_file_discard(out);
    return st;
}

tri_status cli_check_stop(tri_error *err)
{
    return signals_stopped() ? err_set(err, TRI_ERR_CANCELLED, "interrupted") : TRI_OK;
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

static tri_status describe_program(buf *out)
{
    TRI_TRY(buf_str(out, "trident — text to dense, sparse and multi-vector in one pass; exact search, fusion, evaluation\n\n"
                         "usage: trident COMMAND [ARGUMENTS] [FLAGS]\n\n"));
    for (size_t i = 0; cli_command_at(i); i++)
        TRI_TRY(buf_printf(out, "  %-10s %s\n", cli_command_at(i)->name, cli_command_at(i)->summary));
    return buf_str(out, "\nMODEL is a folder in the Hugging Face layout or the name of a pulled model (trident pull NAME).\n"
                        "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n"
                        "trident COMMAND --help tells more; trident --version prints the version.\n");
}

static tri_status describe_command(const cli_command *command, const flag_set *sets, size_t n_sets, buf *out)
{
    TRI_TRY(buf_printf(out, "trident %s — %s\n\n", command->name, command->summary));
    const char *lead = "usage:";
    for (const char *p = command->usage; p;) {
        size_t n = strcspn(p, "\n");
        TRI_TRY(buf_printf(out, "%s trident %s %.*s\n", lead, command->name, (int)n, p));
        lead = "      ";
        p = p[n] ? p + n + 1 : NULL;
    }
    if (command->notes) TRI_TRY(buf_printf(out, "\n%s\n", command->notes));
    TRI_TRY(flags_describe(sets, n_sets, out));
    return buf_printf(out, "\nExamples:\n  %s\n  %s\n", command->examples[0], command->examples[1]);
}

/* ---- failing ------------------------------------------------------------------------------------------------------ */

static int complain(const char *command, const tri_error *err, int code)
{
    fprintf(stderr, "trident%s%s: %s%s%s\n", command ? " " : "", command ? command : "", err->text, err->hint[0] ? "; " : "",
            err->hint);
    return code;
}

static const char *command_name_at(void *ctx, size_t i)
{
    (void)ctx;
    const cli_command *command = cli_command_at(i);
    return command ? command->name : NULL;
}

static const cli_command *find_command(const char *name)
{
    for (size_t i = 0; cli_command_at(i); i++)
        if (strcmp(cli_command_at(i)->name, name) == 0) return cli_command_at(i);
    return NULL;
}

static int unknown_command(const char *name)
{
    tri_error err = {0};
    const char *near_name = nearest_word(name, command_name_at, NULL);
    err_set(&err, TRI_ERR_ARGUMENT, "unknown command \"%s\"", name);
    if (near_name)
        err_hint(&err, TRI_ERR_ARGUMENT, "did you mean trident %s?", near_name);
    else
        err_hint(&err, TRI_ERR_ARGUMENT, "trident --help lists them");
    return complain(NULL, &err, EXIT_USAGE);
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

static tri_status check_arguments(cli *c, tri_error *err)
{
    const cli_command *command = c->command;
    if (c->n_args < command->min_args)
        return cli_usage(c, err, "%zu argument%s given, %s%zu needed: trident %s %.*s", c->n_args, c->n_args == 1 ? "" : "s",
                         command->max_args > command->min_args ? "at least " : "", command->min_args, command->name,
                         (int)strcspn(command->usage, "\n"), command->usage);
    if (c->n_args > command->max_args)
        return cli_usage(c, err, "unexpected argument \"%s\": trident %s %.*s", c->args[command->max_args], command->name,
                         (int)strcspn(command->usage, "\n"), command->usage);
    return TRI_OK;
}

static tri_status read_flags(cli *c, const flag_set *sets, size_t n_sets, char **argv, size_t argc, const char **args,
                             tri_error *err)
{
    TRI_TRY(flags_default(sets, n_sets, err));
    tri_status st = flags_parse(sets, n_sets, argv, argc, args, &c->n_args, err);
    c->args = args;
    if (st == TRI_OK) return c->shared.help ? TRI_OK : check_arguments(c, err);
    c->wrong_usage = true;
    if (!err->hint[0]) err_hint(err, st, "trident %s --help lists the flags", c->command->name);
    return st;
}

static tri_status run_command(cli *c, char **argv, size_t argc, const char **args, tri_error *err)
{
    flag_set sets[SETUP_MAX_SETS + 1];
    size_t n_sets = 0;
    if (c->command->flags) sets[n_sets++] = (flag_set){c->command->flags, c->options, "Flags"};
    n_sets += setup_flag_sets(c->command->shared, &c->shared, sets + n_sets);
    TRI_TRY(read_flags(c, sets, n_sets, argv, argc, args, err));
    if (!c->shared.help) return c->command->run(c, err);
    buf text;
    buf_init(&text, 0);
    tri_status st = describe_command(c->command, sets, n_sets, &text);
    st = st == TRI_OK ? cli_print(&text, err) : err_set(err, st, "could not write the help text");
    buf_drop(&text);
    return st;
}

static int run_named(const cli_command *command, char **argv, size_t argc)
{
    cli c = {.command = command};
    tri_error err = {0};
    const char **args = mem_array(argc + 1, sizeof *args);
    c.options = mem_calloc(1, command->options_size + 1);
    tri_status st = args && c.options ? run_command(&c, argv, argc, args, &err) : err_memory(&err, argc * sizeof *args);
    if (st == TRI_OK)
        progress_end(&c.bar);
    else
        progress_hide(&c.bar);
    mem_free(args);
    mem_free(c.options);
    if (st == TRI_OK) return EXIT_DONE;
    if (st == TRI_ERR_IO && signals_reader_gone()) return EXIT_FAILED; /* `| head` has seen enough: no complaint */
    if (st == TRI_ERR_CANCELLED || signals_stopped()) {
        err.hint[0] = '\0';
        err_set(&err, st, "interrupted");
        return complain(command->name, &err, EXIT_INTERRUPTED);
    }
    return complain(command->name, &err, c.wrong_usage ? EXIT_USAGE : exit_code(st));
}

static int print_words(const char *text, tri_status (*describe)(buf *out))
{
    tri_error err = {0};
    buf out;
    buf_init(&out, 0);
    tri_status st = describe ? describe(&out) : buf_str(&out, text);
    st = st == TRI_OK ? cli_print(&out, &err) : err_set(&err, st, "could not write the help text");
    buf_drop(&out);
    if (st == TRI_OK || signals_reader_gone()) return exit_code(st);
    return complain(NULL, &err, exit_code(st));
}

int main(int argc, char **argv)
{
    signals_begin();
    tri_card_plugin(getenv("TRIDENT_CUDA_PLUGIN"), NULL); /* nothing is open yet; a path too long is none */
    const char *first = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        tri_error err = {0};
        err_set(&err, TRI_ERR_ARGUMENT, "no command given");
        err_hint(&err, TRI_ERR_ARGUMENT, "trident --help lists them");
        return complain(NULL, &err, EXIT_USAGE);
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0 || strcmp(first, "version") == 0)
        return print_words("trident " TRI_VERSION "\n", NULL);
    bool help = strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0;
    if (help && argc == 2) return print_words(NULL, describe_program);
    const char *name = help ? argv[2] : first;
    const cli_command *command = find_command(name);
    if (!command) return unknown_command(name);
    if (help) {
        char ask[] = "--help", *one[] = {ask};
        return run_named(command, one, 1);
    }
    return run_named(command, argv + 2, (size_t)argc - 2);
}
