/* SPDX-License-Identifier: Apache-2.0 */
/* peak_x86.c — peak_rate.h's loops on x86-64, in assembler: what a compiler makes of intrinsics may spill, and a spill is not a
 * peak.
 *
 * Twelve chains: as many as two units of six cycles' latency need (four cycles and two units on Zen 4 and Ice Lake). A chain's
 * operands are not zero: multiplying zeros takes less current, and clocks would rise above what real data see. Values stay
 * ordinary: f32 runs to the fixed point of x = 0.707 x + 0.318; the two bf16 products of a word cancel; integers wrap.
 * Needs no flags of its instruction set, since the assembler knows them all; entered only where the backend works. */
#include "compute/peak_rate.h"

#if defined(__x86_64__)

static const uint32_t F32_FACTOR = 0x3F3504F3, F32_TERM = 0x3EA2F983;    /* 0.70710678, 0.31830989 */
static const uint32_t BF16_FIRST = 0x3F9A3F9A, BF16_SECOND = 0xBF8D3F8D; /* 1.2 1.2, 1.1 -1.1 */
static const uint32_t INT8_FIRST = 0x5BA7E36D, INT8_SECOND = 0x5BA7E36D;

#define CHAINS(X) X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("10") X("11")
enum { N_CHAINS = 12 };

/* LOOP(name, register, first, second, chain): 12 and 13 hold the operands, 14 is free. */
#define LOOP(name, reg, first, second, chain)                                                                                  \
    static void name(size_t rounds)                                                                                            \
    {                                                                                                                          \
        __asm__ volatile("vbroadcastss %1, %%" reg "12\n\t"                                                                    \
                         "vbroadcastss %2, %%" reg "13\n\t" CHAINS(CLEAR) ".p2align 5\n"                                       \
                                                                          "1:\n\t" CHAINS(chain) "dec %0\n\t"                  \
                                                                                                 "jnz 1b\n\t"                  \
                                                                                                 "vzeroupper"                  \
                         : "+r"(rounds)                                                                                        \
                         : "m"(first), "m"(second)                                                                             \
                         : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",      \
                           "xmm11", "xmm12", "xmm13", "xmm14");                                                                \
    }

#define CLEAR(n) "vxorps %%xmm" n ", %%xmm" n ", %%xmm" n "\n\t"
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

/* {loop, operations of a round}: chains x 32-bit lanes x products in a lane x 2 */
#define F32_256                                                                                                                \
    {                                                                                                                          \
        f32_256, N_CHAINS * 8 * 2                                                                                              \
    }
#define F32_512                                                                                                                \
    {                                                                                                                          \
        f32_512, N_CHAINS * 16 * 2                                                                                             \
    }

const peak_loops peak_x86[] = {
    {"avx512bf16", F32_512, {bf16_512, N_CHAINS * 16 * 2 * 2}, {int8_512, N_CHAINS * 16 * 4 * 2}},
    {"avx512vnni", F32_512, F32_512, {int8_512, N_CHAINS * 16 * 4 * 2}},
    {"avx512", F32_512, F32_512, {int8_pairs_512, N_CHAINS * 16 * 2 * 2}},
    {"avxvnni", F32_256, F32_256, {int8_256, N_CHAINS * 8 * 4 * 2}},
    {"avx2", F32_256, F32_256, {int8_pairs_256, N_CHAINS * 8 * 2 * 2}},
    {0},
};

#else
const peak_loops peak_x86[] = {{0}};
#endif
