/* SPDX-License-Identifier: Apache-2.0 */
/* run_hash.c — what a step depends on, as one number: its words, the files that it reads by their contents, and the steps
 * before it. The run folder and the data are hashed by what they are and not by where they lie, so that a folder may be moved.
 * Also SHA-256 (libcrypto), for runs of other makers and for the manifest of what a version left. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "lab/run_int.h"

enum { CHUNK = 1 << 16 };

tri_status run_hash_file(const char *path, uint64_t *hash, tri_error *err)
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

typedef struct data_hashes {
    const char *paths[4];
    uint64_t hashes[4];
} data_hashes;

static tri_status hash_data(run_board *b, data_hashes *d, tri_error *err)
{
    const plan *p = b->p;
    *d = (data_hashes){.paths = {p->corpus, p->queries, p->qrels, p->sample}};
    for (size_t i = 0; i < 4; i++)
        if (d->paths[i]) TRI_TRY(run_hash_file(d->paths[i], &d->hashes[i], err));
    snprintf(b->data_hash, sizeof b->data_hash, "%016" PRIx64, hash64(d->hashes, 2 * sizeof d->hashes[0]));
    snprintf(b->plan_hash, sizeof b->plan_hash, "%016" PRIx64, hash64(p->text.data, p->text.len));
    return TRI_OK;
}

static tri_status add_word(const run_board *b, const data_hashes *d, const char *word, buf *out)
{
    size_t n = strlen(b->dir);
    for (size_t i = 0; i < 4; i++)
        if (d->paths[i] && strcmp(word, d->paths[i]) == 0) return buf_printf(out, "data %016" PRIx64 "\n", d->hashes[i]);
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

static tri_status hash_step(run_board *b, const data_hashes *d, const char *before, run_job *job, run_step *step,
                            tri_error *err)
{
    buf text;
    buf_init(&text, 0);
    tri_status st = buf_printf(&text, "%s %s\n", step->name, before);
    for (const char **w = step->argv; !st && w && *w; w++) {
        if (is_manner(*w) && w[1])
            w++;
        else
            st = add_word(b, d, *w, &text);
    }
    const plan_version *v = job->version;
    if (!st && v && v->kind == PLAN_GIVEN && strcmp(step->name, "copy") == 0) {
        uint64_t hash = 0;
        st = run_hash_file(v->value[PLAN_RUN], &hash, err);
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
    data_hashes d;
    TRI_TRY(hash_data(b, &d, err));
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
            TRI_TRY(hash_step(b, &d, s ? job->steps[0].hash : seed, job, &job->steps[s], err));
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

/* ---- SHA-256 ------------------------------------------------------------------------------------------------------ */

static tri_status pump(in_file *in, out_file *out, EVP_MD_CTX *digest, tri_error *err)
{
    uint8_t bytes[CHUNK];
    for (size_t n = 1; n > 0;) {
        TRI_TRY(in_file_read(in, bytes, sizeof bytes, &n, err));
        if (EVP_DigestUpdate(digest, bytes, n) != 1) return err_set(err, TRI_ERR_MEMORY, "could not compute a SHA-256");
        if (out) TRI_TRY(out_file_write(out, bytes, n, err));
    }
    return TRI_OK;
}

tri_status run_sha256_file(const char *path, const char *copy_to, char hex[65], tri_error *err)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    in_file *in;
    out_file *out = NULL;
    TRI_TRY(in_file_open(path, &in, err));
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    tri_status st = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 ? TRI_OK : err_memory(err, 64);
    if (!st && copy_to) st = out_file_open(copy_to, &out, err);
    if (!st) st = pump(in, out, digest, err);
    if (!st && EVP_DigestFinal_ex(digest, sum, &len) != 1) st = err_memory(err, 64);
    for (unsigned i = 0; !st && i < len && i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(digest);
    in_file_close(in);
    if (st) {
        out_file_discard(out);
        return st;
    }
    return out ? out_file_commit(out, err) : TRI_OK;
}

/* In the form of sha256sum: `sha256sum -c manifest.sha256` inside the folder checks it. */
tri_status run_manifest_write(const run_job *job, tri_error *err)
{
    char path[LIMIT_PATH], hex[65];
    buf text;
    buf_init(&text, 0);
    tri_status st = TRI_OK;
    for (size_t s = 0; !st && s < job->n_steps; s++) {
        const char *made = job->steps[s].makes;
        if (!made || !run_step_is_done(job, s)) continue;
        st = run_sha256_file(made, NULL, hex, err);
        if (!st && buf_printf(&text, "%s  %s\n", hex, strrchr(made, '/') + 1) != TRI_OK) st = err_memory(err, text.len);
    }
    if (!st && file_join(path, sizeof path, job->dir, "manifest.sha256") != TRI_OK)
        st = err_set(err, TRI_ERR_LIMIT, "a path is too long");
    if (!st && text.len) st = file_save(path, text.data, text.len, err);
    buf_drop(&text);
    return st;
}
