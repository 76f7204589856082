/* SPDX-License-Identifier: Apache-2.0 */
/* peak_rate.h — what can this machine's arithmetic do at most, just now?
 *
 * The yardstick of every "share of peak": loops of multiply-adds from register to register, in the instructions that a backend
 * has for a precision. Nothing that reads memory can be faster, so a share over 1 is a fault of the measurement. The figure
 * is of this moment: clocks move, and another machine may sit on the same cores. Measure it beside what it is to judge. */
#ifndef TRI_COMPUTE_PEAK_RATE_H
#define TRI_COMPUTE_PEAK_RATE_H

#include "compute/compute.h"

/* One loop: `rounds` times all its chains once; a multiply and an add count as two. */
typedef struct peak_loop {
    void (*run)(size_t rounds);
    double ops;
} peak_loop;

/* What an instruction set has. One without products of its own for a precision computes them in a wider one (bf16 in f32):
 * then that one's loop stands here. */
typedef struct peak_loops {
    const char *isa; /* compute_ops.name; NULL ends a table */
    peak_loop f32, bf16, int8;
} peak_loops;

extern const peak_loops peak_x86[], peak_arm[], peak_plain[]; /* the first two are empty elsewhere */

/* Operations a second of `threads` threads together (1 .. the pool's size): the best of three tries of 20 ms. A backend without
 * loops (ref is no yardstick) is TRI_ERR_UNSUPPORTED. */
tri_status peak_rate_measure(compute *c, precision p, size_t threads, double *ops_per_s, tri_error *err);

#endif
