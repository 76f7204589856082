/* SPDX-License-Identifier: Apache-2.0 */
/* topk.c — a binary heap whose root is the entry that goes next, and the same heap taken apart into order (heapsort): no
 * recursion, no memory of its own, n log n on any input. */
#include "search/topk.h"

/* Restores the heap below i, whose children are heaps, with e for its content. */
static void sift_down(topk_entry *h, size_t n, size_t i, topk_entry e)
{
    for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && topk_before(h[child], h[child + 1])) child++;
        if (!topk_before(e, h[child])) break;
        h[i] = h[child];
        i = child;
    }
    h[i] = e;
}

static void sift_up(topk_entry *h, size_t i, topk_entry e)
{
    while (i > 0 && topk_before(h[(i - 1) / 2], e)) {
        h[i] = h[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h[i] = e;
}

void topk_insert(topk *t, topk_entry e)
{
    if (t->n < t->cap)
        sift_up(t->entries, t->n++, e);
    else
        sift_down(t->entries, t->n, 0, e);
}

void topk_sort(topk *t)
{
    for (size_t n = t->n; n > 1; n--) {
        topk_entry last = t->entries[n - 1];
        t->entries[n - 1] = t->entries[0];
        sift_down(t->entries, n - 1, 0, last);
    }
}
