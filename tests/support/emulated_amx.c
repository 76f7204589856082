/* SPDX-License-Identifier: Apache-2.0 */
/* emulated_amx.c — the kernels of AMX over tiles in plain C, and over the plain C vectors. */
#include "compute/cpu/simd_generic.h"

#include "amx_emulated.h"

#define KERNELS cpu_kernels_emulated_amx
#include "compute/cpu/kernels.inc"
