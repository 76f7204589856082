/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_inputs.c — per input channel the greatest magnitude and the sum of squares over every row, and of whole rows a
 * uniform sample of fixed size (reservoir: Vitter 1985, algorithm R), on which a rounding is tried.
 *
 * The rows come in the order of the passes, which the texts alone decide, and the sample's generator is seeded: the same texts
 * give the same facts. Costs of one pass: a few operations an element, where the Linear that reads it does thousands. */
#include "model/calibrate_inputs.h"

#include <math.h>
#include <string.h>

#include "base/err.h"

/* Rows kept of each input: with 384 the error of a rounding is known to some 3 %, and BGE-M3's take 280 MB. */
enum {
    KEPT_ROWS = 384,
    COLUMNS = 64 /* of one task: what it sums fits the first-level cache */
};

static bool is_encoders(const bound_matrix *m)
{
    return m->key[0] == ':';
}

static tri_status init_facts(input_table *t, const bound_matrix *m, input_facts *f, tri_error *err)
{
    *f = (input_facts){.key = arena_copy(&t->memory, m->key, strlen(m->key)), .matrix = m->matrix, .k = m->k};
    f->greatest = arena_calloc(&t->memory, m->k, sizeof *f->greatest);
    f->squares = arena_calloc(&t->memory, m->k, sizeof *f->squares);
    f->kept = arena_array(&t->memory, m->k, KEPT_ROWS * sizeof *f->kept);
    return f->key && f->greatest && f->squares && f->kept ? TRI_OK : err_memory(err, m->k * KEPT_ROWS * sizeof *f->kept);
}

tri_status input_table_init(input_table *t, const packing *pk, uint64_t seed, tri_error *err)
{
    *t = (input_table){.n = 0};
    arena_init(&t->memory, 0);
    rng_seed(&t->draw, seed);
    t->threads = pk->c->threads;
    t->items = arena_calloc(&t->memory, pk->n_list, sizeof *t->items);
    if (!t->items) return err_memory(err, pk->n_list * sizeof *t->items);
    for (size_t i = 0; i < pk->n_list; i++)
        if (is_encoders(&pk->list[i])) {
            TRI_TRY(init_facts(t, &pk->list[i], &t->items[t->n], err));
            t->items[t->n++].place = i;
        }
    return TRI_OK;
}

void input_table_drop(input_table *t)
{
    arena_drop(&t->memory);
    memset(t, 0, sizeof *t);
}

/* Passes go through the matrices in nearly the packing's order: the one at hand is next, or near. */
static input_facts *find_matrix(input_table *t, const packed_matrix *w)
{
    for (size_t i = 0; i < t->n; i++) {
        size_t at = (t->next + i) % t->n;
        if (t->items[at].matrix != w) continue;
        t->next = at + 1;
        return &t->items[at];
    }
    return NULL;
}

/* ---- watching -------------------------------------------------------------------------------------------------------- */

typedef struct watch_job {
    input_facts *f;
    const tensor *x;
} watch_job;

/* A channel's numbers are summed in the order of the rows, by one worker: threads do not show. */
static void add_columns(void *ctx, size_t task, size_t worker)
{
    const watch_job *job = ctx;
    size_t first = task * COLUMNS, n = job->f->k - first < COLUMNS ? job->f->k - first : COLUMNS;
    float *greatest = job->f->greatest + first;
    double *squares = job->f->squares + first;
    (void)worker;
    for (size_t i = 0; i < job->x->rows; i++) {
        const float *row = (const float *)job->x->data + i * job->x->ld + first;
        for (size_t j = 0; j < n; j++) {
            float magnitude = fabsf(row[j]);
            greatest[j] = magnitude > greatest[j] ? magnitude : greatest[j];
            squares[j] += (double)row[j] * (double)row[j];
        }
    }
}

static void keep_row(input_facts *f, const float *row, rng *draw)
{
    f->n_rows++;
    uint64_t place = f->n_kept < KEPT_ROWS ? f->n_kept++ : rng_below(draw, f->n_rows);
    if (place < KEPT_ROWS) memcpy(f->kept + place * f->k, row, f->k * sizeof *row);
}

static void see(void *ctx, const packed_matrix *w, const tensor *x)
{
    input_table *t = ctx;
    input_facts *f = find_matrix(t, w);
    if (!f || x->type != DTYPE_F32) return;
    watch_job job = {f, x};
    pool_run(t->threads, add_columns, &job, (f->k + COLUMNS - 1) / COLUMNS);
    for (size_t i = 0; i < x->rows; i++) keep_row(f, (const float *)x->data + i * x->ld, &t->draw);
}

observer input_table_observer(input_table *t)
{
    return (observer){see, t};
}

const input_facts *input_table_find(const input_table *t, const char *key)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->items[i].key, key) == 0) return &t->items[i];
    return NULL;
}
