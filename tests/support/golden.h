/* SPDX-License-Identifier: Apache-2.0 */
/* golden.h — reading reference cases: a folder with case.json, expected.safetensors, inputs.json, and tensors compared under
 * the tolerance that case.json states. */
#ifndef TEST_SUPPORT_GOLDEN_H
#define TEST_SUPPORT_GOLDEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/weights.h"

typedef struct golden {
    char dir[4096], model_dir[4096];
    json_t *facts, *inputs;
    weights *expected;
} golden;

/* The folder of full reference sets beside the project ($TRI_SHARED or ../shared), or NULL when it is not there. */
const char *golden_shared(void);
bool golden_open(const char *dir, golden *out);
void golden_close(golden *g);

/* Integers of a tensor (I32 or I64), malloc'd; NULL when it is not in the case. */
int64_t *golden_integers(const golden *g, const char *name, size_t *n);
/* Floats of an F32 tensor, borrowed; NULL when it is not in the case. */
const float *golden_floats(const golden *g, const char *name, size_t *n);
double golden_tolerance(const golden *g, const char *name);
/* Largest |a - b|; NaN counts as infinity. */
double golden_gap(const float *a, const float *b, size_t n);

#endif
