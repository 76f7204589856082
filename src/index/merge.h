/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h — several small segments become one. */
#ifndef TRI_INDEX_MERGE_H
#define TRI_INDEX_MERGE_H

#include "index/segment.h"

/* Where a run of segments begins that should be merged at this commit; n when none should. `records` [n] in order. */
size_t merge_plan(const manifest_segment *records, size_t n);

/* Writes segment `id` out of the consecutive segments [n] and their records. The files get their names; the old ones stay. */
tri_status merge_run(const char *dir, const manifest *m, const segment *segments, const manifest_segment *records, size_t n,
                     uint32_t id, manifest_segment *out, tri_error *err);

#endif
