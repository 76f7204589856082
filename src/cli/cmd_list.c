/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_list.c — `trident list KIND`: what is registered, one name a line, for scripts, shell completion and the documentation
 * test. It reads the registries themselves, so it cannot be out of date. */
#include "cli/cli.h"

#include <string.h>

#include "base/err.h"
#include "cli/exit.h"

static tri_status list_commands(buf *out)
{
    for (size_t i = 0; cli_command_at(i); i++)
        TRI_TRY(buf_printf(out, "%s\t%s\n", cli_command_at(i)->name, cli_command_at(i)->summary));
    return TRI_OK;
}

static tri_status list_flags(buf *out)
{
    for (size_t i = 0; cli_command_at(i); i++) {
        const cli_command *command = cli_command_at(i);
        setup_args unused;
        flag_set sets[SETUP_MAX_SETS + 1];
        size_t n = 0;
        if (command->flags) sets[n++] = (flag_set){command->flags, NULL, NULL};
        n += setup_flag_sets(command->shared, &unused, sets + n);
        for (size_t s = 0; s < n; s++)
            for (const flag *f = sets[s].flags; f->name; f++) TRI_TRY(buf_printf(out, "%s\t--%s\n", command->name, f->name));
    }
    return TRI_OK;
}

static tri_status list_statuses(buf *out)
{
#define STATUS(number, name, meaning) TRI_TRY(buf_printf(out, "%s\t%d\t%s\n", #name, exit_code(TRI_##name), meaning));
    TRI_STATUS_MAP(STATUS)
#undef STATUS
    return TRI_OK;
}

static const struct {
    const char *kind;
    tri_status (*list)(buf *out);
} kinds[] = {{"command", list_commands}, {"flag", list_flags}, {"status", list_statuses}};

static tri_status run(cli *c, tri_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].kind, c->args[0]) != 0) continue;
        buf out;
        buf_init(&out, 0);
        tri_status st = kinds[i].list(&out);
        st = st == TRI_OK ? cli_print(&out, err) : err_set(err, st, "could not write the list of kind %s", c->args[0]);
        buf_drop(&out);
        return st;
    }
    return cli_usage(c, err, "no such kind \"%s\": command, flag and status are known", c->args[0]);
}

const cli_command cmd_list = {
    .name = "list",
    .summary = "print what is registered: commands, flags, statuses",
    .usage = "command|flag|status",
    .notes = "One entry a line, columns separated by a tab. The second column of `status` is the exit code.",
    .examples = {"trident list command", "trident list flag | grep encode"},
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
