/* SPDX-License-Identifier: Apache-2.0 */
/* simd_amx.h — the words of simd_avx512.h for vectors, and those of tiles_amx.inc in AMX's instructions. The tests give the
 * latter in plain C (tests/support/amx_emulated.h). */
#ifndef TRI_COMPUTE_SIMD_AMX_H
#define TRI_COMPUTE_SIMD_AMX_H

#include "compute/cpu/simd_avx512.h"

/* Macros, since a tile's number is part of its instruction. */
#define HAVE_AMX
#define tile_zero(t) _tile_zero(t)
#define tile_load(t, from, step) _tile_loadd(t, from, step)
#define tile_store(t, to, step) _tile_stored(t, to, step)
#define tile_dot_int8(c, a, b) _tile_dpbusd(c, a, b)
#define tile_dot_bf16(c, a, b) _tile_dpbf16ps(c, a, b)
#define tile_release() _tile_release()

/* Loads a configuration unless it is the processor's already: what the thread had is asked, not remembered, so that nobody
 * else's can be taken for ours. Asking takes a tenth of loading (some 200 cycles), which also empties all tiles. */
static inline void tile_configure(const void *shape)
{
    _Alignas(64) char now[64];
    _tile_storeconfig(now);
    __asm__ volatile("" : : "r"(now), "r"(shape) : "memory"); /* gcc 12 takes 8 bytes of each for the whole */
    if (_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(now), _mm512_loadu_si512(shape))) _tile_loadconfig(shape);
}

#endif
