/* SPDX-License-Identifier: Apache-2.0 */
/* half.h — f16 and bf16 to and from f32, exact both ways, round to nearest even; NaN stays NaN. Plain C: the fast twins are
 * in compute/cpu. */
#ifndef TRI_BASE_HALF_H
#define TRI_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

float half_to_f32(uint16_t h);
uint16_t half_from_f32(float f);
float bf16_to_f32(uint16_t h);
uint16_t bf16_from_f32(float f);

/* Element types of stored numbers. */
typedef enum {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_I16,
    DTYPE_I32,
    DTYPE_I64,
    DTYPE_BOOL,
    DTYPE_OTHER
} dtype;
size_t dtype_size(dtype t);      /* bytes; 0 for DTYPE_OTHER */
const char *dtype_name(dtype t); /* "f32" ... */
/* n elements of a float type (F32 F16 BF16 F64; possibly unaligned) into f32. */
void dtype_to_f32(float *out, const void *in, dtype t, size_t n);

#endif
