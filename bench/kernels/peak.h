/* SPDX-License-Identifier: Apache-2.0 */
/* peak.h — n rounds of multiply-adds in registers, and the floating-point operations of one round. */
#ifndef TRI_BENCH_PEAK_H
#define TRI_BENCH_PEAK_H

#include <stddef.h>

double peak_generic(size_t n, float a, float b);
double peak_avx2(size_t n, float a, float b);
double peak_avx512(size_t n, float a, float b);
double peak_neon(size_t n, float a, float b);
extern const size_t peak_flops_generic, peak_flops_avx2, peak_flops_avx512, peak_flops_neon;

#endif
