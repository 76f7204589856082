/* SPDX-License-Identifier: Apache-2.0 */
/* ref_glu.c — y = act(gate) * up, element by element, in double and rounded once. */
#include "compute/ref/ref.h"

void ref_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y)
{
    (void)c;
    for (size_t i = 0; i < y->rows; i++)
        for (size_t j = 0; j < y->cols; j++) ref_put(y, i, j, ref_activate(act, ref_get(gate, i, j)) * ref_get(up, i, j));
}
