/* SPDX-License-Identifier: Apache-2.0 */
/* rerank_groups.h — what rerank reads: a query and its passages a line, in windows of bounded memory. */
#ifndef TRI_CLI_RERANK_GROUPS_H
#define TRI_CLI_RERANK_GROUPS_H

#include "base/arena.h"
#include "cli/object_lines.h"
#include "trident/rerank.h"

/* One line. Its pairs are pairs[first .. first + n] of the window. */
typedef struct rerank_group {
    tri_text query;
    size_t first, n;
    tri_text *ids; /* [n] as JSON, in their own type */
    bool as_ids;   /* the line was token ids: one pair, no query */
} rerank_group;

typedef struct rerank_groups {
    object_lines lines;
    size_t n_vocab;
    bool at_end;
    arena memory; /* of the window */
    rerank_group *groups;
    tri_pair *pairs;
    size_t n, cap, n_pairs, cap_pairs;
} rerank_groups;

tri_status rerank_groups_open(rerank_groups *g, const char *path, const setup_args *args, size_t n_vocab, tri_error *err);
/* The next window; n = 0 at the end. A group is never split. */
tri_status rerank_groups_fill(rerank_groups *g, tri_error *err);
uint64_t rerank_groups_bytes(const rerank_groups *g); /* of the input consumed so far */
void rerank_groups_close(rerank_groups *g);

#endif
