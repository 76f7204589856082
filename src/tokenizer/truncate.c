/* SPDX-License-Identifier: Apache-2.0 */
/* truncate.c — the reference's rule, which is not the one of the slow Python tokenizers: on an odd budget with both texts cut,
 * the spare token goes to the longer one (to B on equal lengths). A budget of 0 empties both, whatever the strategy. */
#include "tokenizer/truncate.h"

#include "base/err.h"
#include "tokenizer/tokenizer.h"

static void longest_first(size_t budget, size_t *n_a, size_t *n_b)
{
    bool swap = *n_a > *n_b;
    size_t shorter = swap ? *n_b : *n_a, longer;
    if (shorter > budget)
        longer = shorter;
    else
        longer = shorter > budget - shorter ? shorter : budget - shorter;
    if (shorter + longer > budget) {
        shorter = budget / 2;
        longer = shorter + budget % 2;
    }
    size_t a = swap ? longer : shorter, b = swap ? shorter : longer;
    if (a < *n_a) *n_a = a;
    if (b < *n_b) *n_b = b;
}

tri_status truncate_lengths(size_t budget, int strategy, bool pair, size_t *n_a, size_t *n_b, tri_error *err)
{
    size_t total = *n_a + *n_b;
    if (budget == 0) {
        *n_a = *n_b = 0;
        return TRI_OK;
    }
    if (total <= budget) return TRI_OK;
    size_t cut = total - budget;
    if (strategy == TRUNCATE_LONGEST_FIRST) {
        if (pair)
            longest_first(budget, n_a, n_b);
        else
            *n_a = budget;
        return TRI_OK;
    }
    if (!pair)
        return err_set(err, TRI_ERR_ARGUMENT, "could not truncate the second text only: there is none, and %zu tokens are over",
                       cut);
    if (*n_b <= cut)
        return err_set(err, TRI_ERR_ARGUMENT, "could not truncate the second text only: it has %zu tokens, and %zu are over",
                       *n_b, cut);
    *n_b -= cut;
    return TRI_OK;
}
