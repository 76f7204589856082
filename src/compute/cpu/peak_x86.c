/* SPDX-License-Identifier: Apache-2.0 */
/* peak_x86.c — peak_rate.h's loops on x86-64, in assembler: what a compiler makes of intrinsics may spill, and a spill is not a
 * peak.
 *
 * Twelve chains: as many as two units of six cycles' latency need (four cycles and two units on Zen 4 and Ice Lake); of tiles,
 * six of the eight, where four would do (52 cycles, one product in 16). A chain's operands are not zero: multiplying zeros
 * takes less current, and clocks would rise above what real data see. Values stay ordinary: f32 runs to the fixed point of x =
 * 0.707 x + 0.318; the two bf16 products of a word cancel; integers wrap. Needs no flags of its instruction set, since the
 * assembler knows them all; entered only where the backend works. */
#include "compute/peak_rate.h"

#if defined(__x86_64__)

static const uint32_t F32_FACTOR = 0x3F3504F3, F32_TERM = 0x3EA2F983;    /* 0.70710678, 0.31830989 */
static const uint32_t BF16_FIRST = 0x3F9A3F9A, BF16_SECOND = 0xBF8D3F8D; /* 1.2 1.2, 1.1 -1.1 */
static const uint32_t INT8_FIRST = 0x5BA7E36D, INT8_SECOND = 0x5BA7E36D;

/* ---- vectors ------------------------------------------------------------------------------------------------------------ */

#define CHAINS(X) X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("10") X("11")
enum { N_CHAINS = 12 };

#define BEGIN_LOOP ".p2align 5\n1:\n\t"
#define END_LOOP "dec %0\n\tjnz 1b\n\t"
#define VECTORS_USED                                                                                                           \
    "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",  \
        "xmm14"

/* 12 and 13 of the registers `kind` hold the operands, 14 is free. */
#define LOAD(kind) "vbroadcastss %1, %%" kind "12\n\tvbroadcastss %2, %%" kind "13\n\t"
#define CLEAR(n) "vxorps %%xmm" n ", %%xmm" n ", %%xmm" n "\n\t"
#define LOOP(name, kind, first, second, STEP)                                                                                  \
    static void name(size_t rounds)                                                                                            \
    {                                                                                                                          \
        __asm__ volatile(LOAD(kind) CHAINS(CLEAR) BEGIN_LOOP CHAINS(STEP) END_LOOP "vzeroupper"                                \
                         : "+r"(rounds)                                                                                        \
                         : "m"(first), "m"(second)                                                                             \
                         : VECTORS_USED);                                                                                      \
    }

#define FMA_256(n) "vfmadd213ps %%ymm13, %%ymm12, %%ymm" n "\n\t"
#define FMA_512(n) "vfmadd213ps %%zmm13, %%zmm12, %%zmm" n "\n\t"
#define DOT_BF16_512(n) "vdpbf16ps %%zmm13, %%zmm12, %%zmm" n "\n\t"
#define DOT_INT8_512(n) "vpdpbusd %%zmm13, %%zmm12, %%zmm" n "\n\t"
#define DOT_INT8_256(n) "%{vex%} vpdpbusd %%ymm13, %%ymm12, %%ymm" n "\n\t"
/* Without an instruction for it, int8 that cannot overflow is pairs of 16 bits. */
#define PAIRS_256(n) "vpmaddwd %%ymm13, %%ymm12, %%ymm14\n\tvpaddd %%ymm14, %%ymm" n ", %%ymm" n "\n\t"
#define PAIRS_512(n) "vpmaddwd %%zmm13, %%zmm12, %%zmm14\n\tvpaddd %%zmm14, %%zmm" n ", %%zmm" n "\n\t"

LOOP(f32_256, "ymm", F32_FACTOR, F32_TERM, FMA_256)
LOOP(f32_512, "zmm", F32_FACTOR, F32_TERM, FMA_512)
LOOP(bf16_512, "zmm", BF16_FIRST, BF16_SECOND, DOT_BF16_512)
LOOP(int8_512, "zmm", INT8_FIRST, INT8_SECOND, DOT_INT8_512)
LOOP(int8_256, "ymm", INT8_FIRST, INT8_SECOND, DOT_INT8_256)
LOOP(int8_pairs_256, "ymm", INT8_FIRST, INT8_SECOND, PAIRS_256)
LOOP(int8_pairs_512, "zmm", INT8_FIRST, INT8_SECOND, PAIRS_512)

/* ---- tiles -------------------------------------------------------------------------------------------------------------- */

/* What LDTILECFG reads: palette 1, eight tiles of 16 rows of 64 bytes. */
typedef struct tile_shapes {
    _Alignas(64) uint8_t palette;
    uint8_t start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_shapes;
static const tile_shapes whole_tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};
_Static_assert(sizeof whole_tiles == 64, "the processor's format");

#define TILES(X) X("0") X("1") X("2") X("3") X("4") X("5")
enum { N_TILES_USED = 6 };
#define CLEAR_TILE(n) "tilezero %%tmm" n "\n\t"
/* Every row of the operands, tiles 6 and 7, is the same 64 bytes: a step of 0. No compiler keeps anything in tiles. */
#define TILE_LOOP(name, first, second, STEP)                                                                                   \
    static void name(size_t rounds)                                                                                            \
    {                                                                                                                          \
        uint32_t rows[2][16];                                                                                                  \
        for (size_t i = 0; i < 16; i++) rows[0][i] = first, rows[1][i] = second;                                               \
        __asm__ volatile("ldtilecfg %1\n\ttileloadd (%2,%4), %%tmm6\n\ttileloadd (%3,%4), %%tmm7\n\t" TILES(CLEAR_TILE)        \
                             BEGIN_LOOP TILES(STEP) END_LOOP "tilerelease"                                                     \
                         : "+r"(rounds)                                                                                        \
                         : "m"(whole_tiles), "r"(rows[0]), "r"(rows[1]), "r"((size_t)0)                                        \
                         : "cc", "memory");                                                                                    \
    }

#define TILE_BF16(n) "tdpbf16ps %%tmm7, %%tmm6, %%tmm" n "\n\t"
#define TILE_INT8(n) "tdpbusd %%tmm7, %%tmm6, %%tmm" n "\n\t"
TILE_LOOP(bf16_tile, BF16_FIRST, BF16_SECOND, TILE_BF16)
TILE_LOOP(int8_tile, INT8_FIRST, INT8_SECOND, TILE_INT8)

/* ---- the table ---------------------------------------------------------------------------------------------------------- */

/* {loop, operations of a round}: chains x 32-bit sums of a register x products in a sum x 2 */
#define F32_256                                                                                                                \
    {                                                                                                                          \
        f32_256, N_CHAINS * 8 * 2                                                                                              \
    }
#define F32_512                                                                                                                \
    {                                                                                                                          \
        f32_512, N_CHAINS * 16 * 2                                                                                             \
    }
#define INT8_512                                                                                                               \
    {                                                                                                                          \
        int8_512, N_CHAINS * 16 * 4 * 2                                                                                        \
    }

const peak_loops peak_x86[] = {
    {"amx", F32_512, {bf16_tile, N_TILES_USED * 256 * 32 * 2}, {int8_tile, N_TILES_USED * 256 * 64 * 2}},
    {"avx512bf16", F32_512, {bf16_512, N_CHAINS * 16 * 2 * 2}, INT8_512},
    {"avx512vnni", F32_512, F32_512, INT8_512},
    {"avx512", F32_512, F32_512, {int8_pairs_512, N_CHAINS * 16 * 2 * 2}},
    {"avxvnni", F32_256, F32_256, {int8_256, N_CHAINS * 8 * 4 * 2}},
    {"avx2", F32_256, F32_256, {int8_pairs_256, N_CHAINS * 8 * 2 * 2}},
    {0},
};

#else
const peak_loops peak_x86[] = {{0}};
#endif
