/* SPDX-License-Identifier: Apache-2.0 */
/* kernels_generic.c — kernels.inc in simd_generic.h's words. */
#include "compute/cpu/simd_generic.h"

#define KERNELS cpu_kernels_generic
#include "compute/cpu/kernels.inc"
