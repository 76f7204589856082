/* SPDX-License-Identifier: Apache-2.0 */
/* fold.h — which queries are held out together? */
#ifndef TRI_LAB_FOLD_H
#define TRI_LAB_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

/* A fold for each id, their sizes differing by one at most. It follows from the ids and the seed, not from their order. */
tri_status fold_assign(const char *const *ids, size_t n, size_t folds, uint64_t seed, uint32_t *fold_of, tri_error *err);

#endif
