/* SPDX-License-Identifier: Apache-2.0 */
/* conform.h — every backend against ref, and against itself in other company.
 *
 * A case list is run for each instruction set of the machine (compute_isa). Tensors are random with padded rows (ld > cols)
 * whose padding must come back untouched. `conform_close` compares under a bound given element by element, `conform_same` bit
 * by bit. Failures print the case and the first element that differs. */
#ifndef TEST_SUPPORT_CONFORM_H
#define TEST_SUPPORT_CONFORM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "compute/compute.h"

/* One rounding of f32: half an ulp, relative. */
#define CONFORM_U 5.9604644775390625e-8 /* 2^-24 */

typedef struct device {
    compute *c;
    pool *threads; /* NULL when opened with 0 threads */
} device;

device conform_open(const char *isa, int threads); /* 0 threads: no pool at all */
void conform_close_device(device *d);

/* [rows, cols] with pad more floats a row; uniform in +-scale; freed by conform_free. */
tensor conform_random(rng *r, size_t rows, size_t cols, size_t pad, float scale);
/* The same shape, filled with NaN, so that what an op did not write shows. */
tensor conform_blank(size_t rows, size_t cols, size_t pad);
tensor conform_copy(const tensor *t);
tensor conform_slice(const tensor *t, size_t first_row, size_t rows); /* borrowed */
void conform_free(tensor *t);
void *conform_alloc(size_t bytes);
float *conform_row(const tensor *t, size_t i);

/* |got - want| <= bound[i * cols + j], or both NaN; fails the test otherwise. bound NULL = `flat` for all. */
void conform_close(const char *what, const tensor *got, const tensor *want, const double *bound, double flat);
void conform_same(const char *what, const tensor *got, const tensor *want);
/* Padding of a tensor from conform_random or conform_blank is as it was made. */
void conform_padding(const char *what, const tensor *t);

packed_matrix *conform_pack(device *d, const void *w, dtype type, size_t n, size_t k);

#endif
