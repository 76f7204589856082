/* SPDX-License-Identifier: Apache-2.0 */
/* simd_avx2.h — the vector words of kernels.inc in AVX2 with FMA and F16C, and the dots of AVX-VNNI where the file is built for
 * it. The words' contract stands in simd_generic.h, and in tiles_int8.inc. */
#ifndef TRI_COMPUTE_SIMD_AVX2_H
#define TRI_COMPUTE_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __m256 vf;
/* 6 x 2 accumulators + 2 of b + 1 of a = 15 of the 16 registers. */
/* X(rows) for each height of tile */
#define FOR_TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
enum { VL = 8, TILE_ROWS = 6, TILE_VECTORS = 2, DOT_QUERIES = 2, DOT_DOCS = 4 };

static inline vf v_zero(void) { return _mm256_setzero_ps(); }
static inline vf v_set1(float x) { return _mm256_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
static inline __m256i v_mask(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf v_load_part(const float *p, size_t n) { return _mm256_maskload_ps(p, v_mask(n)); }
static inline void v_store_part(float *p, vf a, size_t n) { _mm256_maskstore_ps(p, v_mask(n), a); }
static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vf v_where_lt(vf a, vf b, vf yes, vf no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }

/* In two steps, since 2^n for n of -150 or 128 is no normal float while a * 2^n is meant to be right. */
static inline vf v_scale2(vf a, vf n)
{
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
    __m256i low = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    __m256i high = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(low)), _mm256_castsi256_ps(high));
}

static inline float v_sum(vf a)
{
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline float v_greatest(vf a)
{
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

static inline vf v_from_f16(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
static inline vf v_from_bf16(const void *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
static inline vf v_from_i8(const void *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

static inline vf v_load_bytes(const void *p) { return _mm256_loadu_ps(p); }
static inline vf v_add_words(vf a, vf b)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
static inline vf v_sub_scaled_words(vf a, vf b, int32_t n)
{
    __m256i product = _mm256_mullo_epi32(_mm256_castps_si256(b), _mm256_set1_epi32(n));
    return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(a), product));
}
static inline vf v_from_words(vf a) { return _mm256_cvtepi32_ps(_mm256_castps_si256(a)); }
static inline vf v_bf16_low(vf a) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 16)); }
static inline vf v_bf16_high(vf a)
{
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32((int)0xFFFF0000u)));
}
/* 8 words to 8 halves of 128 bits, saturating as unsigned: the words are 0..65535 */
static inline __m128i v_pack_words(__m256i a)
{
    __m256i packed = _mm256_packus_epi32(a, a);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x8));
}
static inline void v_store_u8(uint8_t *p, vf a)
{
    __m128i halves = v_pack_words(_mm256_cvtps_epi32(a));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(halves, halves));
}
static inline void v_store_bf16(uint16_t *p, vf a)
{
    __m256i bits = _mm256_castps_si256(a), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)); /* and still a NaN when cut */
    rounded = _mm256_blendv_epi8(rounded, quiet, nan);
    _mm_storeu_si128((__m128i *)p, v_pack_words(_mm256_srli_epi32(rounded, 16)));
}
static inline void v_zip(uint32_t *to, const uint16_t *a, const uint16_t *b)
{
    for (int i = 0; i < 16; i += 8) {
        __m256i low = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(a + i)));
        __m256i high = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(b + i)));
        _mm256_storeu_si256((__m256i *)(to + i), _mm256_or_si256(low, _mm256_slli_epi32(high, 16)));
    }
}

#if defined(__AVXVNNI__)
#define HAVE_DOT_INT8
static inline vf v_dot_int8(vf acc, vf a, vf b)
{
    __m256i sums = _mm256_dpbusd_avx_epi32(_mm256_castps_si256(acc), _mm256_castps_si256(a), _mm256_castps_si256(b));
    return _mm256_castsi256_ps(sums);
}
#elif defined(__AVX512VNNI__) /* only the tests build it so: the same instruction for machines that have its other encoding */
#define HAVE_DOT_INT8
static inline vf v_dot_int8(vf acc, vf a, vf b)
{
    __m256i sums = _mm256_dpbusd_epi32(_mm256_castps_si256(acc), _mm256_castps_si256(a), _mm256_castps_si256(b));
    return _mm256_castsi256_ps(sums);
}
#else
#define WIDE_INT8 /* tiles_int8.inc's words */
typedef __m256i vw;
static inline vw w_zero(void) { return _mm256_setzero_si256(); }
static inline vw w_load(const void *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p)); }
static inline vw w_load_unsigned(const void *p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p)); }
static inline void w_store(uint16_t *p, vw a) { _mm256_storeu_si256((__m256i *)p, a); }
static inline vw w_quad(const uint16_t *p)
{
    int64_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm256_set1_epi64x(quad);
}
static inline vw w_dot(vw acc, vw a, vw b) { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b)); }
static inline vf w_join(vw low, vw high)
{
    return _mm256_castsi256_ps(_mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xD8));
}
#endif

#endif
