/* SPDX-License-Identifier: Apache-2.0 */
/* bench_search.c — how long does exact search take? Synthetic documents (unit vectors, a skewed vocabulary), so that only the
 * machine and the code count.
 *
 *   bench_search [documents] [width] [rows per document]      50000 384 0: no multi-vector leg
 *
 * Prints CSV: what, queries in one call, documents, milliseconds a query (the least of five calls), and bytes of the index. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "trident/search.h"

enum { VOCAB = 250002, POSTINGS = 90, QUERY_POSTINGS = 12, QUERY_ROWS = 16, BATCH = 64, QUERIES = 64, ROUNDS = 5 };

typedef struct text {
    float *dense, *rows;
    uint32_t ids[POSTINGS];
    float weights[POSTINGS];
    size_t n_ids, n_rows;
} text;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void unit(rng *r, float *x, size_t n, size_t dim)
{
    for (size_t i = 0; i < n; i++, x += dim) {
        double norm = 0;
        for (size_t d = 0; d < dim; d++) {
            x[d] = (float)(rng_uniform(r) - 0.5);
            norm += (double)x[d] * x[d];
        }
        for (size_t d = 0; d < dim; d++) x[d] = (float)(x[d] / sqrt(norm));
    }
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Ids by a power law: the commonest is in most documents, most ids in few. */
static void fill(rng *r, text *t, size_t n_ids, size_t dim, size_t n_rows)
{
    unit(r, t->dense, 1, dim);
    unit(r, t->rows, n_rows, dim);
    t->n_rows = n_rows;
    for (size_t i = 0; i < n_ids; i++) t->ids[i] = (uint32_t)(pow(rng_uniform(r), 4) * VOCAB);
    qsort(t->ids, n_ids, sizeof *t->ids, compare_ids);
    t->n_ids = 0;
    for (size_t i = 0; i < n_ids; i++)
        if (i == 0 || t->ids[i] != t->ids[i - 1]) t->ids[t->n_ids++] = t->ids[i];
    for (size_t i = 0; i < t->n_ids; i++) t->weights[i] = (float)(rng_uniform(r) * 0.4 + 0.001);
}

static void stop(tri_status st, const tri_error *err)
{
    if (st == TRI_OK) return;
    fprintf(stderr, "bench_search: %s\n", err->text);
    exit(1);
}

static void build(const char *dir, size_t n_docs, size_t dim, size_t n_rows, text *slots)
{
    tri_error err;
    tri_index *x;
    tri_index_options o;
    tri_document docs[BATCH];
    char keys[BATCH][24];
    rng r;
    rng_seed(&r, 1);
    tri_index_options_init(&o);
    o.want = TRI_DENSE | TRI_SPARSE | (n_rows ? TRI_MULTI : 0u);
    o.dense_dim = o.multi_dim = dim;
    stop(tri_index_create(dir, &o, &x, &err), &err);
    for (size_t first = 0; first < n_docs; first += BATCH) {
        size_t n = n_docs - first < BATCH ? n_docs - first : BATCH;
        for (size_t i = 0; i < n; i++) {
            fill(&r, &slots[i], POSTINGS, dim, n_rows);
            int len = snprintf(keys[i], sizeof keys[i], "doc%zu", first + i);
            docs[i] = (tri_document){.key = {keys[i], (size_t)len},
                                     .text = {"text", 4},
                                     .dense = {slots[i].dense, dim},
                                     .sparse = {slots[i].ids, slots[i].weights, slots[i].n_ids},
                                     .multi = {slots[i].rows, n_rows, dim}};
        }
        stop(tri_index_add(x, docs, n, &err), &err);
    }
    stop(tri_index_commit(x, &err), &err);
    tri_index_close(x);
}

static void measure(const tri_index *x, const char *what, const tri_search_options *o, const tri_query *q, size_t n,
                    size_t n_docs)
{
    tri_error err;
    tri_hits *hits;
    tri_index_info info = {.struct_size = sizeof info};
    double least = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ms();
        stop(tri_search(x, o, q, n, &hits, &err), &err);
        least = fmin(least, now_ms() - start);
        tri_hits_free(hits);
    }
    tri_index_info_get(x, &info);
    printf("%s,%zu,%zu,%.4f,%llu\n", what, n, n_docs, least / (double)n, (unsigned long long)info.bytes);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t n_docs = argc > 1 ? strtoul(argv[1], NULL, 10) : 50000, dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 384;
    size_t n_rows = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, most_rows = n_rows > QUERY_ROWS ? n_rows : QUERY_ROWS;
    char dir[] = "bench-search-XXXXXX", command[64];
    text *slots = calloc(BATCH, sizeof *slots);
    tri_query queries[QUERIES];
    tri_error err;
    tri_index *x;
    if (!n_docs || !dim || !slots || !mkdtemp(dir)) return 1;
    for (size_t i = 0; i < BATCH; i++) {
        slots[i].dense = calloc(dim, sizeof(float));
        slots[i].rows = calloc(most_rows * dim, sizeof(float));
        if (!slots[i].dense || !slots[i].rows) return 1;
    }
    double start = now_ms();
    build(dir, n_docs, dim, n_rows, slots);
    fprintf(stderr, "built in %.1f s (vectors made on the way)\n", (now_ms() - start) / 1e3);
    start = now_ms();
    stop(tri_index_open(dir, TRI_INDEX_READ, &x, &err), &err);
    fprintf(stderr, "opened in %.2f ms\n", now_ms() - start);

    rng r;
    rng_seed(&r, 2);
    for (size_t i = 0; i < QUERIES; i++) {
        fill(&r, &slots[i], QUERY_POSTINGS, dim, QUERY_ROWS);
        queries[i] = (tri_query){
            {slots[i].dense, dim}, {slots[i].ids, slots[i].weights, slots[i].n_ids}, {slots[i].rows, QUERY_ROWS, dim}};
    }
    tri_search_options o;
    tri_search_options_init(&o);
    o.k = 100;
    printf("what,queries,documents,ms_per_query,index_bytes\n");
    for (size_t n = 1; n <= QUERIES; n *= QUERIES) {
        o.mode = TRI_MODE_DENSE;
        measure(x, "dense", &o, queries, n, n_docs);
        o.mode = TRI_MODE_SPARSE;
        measure(x, "sparse", &o, queries, n, n_docs);
        o.mode = TRI_MODE_HYBRID;
        o.weights[2] = n_rows ? 0.4 : 0;
        if (n_rows) {
            o.mode = TRI_MODE_MULTI;
            measure(x, "multi", &o, queries, n, n_docs);
            o.mode = TRI_MODE_HYBRID;
            o.rescore_multi = 1;
            measure(x, "rescored", &o, queries, n, n_docs);
            o.rescore_multi = 0;
        }
        measure(x, "weighted", &o, queries, n, n_docs);
        o.fuse = TRI_FUSE_RRF;
        o.candidates = 100;
        measure(x, "rrf of 100", &o, queries, n, n_docs);
        o.fuse = TRI_FUSE_WEIGHTED;
        o.candidates = 0;
    }
    tri_index_close(x);
    for (size_t i = 0; i < BATCH; i++) {
        free(slots[i].dense);
        free(slots[i].rows);
    }
    free(slots);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) != 0;
}
