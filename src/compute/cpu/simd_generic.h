/* SPDX-License-Identifier: Apache-2.0 */
/* simd_generic.h — the vector words of kernels.inc in plain C with the compiler's vector types: SSE2, NEON, or whatever the
 * build's baseline is. No fused multiply-add: v_fma here rounds twice (contraction is off in the build), so that the result
 * does not depend on what the compiler found.
 *
 * The words, the same in every simd_<isa>.h:
 *   VL            lanes of a vector
 *   TILE_ROWS x TILE_VECTORS   the register tile of a matrix product; DOT_QUERIES x DOT_DOCS that of dot products
 *   v_load_part   n < VL elements, zeros after them, nothing past them read; v_store_part likewise
 *   v_fma         a*b + c;  v_fnma  c - a*b
 *   v_max, v_min  where an argument is NaN the second is the answer or NaN: so v_max(bound, x) keeps x's NaN
 *   v_round       to the nearest integer, for |a| < 2^22
 *   v_scale2      a * 2^n for integral n in -150..128
 *   v_where_lt    yes where a < b, else (NaN too) no
 *   v_sum         all lanes, in one fixed order
 *   v_from_*      VL elements of a stored type, at any alignment
 *   v_*_words     lanes as 32-bit integers: sums, a - n * b, and to float
 *   v_bf16_*      the low or high half of each word as float; v_store_bf16 rounds to nearest even, a NaN stays one
 *   v_store_u8    lanes that are integers 0..255
 *   v_zip         to[i] = a[i] | b[i] << 16, 16 of them
 *   HAVE_FLOOR_PARTS   v_above_floor: a - floor(a); v_scale2_floor: a * 2^floor(n)
 *   HAVE_LOOKUP   v_lookup: 32 floats looked up by the low 5 bits of each lane
 *   HAVE_STORE_BF16_PAIR   v_store_bf16_pair: two vectors side by side, as v_store_bf16 one after the other
 *   HAVE_DOT_BF16, HAVE_DOT_INT8   v_dot_*: acc += two bf16, four u8 x s8 products a word */
#ifndef TRI_COMPUTE_SIMD_GENERIC_H
#define TRI_COMPUTE_SIMD_GENERIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/half.h"

/* X(rows) for each height of tile */
#define FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4)
enum { VL = 4, TILE_ROWS = 4, TILE_VECTORS = 2, DOT_QUERIES = 2, DOT_DOCS = 4 };
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(16)));

static inline vf v_set1(float x) { return (vf){x, x, x, x}; }
static inline vf v_zero(void) { return v_set1(0); }
static inline vf v_load(const float *p)
{
    vf a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline void v_store(float *p, vf a) { memcpy(p, &a, sizeof a); }
static inline vf v_load_part(const float *p, size_t n)
{
    vf a = v_zero();
    memcpy(&a, p, n * sizeof *p);
    return a;
}
static inline void v_store_part(float *p, vf a, size_t n) { memcpy(p, &a, n * sizeof *p); }
static inline vf v_add(vf a, vf b) { return a + b; }
static inline vf v_sub(vf a, vf b) { return a - b; }
static inline vf v_mul(vf a, vf b) { return a * b; }
static inline vf v_div(vf a, vf b) { return a / b; }
static inline vf v_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf v_fnma(vf a, vf b, vf c) { return c - a * b; }
static inline vf v_choose(vi mask, vf yes, vf no) { return (vf)(((vi)yes & mask) | ((vi)no & ~mask)); }
static inline vf v_max(vf a, vf b) { return v_choose(a > b, a, b); }
static inline vf v_min(vf a, vf b) { return v_choose(a < b, a, b); }
static inline vf v_abs(vf a) { return (vf)((vi)a & 0x7FFFFFFF); }
static inline vf v_where_lt(vf a, vf b, vf yes, vf no) { return v_choose(a < b, yes, no); }

/* 1.5 * 2^23: adding it leaves no bits below the integer; its low bits then are the integer. */
#define V_MAGIC 12582912.0f
static inline vf v_round(vf a) { return (a + V_MAGIC) - V_MAGIC; }

/* In two steps, since 2^n for n of -150 or 128 is no normal float while a * 2^n is meant to be right. */
static inline vf v_scale2(vf a, vf n)
{
    vi whole = (vi)(n + V_MAGIC) - 0x4B400000, half = whole >> 1;
    return a * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
}

static inline float v_sum(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }
static inline float v_greatest(vf a)
{
    float p = a[0] > a[2] ? a[0] : a[2], q = a[1] > a[3] ? a[1] : a[3];
    return p > q ? p : q;
}

static inline vf v_from_f16(const void *p)
{
    uint16_t h[VL];
    memcpy(h, p, sizeof h);
    return (vf){half_to_f32(h[0]), half_to_f32(h[1]), half_to_f32(h[2]), half_to_f32(h[3])};
}
static inline vf v_from_bf16(const void *p)
{
    uint16_t h[VL];
    memcpy(h, p, sizeof h);
    return (vf)((vu){h[0], h[1], h[2], h[3]} << 16);
}
static inline vf v_from_i8(const void *p)
{
    int8_t b[VL];
    memcpy(b, p, sizeof b);
    return (vf){b[0], b[1], b[2], b[3]};
}

static inline vf v_load_bytes(const void *p)
{
    vf a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline vf v_add_words(vf a, vf b) { return (vf)((vi)a + (vi)b); }
static inline vf v_sub_scaled_words(vf a, vf b, int32_t n) { return (vf)((vi)a - (vi)b * n); }
static inline vf v_from_words(vf a)
{
    vi words = (vi)a;
    return (vf){(float)words[0], (float)words[1], (float)words[2], (float)words[3]};
}
static inline vf v_bf16_low(vf a) { return (vf)((vu)a << 16); }
static inline vf v_bf16_high(vf a) { return (vf)((vu)a & 0xFFFF0000u); }
static inline void v_store_bf16(uint16_t *p, vf a)
{
    for (int i = 0; i < VL; i++) p[i] = bf16_from_f32(a[i]);
}
static inline void v_store_u8(uint8_t *p, vf a)
{
    for (int i = 0; i < VL; i++) p[i] = (uint8_t)a[i];
}
static inline void v_zip(uint32_t *to, const uint16_t *a, const uint16_t *b)
{
    for (int i = 0; i < 16; i++) to[i] = a[i] | (uint32_t)b[i] << 16;
}

#endif
