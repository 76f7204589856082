/* SPDX-License-Identifier: Apache-2.0 */
/* conform_card.h — the conformance suite on a card: tests hand over host tensors, which are carried to the card for each op and
 * back again. The card is the emulated one (tests/cuda), or with TRI_REQUIRE=gpu a real one. */
#ifndef TEST_SUPPORT_CONFORM_CARD_H
#define TEST_SUPPORT_CONFORM_CARD_H

#include <stdbool.h>

#include "compute/compute.h"

/* "cuda" and, whose products are all our own, "cuda invariant"; NULL past the end, and where there is no plugin */
const char *conform_card_name(size_t i);
/* False for a name that is none of them; fails the test if the card does not open. */
bool conform_card_open(const char *name, pool *threads, compute **out);

#endif
