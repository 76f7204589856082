/* SPDX-License-Identifier: Apache-2.0 */
/* rerank_out.h — what rerank writes: one JSON array as Python's json.dump(indent=2, ensure_ascii=False) has it, or an object a
 * line. */
#ifndef TRI_CLI_RERANK_OUT_H
#define TRI_CLI_RERANK_OUT_H

#include "base/file.h"
#include "cli/rerank_groups.h"

typedef struct rerank_out {
    out_file *file;
    bool lines; /* *.jsonl */
    uint64_t n;
    buf text;
    uint64_t *order; /* of the group being written: logit_order.h */
    size_t cap;
} rerank_out;

tri_status rerank_out_open(rerank_out *o, const char *path, tri_error *err);
/* The group's passages by logit, best first, ties in input order; at most `top` of them (0 = all). scores: of the window. */
tri_status rerank_out_put(rerank_out *o, const rerank_group *group, const tri_pair_score *scores, size_t top, tri_error *err);
tri_status rerank_out_commit(rerank_out *o, tri_error *err);
void rerank_out_discard(rerank_out *o);

#endif
