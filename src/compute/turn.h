/* SPDX-License-Identifier: Apache-2.0 */
/* turn.h — rows of 4-byte groups become groups of 16 words: one panel (packed.h) from up to 16 rows, of weights when they are
 * packed and of keys at every attention. Included by each kernel file, so that it is compiled for its instruction set. */
#ifndef TRI_COMPUTE_TURN_H
#define TRI_COMPUTE_TURN_H

#include <stddef.h>
#include <string.h>

#include "compute/packed.h"

/* 4 x 4 blocks turn in registers, in 128 bits on every machine. */
typedef float turn_quad __attribute__((vector_size(16)));

static inline turn_quad turn_load(const char *p)
{
    turn_quad q;
    memcpy(&q, p, sizeof q);
    return q;
}

static inline void turn_store(char *p, turn_quad q)
{
    memcpy(p, &q, sizeof q);
}

/* Up to four rows become words of each group; rows is a constant where it is 4, which leaves no branch in the loop that
 * matters. */
static inline __attribute__((always_inline)) void turn_rows(char *to, const char *from, size_t step, size_t rows, size_t groups)
{
    turn_quad zero = {0};
    size_t g = 0;
    for (; g + 4 <= groups; g += 4, from += 16, to += 4 * GROUP_BYTES) {
        turn_quad r0 = turn_load(from), r1 = rows > 1 ? turn_load(from + step) : zero;
        turn_quad r2 = rows > 2 ? turn_load(from + 2 * step) : zero, r3 = rows > 3 ? turn_load(from + 3 * step) : zero;
        turn_quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
        turn_quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
        turn_store(to, __builtin_shufflevector(low01, low23, 0, 1, 4, 5));
        turn_store(to + GROUP_BYTES, __builtin_shufflevector(low01, low23, 2, 3, 6, 7));
        turn_store(to + 2 * GROUP_BYTES, __builtin_shufflevector(high01, high23, 0, 1, 4, 5));
        turn_store(to + 3 * GROUP_BYTES, __builtin_shufflevector(high01, high23, 2, 3, 6, 7));
    }
    for (; g < groups; g++, from += 4, to += GROUP_BYTES) {
        memset(to, 0, 16);
        for (size_t j = 0; j < rows; j++) memcpy(to + 4 * j, from + j * step, 4);
    }
}

/* Group g's word r = 4 bytes of row r (from + r * step), at to + 64 g + 4 r; zeros for rows .. PANEL. */
static inline void turn_panel(void *to, const void *from, size_t step, size_t rows, size_t groups)
{
    for (size_t r = 0; r < PANEL; r += 4) {
        char *out = (char *)to + 4 * r;
        const char *in = (const char *)from + r * step;
        if (r + 4 <= rows)
            turn_rows(out, in, step, 4, groups);
        else if (r < rows)
            turn_rows(out, in, step, rows - r, groups);
        else
            for (size_t g = 0; g < groups; g++) memset(out + g * GROUP_BYTES, 0, 16);
    }
}

#endif
