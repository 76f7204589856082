/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_combsum.c — CombSUM (Fox and Shaw, TREC-2, 1994): the sum of the lists' normalised scores, min-max by default.
 *
 * Under min-max the last hit of a list adds as little as no hit at all, so the result depends on the depth retrieved. */
#include "search/fuse.h"
#include "search/score_norm.h"

const fuse_kind fuse_combsum = {.name = "combsum", .method = TRI_FUSE_COMBSUM, .norm = TRI_NORM_MINMAX, .add = score_norm_add};
