/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_avx512vnni.c — kernels.inc in simd_avx512.h's words. */
#include "compute/cpu/simd_avx512.h"

#define KERNELS cpu_kernels_avx512vnni
#include "compute/cpu/kernels.inc"
