/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_doctor.c — `trident doctor [MODEL]`: is this machine, and is this model, what it seems to be?
 *
 * Without MODEL: the card (doctor_card.c), processor, instruction sets, threads, memory, the model cache. With one: the
 * library's experiments on its weights, one line each with the figure (src/model/doctor.c). Exit 1 when a check failed. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/doctor_card.h"
#include "cli/json_out.h"
#include "hub/model_dir.h"
#include "trident.h"
#include "trident/experimental.h"

typedef struct sheet {
    buf text;
    bool json, colour;
    size_t n_lines;
    tri_status status; /* of building the text */
} sheet;

static const char *const verdicts[] = {[TRI_DOCTOR_OK] = "ok", [TRI_DOCTOR_NOTE] = "note", [TRI_DOCTOR_FAIL] = "FAIL"};

static tri_status add_json(sheet *s, const char *check, int verdict, const char *line)
{
    TRI_TRY(buf_str(&s->text, s->n_lines ? ", {\"check\": " : "{\"check\": "));
    TRI_TRY(json_out_str(&s->text, check));
    TRI_TRY(buf_str(&s->text, ", \"verdict\": "));
    TRI_TRY(json_out_str(&s->text, verdict == TRI_DOCTOR_FAIL ? "fail" : verdicts[verdict]));
    TRI_TRY(buf_str(&s->text, ", \"detail\": "));
    TRI_TRY(json_out_str(&s->text, line));
    return buf_str(&s->text, "}");
}

static tri_status add_text(sheet *s, const char *check, int verdict, const char *line)
{
    static const char *const colours[] = {[TRI_DOCTOR_OK] = "32", [TRI_DOCTOR_NOTE] = "33", [TRI_DOCTOR_FAIL] = "31;1"};
    if (s->colour)
        return buf_printf(&s->text, "\x1b[%sm%-4s\x1b[0m  %-15s %s\n", colours[verdict], verdicts[verdict], check, line);
    return buf_printf(&s->text, "%-4s  %-15s %s\n", verdicts[verdict], check, line);
}

static void add_line(void *ctx, const char *check, int verdict, const char *line)
{
    sheet *s = ctx;
    if (s->status) return;
    s->status = s->json ? add_json(s, check, verdict, line) : add_text(s, check, verdict, line);
    s->n_lines++;
}

/* ---- the machine ---------------------------------------------------------------------------------------------------- */

static void add_memory(sheet *s)
{
    char line[256];
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    double gib = (double)pages * (double)page / (1 << 30);
    snprintf(line, sizeof line,
             "%.1f GiB; f32 BGE-M3 takes 2.2 GiB mapped, 1.2 GiB packed and 0.3 GiB of workspace at 8192 tokens", gib);
    add_line(s, "memory", gib > 4 ? TRI_DOCTOR_OK : TRI_DOCTOR_NOTE, line);
}

static void add_cache(sheet *s)
{
    char path[LIMIT_PATH], line[LIMIT_PATH + 128];
    tri_error err;
    if (model_dir_of_name("small-m3", path, sizeof path, &err)) {
        add_line(s, "model cache", TRI_DOCTOR_FAIL, err.text);
        return;
    }
    bool there = access(path, R_OK) == 0;
    snprintf(line, sizeof line, there ? "%s is there" : "%s is not there: trident pull small-m3", path);
    add_line(s, "model cache", there ? TRI_DOCTOR_OK : TRI_DOCTOR_NOTE, line);
}

static void add_machine(sheet *s, const tri_engine *engine)
{
    char line[256] = "";
    for (size_t i = 0; tri_isa_name(i); i++) {
        size_t at = strlen(line);
        snprintf(line + at, sizeof line - at, "%s%s", i ? ", " : "", tri_isa_name(i));
    }
    add_line(s, "version", TRI_DOCTOR_OK, "trident " TRI_VERSION);
    add_line(s, "engine", TRI_DOCTOR_OK, tri_engine_describe(engine));
    add_line(s, "kernels here", TRI_DOCTOR_OK, line);
    add_memory(s);
    add_cache(s);
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */

static tri_status examine(cli *c, sheet *s, size_t *n_failed, tri_error *err)
{
    tri_engine_options o;
    tri_engine *engine;
    char path[LIMIT_PATH];
    tri_engine_options_init(&o);
    o.device = c->shared.device;
    o.precision = c->shared.precision;
    o.isa = c->shared.isa;
    o.threads = (int)c->shared.threads;
    if (!c->n_args) *n_failed += doctor_card(o.device ? o.device : "auto", add_line, s);
    if (*n_failed) return TRI_OK; /* the card that was asked for is not there: nothing else can be said of it */
    if (c->n_args) TRI_TRY(model_dir_find(c->args[0], path, sizeof path, err));
    TRI_TRY(tri_engine_open(&o, &engine, err));
    tri_status st = TRI_OK;
    if (c->n_args)
        st = tri_doctor_run(engine, path, add_line, s, n_failed, err);
    else
        add_machine(s, engine);
    tri_engine_close(engine);
    if (!st && s->status) st = err_set(err, s->status, "could not write the findings");
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    sheet s = {.json = c->shared.json, .colour = isatty(STDOUT_FILENO) == 1};
    size_t n_failed = 0;
    buf_init(&s.text, 0);
    if (s.json) s.status = buf_str(&s.text, "{\"checks\": [");
    tri_status st = examine(c, &s, &n_failed, err);
    if (!st && s.json) st = buf_printf(&s.text, "], \"ok\": %s}\n", n_failed ? "false" : "true");
    if (!st || s.n_lines) {
        tri_status printed = !st || !s.json ? cli_print(&s.text, st ? NULL : err) : TRI_OK;
        if (!st) st = printed;
    }
    buf_drop(&s.text);
    if (!st && n_failed) return err_set(err, TRI_ERR_MISMATCH, "%zu check%s failed", n_failed, n_failed == 1 ? "" : "s");
    return st;
}

const cli_command cmd_doctor = {
    .name = "doctor",
    .summary = "prove what silently goes wrong elsewhere, on this machine and these weights",
    .usage = "[MODEL]",
    .max_args = 1,
    .run = run,
    .shared = SETUP_JSON | SETUP_MACHINE,
    .examples = {"trident doctor", "trident doctor small-m3"},
};
