/* SPDX-License-Identifier: Apache-2.0 */
/* simd_avx512.h — the vector words of kernels.inc in AVX-512 (F, BW, DQ, VL), and the dots of VNNI and BF16 where the file is
 * built for them. The words' contract stands in simd_generic.h, and in tiles_int8.inc. */
#ifndef TRI_COMPUTE_SIMD_AVX512_H
#define TRI_COMPUTE_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __m512 vf;
/* 12 x 2 accumulators + 2 of b + 1 of a = 27 of the 32 registers. */
/* X(rows) for each height of tile */
#define FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
enum { VL = 16, TILE_ROWS = 12, TILE_VECTORS = 2, DOT_QUERIES = 4, DOT_DOCS = 4 };

static inline vf v_zero(void) { return _mm512_setzero_ps(); }
static inline vf v_set1(float x) { return _mm512_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
static inline __mmask16 v_mask(size_t n) { return (__mmask16)((1u << n) - 1); }
static inline vf v_load_part(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v_mask(n), p); }
static inline void v_store_part(float *p, vf a, size_t n) { _mm512_mask_storeu_ps(p, v_mask(n), a); }
static inline vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf v_abs(vf a) { return _mm512_abs_ps(a); }
static inline vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vf v_scale2(vf a, vf n) { return _mm512_scalef_ps(a, n); }
static inline vf v_where_lt(vf a, vf b, vf yes, vf no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}

static inline float v_sum(vf a)
{
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline float v_greatest(vf a)
{
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

static inline vf v_from_f16(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
static inline vf v_from_bf16(const void *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
static inline vf v_from_i8(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

static inline vf v_load_bytes(const void *p) { return _mm512_loadu_ps(p); }
static inline vf v_add_words(vf a, vf b)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
static inline vf v_sub_scaled_words(vf a, vf b, int32_t n)
{
    __m512i product = _mm512_mullo_epi32(_mm512_castps_si512(b), _mm512_set1_epi32(n));
    return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(a), product));
}
static inline vf v_from_words(vf a) { return _mm512_cvtepi32_ps(_mm512_castps_si512(a)); }
static inline void v_store_u8(uint8_t *p, vf a)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(a)));
}
static inline void v_zip(uint32_t *to, const uint16_t *a, const uint16_t *b)
{
    __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)a));
    __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)b));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

/* a - floor(a), and a * 2^floor(n): one instruction each, good for infinities too */
#define HAVE_FLOOR_PARTS
static inline vf v_above_floor(vf a) { return _mm512_reduce_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
static inline vf v_scale2_floor(vf a, vf n) { return _mm512_scalef_ps(a, n); }

/* table[low 5 bits of each lane] */
#define HAVE_LOOKUP
static inline vf v_lookup(const float table[32], vf lanes)
{
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), _mm512_castps_si512(lanes), _mm512_loadu_ps(table + 16));
}

#if defined(__AVX512BF16__)
#define HAVE_DOT_BF16
static inline vf v_dot_bf16(vf acc, vf a, vf b) { return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b); }
static inline void v_store_bf16(uint16_t *p, vf a) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(a)); }
#define HAVE_STORE_BF16_PAIR
static inline void v_store_bf16_pair(uint16_t *p, vf a, vf b) { _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(b, a)); }
#else
static inline vf v_bf16_low(vf a) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 16)); }
static inline vf v_bf16_high(vf a)
{
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32((int)0xFFFF0000u)));
}
static inline void v_store_bf16(uint16_t *p, vf a)
{
    __m512i bits = _mm512_castps_si512(a), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000)); /* quiet, and still a NaN when cut */
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}
#endif

#if defined(__AVX512VNNI__)
#define HAVE_DOT_INT8
static inline vf v_dot_int8(vf acc, vf a, vf b)
{
    return _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(acc), _mm512_castps_si512(a), _mm512_castps_si512(b)));
}
#else
#define WIDE_INT8 /* tiles_int8.inc's words */
typedef __m512i vw;
static inline vw w_zero(void) { return _mm512_setzero_si512(); }
static inline vw w_load(const void *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p)); }
static inline vw w_load_unsigned(const void *p) { return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)p)); }
static inline void w_store(uint16_t *p, vw a) { _mm512_storeu_si512(p, a); }
static inline vw w_quad(const uint16_t *p)
{
    int64_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm512_set1_epi64(quad);
}
static inline vw w_dot(vw acc, vw a, vw b) { return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b)); }
static inline vf w_join(vw low, vw high)
{
    __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), one = _mm512_set1_epi32(1);
    __m512i odd = _mm512_or_si512(even, one);
    __m512i first = _mm512_permutex2var_epi32(low, even, high), second = _mm512_permutex2var_epi32(low, odd, high);
    return _mm512_castsi512_ps(_mm512_add_epi32(first, second));
}
#endif

#endif
