/* SPDX-License-Identifier: Apache-2.0 */
/* score_norm.h — bringing the scores of one list to a common scale. */
#ifndef TRI_SEARCH_SCORE_NORM_H
#define TRI_SEARCH_SCORE_NORM_H

#include "search/fuse.h"

/* What a list adds under rules->norm, as fuse_kind.add: the whole of weighted, combsum and combmnz. */
void score_norm_add(const fuse_list *list, size_t n_absent, const fuse_rules *rules, double *terms, double *absent);
/* The same with mean - 3 std at 0 and mean + 3 std at 1, sample std. */
void score_norm_add_three_sigma(const fuse_list *list, size_t n_absent, const fuse_rules *rules, double *terms, double *absent);

#endif
