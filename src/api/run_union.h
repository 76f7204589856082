/* SPDX-License-Identifier: Apache-2.0 */
/* run_union.h — the documents of one query over several runs, and each run's list of them best first.
 *
 * A run keeps a query's documents in ascending id order, so the union over runs is one merge, and a document's place in it is
 * the ordinal that src/search fuses by; ordinals then compare as ids do.
 *
 *   run 1   a  c  d          union   a b c d        list 1   docs 0 2 3 by score, then ordinal
 *   run 2   b  c             ordinal 0 1 2 3        list 2   docs 1 2
 */
#ifndef TRI_API_RUN_UNION_H
#define TRI_API_RUN_UNION_H

#include "base/arena.h"
#include "eval/trec_table.h"
#include "search/fuse.h"

struct run_union_placed;

/* What is found lives until the next query. */
typedef struct run_union {
    const tri_run *const *runs;
    size_t n_runs;
    const trec_query **queries;      /* [n_runs] NULL where a run lacks the query */
    size_t *at;                      /* [n_runs] the merge's place in each */
    struct run_union_placed **lists; /* [n_runs] documents of each run with their ordinals */
    fuse_list *ranked;               /* [n_runs] weight 1 */
    const trec_row **docs;           /* the union */
    size_t n_docs, n_total;          /* n_total: the sum of the lists */
    arena memory, scratch;           /* of the runs; of one query */
} run_union;

tri_status run_union_init(run_union *u, const tri_run *const *runs, size_t n_runs, tri_error *err);
void run_union_drop(run_union *u);
tri_status run_union_query(run_union *u, tri_text query, tri_error *err);

#endif
