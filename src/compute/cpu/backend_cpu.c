/* SPDX-License-Identifier: Apache-2.0 */
/* backend_cpu.c — the fast backend, once for each instruction set this build has: same ops, another table of kernels, and the
 * question whether this processor and its system (which must save the registers) can run it. */
#include "compute/cpu/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>
#include <stdint.h>

enum { AVX_STATE = 0x6, AVX512_STATE = 0xE6 }; /* XCR0: SSE, AVX; and opmask, ZMM0-15, ZMM16-31 */

/* Register states the operating system saves; 0 without XGETBV. */
static uint32_t saved_state(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool have(unsigned leaf1_ecx, unsigned leaf7_ebx, uint32_t state)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1_ecx) != leaf1_ecx) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & leaf7_ebx) != leaf7_ebx) return false;
    return (saved_state() & state) == state;
}

enum { FEATURE_KNOWN = 1, FEATURE_AVX2 = 2, FEATURE_AVX512 = 4, FEATURE_AVX512BF16 = 8 };
enum { LEAF7_ECX_VNNI = 1 << 11, LEAF7_1_EAX_BF16 = 1 << 5 };

static bool have_bf16(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & LEAF7_ECX_VNNI) || a < 1) return false;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & LEAF7_1_EAX_BF16);
}

/* What cmake/rooms.cmake compiles *_avx2.c, *_avx512.c and so on for. Asked once: CPUID leaves a virtual machine, which takes some
 * 20 microseconds. Threads that race here write the same word. */
static unsigned features(void)
{
    static atomic_uint word;
    unsigned known = atomic_load_explicit(&word, memory_order_relaxed);
    if (known) return known;
    known = FEATURE_KNOWN;
    if (have(bit_AVX | bit_FMA | bit_F16C, bit_AVX2 | bit_BMI2, AVX_STATE)) {
        known |= FEATURE_AVX2;
        if (have(bit_AVX, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL, AVX512_STATE)) known |= FEATURE_AVX512;
        if ((known & FEATURE_AVX512) && have_bf16()) known |= FEATURE_AVX512BF16;
    }
    atomic_store_explicit(&word, known, memory_order_relaxed);
    return known;
}

static bool works_avx2(void) { return features() & FEATURE_AVX2; }
static bool works_avx512(void) { return features() & FEATURE_AVX512; }
static bool works_avx512bf16(void) { return features() & FEATURE_AVX512BF16; }
#endif

#if defined(__aarch64__)
/* NEON is part of every AArch64 processor, and the kernels use nothing beyond it. */
static bool works_neon(void) { return true; }
#endif

static bool works_generic(void) { return true; }

#define CPU_BACKEND(isa)                                                                                                     \
    static tri_status open_##isa(compute *c, tri_error *err) { return cpu_state_open(c, &cpu_kernels_##isa, err); }          \
    static const compute_ops ops_##isa = {                                                                                   \
        .name = #isa,                                                                                                        \
        .pack = cpu_pack,                                                                                                    \
        .adopt = packed_adopt,                                                                                               \
        .packed_free = packed_free,                                                                                          \
        .packed_bytes = packed_bytes,                                                                                        \
        .packed_blob = packed_blob,                                                                                          \
        .packed_smoothing = packed_smoothing,                                                                                \
        .linear = cpu_linear,                                                                                                \
        .narrow = cpu_narrow,                                                                                                \
        .embed = cpu_embed,                                                                                                  \
        .layernorm = cpu_layernorm,                                                                                          \
        .attention = cpu_attention,                                                                                          \
        .gather = cpu_gather,                                                                                                \
        .pool = cpu_pool,                                                                                                    \
        .normalize = cpu_normalize,                                                                                          \
        .dots = cpu_dots,                                                                                                    \
        .maxsim = cpu_maxsim,                                                                                                \
    };                                                                                                                       \
    const backend backend_##isa = {&ops_##isa, works_##isa, open_##isa, cpu_state_close};

#define BACKEND(isa) CPU_BACKEND(isa)
#define BACKEND_REF(isa)
#include "compute/list.h"
