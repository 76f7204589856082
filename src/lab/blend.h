/* SPDX-License-Identifier: Apache-2.0 */
/* blend.h — which combination of runs is best, and would it be best on other queries too?
 *
 * The rule of choice, everywhere the same: of all fusions the one with the highest mean is found; those whose mean is below
 * it by at most one standard error of the paired differences count as equal to it; of these the simplest is taken (fewest
 * members, then no weights), the best of the simplest. TRI_BLEND_BEST skips the last two steps.
 *
 * The rule is applied to all judged queries (the winner), and once for each fold to the queries outside it; what it chose
 * there is scored inside. Those scores together are what the procedure is worth on queries that it did not see. */
#ifndef TRI_LAB_BLEND_H
#define TRI_LAB_BLEND_H

#include "base/arena.h"
#include "lab/blend_space.h"

typedef struct blend_options {
    size_t folds;   /* >= 2, <= judged queries */
    size_t most;    /* members of a recipe, >= 1 */
    bool take_best; /* the highest mean, however little above a simpler one */
    uint64_t seed;  /* of the folds and the tests */
    int threads;    /* 0 = all */
    tri_progress_fn progress;
    void *progress_ctx;
} blend_options;

typedef struct blend_fold {
    size_t queries, winner; /* winner: a recipe, chosen on the other folds */
    size_t single;          /* the best single run on the other folds */
    double score, single_score;
} blend_fold;

typedef struct blend {
    arena memory;
    blend_space space;
    const double **values; /* [space.n][n_queries] */
    size_t cap_values, n_queries, n_runs;
    bool exhaustive;
    size_t *singles; /* [n_runs] the recipes of one run */
    size_t winner, highest, best_single;
    double winner_score, highest_score;
    tri_paired_test test; /* the winner against the best single run, on the queries it was chosen by */
    blend_fold *folds;    /* [n_folds] */
    size_t n_folds;
    uint32_t *fold_of;                                /* [n_queries] */
    double *unseen;                                   /* [n_queries] out of fold */
    double unseen_score, unseen_error, unseen_single; /* error: standard error of the mean; single: the best run by fold */
    tri_paired_test unseen_test;                      /* out of fold against the best single run */
} blend;

/* Runs are numbered as in trials. TRI_ERR_ARGUMENT: fewer queries than folds. Drop it on failure too. */
tri_status blend_choose(blend *b, const tri_trials *trials, size_t n_runs, const blend_options *options, tri_error *err);
void blend_drop(blend *b);                        /* a zeroed one is fine */
double blend_mean(const blend *b, size_t recipe); /* over all judged queries */

#endif
