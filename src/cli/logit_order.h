/* SPDX-License-Identifier: Apache-2.0 */
/* logit_order.h — pairs by logit, greatest first, ties in input order. Logits, because the sigmoid makes one score of many. */
#ifndef TRI_CLI_LOGIT_ORDER_H
#define TRI_CLI_LOGIT_ORDER_H

#include <string.h>

#include "base/sort.h"
#include "trident/rerank.h"

/* Ascending keys for descending numbers: the bits of a float, turned so that they sort like it, and then round. */
static inline uint32_t logit_order_key(float logit)
{
    uint32_t bits;
    logit += 0.0f; /* -0 is 0 */
    memcpy(&bits, &logit, sizeof bits);
    return bits & 0x80000000u ? bits : ~(bits | 0x80000000u);
}

/* order [n]: read with logit_order_place. n < 2^32. */
static inline void logit_order(const tri_pair_score *scores, size_t n, uint64_t *order)
{
    for (size_t i = 0; i < n; i++) order[i] = (uint64_t)logit_order_key(scores[i].logit) << 32 | (uint32_t)i;
    sort_u64(order, n);
}

static inline size_t logit_order_place(uint64_t entry)
{
    return (uint32_t)entry;
}

#endif
