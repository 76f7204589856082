/* SPDX-License-Identifier: Apache-2.0 */
/* blend.c — the choice of a fusion, and its honest score.
 *
 *   up to 6 runs   every fusion of the space is measured once; the folds choose from the same values
 *   more           greedy: from the best single run, the run and the way that help most are added while they help; then
 *                  weights.
 *                  Each fold goes its own way, on its own queries; a fusion met twice is measured once
 *
 * A value is a function of recipe and query alone, so leaving a fold out is leaving its columns out of the means. */
#include "lab/blend.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/fold.h"

enum { NO_FOLD = -1 };

typedef struct chooser {
    blend *b;
    const tri_trials *trials;
    const blend_options *options;
    size_t n_measured;
} chooser;

/* ---- values -------------------------------------------------------------------------------------------------------- */

static tri_status measure_new(chooser *c, tri_error *err)
{
    blend *b = c->b;
    size_t n = b->space.n - c->n_measured, cells;
    if (!n) return TRI_OK;
    if (b->cap_values < b->space.n) {
        const double **more = mem_realloc(b->values, b->space.cap * sizeof *more);
        if (!more) return err_memory(err, b->space.cap * sizeof *more);
        b->values = more;
        b->cap_values = b->space.cap;
    }
    if (!mul_size(n, b->n_queries, &cells)) return err_memory(err, SIZE_MAX);
    double *values = arena_array(&b->memory, cells, sizeof *values);
    tri_trial *list = mem_array(n, sizeof *list);
    tri_status st = values && list ? TRI_OK : err_memory(err, cells * sizeof *values);
    for (size_t i = 0; !st && i < n; i++) {
        list[i] = blend_recipe_trial(&b->space.recipes[c->n_measured + i]);
        b->values[c->n_measured + i] = values + i * b->n_queries;
    }
    if (!st)
        st = tri_trials_measure(c->trials, list, n, c->options->threads, values, c->options->progress, c->options->progress_ctx,
                                err);
    mem_free(list);
    if (!st) c->n_measured = b->space.n;
    return st;
}

/* Over the queries outside the fold. */
static double mean_outside(const blend *b, size_t recipe, int fold)
{
    double sum = 0;
    size_t n = 0;
    for (size_t q = 0; q < b->n_queries; q++) {
        if ((int)b->fold_of[q] == fold) continue;
        sum += b->values[recipe][q];
        n++;
    }
    return n ? sum / (double)n : 0;
}

double blend_mean(const blend *b, size_t recipe)
{
    return mean_outside(b, recipe, NO_FOLD);
}

/* Is `recipe` below `best` by no more than a standard error of their differences? */
static bool within_one_error(const blend *b, size_t best, size_t recipe, int fold)
{
    double sum = 0, squares = 0;
    size_t n = 0;
    for (size_t q = 0; q < b->n_queries; q++) {
        if ((int)b->fold_of[q] == fold) continue;
        double d = b->values[best][q] - b->values[recipe][q];
        sum += d;
        squares += d * d;
        n++;
    }
    double mean = sum / (double)n;
    double variance = n > 1 ? (squares - sum * mean) / (double)(n - 1) : 0;
    return mean <= sqrt(fmax(variance, 0) / (double)n);
}

/* ---- the rule ------------------------------------------------------------------------------------------------------ */

/* Simpler recipes have smaller numbers. */
static size_t complexity(const blend_recipe *r)
{
    return 2 * r->n + r->weighted;
}

typedef struct candidates {
    size_t *at; /* recipes */
    size_t n;
} candidates;

/* The first of the simplest among the highest. */
static size_t find_highest(const blend *b, const candidates *of, int fold, double *score)
{
    size_t best = of->at[0];
    double most = -INFINITY;
    for (size_t i = 0; i < of->n; i++) {
        double mean = mean_outside(b, of->at[i], fold);
        bool simpler = complexity(&b->space.recipes[of->at[i]]) < complexity(&b->space.recipes[best]);
        if (mean > most || (mean == most && simpler)) {
            most = mean;
            best = of->at[i];
        }
    }
    *score = most;
    return best;
}

static size_t choose(const chooser *c, const candidates *of, int fold, size_t *highest)
{
    const blend *b = c->b;
    double most, score = -INFINITY;
    size_t best = find_highest(b, of, fold, &most), chosen = best;
    if (highest) *highest = best;
    if (c->options->take_best) return best;
    size_t least = complexity(&b->space.recipes[best]);
    for (size_t i = 0; i < of->n; i++) {
        size_t here = complexity(&b->space.recipes[of->at[i]]);
        if (here > least || !within_one_error(b, best, of->at[i], fold)) continue;
        double mean = mean_outside(b, of->at[i], fold);
        if (here == least && mean <= score) continue;
        least = here;
        score = mean;
        chosen = of->at[i];
    }
    return chosen;
}

static tri_status all_recipes(chooser *c, candidates *out, tri_error *err)
{
    out->n = c->b->space.n;
    out->at = arena_array(&c->b->memory, out->n, sizeof *out->at);
    if (!out->at) return err_memory(err, out->n * sizeof *out->at);
    for (size_t i = 0; i < out->n; i++) out->at[i] = i;
    return TRI_OK;
}

static size_t best_single(const blend *b, int fold, double *score)
{
    const candidates singles = {b->singles, b->n_runs};
    return find_highest(b, &singles, fold, score);
}

/* ---- greedy -------------------------------------------------------------------------------------------------------- */

/* One walk of the search: what it has met, each recipe once. */
typedef struct walk {
    candidates met;
    size_t cap;
    uint8_t *seen; /* by recipe */
    size_t cap_seen;
    int fold;
} walk;

static tri_status meet(walk *w, size_t recipe, tri_error *err)
{
    if (recipe >= w->cap_seen) {
        size_t cap = (recipe + 1) * 2;
        uint8_t *more = mem_realloc(w->seen, cap);
        if (!more) return err_memory(err, cap);
        memset(more + w->cap_seen, 0, cap - w->cap_seen);
        w->seen = more;
        w->cap_seen = cap;
    }
    if (w->seen[recipe]) return TRI_OK;
    if (w->met.n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 256;
        size_t *more = mem_realloc(w->met.at, cap * sizeof *more);
        if (!more) return err_memory(err, cap * sizeof *more);
        w->met.at = more;
        w->cap = cap;
    }
    w->seen[recipe] = 1;
    w->met.at[w->met.n++] = recipe;
    return TRI_OK;
}

static bool has_members(const blend_recipe *r, const uint32_t *members, size_t n)
{
    return r->n == n && memcmp(r->members, members, n * sizeof *members) == 0;
}

/* Measures the fusions of these members and meets them. */
static tri_status meet_fusions(chooser *c, walk *w, const uint32_t *members, size_t n, bool weighted, tri_error *err)
{
    TRI_TRY(weighted ? blend_space_weighted(&c->b->space, members, n, err) : blend_space_plain(&c->b->space, members, n, err));
    for (size_t i = 0; i < c->b->space.n; i++)
        if (has_members(&c->b->space.recipes[i], members, n) && c->b->space.recipes[i].weighted == weighted)
            TRI_TRY(meet(w, i, err));
    return TRI_OK;
}

static size_t insert_member(const blend_recipe *r, uint32_t run, uint32_t *members)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->members[i] == run) return 0;
        if (r->members[i] > run && (!n || members[n - 1] < run)) members[n++] = run;
        members[n++] = r->members[i];
    }
    if (members[n - 1] < run) members[n++] = run;
    return n;
}

static tri_status walk_on(chooser *c, walk *w, tri_error *err)
{
    blend *b = c->b;
    double score, before;
    size_t at = best_single(b, w->fold, &score);
    for (size_t i = 0; i < b->n_runs; i++) TRI_TRY(meet(w, b->singles[i], err));
    do {
        const blend_recipe from = b->space.recipes[at];
        uint32_t members[BLEND_MEMBERS + 1];
        before = score;
        if (from.n == c->options->most) break;
        for (uint32_t run = 0; run < b->n_runs; run++) {
            size_t n = insert_member(&from, run, members);
            if (n) TRI_TRY(meet_fusions(c, w, members, n, false, err));
        }
        TRI_TRY(measure_new(c, err));
        at = find_highest(b, &w->met, w->fold, &score);
    } while (score > before);
    const blend_recipe last = b->space.recipes[at];
    if (last.n < 2) return TRI_OK;
    TRI_TRY(meet_fusions(c, w, last.members, last.n, true, err));
    return measure_new(c, err);
}

static tri_status choose_greedily(chooser *c, int fold, size_t *winner, size_t *highest, tri_error *err)
{
    walk w = {.fold = fold};
    tri_status st = walk_on(c, &w, err);
    if (!st) *winner = choose(c, &w.met, fold, highest);
    mem_free(w.met.at);
    mem_free(w.seen);
    return st;
}

/* ---- folds --------------------------------------------------------------------------------------------------------- */

static tri_status deal_folds(chooser *c, tri_error *err)
{
    blend *b = c->b;
    const char **ids = mem_array(b->n_queries, sizeof *ids);
    if (!ids) return err_memory(err, b->n_queries * sizeof *ids);
    for (size_t q = 0; q < b->n_queries; q++) ids[q] = tri_trials_query_id(c->trials, q);
    tri_status st = fold_assign(ids, b->n_queries, b->n_folds, c->options->seed, b->fold_of, err);
    mem_free(ids);
    return st;
}

static void score_fold(blend *b, size_t f)
{
    blend_fold *fold = &b->folds[f];
    double sum = 0, single = 0;
    for (size_t q = 0; q < b->n_queries; q++) {
        if (b->fold_of[q] != f) continue;
        b->unseen[q] = b->values[fold->winner][q];
        sum += b->unseen[q];
        single += b->values[fold->single][q];
        fold->queries++;
    }
    fold->score = sum / (double)fold->queries;
    fold->single_score = single / (double)fold->queries;
}

static void sum_up(blend *b)
{
    double sum = 0, squares = 0, n = (double)b->n_queries;
    for (size_t q = 0; q < b->n_queries; q++) sum += b->unseen[q];
    b->unseen_score = sum / n;
    for (size_t q = 0; q < b->n_queries; q++) squares += pow(b->unseen[q] - b->unseen_score, 2);
    b->unseen_error = sqrt(squares / (n - 1) / n);
    b->unseen_single = 0;
    for (size_t f = 0; f < b->n_folds; f++) b->unseen_single += b->folds[f].single_score * (double)b->folds[f].queries / n;
}

static tri_status choose_all(chooser *c, tri_error *err)
{
    blend *b = c->b;
    candidates all = {0};
    double score;
    if (b->exhaustive) {
        TRI_TRY(blend_space_all(&b->space, b->n_runs, c->options->most, err));
        TRI_TRY(measure_new(c, err));
        TRI_TRY(all_recipes(c, &all, err));
        b->winner = choose(c, &all, NO_FOLD, &b->highest);
    } else {
        for (size_t i = 0; i < b->n_runs; i++) TRI_TRY(blend_space_single(&b->space, (uint32_t)i, NULL, err));
        TRI_TRY(measure_new(c, err));
        TRI_TRY(choose_greedily(c, NO_FOLD, &b->winner, &b->highest, err));
    }
    b->best_single = best_single(b, NO_FOLD, &score);
    for (size_t f = 0; f < b->n_folds; f++) {
        if (b->exhaustive)
            b->folds[f].winner = choose(c, &all, (int)f, NULL);
        else
            TRI_TRY(choose_greedily(c, (int)f, &b->folds[f].winner, NULL, err));
        b->folds[f].single = best_single(b, (int)f, &score);
        score_fold(b, f);
    }
    return TRI_OK;
}

tri_status blend_choose(blend *b, const tri_trials *trials, size_t n_runs, const blend_options *options, tri_error *err)
{
    chooser c = {.b = b, .trials = trials, .options = options};
    memset(b, 0, sizeof *b);
    arena_init(&b->memory, 0);
    blend_space_init(&b->space);
    b->n_queries = tri_trials_queries(trials);
    b->n_runs = n_runs;
    b->n_folds = options->folds;
    b->exhaustive = n_runs <= BLEND_EXHAUSTIVE;
    b->folds = arena_calloc(&b->memory, b->n_folds, sizeof *b->folds);
    b->fold_of = arena_calloc(&b->memory, b->n_queries, sizeof *b->fold_of);
    b->unseen = arena_calloc(&b->memory, b->n_queries, sizeof *b->unseen);
    b->singles = arena_calloc(&b->memory, n_runs, sizeof *b->singles);
    if (!b->folds || !b->fold_of || !b->unseen || !b->singles) return err_memory(err, b->n_queries * sizeof *b->unseen);
    for (size_t i = 0; i < n_runs; i++) b->singles[i] = i; /* both searches list the single runs first */
    TRI_TRY(deal_folds(&c, err));
    TRI_TRY(choose_all(&c, err));
    sum_up(b);
    b->winner_score = blend_mean(b, b->winner);
    b->highest_score = blend_mean(b, b->highest);
    TRI_TRY(
        tri_paired_test_run(b->values[b->winner], b->values[b->best_single], b->n_queries, 0, options->seed, &b->test, err));
    return tri_paired_test_run(b->unseen, b->values[b->best_single], b->n_queries, 0, options->seed, &b->unseen_test, err);
}

void blend_drop(blend *b)
{
    blend_space_drop(&b->space);
    mem_free(b->values);
    arena_drop(&b->memory);
    memset(b, 0, sizeof *b);
}
