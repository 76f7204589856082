/* SPDX-License-Identifier: Apache-2.0 */
/* simd_neon.h — the vector words of kernels.inc in AArch64 NEON. The words' contract stands in simd_generic.h; the products of
 * bytes and halves are in tiles_neon.inc. */
#ifndef TRI_COMPUTE_SIMD_NEON_H
#define TRI_COMPUTE_SIMD_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef float32x4_t vf;
/* 6 x 4 accumulators + 4 of b + 1 of a = 29 of the 32 registers. */
/* X(rows) for each height of tile */
#define FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
enum { VL = 4, TILE_ROWS = 6, TILE_VECTORS = 4, DOT_QUERIES = 4, DOT_DOCS = 4 };

static inline vf v_zero(void) { return vdupq_n_f32(0); }
static inline vf v_set1(float x) { return vdupq_n_f32(x); }
static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf a) { vst1q_f32(p, a); }
static inline vf v_load_part(const float *p, size_t n)
{
    float part[VL] = {0};
    memcpy(part, p, n * sizeof *p);
    return vld1q_f32(part);
}
static inline void v_store_part(float *p, vf a, size_t n)
{
    float part[VL];
    vst1q_f32(part, a);
    memcpy(p, part, n * sizeof *p);
}
static inline vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf v_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
static inline vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
static inline vf v_min(vf a, vf b) { return vminq_f32(a, b); }
static inline vf v_abs(vf a) { return vabsq_f32(a); }
static inline vf v_round(vf a) { return vrndnq_f32(a); }
static inline vf v_where_lt(vf a, vf b, vf yes, vf no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }

/* In two steps, since 2^n for n of -150 or 128 is no normal float while a * 2^n is meant to be right. */
static inline vf v_scale2(vf a, vf n)
{
    int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1), bias = vdupq_n_s32(127);
    int32x4_t low = vshlq_n_s32(vaddq_s32(half, bias), 23);
    int32x4_t high = vshlq_n_s32(vaddq_s32(vsubq_s32(whole, half), bias), 23);
    return vmulq_f32(vmulq_f32(a, vreinterpretq_f32_s32(low)), vreinterpretq_f32_s32(high));
}

static inline float v_sum(vf a) { return vaddvq_f32(a); }
static inline float v_greatest(vf a) { return vmaxvq_f32(a); }

static inline vf v_from_f16(const void *p)
{
    uint16x4_t half;
    memcpy(&half, p, sizeof half);
    return vcvt_f32_f16(vreinterpret_f16_u16(half));
}
static inline vf v_from_bf16(const void *p)
{
    uint16x4_t half;
    memcpy(&half, p, sizeof half);
    return vreinterpretq_f32_u32(vshll_n_u16(half, 16));
}
static inline vf v_from_i8(const void *p)
{
    int8_t bytes[8] = {0};
    memcpy(bytes, p, VL);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(bytes)))));
}

static inline vf v_load_bytes(const void *p) { return vreinterpretq_f32_u8(vld1q_u8(p)); }
static inline vf v_add_words(vf a, vf b)
{
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}
static inline vf v_sub_scaled_words(vf a, vf b, int32_t n)
{
    return vreinterpretq_f32_s32(vmlsq_n_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b), n));
}
static inline vf v_from_words(vf a) { return vcvtq_f32_s32(vreinterpretq_s32_f32(a)); }
static inline vf v_bf16_low(vf a) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a), 16)); }
static inline vf v_bf16_high(vf a)
{
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vdupq_n_u32(0xFFFF0000u)));
}
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
static inline void v_store_bf16(uint16_t *p, vf a) { vst1_bf16((bfloat16_t *)(void *)p, vcvt_bf16_f32(a)); }
#else
static inline void v_store_bf16(uint16_t *p, vf a)
{
    uint32x4_t bits = vreinterpretq_u32_f32(a), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7FFF)));
    uint32x4_t number = vceqq_f32(a, a), quiet = vorrq_u32(bits, vdupq_n_u32(0x400000)); /* and still a NaN when cut */
    vst1_u16(p, vshrn_n_u32(vbslq_u32(number, rounded, quiet), 16));
}
#endif
static inline void v_store_u8(uint8_t *p, vf a)
{
    uint16x4_t halves = vmovn_u32(vcvtq_u32_f32(a));
    uint8x8_t bytes = vmovn_u16(vcombine_u16(halves, halves));
    memcpy(p, &bytes, 4);
}
static inline void v_zip(uint32_t *to, const uint16_t *a, const uint16_t *b)
{
    for (int i = 0; i < 16; i += 8) {
        uint16x8x2_t pairs = vzipq_u16(vld1q_u16(a + i), vld1q_u16(b + i));
        vst1q_u16((uint16_t *)(to + i), pairs.val[0]);
        vst1q_u16((uint16_t *)(to + i + 4), pairs.val[1]);
    }
}

#endif
