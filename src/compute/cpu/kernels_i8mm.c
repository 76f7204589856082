/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_i8mm.c — kernels.inc in simd_neon.h's words. */
#include "compute/cpu/simd_neon.h"

#define KERNELS cpu_kernels_i8mm
#include "compute/cpu/kernels.inc"
