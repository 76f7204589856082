/* SPDX-License-Identifier: Apache-2.0 */
/* peak_avx2.c — peak.inc in avx2. */
#include "compute/cpu/simd_avx2.h"

#define PEAK peak_avx2
#define PEAK_FLOPS peak_flops_avx2
#include "peak.inc"
