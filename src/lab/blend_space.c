/* SPDX-License-Identifier: Apache-2.0 */
/* blend_space.c — which fusions are there to choose from?
 *
 *   unweighted   rrf with k 10, 60, 100; combsum by min-max and by z-score; combmnz; dbsf; the sum of the scores as they are
 *   weighted     rrf 60, weighted sums by min-max and by z-score; weights 1 and 2, of a pair also 3, of four or more one 2
 *
 * Small on purpose: a choice from finer weights fits the validation queries more closely than it helps on others. */
#include "lab/blend_space.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

typedef struct way {
    int method, norm;
    double rrf_k;
} way;

static const way plain_ways[] = {
    {TRI_FUSE_RRF, TRI_NORM_DEFAULT, 60},    {TRI_FUSE_RRF, TRI_NORM_DEFAULT, 10},
    {TRI_FUSE_RRF, TRI_NORM_DEFAULT, 100},   {TRI_FUSE_COMBSUM, TRI_NORM_DEFAULT, 60},
    {TRI_FUSE_COMBSUM, TRI_NORM_ZSCORE, 60}, {TRI_FUSE_COMBMNZ, TRI_NORM_DEFAULT, 60},
    {TRI_FUSE_DBSF, TRI_NORM_DEFAULT, 60},   {TRI_FUSE_WEIGHTED, TRI_NORM_DEFAULT, 60},
};
static const way weighted_ways[] = {
    {TRI_FUSE_RRF, TRI_NORM_DEFAULT, 60}, {TRI_FUSE_WEIGHTED, TRI_NORM_MINMAX, 60}, {TRI_FUSE_WEIGHTED, TRI_NORM_ZSCORE, 60}};

enum { N_PLAIN = sizeof plain_ways / sizeof *plain_ways, N_WEIGHTED = sizeof weighted_ways / sizeof *weighted_ways };

void blend_space_init(blend_space *s)
{
    memset(s, 0, sizeof *s);
    strmap_init(&s->known);
}

void blend_space_drop(blend_space *s)
{
    strmap_drop(&s->known);
    mem_free(s->recipes);
    memset(s, 0, sizeof *s);
}

static tri_status grow(blend_space *s, tri_error *err)
{
    if (s->n < s->cap) return TRI_OK;
    if (s->n >= BLEND_RECIPES_MAX)
        return err_set(err, TRI_ERR_LIMIT, "more than %d fusions to choose from", (int)BLEND_RECIPES_MAX);
    size_t cap = s->cap ? s->cap * 2 : 64;
    blend_recipe *bigger = mem_realloc(s->recipes, cap * sizeof *bigger);
    if (!bigger) return err_memory(err, cap * sizeof *bigger);
    s->recipes = bigger;
    s->cap = cap;
    return TRI_OK;
}

/* The bytes of r are its key: r was zeroed before its fields were set. */
static tri_status add(blend_space *s, const blend_recipe *r, size_t *at, tri_error *err)
{
    uint32_t there;
    if (!strmap_find(&s->known, r, sizeof *r, &there)) {
        bool found;
        there = (uint32_t)s->n;
        TRI_TRY(grow(s, err));
        if (strmap_put(&s->known, r, sizeof *r, there, NULL, &found) != TRI_OK) return err_memory(err, sizeof *r);
        memcpy(&s->recipes[s->n++], r, sizeof *r);
    }
    if (at) *at = there;
    return TRI_OK;
}

static void start(blend_recipe *r, const uint32_t *members, size_t n, const way *w)
{
    memset(r, 0, sizeof *r);
    memcpy(r->members, members, n * sizeof *members);
    for (size_t i = 0; i < n; i++) r->weights[i] = 1;
    r->n = n;
    r->method = w->method;
    r->norm = w->norm;
    r->rrf_k = w->rrf_k;
}

tri_status blend_space_single(blend_space *s, uint32_t run, size_t *at, tri_error *err)
{
    /* the scores as they are: fused alone, a run keeps its order and its scores */
    static const way alone = {TRI_FUSE_WEIGHTED, TRI_NORM_DEFAULT, 60};
    blend_recipe r;
    start(&r, &run, 1, &alone);
    return add(s, &r, at, err);
}

tri_status blend_space_plain(blend_space *s, const uint32_t *members, size_t n, tri_error *err)
{
    for (size_t i = 0; i < N_PLAIN; i++) {
        blend_recipe r;
        start(&r, members, n, &plain_ways[i]);
        TRI_TRY(add(s, &r, NULL, err));
    }
    return TRI_OK;
}

static tri_status add_weights(blend_space *s, const uint32_t *members, size_t n, const double *weights, tri_error *err)
{
    for (size_t i = 0; i < N_WEIGHTED; i++) {
        blend_recipe r;
        start(&r, members, n, &weighted_ways[i]);
        memcpy(r.weights, weights, n * sizeof *weights);
        r.weighted = true;
        TRI_TRY(add(s, &r, NULL, err));
    }
    return TRI_OK;
}

tri_status blend_space_weighted(blend_space *s, const uint32_t *members, size_t n, tri_error *err)
{
    double weights[BLEND_MEMBERS];
    bool every = n <= BLEND_GRID_MEMBERS;
    unsigned all = every ? (1u << n) - 1 : 0;
    for (unsigned doubled = 1; every && doubled < all; doubled++) {
        for (size_t i = 0; i < n; i++) weights[i] = doubled >> i & 1 ? 2 : 1;
        TRI_TRY(add_weights(s, members, n, weights, err));
    }
    for (size_t one = 0; one < n; one++) {
        if (every && n != 2) break;
        for (size_t i = 0; i < n; i++) weights[i] = i != one ? 1 : n == 2 ? 3 : 2;
        TRI_TRY(add_weights(s, members, n, weights, err));
    }
    return TRI_OK;
}

tri_status blend_space_all(blend_space *s, size_t n_runs, size_t most, tri_error *err)
{
    for (uint32_t run = 0; run < n_runs; run++) TRI_TRY(blend_space_single(s, run, NULL, err));
    for (size_t n = 2; n <= most && n <= n_runs; n++)
        for (unsigned set = 1; set < 1u << n_runs; set++) {
            uint32_t members[BLEND_EXHAUSTIVE];
            size_t count = 0;
            for (uint32_t run = 0; run < n_runs; run++)
                if (set >> run & 1) members[count++] = run;
            if (count != n) continue;
            TRI_TRY(blend_space_plain(s, members, n, err));
            TRI_TRY(blend_space_weighted(s, members, n, err));
        }
    return TRI_OK;
}

/* ---- recipes ------------------------------------------------------------------------------------------------------- */

tri_trial blend_recipe_trial(const blend_recipe *r)
{
    return (tri_trial){.members = r->members,
                       .weights = r->weights,
                       .n_members = r->n,
                       .method = r->method,
                       .norm = r->norm,
                       .rrf_k = r->rrf_k};
}

tri_fuse_options blend_recipe_options(const blend_recipe *r)
{
    tri_fuse_options options;
    tri_fuse_options_init(&options);
    options.method = r->method;
    options.norm = r->norm;
    options.rrf_k = r->rrf_k;
    options.weights = r->weights;
    return options;
}

const char *blend_recipe_method(const blend_recipe *r)
{
    static const char *const names[] = {"rrf", "weighted", "combsum", "combmnz", "dbsf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tri_fuse_by_name(names[i]) == r->method) return names[i];
    return "weighted";
}

const char *blend_recipe_norm(const blend_recipe *r)
{
    return r->norm == TRI_NORM_MINMAX ? "minmax" : r->norm == TRI_NORM_ZSCORE ? "zscore" : NULL;
}

tri_status blend_recipe_words(const blend_recipe *r, const char *const *names, buf *out)
{
    if (r->n == 1) return buf_printf(out, "%s alone", names[r->members[0]]);
    TRI_TRY(buf_str(out, blend_recipe_method(r)));
    if (r->method == TRI_FUSE_RRF) TRI_TRY(buf_printf(out, " %g", r->rrf_k));
    if (blend_recipe_norm(r)) TRI_TRY(buf_printf(out, " %s", blend_recipe_norm(r)));
    for (size_t i = 0; i < r->n; i++) {
        TRI_TRY(buf_str(out, i ? " + " : ": "));
        if (r->weighted) TRI_TRY(buf_printf(out, "%g ", r->weights[i]));
        TRI_TRY(buf_str(out, names[r->members[i]]));
    }
    return TRI_OK;
}
