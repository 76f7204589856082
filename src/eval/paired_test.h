/* SPDX-License-Identifier: Apache-2.0 */
/* paired_test.h — could this difference be chance? Tests on the per-query differences of two runs. */
#ifndef TRI_EVAL_PAIRED_TEST_H
#define TRI_EVAL_PAIRED_TEST_H

#include <stddef.h>
#include <stdint.h>

#include "trident/eval.h"

/* Two-sided p of Student's t with `freedom` > 0 degrees: P(|T| >= |t|). */
double paired_student(double t, double freedom);
/* n >= 1 finite differences, which it may reorder; see tri_paired_test. rounds 0 = 100,000. */
void paired_test_run(double *differences, size_t n, size_t rounds, uint64_t seed, tri_paired_test *out);

#endif
