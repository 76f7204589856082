/* SPDX-License-Identifier: Apache-2.0 */
/* blend_space.h — which fusions are there to choose from? */
#ifndef TRI_LAB_BLEND_SPACE_H
#define TRI_LAB_BLEND_SPACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/strmap.h"
#include "trident/experimental.h"

enum {
    BLEND_MEMBERS = 32,         /* of one recipe, at most */
    BLEND_EXHAUSTIVE = 6,       /* up to so many runs every subset is tried */
    BLEND_GRID_MEMBERS = 3,     /* up to so many members every weighting by 1 and 2 is tried */
    BLEND_RECIPES_MAX = 200000, /* a bound on memory: each is a value for every query */
};

/* A fusion of some of the runs; a single run is a recipe of one member. */
typedef struct blend_recipe {
    uint32_t members[BLEND_MEMBERS]; /* ascending */
    double weights[BLEND_MEMBERS];
    size_t n;
    int method, norm; /* as in tri_fuse_options */
    double rrf_k;
    bool weighted; /* weights are not all 1 */
} blend_recipe;

typedef struct blend_space {
    blend_recipe *recipes;
    size_t n, cap;
    strmap known; /* recipes by their bytes: none is listed twice */
} blend_space;

void blend_space_init(blend_space *s);
void blend_space_drop(blend_space *s);
/* The run alone. *at: its place. */
tri_status blend_space_single(blend_space *s, uint32_t run, size_t *at, tri_error *err);
/* The unweighted fusions of these members (two or more). */
tri_status blend_space_plain(blend_space *s, const uint32_t *members, size_t n, tri_error *err);
/* Their weighted fusions: of a few members every weighting by 1 and 2 (a pair also by 3), of more one of them doubled. */
tri_status blend_space_weighted(blend_space *s, const uint32_t *members, size_t n, tri_error *err);
/* Every subset of n_runs <= BLEND_EXHAUSTIVE runs with at most `most` members, in every way. */
tri_status blend_space_all(blend_space *s, size_t n_runs, size_t most, tri_error *err);

tri_trial blend_recipe_trial(const blend_recipe *r);          /* borrows from r */
tri_fuse_options blend_recipe_options(const blend_recipe *r); /* borrows from r */
const char *blend_recipe_method(const blend_recipe *r);       /* "rrf", ...: tri_fuse_by_name's word */
const char *blend_recipe_norm(const blend_recipe *r);         /* NULL where the method's own is meant */
tri_status blend_recipe_words(const blend_recipe *r, const char *const *names, buf *out); /* "rrf 60: v1 + 2 v3" */

#endif
