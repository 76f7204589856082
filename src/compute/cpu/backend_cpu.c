/* SPDX-License-Identifier: Apache-2.0 */
/* backend_cpu.c — the fast backend, once for each instruction set this build has: same ops, another table of kernels, and the
 * question whether this processor and its system (which must save the registers) can run it. */
#include "compute/cpu/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* XCR0: SSE, AVX; opmask, ZMM0-15, ZMM16-31; tile configuration, tiles */
enum { AVX_STATE = 0x6, AVX512_STATE = 0xE6, AMX_STATE = 0x60000 };

/* Register states the operating system saves; 0 without XGETBV. */
static uint32_t saved_state(unsigned leaf1_ecx)
{
    if (!(leaf1_ecx & bit_OSXSAVE)) return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* The words of CPUID that are asked for; 0 where the leaf is missing. The names are this file's, since older compilers' cpuid.h
 * lacks the newer bits. */
typedef struct cpuid_words {
    unsigned leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax;
} cpuid_words;
enum {
    LEAF7_ECX_AVX512_VNNI = 1 << 11,
    LEAF7_EDX_AMX = 1 << 22 | 1 << 24 | 1 << 25, /* BF16, TILE, INT8 */
    LEAF7_1_EAX_AVX_VNNI = 1 << 4,
    LEAF7_1_EAX_AVX512_BF16 = 1 << 5,
};

static cpuid_words read_cpuid(void)
{
    cpuid_words w = {0};
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) w.leaf1_ecx = c;
    if (!__get_cpuid_count(7, 0, &a, &w.leaf7_ebx, &w.leaf7_ecx, &w.leaf7_edx)) return w;
    if (a >= 1) __get_cpuid_count(7, 1, &w.leaf7_1_eax, &b, &c, &d);
    return w;
}

static bool has(unsigned word, unsigned bits) { return (word & bits) == bits; }

/* Palette 1 is what tiles_amx.inc configures: eight tiles of 16 rows x 64 bytes. */
static bool has_palette(void)
{
    enum { LEAF_TILE = 0x1D };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(LEAF_TILE, 0, &a, &b, &c, &d) || a < 1) return false;
    if (!__get_cpuid_count(LEAF_TILE, 1, &a, &b, &c, &d)) return false;
    return (b & 0xFFFF) == 64 && b >> 16 >= 8 && (c & 0xFFFF) >= 16;
}

/* Linux saves the tiles of a process only once it has asked, since they make every signal frame 8 KiB longer; it refuses where
 * a thread's signal stack is too small for that. What is granted holds for all threads. */
static bool request_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 }; /* asm/prctl.h, which older systems lack */
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

enum {
    FEATURE_KNOWN = 1,
    FEATURE_AVX2 = 2,
    FEATURE_AVXVNNI = 4,
    FEATURE_AVX512 = 8,
    FEATURE_AVX512VNNI = 16,
    FEATURE_AVX512BF16 = 32,
    FEATURE_AMX = 64,
};

/* What cmake/rooms.cmake compiles *_avx2.c, *_avx512.c and so on for; each needs the one before it of its width. */
static unsigned ask_features(void)
{
    cpuid_words w = read_cpuid();
    uint32_t state = saved_state(w.leaf1_ecx);
    unsigned known = FEATURE_KNOWN;
    if (!has(w.leaf1_ecx, bit_AVX | bit_FMA | bit_F16C) || !has(w.leaf7_ebx, bit_AVX2 | bit_BMI2) || !has(state, AVX_STATE))
        return known;
    known |= FEATURE_AVX2;
    if (has(w.leaf7_1_eax, LEAF7_1_EAX_AVX_VNNI)) known |= FEATURE_AVXVNNI;
    if (!has(w.leaf7_ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) || !has(state, AVX512_STATE)) return known;
    known |= FEATURE_AVX512;
    if (!has(w.leaf7_ecx, LEAF7_ECX_AVX512_VNNI)) return known;
    known |= FEATURE_AVX512VNNI;
    if (!has(w.leaf7_1_eax, LEAF7_1_EAX_AVX512_BF16)) return known;
    known |= FEATURE_AVX512BF16;
    if (has(w.leaf7_edx, LEAF7_EDX_AMX) && has(state, AMX_STATE) && has_palette() && request_tiles()) known |= FEATURE_AMX;
    return known;
}

/* Asked once: CPUID leaves a virtual machine, which takes some 20 microseconds. Threads that race here write the same word. */
static unsigned features(void)
{
    static atomic_uint word;
    unsigned known = atomic_load_explicit(&word, memory_order_relaxed);
    if (known) return known;
    known = ask_features();
    atomic_store_explicit(&word, known, memory_order_relaxed);
    return known;
}

static bool works_avx2(void) { return features() & FEATURE_AVX2; }
static bool works_avxvnni(void) { return features() & FEATURE_AVXVNNI; }
static bool works_avx512(void) { return features() & FEATURE_AVX512; }
static bool works_avx512vnni(void) { return features() & FEATURE_AVX512VNNI; }
static bool works_avx512bf16(void) { return features() & FEATURE_AVX512BF16; }
static bool works_amx(void) { return features() & FEATURE_AMX; }
#endif

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

/* NEON is part of every AArch64 processor; what the others need stands in the auxiliary vector, cheap to read. */
static bool works_neon(void) { return true; }
static bool works_dotprod(void) { return getauxval(AT_HWCAP) & HWCAP_ASIMDDP; }
static bool works_i8mm(void)
{
    const unsigned long both = HWCAP2_I8MM | HWCAP2_BF16;
    return works_dotprod() && (getauxval(AT_HWCAP2) & both) == both;
}
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
        .packed_extras_of = packed_extras_of,                                                                                \
        .linear = cpu_linear,                                                                                                \
        .narrow = cpu_narrow,                                                                                                \
        .embed = cpu_embed,                                                                                                  \
        .layernorm = cpu_layernorm,                                                                                          \
        .attention = cpu_attention,                                                                                          \
        .rotate = cpu_rotate,                                                                                                \
        .glu = cpu_glu,                                                                                                      \
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
