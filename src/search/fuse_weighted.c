/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_weighted.c — sum of weight x score, the scores as they are unless a normalisation is asked for. With missing documents
 * at 0 this is how FlagEmbedding's own scripts combine M3's lists (their divisor, the sum of the weights, changes no order). */
#include "search/fuse.h"
#include "search/score_norm.h"

const fuse_kind fuse_weighted = {.name = "weighted", .method = TRI_FUSE_WEIGHTED, .norm = TRI_NORM_NONE, .add = score_norm_add};
