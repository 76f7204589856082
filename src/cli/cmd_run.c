/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c — `trident run PLAN.yaml`: the versions of a plan side by side; `trident run status DIR`: how far they are.
 *
 * The plan says everything (docs/plan.md); what changes from day to day, money and time, may be said here instead. The work is
 * lab/run.h's, and the steps are commands of this program. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/number.h"
#include "cli/run_view.h"
#include "cli/signals.h"
#include "hub/model_dir.h"
#include "lab/run.h"

struct run_args {
    const char *out, *deadline, *budget, *price, *bill, *devices;
    double watch;
};

#define FIELD(name) offsetof(struct run_args, name)
static const flag flags[] = {
    {"out", 'o', FLAG_TEXT, "DIR", NULL, "the run's folder; by default NAME.run beside the plan", FIELD(out)},
    {"deadline", 0, FLAG_TEXT, "WHEN", NULL, "72h or 1h30m from the first start, or a time: 2026-11-27T10:00+08:00",
     FIELD(deadline)},
    {"budget", 0, FLAG_TEXT, "MONEY", NULL, "stop before more than this is spent", FIELD(budget)},
    {"price", 0, FLAG_TEXT, "N/h", NULL, "of the machine: 12/h, 0.2/min, or 3/submission", FIELD(price)},
    {"bill", 0, FLAG_TEXT, "UNIT", NULL, "second, minute, hour or submission: what the provider rounds up to", FIELD(bill)},
    {"devices", 0, FLAG_TEXT, "A,B,...", NULL,
     "instead of the plan's: cpu, cpu:0-3 (these cores), cuda:0; one job at a time on each", FIELD(devices)},
    {"watch", 0, FLAG_NUMBER, "S", NULL, "status: show it again every S seconds, until the run is over", FIELD(watch)},
    FLAG_END};

/* ---- what is said here instead of in the plan ---------------------------------------------------------------------- */

static tri_status take_devices(cli *c, plan *p, const char *words, tri_error *err)
{
    p->devices.n = 0;
    p->devices.items = arena_array(&p->memory, strlen(words) + 1, sizeof *p->devices.items);
    if (!p->devices.items) return err_memory(err, strlen(words));
    for (const char *at = words;; at++) {
        size_t n = strcspn(at, ",");
        const char *word = arena_copy(&p->memory, at, n);
        if (!word) return err_memory(err, n);
        if (!plan_is_device(word)) return cli_usage(c, err, "\"%s\" is no device: cpu, cpu:0-3 and cuda:0 are", word);
        p->devices.items[p->devices.n++] = word;
        at += n;
        if (!*at) break;
    }
    return plan_check(p, err);
}

static tri_status take_flags(cli *c, plan *p, tri_error *err)
{
    const struct run_args *args = c->options;
    tri_error said = {0};
    if (args->deadline && !plan_parse_deadline(args->deadline, &p->deadline_after, &p->deadline_at))
        return cli_usage(c, err, "--deadline takes 72h, 1h30m or 2026-11-27T10:00, got \"%s\"", args->deadline);
    if (args->bill) p->bill_said = args->bill;
    if (args->price) p->price_said = args->price;
    tri_status st = plan_settle_money(p, &said);
    if (st && args->price && !args->bill) { /* a price of another kind stands above the plan's bill, too */
        p->bill_said = NULL;
        st = plan_settle_money(p, &said);
    }
    if (st) return cli_usage(c, err, "%s", said.text);
    if (args->budget && (!number_parse_f64(args->budget, strlen(args->budget), &p->budget) || p->budget < 0))
        return cli_usage(c, err, "--budget takes an amount of money, got \"%s\"", args->budget);
    if (p->budget >= 0 && p->price <= 0)
        return cli_usage(c, err, "a budget needs a price: add --price N/h, or `price:` to the plan");
    return args->devices ? take_devices(c, p, args->devices, err) : TRI_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

static void say(void *ctx, const char *line)
{
    cli_note(ctx, "%s", line);
}

static bool is_stopped(void *ctx)
{
    (void)ctx;
    return signals_stopped();
}

static bool find_model(void *ctx, const char *name, char *path, size_t cap)
{
    (void)ctx;
    return model_dir_find(name, path, cap, NULL) == TRI_OK;
}

/* A reranker is opened when the index is there, hours later: one that is not here is refused now. The others run. */
static tri_status look_for_rerankers(plan *p, tri_error *err)
{
    char path[LIMIT_PATH];
    tri_error said = {0};
    for (size_t i = 0; i < p->n_versions; i++) {
        plan_version *v = &p->versions[i];
        const char *name = v->value[PLAN_RERANK];
        if (v->refused || !name || model_dir_find(name, path, sizeof path, &said) == TRI_OK) continue;
        v->refused = arena_printf(&p->memory, "%s:%zu: rerank: %s; %s", p->path, v->line, said.text, said.hint);
        if (!v->refused) return err_memory(err, 0);
    }
    return TRI_OK;
}

/* The command as it was given, for the ledger. */
static tri_status write_command(const plan *p, const struct run_args *args, const char *dir, buf *out)
{
    const char *const given[][2] = {{"deadline", args->deadline},
                                    {"budget", args->budget},
                                    {"price", args->price},
                                    {"bill", args->bill},
                                    {"devices", args->devices}};
    TRI_TRY(buf_printf(out, "trident run %s --out %s", p->path, dir));
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i][1]) TRI_TRY(buf_printf(out, " --%s %s", given[i][0], given[i][1]));
    return buf_byte(out, 0);
}

static tri_status report(cli *c, const char *dir, const run_outcome *out, tri_error *err)
{
    tri_status st = run_view_print(c, dir, err);
    if (st || !(out->n_failed + out->n_stopped)) return st;
    err_set(err, TRI_ERR_STATE, "%zu of %zu versions failed and %zu were stopped", out->n_failed,
            out->n_done + out->n_failed + out->n_stopped, out->n_stopped);
    return err_hint(err, TRI_ERR_STATE, "the same command goes on from there; each version's log.txt tells more");
}

static tri_status run_loaded(cli *c, plan *p, tri_error *err)
{
    const struct run_args *args = c->options;
    char dir[LIMIT_PATH];
    buf command;
    run_outcome outcome;
    TRI_TRY(take_flags(c, p, err));
    int n = args->out ? snprintf(dir, sizeof dir, "%s", args->out) : snprintf(dir, sizeof dir, "%s/%s.run", p->folder, p->name);
    if (n < 0 || (size_t)n >= sizeof dir) return err_set(err, TRI_ERR_LIMIT, "the path of the run folder is too long");
    TRI_TRY(look_for_rerankers(p, err));
    buf_init(&command, 0);
    tri_status st = write_command(p, args, dir, &command) ? err_memory(err, command.len) : TRI_OK;
    run_options options = {.dir = dir,
                           .command = (const char *)command.data,
                           .say = say,
                           .is_stopped = is_stopped,
                           .find_model = find_model,
                           .ctx = c};
    if (!st) st = run_plan(p, &options, &outcome, err);
    buf_drop(&command);
    return st ? st : report(c, dir, &outcome, err);
}

static tri_status run_file(cli *c, tri_error *err)
{
    plan p;
    if (file_is_dir(c->args[0]))
        return cli_usage(c, err, "%s is a folder: `trident run PLAN.yaml` runs, `trident run status DIR` shows", c->args[0]);
    if (strcmp(c->args[0], "-") == 0 && !((const struct run_args *)c->options)->out)
        return cli_usage(c, err, "a plan from standard input has no folder beside it: give --out DIR");
    tri_status st = plan_load(c->args[0], &p, err);
    if (!st) st = run_loaded(c, &p, err);
    plan_drop(&p);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct run_args *args = c->options;
    bool is_status = strcmp(c->args[0], "status") == 0;
    if (is_status && c->n_args != 2) return cli_usage(c, err, "of which run? trident run status DIR");
    if (!is_status && c->n_args != 1) return cli_usage(c, err, "unexpected argument \"%s\": trident run PLAN.yaml", c->args[1]);
    return is_status ? run_view_status(c, c->args[1], args->watch, err) : run_file(c, err);
}

const cli_command cmd_run = {
    .name = "run",
    .summary = "the versions of a plan side by side: a queue over devices, resumed after any kill",
    .usage = "PLAN.yaml [--out DIR] [--deadline 72h] [--budget 100 --price 12/h]\n"
             "status DIR [--json] [--watch S]",
    .notes =
        "A plan names data and versions (model, heads, fusion, reranker, precision, lengths; docs/plan.md). Versions of the "
        "same "
        "model, precision and length share one index. Each has a folder under DIR: config.json, log.txt with the command lines "
        "of "
        "its steps, status.json, run.trec, metrics.json, the submission with its check, and SHA-256 sums.\n"
        "Kill it anywhere, the machine too: the same command goes on, ends with the same bytes, and repeats one batch at "
        "most. A model trained further, another sample, a removed file: what they change is done again.\n"
        "A version that fails does not stop the others. Nothing is begun that, by what was measured, would pass the deadline "
        "or the "
        "budget, and what runs is stopped just before the budget is passed. Paid for is the time that this command is up.\n"
        "status tells progress, time left, money, and each device's speed with temperature and clock where the system tells "
        "them; "
        "below 80 % of its clock under load a device is called throttled.\n"
        "Exit status 1 when a version failed or was stopped.",
    .examples = {"trident run examples/plan.yaml --out xquad.run", "trident run status xquad.run --json"},
    .flags = flags,
    .options_size = sizeof(struct run_args),
    .shared = SETUP_JSON,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
