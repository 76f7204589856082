/* SPDX-License-Identifier: Apache-2.0 */
/* numbers.h — device functions that kernels share: elements of every type, activations, sums over a block.
 *
 * nvcc is told -fmad=false: what is fused is written fmaf, so that the card's f32 steps are those of compute/ref. */
#ifndef TRI_COMPUTE_CUDA_NUMBERS_H
#define TRI_COMPUTE_CUDA_NUMBERS_H

#include <math.h>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

#include "compute/cuda/card.h"

enum { WARP = 32, ROW_THREADS = 128, ROW_WARPS = ROW_THREADS / WARP };
#define HALF_MOST 65504.0f

DEVICE float f16_load(uint16_t h)
{
#if defined(__CUDACC__)
    return __half2float(__ushort_as_half(h));
#else
    return half_to_f32(h);
#endif
}

/* What is finite stays finite; an infinity and a NaN stay what they are, so that they are seen. */
DEVICE uint16_t f16_store(float f)
{
    if (fabsf(f) > HALF_MOST && !isinf(f)) f = f > 0 ? HALF_MOST : -HALF_MOST;
#if defined(__CUDACC__)
    return __half_as_ushort(__float2half_rn(f));
#else
    return half_from_f32(f);
#endif
}

DEVICE float bf16_load(uint16_t h)
{
#if defined(__CUDACC__)
    return __uint_as_float((unsigned)h << 16);
#else
    return bf16_to_f32(h);
#endif
}

DEVICE uint16_t bf16_store(float f)
{
#if defined(__CUDACC__)
    return __bfloat16_as_ushort(__float2bfloat16_rn(f));
#else
    return bf16_from_f32(f);
#endif
}

DEVICE float number_at(const void *data, size_t type, size_t at)
{
    switch (type) {
    case DTYPE_F32:
        return ((const float *)data)[at];
    case DTYPE_F16:
        return f16_load(((const uint16_t *)data)[at]);
    case DTYPE_BF16:
        return bf16_load(((const uint16_t *)data)[at]);
    case DTYPE_F64:
        return (float)((const double *)data)[at];
    case DTYPE_I8:
        return (float)((const int8_t *)data)[at];
    default:
        return 0;
    }
}

DEVICE float view_at(view v, size_t row, size_t col)
{
    return number_at(v.data, v.type, row * v.ld + col);
}

DEVICE void view_store(view v, size_t row, size_t col, float f)
{
    size_t at = row * v.ld + col;
    if (v.type == DTYPE_F32)
        ((float *)v.data)[at] = f;
    else
        ((uint16_t *)v.data)[at] = v.type == DTYPE_F16 ? f16_store(f) : bf16_store(f);
}

/* After the last of an odd number of 16-bit elements: the zero that fills its group. */
DEVICE void view_fill(view v, size_t row)
{
    if (v.type != DTYPE_F32 && v.cols % 2) ((uint16_t *)v.data)[row * v.ld + v.cols] = 0;
}

DEVICE void view_put(view v, size_t row, size_t col, float f)
{
    view_store(v, row, col, f);
    if (col + 1 == v.cols) view_fill(v, row);
}

/* erfc(-v / sqrt 2). On the far negative side it falls so steeply that rounding v / sqrt 2 alone would cost a hundred ulp:
 * what was rounded off is put back by the slope, -2 / sqrt pi exp(-x^2). */
DEVICE float erfc_scaled(float v)
{
    const float root_half = 0.70710678118654752440f, rest = 1.21016175e-8f, slope = 1.12837916709551257390f;
    float x = -v * root_half, off = fmaf(-v, root_half, -x) - v * rest, y = erfcf(x);
    return fabsf(x) < 16 ? fmaf(-slope * expf(-x * x), off, y) : y;
}

DEVICE float activate(size_t act, float v)
{
    const float root_2_over_pi = 0.79788456080286535588f;
    switch (act) {
    case ACT_GELU_ERF:
        return 0.5f * v * erfc_scaled(v);
    case ACT_GELU_TANH:
        return v / (1 + expf(-2 * root_2_over_pi * (v + 0.044715f * v * v * v)));
    case ACT_QUICK_GELU:
        return v / (1 + expf(-1.702f * v));
    case ACT_RELU:
        return v < 0 ? 0 : v;
    case ACT_SILU:
        return v / (1 + expf(-v));
    case ACT_TANH:
        return tanhf(v);
    default:
        return v;
    }
}

DEVICE float warp_sum(float v)
{
    for (int other = WARP / 2; other; other /= 2) v += __shfl_xor_sync(0xFFFFFFFFu, v, other);
    return v;
}

DEVICE float warp_most(float v)
{
    for (int other = WARP / 2; other; other /= 2) v = fmaxf(v, __shfl_xor_sync(0xFFFFFFFFu, v, other));
    return v;
}

/* Over the ROW_THREADS threads of a block, in one order; slots: shared. Every thread gets the result. */
DEVICE float block_sum(float v, float *slots)
{
    float sum = 0;
    v = warp_sum(v);
    if (threadIdx.x % WARP == 0) slots[threadIdx.x / WARP] = v;
    __syncthreads();
    for (int w = 0; w < ROW_WARPS; w++) sum += slots[w];
    __syncthreads();
    return sum;
}

DEVICE float block_most(float v, float *slots)
{
    v = warp_most(v);
    if (threadIdx.x % WARP == 0) slots[threadIdx.x / WARP] = v;
    __syncthreads();
    float most = slots[0];
    for (int w = 1; w < ROW_WARPS; w++) most = fmaxf(most, slots[w]);
    __syncthreads();
    return most;
}

#endif
