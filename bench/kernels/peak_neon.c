/* SPDX-License-Identifier: Apache-2.0 */
/* peak_neon.c — peak.inc in neon. */
#include "compute/cpu/simd_neon.h"

#define PEAK peak_neon
#define PEAK_FLOPS peak_flops_neon
#include "peak.inc"
