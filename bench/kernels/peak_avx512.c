/* SPDX-License-Identifier: Apache-2.0 */
/* peak_avx512.c — peak.inc in avx512. */
#include "compute/cpu/simd_avx512.h"

#define PEAK peak_avx512
#define PEAK_FLOPS peak_flops_avx512
#include "peak.inc"
