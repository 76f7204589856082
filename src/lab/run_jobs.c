/* SPDX-License-Identifier: Apache-2.0 */
/* run_jobs.c — from versions to jobs: an index for each group of searches that can share one, then a job a version, each after
 * those that it needs. A step's words are an ordinary command line of trident; the device comes when it is given out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/number.h"
#include "lab/model_mark.h"
#include "lab/run_int.h"

/* A command line in the making. */
typedef struct words {
    run_board *b;
    const char **items;
    size_t n;
    bool failed; /* no memory */
} words;

static words words_new(run_board *b)
{
    words w = {.b = b, .items = arena_calloc(&b->memory, RUN_WORDS_MAX, sizeof(char *))};
    w.failed = !w.items;
    return w;
}

static void put(words *w, const char *word)
{
    if (!word || w->n + 1 == RUN_WORDS_MAX) w->failed = true;
    if (!w->failed) w->items[w->n++] = word;
}

static void put_option(words *w, const char *option, const char *value)
{
    if (!value) return;
    put(w, option);
    put(w, value);
}

static const char *join(run_board *b, const char *dir, const char *name)
{
    return arena_printf(&b->memory, "%s/%s", dir, name);
}

static tri_status add_step(run_job *job, run_step step, words *w, tri_error *err)
{
    if (w && w->failed) return err_memory(err, 0);
    if (w) step.argv = w->items;
    job->steps[job->n_steps++] = step;
    return TRI_OK;
}

static tri_status begin_job(run_board *b, run_job *job, const char *name, const char *folder, tri_error *err)
{
    job->name = name;
    job->slot = -1;
    job->dir = join(b, b->dir, folder);
    job->needs = arena_calloc(&b->memory, b->p->n_versions + 1, sizeof *job->needs);
    if (!name || !job->dir || !job->needs) return err_memory(err, 0);
    job->log = join(b, job->dir, "log.txt");
    job->status_path = join(b, job->dir, "status.json");
    job->progress_path = join(b, job->dir, "progress.json");
    return job->log && job->status_path && job->progress_path ? TRI_OK : err_memory(err, 0);
}

/* ---- indexes ------------------------------------------------------------------------------------------------------ */

static const char *value_or(const plan_version *v, plan_setting s, const char *otherwise)
{
    return v->value[s] ? v->value[s] : otherwise;
}

static bool shares_index(const plan_version *a, const plan_version *b)
{
    static const plan_setting same[] = {PLAN_MODEL, PLAN_PRECISION, PLAN_MAX_LENGTH};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(value_or(a, same[i], ""), value_or(b, same[i], "")) != 0) return false;
    return true;
}

static bool is_search(const plan_version *v)
{
    return v->kind == PLAN_SEARCH && !v->refused;
}

/* The first version of the group that v belongs to. */
static const plan_version *group_of(const plan *p, const plan_version *v)
{
    for (size_t i = 0; i < p->n_versions; i++)
        if (is_search(&p->versions[i]) && shares_index(&p->versions[i], v)) return &p->versions[i];
    return v;
}

static const char *heads_words(run_board *b, unsigned heads, char between)
{
    char out[32];
    size_t n = 0;
    static const char *const names[] = {"dense", "sparse", "multi"};
    for (unsigned i = 0; i < 3; i++) {
        if (!(heads >> i & 1)) continue;
        if (n) out[n++] = between;
        size_t len = strlen(names[i]);
        memcpy(out + n, names[i], len);
        n += len;
    }
    return arena_copy(&b->memory, out, n);
}

/* More devices that may have the index; room for all. */
static void add_devices(plan_words *all, const plan_words *more)
{
    for (size_t i = 0; i < more->n; i++) all->items[all->n++] = more->items[i];
}

static size_t count_devices(const plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_versions; i++) n += p->versions[i].devices.n;
    return n;
}

/* What the versions that share an index want of it; devices has room for all of theirs. */
static void list_group(run_board *b, const plan_version *first, unsigned *heads, plan_words *devices, char *names, size_t cap,
                       size_t *count)
{
    const plan *p = b->p;
    bool any = false;
    size_t at = 0;
    *heads = 0;
    *count = 0;
    for (size_t i = 0; i < p->n_versions; i++) {
        const plan_version *v = &p->versions[i];
        if (!is_search(v) || !shares_index(v, first)) continue;
        *heads |= v->heads;
        if (at < cap) at += (size_t)snprintf(names + at, cap - at, "%s%s", *count ? ", " : "", v->name);
        *count += 1;
        if (!v->devices.n) any = true;
        add_devices(devices, &v->devices);
    }
    if (any) devices->n = 0; /* one of them takes any device: so may their index */
}

/* A model that is trained further in its folder makes other results. One that is not here fails later, by name. */
static tri_status mark_model(const run_board *b, run_job *job, const char *name, tri_error *err)
{
    char path[LIMIT_PATH];
    if (!name || !b->options->find_model || !b->options->find_model(b->options->ctx, name, path, sizeof path)) return TRI_OK;
    return model_mark(path, &job->models, err);
}

static tri_status add_index(run_board *b, const plan_version *first, tri_error *err)
{
    run_job *job = &b->jobs[b->n_jobs];
    char key[2 * LIMIT_PATH], names[512];
    unsigned heads;
    size_t count;
    job->group = first;
    job->devices.items = arena_array(&b->memory, count_devices(b->p) + 1, sizeof(char *));
    if (!job->devices.items) return err_memory(err, 0);
    list_group(b, first, &heads, &job->devices, names, sizeof names, &count);
    TRI_TRY(mark_model(b, job, first->value[PLAN_MODEL], err));
    const char *want = heads_words(b, heads, ',');
    int n = snprintf(key, sizeof key, "%s %016" PRIx64 "\n%s\n%s\n%s\n%016" PRIx64, first->value[PLAN_MODEL], job->models,
                     value_or(first, PLAN_PRECISION, ""), value_or(first, PLAN_MAX_LENGTH, ""), want, b->data_hashes[0]);
    if (n < 0 || (size_t)n >= sizeof key) return err_set(err, TRI_ERR_LIMIT, "the path of a model is too long");
    const char *name = arena_printf(&b->memory, "index-%016" PRIx64, hash64(key, (size_t)n));
    const char *folder = name ? arena_printf(&b->memory, "%s.job", name) : NULL;
    if (!folder) return err_memory(err, 0);
    TRI_TRY(begin_job(b, job, name, folder, err));
    words w = words_new(b);
    put(&w, "index");
    put(&w, first->value[PLAN_MODEL]);
    put(&w, b->p->corpus);
    put_option(&w, "-o", join(b, b->dir, name));
    put_option(&w, "--want", want);
    put_option(&w, "--precision", first->value[PLAN_PRECISION]);
    put_option(&w, "--max-length", first->value[PLAN_MAX_LENGTH]);
    put_option(&w, "--batch-tokens", first->value[PLAN_BATCH_TOKENS]);
    put_option(&w, "--memory-limit", first->value[PLAN_MEMORY_LIMIT]);
    put_option(&w, "--commit-seconds", "0");
    b->n_jobs++;
    run_say(b, "%s: %zu version%s (%s), 1 pass", name, count, count == 1 ? "" : "s", names);
    run_step step = {.name = "index", .on_device = true, .counts_progress = true, .cost_key = name};
    return add_step(job, step, &w, err);
}

static size_t find_job(const run_board *b, const char *name)
{
    for (size_t i = 0; i < b->n_jobs; i++)
        if (strcmp(b->jobs[i].name, name) == 0) return i;
    return b->n_jobs;
}

/* ---- what a version is made by ------------------------------------------------------------------------------------ */

static void put_settings(words *w, const plan_version *v)
{
    for (int s = 0; s < PLAN_SETTINGS; s++)
        if (plan_keys[s].option && (plan_keys[s].kinds & v->kind) && !(v->kind == PLAN_BLEND && s == PLAN_FUSE))
            put_option(w, plan_keys[s].option, v->value[s]);
}

static tri_status add_search(run_board *b, run_job *job, const char *index, const char *run, tri_error *err)
{
    const plan_version *v = job->version;
    char weights[256];
    bool needed;
    words w = words_new(b);
    put(&w, "search");
    put(&w, join(b, b->dir, index));
    put(&w, b->p->queries);
    put_option(&w, "-o", run);
    put(&w, "--resume");
    plan_weights(v, weights, sizeof weights, &needed);
    if (needed) put_option(&w, "--weights", arena_copy(&b->memory, weights, strlen(weights)));
    if ((v->heads & (v->heads - 1)) == 0) put_option(&w, "--mode", heads_words(b, v->heads, ','));
    put_settings(&w, v);
    if (v->value[PLAN_RERANK]) {
        put_option(&w, "--rerank", v->value[PLAN_RERANK]);
        put_option(&w, "--rerank-top", v->value[PLAN_RERANK_TOP]);
        put_option(&w, "--cache", join(b, b->dir, "scores.db"));
    }
    TRI_TRY(mark_model(b, job, v->value[PLAN_RERANK], err));
    const char *cost = arena_printf(&b->memory, "search %s %u %s %s", index, v->heads, value_or(v, PLAN_RERANK, "-"),
                                    value_or(v, PLAN_RERANK_TOP, "100"));
    if (!cost) return err_memory(err, 0);
    run_step step = {.name = "search", .on_device = true, .counts_progress = true, .cost_key = cost, .makes = run};
    return add_step(job, step, &w, err);
}

static tri_status add_fuse(run_board *b, run_job *job, const char *run, tri_error *err)
{
    const plan_version *v = job->version;
    words w = words_new(b);
    put(&w, "fuse");
    for (size_t i = 0; i < v->blend.n; i++) {
        put(&w, arena_printf(&b->memory, "%s/%s/run.trec", b->dir, v->blend.items[i]));
        job->needs[job->n_needs++] = find_job(b, v->blend.items[i]);
    }
    put_option(&w, "--method", v->value[PLAN_FUSE]);
    put_settings(&w, v);
    put_option(&w, "--weights", v->value[PLAN_WEIGHTS]);
    put_option(&w, "-o", run);
    return add_step(job, (run_step){.name = "fuse", .makes = run}, &w, err);
}

/* ---- what follows ------------------------------------------------------------------------------------------------- */

static tri_status add_submission(run_board *b, run_job *job, const char *run, tri_error *err)
{
    const plan *p = b->p;
    const char *slash = strrchr(p->sample, '/'), *dot = strrchr(slash ? slash : p->sample, '.');
    const char *out = arena_printf(&b->memory, "%s/submission%s", job->dir, dot ? dot : ".txt");
    const char *report = join(b, job->dir, "check.json");
    if (!out || !report) return err_memory(err, 0);
    words w = words_new(b);
    put(&w, "submit-format");
    put(&w, run);
    put_option(&w, "--sample", p->sample);
    put_option(&w, "--queries", p->queries);
    put_option(&w, "--corpus", p->corpus);
    put_option(&w, "-o", out);
    TRI_TRY(add_step(job, (run_step){.name = "submit-format", .makes = out}, &w, err));
    w = words_new(b);
    put(&w, "check");
    put(&w, out);
    put_option(&w, "--sample", p->sample);
    put_option(&w, "--queries", p->queries);
    put_option(&w, "--corpus", p->corpus);
    put_option(&w, "--runs", job->dir);
    put(&w, "--json");
    const char *cuts = job->version->value[PLAN_ALLOW_TRUNCATION];
    if (cuts && strcmp(cuts, "true") == 0) put(&w, "--allow-truncation");
    put_option(&w, "--force", job->version->value[PLAN_FORCE]);
    return add_step(job, (run_step){.name = "check", .stdout_to = report}, &w, err);
}

static tri_status add_eval(run_board *b, run_job *job, const char *run, tri_error *err)
{
    const char *metrics = join(b, job->dir, "metrics.json");
    if (!metrics) return err_memory(err, 0);
    words w = words_new(b);
    put(&w, "eval");
    put(&w, b->p->qrels);
    put(&w, run);
    put(&w, "--json");
    put(&w, "--per-query");
    put_option(&w, "--metrics", b->p->metrics);
    return add_step(job, (run_step){.name = "eval", .stdout_to = metrics}, &w, err);
}

static tri_status add_version(run_board *b, const plan_version *v, tri_error *err)
{
    run_job *job = &b->jobs[b->n_jobs];
    job->version = v;
    job->devices = v->devices;
    TRI_TRY(begin_job(b, job, v->name, v->name, err));
    const char *run = join(b, job->dir, "run.trec");
    if (!run) return err_memory(err, 0);
    if (v->refused) {
        b->n_jobs++;
        return TRI_OK;
    }
    if (v->kind == PLAN_SEARCH) {
        const plan_version *first = group_of(b->p, v);
        for (size_t i = 0; i < b->n_jobs; i++) /* its index */
            if (b->jobs[i].group == first) job->needs[job->n_needs++] = i;
        TRI_TRY(add_search(b, job, b->jobs[job->needs[0]].name, run, err));
    } else if (v->kind == PLAN_BLEND) {
        TRI_TRY(add_fuse(b, job, run, err));
    } else {
        TRI_TRY(add_step(job, (run_step){.name = "copy", .makes = run}, NULL, err));
    }
    if (b->p->sample) TRI_TRY(add_submission(b, job, run, err));
    if (v->hooks.on_done) TRI_TRY(add_step(job, (run_step){.name = "hook"}, NULL, err));
    if (b->p->qrels) TRI_TRY(add_eval(b, job, run, err));
    b->n_jobs++;
    return TRI_OK;
}

static bool is_made(const run_board *b, const plan_version *v)
{
    return find_job(b, v->name) < b->n_jobs;
}

static bool is_ready(const run_board *b, const plan_version *v)
{
    for (size_t i = 0; i < v->blend.n; i++)
        if (find_job(b, v->blend.items[i]) == b->n_jobs) return false;
    return true;
}

tri_status run_jobs_make(run_board *b, tri_error *err)
{
    const plan *p = b->p;
    b->jobs = arena_calloc(&b->memory, 2 * p->n_versions, sizeof *b->jobs);
    if (!b->jobs) return err_memory(err, 2 * p->n_versions * sizeof *b->jobs);
    for (size_t i = 0; i < p->n_versions; i++)
        if (is_search(&p->versions[i]) && group_of(p, &p->versions[i]) == &p->versions[i])
            TRI_TRY(add_index(b, &p->versions[i], err));
    for (bool moved = true; moved;) { /* blends after what they blend */
        moved = false;
        for (size_t i = 0; i < p->n_versions; i++) {
            if (is_made(b, &p->versions[i]) || !is_ready(b, &p->versions[i])) continue;
            TRI_TRY(add_version(b, &p->versions[i], err));
            moved = true;
        }
    }
    return TRI_OK;
}
