/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_inputs.c — the sum of squares of each input channel, over every row of every pass.
 *
 * A channel is summed in the order of the rows, which the texts alone decide, in double, by one worker: the same texts give the
 * same sums with any number of threads. It costs one multiplication an element, where the Linear that reads it does thousands.
 */
#include "model/calibrate_inputs.h"

#include <string.h>

#include "base/err.h"

enum { COLUMNS = 64 }; /* of one task: what it sums fits the first-level cache */

static bool is_encoders(const bound_matrix *m)
{
    return m->key[0] == ':';
}

static tri_status init_facts(input_table *t, const bound_matrix *m, size_t place, input_facts *f, tri_error *err)
{
    *f = (input_facts){.key = arena_copy(&t->memory, m->key, strlen(m->key)), .matrix = m->matrix, .place = place, .k = m->k};
    f->squares = arena_calloc(&t->memory, m->k, sizeof *f->squares);
    f->smoothing = arena_array(&t->memory, m->k, sizeof *f->smoothing);
    return f->key && f->squares && f->smoothing ? TRI_OK : err_memory(err, m->k * (sizeof(double) + sizeof(float)));
}

tri_status input_table_init(input_table *t, const packing *pk, tri_error *err)
{
    *t = (input_table){.threads = pk->c->threads};
    arena_init(&t->memory, 0);
    t->items = arena_calloc(&t->memory, pk->n_list, sizeof *t->items);
    if (!t->items) return err_memory(err, pk->n_list * sizeof *t->items);
    for (size_t i = 0; i < pk->n_list; i++)
        if (is_encoders(&pk->list[i])) TRI_TRY(init_facts(t, &pk->list[i], i, &t->items[t->n++], err));
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

typedef struct watch_job {
    input_facts *f;
    const tensor *x;
} watch_job;

static void add_columns(void *ctx, size_t task, size_t worker)
{
    const watch_job *job = ctx;
    size_t first = task * COLUMNS, n = job->f->k - first < COLUMNS ? job->f->k - first : COLUMNS;
    double *squares = job->f->squares + first;
    (void)worker;
    for (size_t i = 0; i < job->x->rows; i++) {
        const float *row = (const float *)job->x->data + i * job->x->ld + first;
        for (size_t j = 0; j < n; j++) squares[j] += (double)row[j] * (double)row[j];
    }
}

static void see(void *ctx, const packed_matrix *w, const tensor *x)
{
    input_table *t = ctx;
    input_facts *f = find_matrix(t, w);
    if (!f || x->type != DTYPE_F32) return;
    watch_job job = {f, x};
    pool_run(t->threads, add_columns, &job, (f->k + COLUMNS - 1) / COLUMNS);
    f->n_rows += x->rows;
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
