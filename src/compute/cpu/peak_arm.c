/* SPDX-License-Identifier: Apache-2.0 */
/* peak_arm.c — peak_rate.h's loops on AArch64, in assembler for the reasons that peak_x86.c gives.
 *
 * Twenty-four chains: four units of four cycles (Neoverse V1) need sixteen. Instructions of extensions are written as numbers,
 * so that the file needs no flags; a loop is entered only where the backend of its name works. */
#include "compute/peak_rate.h"

#if defined(__aarch64__)

static const uint32_t F32_FACTOR = 0x3F3504F3, F32_TERM = 0x3EA2F983;    /* 0.70710678, 0.31830989 */
static const uint32_t BF16_FIRST = 0x3F9A3F9A, BF16_SECOND = 0xBF8D3F8D; /* 1.2 1.2, 1.1 -1.1 */
static const uint32_t INT8_FIRST = 0x5BA7E36D, INT8_SECOND = 0x5BA7E36D;

#define CHAINS(X)                                                                                                              \
    X("0")                                                                                                                     \
    X("1")                                                                                                                     \
    X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("10") X("11") X("12") X("13") X("14") X("15") X("16") X("17")    \
        X("18") X("19") X("20") X("21") X("22") X("23")
enum { N_CHAINS = 24 };

/* 28 and 29 hold the operands, 30 is free. */
#define LOOP(name, first, second, chain)                                                                                       \
    static void name(size_t rounds)                                                                                            \
    {                                                                                                                          \
        __asm__ volatile("dup v28.4s, %w1\n\t"                                                                                 \
                         "dup v29.4s, %w2\n\t" CHAINS(CLEAR) ".p2align 5\n"                                                    \
                                                             "1:\n\t" CHAINS(chain) "subs %0, %0, #1\n\t"                      \
                                                                                    "b.ne 1b"                                  \
                         : "+r"(rounds)                                                                                        \
                         : "r"(first), "r"(second)                                                                             \
                         : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",       \
                           "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v28", "v29", "v30");         \
    }

#define CLEAR(n) "movi v" n ".4s, #0\n\t"
/* The sum grows until another product no longer changes it: ordinary numbers all the way. */
#define FMA(n) "fmla v" n ".4s, v28.4s, v29.4s\n\t"
/* Pairs of products in 16 bits, neighbours added into words: tiles_neon.inc's way without SDOT. */
#define PAIRS_INT8(n) "smull v30.8h, v28.8b, v29.8b\n\tsmlal v30.8h, v28.8b, v29.8b\n\tsadalp v" n ".4s, v30.8h\n\t"
#define DOT_INT8(n) ".inst 0x4e9d9780 + " n "\n\t"    /* sdot vn.4s, v28.16b, v29.16b */
#define SQUARE_INT8(n) ".inst 0x4e9daf80 + " n "\n\t" /* usmmla vn.4s, v28.16b, v29.16b */
#define SQUARE_BF16(n) ".inst 0x6e5def80 + " n "\n\t" /* bfmmla vn.4s, v28.8h, v29.8h */

LOOP(f32_neon, F32_FACTOR, F32_TERM, FMA)
LOOP(int8_neon, INT8_FIRST, INT8_SECOND, PAIRS_INT8)
LOOP(int8_dot, INT8_FIRST, INT8_SECOND, DOT_INT8)
LOOP(int8_square, INT8_FIRST, INT8_SECOND, SQUARE_INT8)
LOOP(bf16_square, BF16_FIRST, BF16_SECOND, SQUARE_BF16)

/* {loop, operations of a round}: chains x products of an instruction x 2 */
#define F32                                                                                                                    \
    {                                                                                                                          \
        f32_neon, N_CHAINS * 4 * 2                                                                                             \
    }

const peak_loops peak_arm[] = {
    {"i8mm", F32, {bf16_square, N_CHAINS * 16 * 2}, {int8_square, N_CHAINS * 32 * 2}},
    {"dotprod", F32, F32, {int8_dot, N_CHAINS * 16 * 2}},
    {"neon", F32, F32, {int8_neon, N_CHAINS * 16 * 2}},
    {0},
};

#else
const peak_loops peak_arm[] = {{0}};
#endif
