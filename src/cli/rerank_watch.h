/* SPDX-License-Identifier: Apache-2.0 */
/* rerank_watch.h — what goes wrong in silence while reranking: texts cut short, and scores that say nothing. */
#ifndef TRI_CLI_RERANK_WATCH_H
#define TRI_CLI_RERANK_WATCH_H

#include "cli/cli.h"
#include "trident/rerank.h"

typedef struct rerank_watch {
    uint64_t n, n_query_cut, n_passage_cut, bad_bytes;
    float least, greatest; /* score */
} rerank_watch;

void rerank_watch_add(rerank_watch *w, const tri_pair_score *s);
void rerank_watch_report(const rerank_watch *w, cli *c, size_t max_length, bool sigmoid);

#endif
