/* SPDX-License-Identifier: Apache-2.0 */
/* api_fuse.c — tri_fuse_* of include/trident/search.h: where run files (src/eval) meet the fusion of lists (src/search).
 *
 * A run keeps a query's documents in ascending id order, so the union over runs is one merge, and a document's place in it is
 * the ordinal that src/search fuses by; ordinals then compare as ids do.
 *
 *   run 1   a  c  d          union   a b c d        list 1   docs 0 2 3 by score, then ordinal
 *   run 2   b  c             ordinal 0 1 2 3        list 2   docs 1 2
 */
#include "trident/search.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "eval/trec_table.h"
#include "search/fuse.h"

int tri_fuse_by_name(const char *name)
{
    return name ? fuse_by_name(name) : -1;
}

int tri_norm_by_name(const char *name)
{
    return name ? fuse_norm_by_name(name) : -1;
}

void tri_fuse_options_init(tri_fuse_options *options)
{
    if (!options) return;
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->rrf_k = 60; /* of the paper, and of everyone since */
}

typedef struct placed {
    double score;
    uint32_t doc;
} placed;

/* Room for one query, in a chunk that the next query uses again. */
typedef struct joint {
    const tri_run *const *runs;
    size_t n_runs;
    const trec_query **queries; /* [n_runs] NULL where a run lacks the query */
    size_t *at;                 /* [n_runs] the merge's place in each */
    placed **lists;             /* [n_runs] documents of each run with their ordinals */
    fuse_list *ranked;          /* [n_runs] */
    const trec_row **docs;      /* the union */
    size_t n_docs;
    arena scratch;
} joint;

static int by_score_then_doc(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static const trec_row *row_at(const joint *j, size_t run)
{
    const trec_query *q = j->queries[run];
    return q && j->at[run] < q->n ? &j->runs[run]->table.rows[q->first + j->at[run]] : NULL;
}

/* Fills docs and lists, the latter in ascending document order. */
static void merge(joint *j)
{
    memset(j->at, 0, j->n_runs * sizeof *j->at);
    for (j->n_docs = 0;; j->n_docs++) {
        const trec_row *least = NULL;
        for (size_t i = 0; i < j->n_runs; i++) {
            const trec_row *row = row_at(j, i);
            if (row && (!least || trec_row_order(row, least) < 0)) least = row;
        }
        if (!least) return;
        for (size_t i = 0; i < j->n_runs; i++) {
            const trec_row *row = row_at(j, i);
            if (row && trec_row_order(row, least) == 0) j->lists[i][j->at[i]++] = (placed){row->value, (uint32_t)j->n_docs};
        }
        j->docs[j->n_docs] = least;
    }
}

static tri_status rank_lists(joint *j, const tri_fuse_options *options, tri_error *err)
{
    for (size_t i = 0; i < j->n_runs; i++) {
        size_t n = j->queries[i] ? j->queries[i]->n : 0;
        uint32_t *docs = arena_array(&j->scratch, n, sizeof *docs);
        double *scores = arena_array(&j->scratch, n, sizeof *scores);
        if (!docs || !scores) return err_memory(err, n * sizeof *scores);
        if (n) qsort(j->lists[i], n, sizeof *j->lists[i], by_score_then_doc);
        for (size_t k = 0; k < n; k++) {
            docs[k] = j->lists[i][k].doc;
            scores[k] = j->lists[i][k].score;
        }
        j->ranked[i] = (fuse_list){docs, scores, n, options->weights ? options->weights[i] : 1};
    }
    return TRI_OK;
}

static tri_status take_hits(joint *j, tri_text query, const fuse_hit *hits, size_t n, trec_table *out, tri_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const trec_row *row = j->docs[hits[i].doc];
        if (fabs(hits[i].score) > FLT_MAX)
            return err_set(err, TRI_ERR_NUMERIC, "the fused score of document \"%s\" is %g, more than a float32 holds",
                           row->doc, hits[i].score);
        TRI_TRY(trec_table_add(out, query, (tri_text){row->doc, row->doc_len}, (float)hits[i].score, 0, err));
    }
    return TRI_OK;
}

static tri_status fuse_query(joint *j, tri_text query, const tri_fuse_options *options, trec_table *out, tri_error *err)
{
    const fuse_rules rules = {.method = options->method,
                              .norm = options->norm,
                              .rrf_k = options->rrf_k,
                              .rrf_base = options->rrf_base,
                              .missing = options->missing};
    size_t total = 0, n;
    for (size_t i = 0; i < j->n_runs; i++) {
        j->queries[i] = trec_table_find(&j->runs[i]->table, query.bytes, query.len);
        size_t depth = j->queries[i] ? j->queries[i]->n : 0;
        j->lists[i] = arena_array(&j->scratch, depth, sizeof *j->lists[i]);
        if (!j->lists[i]) return err_memory(err, depth * sizeof *j->lists[i]);
        total += depth;
    }
    j->docs = arena_array(&j->scratch, total, sizeof *j->docs);
    fuse_hit *hits = arena_array(&j->scratch, total, sizeof *hits);
    if (!j->docs || !hits) return err_memory(err, total * sizeof *hits);
    merge(j);
    TRI_TRY(rank_lists(j, options, err));
    TRI_TRY(fuse_run(j->ranked, j->n_runs, &rules, hits, &n, err));
    return take_hits(j, query, hits, n, out, err);
}

/* Queries in order of first appearance, run after run. */
static tri_status fuse_queries(joint *j, const tri_fuse_options *options, trec_table *out, tri_error *err)
{
    for (size_t i = 0; i < j->n_runs; i++)
        for (size_t q = 0; q < j->runs[i]->table.n_queries; q++) {
            const trec_query *query = &j->runs[i]->table.queries[q];
            if (trec_table_find(out, query->id, query->id_len)) continue;
            arena_mark mark = arena_save(&j->scratch);
            tri_status st = fuse_query(j, (tri_text){query->id, query->id_len}, options, out, err);
            arena_restore(&j->scratch, mark);
            if (st) return err_prefix(err, st, "could not fuse query \"%s\": ", query->id);
        }
    return trec_table_finish(out, err);
}

static tri_status check_options(const tri_run *const *runs, size_t n_runs, const tri_fuse_options *options, tri_error *err)
{
    if (!options || options->struct_size < sizeof *options)
        return err_set(err, TRI_ERR_ARGUMENT, "fusion options were not initialised by tri_fuse_options_init");
    if (!runs || !n_runs) return err_set(err, TRI_ERR_ARGUMENT, "no runs were given to fuse");
    for (size_t i = 0; i < n_runs; i++)
        if (!runs[i]) return err_set(err, TRI_ERR_ARGUMENT, "run %zu of %zu is missing", i + 1, n_runs);
    return TRI_OK;
}

tri_status tri_fuse_runs(const tri_run *const *runs, size_t n_runs, const tri_fuse_options *options, tri_run **out,
                         tri_error *err)
{
    if (!out) return err_set(err, TRI_ERR_ARGUMENT, "no place for the fused run was given");
    *out = NULL;
    TRI_TRY(check_options(runs, n_runs, options, err));
    tri_run *fused = mem_calloc(1, sizeof *fused);
    if (!fused) return err_memory(err, sizeof *fused);
    trec_table_init(&fused->table);
    joint j = {.runs = runs, .n_runs = n_runs};
    arena_init(&j.scratch, 0);
    j.queries = arena_calloc(&j.scratch, n_runs, sizeof *j.queries);
    j.at = arena_calloc(&j.scratch, n_runs, sizeof *j.at);
    j.lists = arena_calloc(&j.scratch, n_runs, sizeof *j.lists);
    j.ranked = arena_calloc(&j.scratch, n_runs, sizeof *j.ranked);
    tri_status st = TRI_OK;
    if (!j.queries || !j.at || !j.lists || !j.ranked) st = err_memory(err, n_runs * sizeof *j.ranked);
    if (!st) st = fuse_queries(&j, options, &fused->table, err);
    arena_drop(&j.scratch);
    if (st) {
        tri_run_free(fused);
        return st;
    }
    *out = fused;
    return TRI_OK;
}
