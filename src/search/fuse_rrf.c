/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_rrf.c — reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009): the sum of weight / (k + rank). Scores play
 * no part.
 *
 * The rank of the first is 0 by default, as in the recipe this project began with; 1 is the paper's and most engines' (a base
 * of 0 with k is theirs with k - 1). A list that lacks a document adds nothing, whatever the rule for missing ones: it has no
 * rank to give. */
#include "search/fuse.h"

static void add(const fuse_list *list, size_t n_absent, const fuse_rules *rules, double *terms, double *absent)
{
    (void)n_absent;
    for (size_t i = 0; i < list->n; i++) terms[i] = list->weight / (rules->rrf_k + (double)i + rules->rrf_base);
    *absent = 0;
}

const fuse_kind fuse_rrf = {.name = "rrf", .method = TRI_FUSE_RRF, .norm = TRI_NORM_NONE, .add = add};
