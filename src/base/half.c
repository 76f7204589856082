/* SPDX-License-Identifier: Apache-2.0 */
/* half.c — bit-level conversions, in plain C so that every other version has a judge. */
#include "base/half.h"

#include <string.h>

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

float half_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1F, mantissa = h & 0x3FF;
    if (exponent == 31) return float_of(sign | 0x7F800000 | mantissa << 13);
    if (exponent) return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
    float f = (float)mantissa * 0x1p-24f; /* subnormal or zero: exact */
    return float_of(sign | bits_of(f));
}

uint16_t half_from_f32(float value)
{
    uint32_t u = bits_of(value), sign = u >> 16 & 0x8000, a = u & 0x7FFFFFFF;
    if (a > 0x7F800000) return (uint16_t)(sign | 0x7E00 | (a >> 13 & 0x3FF)); /* NaN, kept quiet */
    if (a >= 0x477FF000) return (uint16_t)(sign | 0x7C00);                    /* >= 65520 rounds to infinity */
    if (a < 0x38800000) {                                                     /* below the least normal half */
        float f = float_of(a) + 0.5f; /* ulp of 0.5 is 2^-24, the step of half's subnormals: the adder rounds for us */
        return (uint16_t)(sign | (bits_of(f) - 0x3F000000));
    }
    uint32_t rounded = a + 0xFFF + (a >> 13 & 1);
    return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

float bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t bf16_from_f32(float value)
{
    uint32_t u = bits_of(value);
    if ((u & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7FFF + (u >> 16 & 1)) >> 16);
}

static const struct {
    size_t bytes;
    const char *name;
} dtypes[] = {
    [DTYPE_F32] = {4, "f32"}, [DTYPE_F16] = {2, "f16"},   [DTYPE_BF16] = {2, "bf16"},   [DTYPE_F64] = {8, "f64"},
    [DTYPE_I8] = {1, "i8"},   [DTYPE_U8] = {1, "u8"},     [DTYPE_I16] = {2, "i16"},     [DTYPE_I32] = {4, "i32"},
    [DTYPE_I64] = {8, "i64"}, [DTYPE_BOOL] = {1, "bool"}, [DTYPE_OTHER] = {0, "other"},
};

size_t dtype_size(dtype t)
{
    return dtypes[t].bytes;
}

const char *dtype_name(dtype t)
{
    return dtypes[t].name;
}

void dtype_to_f32(float *out, const void *in, dtype t, size_t n)
{
    const unsigned char *p = in;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        double d;
        switch (t) {
        case DTYPE_F32:
            memcpy(out + i, p + 4 * i, 4);
            break;
        case DTYPE_F16:
            memcpy(&h, p + 2 * i, 2);
            out[i] = half_to_f32(h);
            break;
        case DTYPE_BF16:
            memcpy(&h, p + 2 * i, 2);
            out[i] = bf16_to_f32(h);
            break;
        case DTYPE_F64:
            memcpy(&d, p + 8 * i, 8);
            out[i] = (float)d;
            break;
        default:
            out[i] = 0;
        }
    }
}
