/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_amx.c — kernels.inc in simd_amx.h's words. */
#include "compute/cpu/simd_amx.h"

#define KERNELS cpu_kernels_amx
#include "compute/cpu/kernels.inc"
