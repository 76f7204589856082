/* SPDX-License-Identifier: Apache-2.0 */
/* run_union.c — which documents do several runs name for one query, and in which order does each have them? */
#include "api/run_union.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

typedef struct run_union_placed {
    double score;
    uint32_t doc;
} placed;

static int by_score_then_doc(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static const trec_row *row_at(const run_union *u, size_t run)
{
    const trec_query *q = u->queries[run];
    return q && u->at[run] < q->n ? &u->runs[run]->table.rows[q->first + u->at[run]] : NULL;
}

/* Fills docs and lists, the latter in ascending document order. */
static void merge(run_union *u)
{
    memset(u->at, 0, u->n_runs * sizeof *u->at);
    for (u->n_docs = 0;; u->n_docs++) {
        const trec_row *least = NULL;
        for (size_t i = 0; i < u->n_runs; i++) {
            const trec_row *row = row_at(u, i);
            if (row && (!least || trec_row_order(row, least) < 0)) least = row;
        }
        if (!least) return;
        for (size_t i = 0; i < u->n_runs; i++) {
            const trec_row *row = row_at(u, i);
            if (row && trec_row_order(row, least) == 0) u->lists[i][u->at[i]++] = (placed){row->value, (uint32_t)u->n_docs};
        }
        u->docs[u->n_docs] = least;
    }
}

static tri_status rank_lists(run_union *u, tri_error *err)
{
    for (size_t i = 0; i < u->n_runs; i++) {
        size_t n = u->queries[i] ? u->queries[i]->n : 0;
        uint32_t *docs = arena_array(&u->scratch, n, sizeof *docs);
        double *scores = arena_array(&u->scratch, n, sizeof *scores);
        if (!docs || !scores) return err_memory(err, n * sizeof *scores);
        if (n) qsort(u->lists[i], n, sizeof *u->lists[i], by_score_then_doc);
        for (size_t k = 0; k < n; k++) {
            docs[k] = u->lists[i][k].doc;
            scores[k] = u->lists[i][k].score;
        }
        u->ranked[i] = (fuse_list){docs, scores, n, 1};
    }
    return TRI_OK;
}

tri_status run_union_init(run_union *u, const tri_run *const *runs, size_t n_runs, tri_error *err)
{
    *u = (run_union){.runs = runs, .n_runs = n_runs};
    arena_init(&u->memory, 0);
    arena_init(&u->scratch, 0);
    u->queries = arena_calloc(&u->memory, n_runs, sizeof *u->queries);
    u->at = arena_calloc(&u->memory, n_runs, sizeof *u->at);
    u->lists = arena_calloc(&u->memory, n_runs, sizeof *u->lists);
    u->ranked = arena_calloc(&u->memory, n_runs, sizeof *u->ranked);
    return u->queries && u->at && u->lists && u->ranked ? TRI_OK : err_memory(err, n_runs * sizeof *u->ranked);
}

void run_union_drop(run_union *u)
{
    arena_drop(&u->memory);
    arena_drop(&u->scratch);
}

tri_status run_union_query(run_union *u, tri_text query, tri_error *err)
{
    arena_restore(&u->scratch, (arena_mark){0});
    u->n_total = 0;
    for (size_t i = 0; i < u->n_runs; i++) {
        u->queries[i] = trec_table_find(&u->runs[i]->table, query.bytes, query.len);
        size_t depth = u->queries[i] ? u->queries[i]->n : 0;
        u->lists[i] = arena_array(&u->scratch, depth, sizeof *u->lists[i]);
        if (!u->lists[i]) return err_memory(err, depth * sizeof *u->lists[i]);
        u->n_total += depth;
    }
    u->docs = arena_array(&u->scratch, u->n_total, sizeof *u->docs);
    if (!u->docs) return err_memory(err, u->n_total * sizeof *u->docs);
    merge(u);
    return rank_lists(u, err);
}
