/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_avxvnni.c — kernels.inc in simd_avx2.h's words. */
#include "compute/cpu/simd_avx2.h"

#define KERNELS cpu_kernels_avxvnni
#include "compute/cpu/kernels.inc"
