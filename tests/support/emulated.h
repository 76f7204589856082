/* SPDX-License-Identifier: Apache-2.0 */
/* emulated.h — instruction sets that few machines have, run on every machine: their kernels' own source over words that the
 * tests give it. They are in no list of the library; conform.c adds them to the machine's own. */
#ifndef TEST_SUPPORT_EMULATED_H
#define TEST_SUPPORT_EMULATED_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/compute.h"

const char *emulated_isa(size_t i); /* NULL past the end */
/* false: no such name. Fails the test where memory runs out. */
bool emulated_open(const char *isa, pool *threads, compute **out);
/* false: not one of these. */
bool emulated_close(compute *c);

#endif
