/* SPDX-License-Identifier: Apache-2.0 */
/* emulated_avxvnni.c — the kernels of AVX-VNNI over the same instruction in the encoding of AVX-512 VL, which machines have
 * that lack AVX-VNNI (Zen 4, Ice Lake). Built for AVX-512 VNNI, entered only where that works. */
#include "compute/cpu/simd_avx2.h"

#define KERNELS cpu_kernels_emulated_avxvnni
#include "compute/cpu/kernels.inc"
