/* SPDX-License-Identifier: Apache-2.0 */
/* sort.h — sorting that never allocates and never recurses (the C library's qsort may do both). */
#ifndef TRI_BASE_SORT_H
#define TRI_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending. n log n on any input. Pack a tie-breaker into the low bits where order among equals matters. */
void sort_u64(uint64_t *keys, size_t n);

#endif
