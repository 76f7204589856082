/* SPDX-License-Identifier: Apache-2.0 */
/* fold.c — queries in the order of a seeded hash of their ids, dealt out like cards. */
#include "lab/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"

typedef struct card {
    uint64_t hash;
    const char *id;
    uint32_t place;
} card;

static int by_hash_then_id(const void *a, const void *b)
{
    const card *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return strcmp(x->id, y->id);
}

tri_status fold_assign(const char *const *ids, size_t n, size_t folds, uint64_t seed, uint32_t *fold_of, tri_error *err)
{
    if (n < folds || n > UINT32_MAX)
        return err_set(err, TRI_ERR_ARGUMENT, "could not make %zu folds of %zu judged queries", folds, n);
    card *cards = mem_array(n, sizeof *cards);
    if (!cards) return err_memory(err, n * sizeof *cards);
    for (size_t i = 0; i < n; i++) cards[i] = (card){hash64_seed(ids[i], strlen(ids[i]), seed), ids[i], (uint32_t)i};
    qsort(cards, n, sizeof *cards, by_hash_then_id);
    for (size_t i = 0; i < n; i++) fold_of[cards[i].place] = (uint32_t)(i % folds);
    mem_free(cards);
    return TRI_OK;
}
