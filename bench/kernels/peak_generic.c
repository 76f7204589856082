/* SPDX-License-Identifier: Apache-2.0 */
/* peak_generic.c — peak.inc in generic. */
#include "compute/cpu/simd_generic.h"

#define PEAK peak_generic
#define PEAK_FLOPS peak_flops_generic
#include "peak.inc"
