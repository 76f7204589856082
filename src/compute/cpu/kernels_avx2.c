/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_avx2.c — kernels.inc in simd_avx2.h's words. */
#include "compute/cpu/simd_avx2.h"

#define KERNELS cpu_kernels_avx2
#include "compute/cpu/kernels.inc"
