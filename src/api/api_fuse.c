/* SPDX-License-Identifier: Apache-2.0 */
/* api_fuse.c — tri_fuse_* of include/trident/search.h: where run files (src/eval) meet the fusion of lists (src/search).
 *
 * The union of the runs of a query is run_union.h's. */
#include "trident/search.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "api/run_union.h"
#include "base/alloc.h"
#include "base/err.h"

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

static tri_status take_hits(const run_union *u, tri_text query, const fuse_hit *hits, size_t n, trec_table *out, tri_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const trec_row *row = u->docs[hits[i].doc];
        if (fabs(hits[i].score) > FLT_MAX)
            return err_set(err, TRI_ERR_NUMERIC, "the fused score of document \"%s\" is %g, more than a float32 holds",
                           row->doc, hits[i].score);
        TRI_TRY(trec_table_add(out, query, (tri_text){row->doc, row->doc_len}, (float)hits[i].score, 0, err));
    }
    return TRI_OK;
}

static tri_status fuse_query(run_union *u, tri_text query, const tri_fuse_options *options, trec_table *out, tri_error *err)
{
    const fuse_rules rules = {.method = options->method,
                              .norm = options->norm,
                              .rrf_k = options->rrf_k,
                              .rrf_base = options->rrf_base,
                              .missing = options->missing};
    size_t n;
    TRI_TRY(run_union_query(u, query, err));
    for (size_t i = 0; options->weights && i < u->n_runs; i++) u->ranked[i].weight = options->weights[i];
    fuse_hit *hits = arena_array(&u->scratch, u->n_total, sizeof *hits);
    if (!hits) return err_memory(err, u->n_total * sizeof *hits);
    TRI_TRY(fuse_run(u->ranked, u->n_runs, &rules, hits, &n, err));
    return take_hits(u, query, hits, n, out, err);
}

/* Queries in order of first appearance, run after run. */
static tri_status fuse_queries(run_union *u, const tri_fuse_options *options, trec_table *out, tri_error *err)
{
    for (size_t i = 0; i < u->n_runs; i++)
        for (size_t q = 0; q < u->runs[i]->table.n_queries; q++) {
            const trec_query *query = &u->runs[i]->table.queries[q];
            if (trec_table_find(out, query->id, query->id_len)) continue;
            tri_status st = fuse_query(u, (tri_text){query->id, query->id_len}, options, out, err);
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
    run_union u;
    tri_status st = run_union_init(&u, runs, n_runs, err);
    if (!st) st = fuse_queries(&u, options, &fused->table, err);
    run_union_drop(&u);
    if (st) {
        tri_run_free(fused);
        return st;
    }
    *out = fused;
    return TRI_OK;
}
