/* SPDX-License-Identifier: Apache-2.0 */
/* bench_peak.h — the yardstick of `trident bench`: what the arithmetic units could do at the time of a measurement.
 *
 * Two threads that reach less than 1.8 times what one does share a core, or the machine with somebody: a share of such a peak
 * says little, and the row that it stands in is marked. */
#ifndef TRI_CLI_BENCH_PEAK_H
#define TRI_CLI_BENCH_PEAK_H

#include <stdbool.h>

#include "base/buf.h"
#include "trident/engine.h"

typedef struct bench_peak {
    double one, all; /* operations a second of one thread and of all; 0 = there are no loops for this instruction set */
    bool cores_shared;
} bench_peak;

/* precision NULL = the engine's. Some 180 ms. */
tri_status bench_peak_measure(tri_engine *engine, const char *precision, bench_peak *out, tri_error *err);
/* Of what was measured before and after: the greater, and marked if either was. */
bench_peak bench_peak_join(bench_peak a, bench_peak b);

/* `trident bench --peak`: every precision with one thread and with all. */
tri_status bench_peak_print(tri_engine *engine, bool json, tri_error *err);

#endif
