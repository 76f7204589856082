/* SPDX-License-Identifier: Apache-2.0 */
/* simd_neon.h — the vector words of kernels.inc in AArch64 NEON. The words' contract stands in simd_generic.h. */
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

#endif
