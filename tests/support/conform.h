/* SPDX-License-Identifier: Apache-2.0 */
/* conform.h — every backend against ref, and against itself in other company.
 *
 * A case list is run for each instruction set of the machine, and for those that the tests emulate (conform_isa). Tensors are
 * random with padded rows (ld > cols) whose padding must come back untouched. `conform_close` compares under a bound given
 * element by element, `conform_same` bit by bit. Failures print the case and the first element that differs. */
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

/* The i-th instruction set to be tested, "ref" the last; NULL past the end. */
const char *conform_isa(size_t i);
/* Does it compute in this type? f16 is a card's alone; ref reads and writes it for them. */
bool conform_has(const char *isa, dtype type);
/* "cuda invariant" differs from "cuda" in its products alone: what makes none need not run on both. */
bool conform_is_twin(const char *isa);
/* Is a case of so many multiplications to be run? Under an emulated processor (CONFORM_LIGHT) only the small ones are. */
bool conform_affordable(size_t work);
device conform_open(const char *isa, int threads); /* 0 threads: no pool at all */
void conform_close_device(device *d);

/* [rows, cols] F32 with pad more floats a row; uniform in +-scale; freed by conform_free. */
tensor conform_random(rng *r, size_t rows, size_t cols, size_t pad, float scale);
/* A shape filled with NaN (U8: 0xEF), so that what an op did not write shows; `pad` elements after the row's last group. */
tensor conform_blank(size_t rows, size_t cols, size_t pad);
tensor conform_blank_as(dtype type, size_t rows, size_t cols, size_t pad);
/* x (F32 or BF16) in another type, by ref. */
tensor conform_narrowed(const tensor *x, dtype type, const float *smoothing, size_t pad);
tensor conform_copy(const tensor *t);
tensor conform_slice(const tensor *t, size_t first_row, size_t rows); /* borrowed */
void conform_free(tensor *t);
void *conform_alloc(size_t bytes);
float *conform_row(const tensor *t, size_t i); /* F32 */
double conform_get(const tensor *t, size_t i, size_t j);

/* |got - want| <= bound[i * cols + j], or both NaN; fails the test otherwise. bound NULL = `flat` for all. */
void conform_close(const char *what, const tensor *got, const tensor *want, const double *bound, double flat);
/* The same bytes, and of a U8 row the same scale. */
void conform_same(const char *what, const tensor *got, const tensor *want);
/* Padding of a tensor from conform_random, conform_blank or conform_narrowed is as it was made, and zeros fill the last group
 * of a narrow row. */
void conform_padding(const char *what, const tensor *t);

packed_matrix *conform_pack(device *d, const void *w, dtype type, size_t n, size_t k);
packed_matrix *conform_pack_as(device *d, const tensor *w, precision p, const float *smoothing); /* w F32 */

#endif
