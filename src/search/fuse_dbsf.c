/* SPDX-License-Identifier: Apache-2.0 */
/* fuse_dbsf.c — distribution-based score fusion, as Qdrant has it: each list's scores are mapped so that mean - 3 std is 0 and
 * mean + 3 std is 1 (sample std, not clipped; a constant list or a single hit is 0.5), then added. A further normalisation
 * would change nothing: the map takes any affine one back. */
#include "search/fuse.h"
#include "search/score_norm.h"

const fuse_kind fuse_dbsf = {.name = "dbsf", .method = TRI_FUSE_DBSF, .norm = TRI_NORM_NONE, .add = score_norm_add_three_sigma};
