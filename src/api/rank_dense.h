/* SPDX-License-Identifier: Apache-2.0 */
/* rank_dense.h — how well does an open model rank a task by its dense vectors? */
#ifndef TRI_API_RANK_DENSE_H
#define TRI_API_RANK_DENSE_H

#include "eval/trec_table.h"
#include "model/model.h"
#include "trident/embed.h"

typedef struct rank_task {
    const tri_qrels *qrels;
    const tri_input *queries, *corpus;
    const tri_text *query_ids, *corpus_ids;
    size_t n_queries, n_corpus;
    tri_progress_fn progress; /* in texts, queries and corpus together; may be NULL */
    void *progress_ctx;
} rank_task;

/* nDCG@10 over the judged ones of the queries, every document compared, with the folder's prompts; nothing is kept. */
tri_status rank_dense_ndcg(const rank_task *task, model *m, double *ndcg, tri_error *err);

#endif
