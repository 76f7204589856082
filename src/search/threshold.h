/* SPDX-License-Identifier: Apache-2.0 */
/* threshold.h — which hits of one query are worth keeping? */
#ifndef TRI_SEARCH_THRESHOLD_H
#define TRI_SEARCH_THRESHOLD_H

#include <stddef.h>

#include "trident/search.h"

/* Sets `kept` of each; hits are best first. */
void threshold_apply(int kind, double value, tri_hit *hits, size_t n);

#endif
