/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_combmnz.c — CombMNZ (Fox and Shaw, TREC-2, 1994): CombSUM times the number of lists that hold the document.
 *
 * Only lists that really hold it are counted, whatever is assumed of the score of a missing one. */
#include "search/fuse.h"
#include "search/score_norm.h"

const fuse_kind fuse_combmnz = {
    .name = "combmnz", .method = TRI_FUSE_COMBMNZ, .norm = TRI_NORM_MINMAX, .times_lists = true, .add = score_norm_add};
