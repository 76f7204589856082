/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_blocks.c — ggml's quantised blocks to f32: y = scale * q, or scale * q - offset, in f32, in the order of ggml's own
 * dequantize_row functions, so that the values are the same to the bit. d, m: f16 at a block's beginning (Q6_K: at its end).
 *
 * K blocks have 256 elements in sub-blocks of 32 (Q6_K: 16) with scales of their own. The 8 pairs (scale, offset) of Q4_K and
 * Q5_K have 6 bits each, in 12 bytes: bytes 0-3 hold scales 0-3 and bytes 4-7 offsets 0-3 in their low 6 bits; bytes 8-11 the
 * low 4 bits of scales and offsets 4-7, whose high 2 bits are the high bits of bytes 0-3 and 4-7. */
#include "formats/gguf_blocks.h"

#include <math.h>
#include <string.h>

#include "formats/le.h"

static float f16_at(const uint8_t *p)
{
    return half_to_f32(le_u16(p));
}

/* ---- blocks of 32 ---------------------------------------------------------------------------------------------------- */

static void decode_q4_0(const uint8_t *b, float *out)
{
    float d = f16_at(b);
    for (int j = 0; j < 16; j++) {
        out[j] = (float)((b[2 + j] & 15) - 8) * d;
        out[j + 16] = (float)((b[2 + j] >> 4) - 8) * d;
    }
}

static void decode_q4_1(const uint8_t *b, float *out)
{
    float d = f16_at(b), m = f16_at(b + 2);
    for (int j = 0; j < 16; j++) {
        out[j] = (float)(b[4 + j] & 15) * d + m;
        out[j + 16] = (float)(b[4 + j] >> 4) * d + m;
    }
}

static void decode_q5_0(const uint8_t *b, float *out)
{
    float d = f16_at(b);
    uint32_t high = le_u32(b + 2);
    for (int j = 0; j < 16; j++) {
        out[j] = (float)((int)((b[6 + j] & 15) | (high >> j & 1) << 4) - 16) * d;
        out[j + 16] = (float)((int)((uint32_t)(b[6 + j] >> 4) | (high >> (j + 16) & 1) << 4) - 16) * d;
    }
}

static void decode_q5_1(const uint8_t *b, float *out)
{
    float d = f16_at(b), m = f16_at(b + 2);
    uint32_t high = le_u32(b + 4);
    for (int j = 0; j < 16; j++) {
        out[j] = (float)((b[8 + j] & 15) | (high >> j & 1) << 4) * d + m;
        out[j + 16] = (float)((uint32_t)(b[8 + j] >> 4) | (high >> (j + 16) & 1) << 4) * d + m;
    }
}

static void decode_q8_0(const uint8_t *b, float *out)
{
    float d = f16_at(b);
    for (int j = 0; j < GGUF_Q8_0_ITEMS; j++) out[j] = (float)(int8_t)b[2 + j] * d;
}

/* ---- blocks of 256 --------------------------------------------------------------------------------------------------- */

static void scale_pair(const uint8_t s[12], int j, int *scale, int *offset)
{
    if (j < 4) {
        *scale = s[j] & 63;
        *offset = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        *offset = (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    }
}

static void decode_q4_k(const uint8_t *b, float *out)
{
    float d = f16_at(b), dmin = f16_at(b + 2);
    const uint8_t *q = b + 16;
    for (int j = 0; j < 8; j++, out += 32) {
        int scale, offset;
        scale_pair(b + 4, j, &scale, &offset);
        float by = d * (float)scale, minus = dmin * (float)offset;
        for (int l = 0; l < 32; l++) out[l] = by * (float)(j & 1 ? q[l] >> 4 : q[l] & 15) - minus;
        if (j & 1) q += 32;
    }
}

static void decode_q5_k(const uint8_t *b, float *out)
{
    float d = f16_at(b), dmin = f16_at(b + 2);
    const uint8_t *high = b + 16, *q = b + 48;
    for (int j = 0; j < 8; j++, out += 32) {
        int scale, offset;
        scale_pair(b + 4, j, &scale, &offset);
        float by = d * (float)scale, minus = dmin * (float)offset;
        for (int l = 0; l < 32; l++) out[l] = by * (float)((j & 1 ? q[l] >> 4 : q[l] & 15) + (high[l] >> j & 1) * 16) - minus;
        if (j & 1) q += 32;
    }
}

static void decode_q6_k(const uint8_t *b, float *out)
{
    const uint8_t *low = b, *high = b + 128, *scales = b + 192;
    float d = f16_at(b + 208);
    for (int half = 0; half < 2; half++, out += 128, low += 64, high += 32, scales += 8) {
        for (int l = 0; l < 32; l++) {
            const int q[4] = {(low[l] & 15) | (high[l] & 3) << 4, (low[l + 32] & 15) | (high[l] >> 2 & 3) << 4,
                              (low[l] >> 4) | (high[l] >> 4 & 3) << 4, (low[l + 32] >> 4) | (high[l] >> 6) << 4};
            for (int k = 0; k < 4; k++) out[l + 32 * k] = d * (float)(int8_t)scales[l / 16 + 2 * k] * (float)(q[k] - 32);
        }
    }
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static const gguf_block kinds[] = {
    {GGUF_TENSOR_F32, "f32", 1, 4, DTYPE_F32, NULL},
    {GGUF_TENSOR_F16, "f16", 1, 2, DTYPE_F16, NULL},
    {GGUF_TENSOR_BF16, "bf16", 1, 2, DTYPE_BF16, NULL},
    {28, "f64", 1, 8, DTYPE_F64, NULL},
    {24, "i8", 1, 1, DTYPE_I8, NULL},
    {25, "i16", 1, 2, DTYPE_I16, NULL},
    {26, "i32", 1, 4, DTYPE_I32, NULL},
    {27, "i64", 1, 8, DTYPE_I64, NULL},
    {2, "q4_0", 32, 18, DTYPE_OTHER, decode_q4_0},
    {3, "q4_1", 32, 20, DTYPE_OTHER, decode_q4_1},
    {6, "q5_0", 32, 22, DTYPE_OTHER, decode_q5_0},
    {7, "q5_1", 32, 24, DTYPE_OTHER, decode_q5_1},
    {GGUF_TENSOR_Q8_0, "q8_0", GGUF_Q8_0_ITEMS, GGUF_Q8_0_BYTES, DTYPE_OTHER, decode_q8_0},
    {12, "q4_K", 256, 144, DTYPE_OTHER, decode_q4_k},
    {13, "q5_K", 256, 176, DTYPE_OTHER, decode_q5_k},
    {14, "q6_K", 256, 210, DTYPE_OTHER, decode_q6_k},
    /* known by name, for the refusal */
    {10, "q2_K", 256, 84, DTYPE_OTHER, NULL},
    {11, "q3_K", 256, 110, DTYPE_OTHER, NULL},
    {15, "q8_K", 256, 292, DTYPE_OTHER, NULL},
    {16, "iq2_xxs", 256, 66, DTYPE_OTHER, NULL},
    {17, "iq2_xs", 256, 74, DTYPE_OTHER, NULL},
    {18, "iq3_xxs", 256, 98, DTYPE_OTHER, NULL},
    {19, "iq1_s", 256, 50, DTYPE_OTHER, NULL},
    {20, "iq4_nl", 32, 18, DTYPE_OTHER, NULL},
    {21, "iq3_s", 256, 110, DTYPE_OTHER, NULL},
    {22, "iq2_s", 256, 82, DTYPE_OTHER, NULL},
    {23, "iq4_xs", 256, 136, DTYPE_OTHER, NULL},
    {29, "iq1_m", 256, 56, DTYPE_OTHER, NULL},
    {34, "tq1_0", 256, 54, DTYPE_OTHER, NULL},
    {35, "tq2_0", 256, 66, DTYPE_OTHER, NULL},
    {39, "mxfp4", 32, 17, DTYPE_OTHER, NULL},
};

const gguf_block *gguf_block_find(uint32_t id)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].id == id) return &kinds[i];
    return NULL;
}

void gguf_blocks_decode(const gguf_block *kind, const void *blocks, size_t n, float *out)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++) kind->decode(b + i * kind->bytes, out + i * kind->items);
}

void gguf_q8_0_encode(const float in[GGUF_Q8_0_ITEMS], uint8_t out[GGUF_Q8_0_BYTES])
{
    float most = 0;
    for (int j = 0; j < GGUF_Q8_0_ITEMS; j++) most = fmaxf(most, fabsf(in[j]));
    float d = most / 127;
    uint16_t half = half_from_f32(d);
    float by = half ? 1 / d : 0; /* a scale under f16's least makes a block of zeros, and its 1 / d may be infinite */
    out[0] = (uint8_t)half;
    out[1] = (uint8_t)(half >> 8);
    for (int j = 0; j < GGUF_Q8_0_ITEMS; j++) out[2 + j] = (uint8_t)(int8_t)roundf(in[j] * by);
}
