/* SPDX-License-Identifier: Apache-2.0 */
/* topk.h — the K best of a stream of (score, document), in the one total order of this project: score descending as float32,
 * then document ascending (insertion order).
 *
 * A bounded heap with the worst kept entry at its root. What it holds depends on the set of entries pushed, not on their order,
 * so threads and blocks never show in an answer. Scores must be finite: the caller checks. */
#ifndef TRI_SEARCH_TOPK_H
#define TRI_SEARCH_TOPK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct topk_entry {
    float score;
    uint32_t doc;
} topk_entry;

typedef struct topk {
    topk_entry *entries; /* [cap], the caller's */
    size_t n, cap;
} topk;

static inline bool topk_before(topk_entry a, topk_entry b)
{
    return a.score > b.score || (a.score == b.score && a.doc < b.doc);
}

void topk_insert(topk *t, topk_entry e); /* topk_push's second half: e is known to be kept */
/* Best first. After this nothing more may be pushed. */
void topk_sort(topk *t);

static inline void topk_push(topk *t, float score, uint32_t doc)
{
    topk_entry e = {score, doc};
    if (t->n < t->cap || (t->cap && topk_before(e, t->entries[0]))) topk_insert(t, e);
}

#endif
