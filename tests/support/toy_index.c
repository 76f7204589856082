/* SPDX-License-Identifier: Apache-2.0 */
/* toy_index.c — documents and queries out of a seeded generator; see the header. */
#include "toy_index.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"

tri_text toy_text(const char *s)
{
    tri_text t = {s, strlen(s)};
    return t;
}

static float *unit_rows(rng *r, size_t n, size_t dim)
{
    float *x = malloc((n * dim + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        double norm = 0;
        for (size_t d = 0; d < dim; d++) {
            x[i * dim + d] = (float)rng_normal(r);
            norm += (double)x[i * dim + d] * x[i * dim + d];
        }
        for (size_t d = 0; d < dim; d++) x[i * dim + d] = (float)(x[i * dim + d] / sqrt(norm));
    }
    return x;
}

static void fill(tri_document *d, rng *r)
{
    size_t n_rows = (size_t)rng_below(r, 6), count = 0;
    uint32_t *ids = malloc(TOY_VOCAB * sizeof *ids), *row_ids = malloc((n_rows + 1) * sizeof *row_ids);
    float *weights = malloc(TOY_VOCAB * sizeof *weights);
    size_t out_of = 3 + (size_t)rng_below(r, 30);
    for (uint32_t id = 0; id < TOY_VOCAB; id++) {
        if (rng_below(r, out_of) != 0) continue;
        ids[count] = id * 4093; /* spread over a vocabulary of 245,580 */
        weights[count++] = (float)(rng_uniform(r) * 0.4 + 0.001);
    }
    for (size_t i = 0; i < n_rows; i++) row_ids[i] = (uint32_t)rng_below(r, 250002);
    d->dense = (tri_dense_view){unit_rows(r, 1, TOY_DENSE), TOY_DENSE};
    d->sparse = (tri_sparse_view){ids, weights, count};
    d->multi = (tri_multi_view){unit_rows(r, n_rows, TOY_MULTI), n_rows, TOY_MULTI};
    d->multi_ids = row_ids;
}

toy_docs toy_docs_new(size_t n, uint64_t seed)
{
    toy_docs t = {n, calloc(n + 1, sizeof *t.docs)};
    rng r;
    rng_seed(&r, seed);
    for (size_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "doc-%zu", i);
        t.docs[i].key = toy_text(strdup(name));
        snprintf(name, sizeof name, "text of doc-%zu", i);
        t.docs[i].text = toy_text(strdup(name));
        if (i > 3 && rng_below(&r, 5) == 0) { /* the same vectors again; freed with the one that they come from */
            const tri_document *twin = &t.docs[rng_below(&r, i)];
            t.docs[i].dense = twin->dense;
            t.docs[i].sparse = twin->sparse;
            t.docs[i].multi = twin->multi;
            t.docs[i].multi_ids = twin->multi_ids;
        } else {
            fill(&t.docs[i], &r);
        }
    }
    return t;
}

static int compare_pointers(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
    return (x > y) - (x < y);
}

void toy_docs_free(toy_docs *t)
{
    void **all = malloc((t->n * 7 + 1) * sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const tri_document *d = &t->docs[i];
        const void *owned[] = {d->key.bytes,      d->text.bytes, d->dense.values, d->sparse.ids,
                               d->sparse.weights, d->multi.rows, d->multi_ids};
        for (size_t k = 0; k < sizeof owned / sizeof owned[0]; k++) all[n++] = (void *)(uintptr_t)owned[k];
    }
    qsort(all, n, sizeof *all, compare_pointers);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || all[i] != all[i - 1]) free(all[i]);
    free(all);
    free(t->docs);
}

tri_query toy_query(const toy_docs *docs, size_t i)
{
    tri_query q = {docs->docs[i].dense, docs->docs[i].sparse, docs->docs[i].multi};
    return q;
}

void toy_folder(char out[256])
{
    /* In memory where there is such a place: these tests sync thousands of files. */
    snprintf(out, 256, "/dev/shm/trident-toy-XXXXXX");
    if (mkdtemp(out)) return;
    snprintf(out, 256, "%s/toy-XXXXXX", TEST_BUILD);
    if (!mkdtemp(out)) out[0] = 0;
}

void toy_remove(const char *folder)
{
    char path[1024];
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        struct stat info;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
            toy_remove(path);
        else
            unlink(path);
    }
    closedir(d);
    rmdir(folder);
}

tri_index_options toy_options(int store_multi)
{
    tri_index_options o;
    tri_index_options_init(&o);
    o.want = TRI_ALL;
    o.dense_dim = TOY_DENSE;
    o.multi_dim = TOY_MULTI;
    o.store_multi = store_multi;
    return o;
}

tri_status toy_build(const char *dir, const toy_docs *t, size_t n_commits, int store_multi, tri_error *err)
{
    tri_index *x;
    tri_index_options o = toy_options(store_multi);
    tri_status st = tri_index_create(dir, &o, &x, err);
    if (st != TRI_OK) return st;
    for (size_t c = 0; c < n_commits && st == TRI_OK; c++) {
        size_t from = t->n * c / n_commits, to = t->n * (c + 1) / n_commits;
        st = tri_index_add(x, t->docs + from, to - from, err);
        if (st == TRI_OK) st = tri_index_commit(x, err);
    }
    tri_index_close(x);
    return st;
}
