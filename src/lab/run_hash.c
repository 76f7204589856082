/* SPDX-License-Identifier: Apache-2.0 */
/* run_hash.c — what a step depends on, as one number: its words, the files that it reads by their contents, and the steps
 * before it. The run folder and the data are hashed by what they are, not by where they lie: a folder may be moved. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "lab/run_int.h"

enum { CHUNK = 1 << 16 };

static tri_status hash_file(const char *path, uint64_t *hash, tri_error *err)
{
    uint8_t bytes[CHUNK];
    in_file *file;
    size_t n = 1;
    hash64_stream *stream = hash64_new();
    if (!stream) return err_memory(err, sizeof bytes);
    tri_status st = in_file_open(path, &file, err);
    if (st) {
        hash64_free(stream);
        return st;
    }
    while (!st && n > 0) {
        st = in_file_read(file, bytes, sizeof bytes, &n, err);
        if (!st) hash64_update(stream, bytes, n);
    }
    *hash = hash64_digest(stream);
    in_file_close(file);
    hash64_free(stream);
    return st;
}

/* ---- steps -------------------------------------------------------------------------------------------------------- */

tri_status run_hash_data(run_board *b, tri_error *err)
{
    const plan *p = b->p;
    const char *const paths[] = {p->corpus, p->queries, p->qrels, p->sample};
    for (size_t i = 0; i < 4; i++) {
        b->data_paths[i] = paths[i];
        if (paths[i]) TRI_TRY(hash_file(paths[i], &b->data_hashes[i], err));
    }
    snprintf(b->data_hash, sizeof b->data_hash, "%016" PRIx64, hash64(b->data_hashes, 2 * sizeof b->data_hashes[0]));
    snprintf(b->plan_hash, sizeof b->plan_hash, "%016" PRIx64, hash64(p->text.data, p->text.len));
    return TRI_OK;
}

static tri_status add_word(const run_board *b, const char *word, buf *out)
{
    size_t n = strlen(b->dir);
    for (size_t i = 0; i < 4; i++)
        if (b->data_paths[i] && strcmp(word, b->data_paths[i]) == 0)
            return buf_printf(out, "data %016" PRIx64 "\n", b->data_hashes[i]);
    return buf_printf(out, "%s\n", strncmp(word, b->dir, n) == 0 && word[n] == '/' ? word + n : word);
}

/* Words that change no byte of what a step makes. */
static bool is_manner(const char *word)
{
    static const char *const names[] = {"--memory-limit", "--batch-tokens", "--force"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(word, names[i]) == 0) return true;
    return false;
}

static tri_status hash_step(run_board *b, const char *before, run_job *job, run_step *step, tri_error *err)
{
    buf text;
    buf_init(&text, 0);
    tri_status st = buf_printf(&text, "%s %s\n", step->name, before);
    if (!st && step == &job->steps[0] && job->models) st = buf_printf(&text, "models %016" PRIx64 "\n", job->models);
    for (const char **w = step->argv; !st && w && *w; w++) {
        if (is_manner(*w) && w[1])
            w++;
        else
            st = add_word(b, *w, &text);
    }
    const plan_version *v = job->version;
    if (!st && v && v->kind == PLAN_GIVEN && strcmp(step->name, "copy") == 0) {
        uint64_t hash = 0;
        st = hash_file(v->value[PLAN_RUN], &hash, err);
        if (st) {
            buf_drop(&text);
            return st;
        }
        st = buf_printf(&text, "%016" PRIx64 "\n", hash);
    }
    snprintf(step->hash, sizeof step->hash, "%016" PRIx64, hash64(text.data, text.len));
    buf_drop(&text);
    return st ? err_memory(err, 0) : TRI_OK;
}

/* Jobs stand after those that they need. */
tri_status run_hash_steps(run_board *b, tri_error *err)
{
    for (size_t i = 0; i < b->n_jobs; i++) {
        run_job *job = &b->jobs[i];
        uint64_t before = 0;
        char seed[RUN_HASH];
        for (size_t k = 0; k < job->n_needs; k++) {
            const run_job *needed = &b->jobs[job->needs[k]]; /* its first step makes what this one reads */
            before = hash64_seed(needed->steps[0].hash, RUN_HASH - 1, before);
        }
        snprintf(seed, sizeof seed, "%016" PRIx64, before);
        for (size_t s = 0; s < job->n_steps; s++) {
            const char *built_on = s ? job->steps[0].hash : seed;
            if (strcmp(job->steps[s].name, "hook") == 0) built_on = run_last_made(job)->hash; /* another submission, again */
            TRI_TRY(hash_step(b, built_on, job, &job->steps[s], err));
            before = hash64_seed(job->steps[s].hash, RUN_HASH - 1, before);
        }
        snprintf(job->hash, sizeof job->hash, "%016" PRIx64, before);
    }
    return TRI_OK;
}

bool run_step_is_done(const run_job *job, size_t step)
{
    const run_status *s = &job->status;
    for (size_t i = 0; i < s->n_steps; i++)
        if (strcmp(s->steps[i].name, job->steps[step].name) == 0) return strcmp(s->steps[i].hash, job->steps[step].hash) == 0;
    return false;
}
