/* SPDX-License-Identifier: Apache-2.0 */
/* ref_rotate.c — rotary position embedding in place: transformers' apply_rotary_pos_emb with rotate_half. */
#include "compute/ref/ref.h"

void ref_rotate(compute *c, const rotate_args *a)
{
    (void)c;
    size_t dh = a->x.cols / a->H, half = dh / 2;
    for (size_t i = 0; i < a->x.rows; i++) {
        const float *cosines = a->table + (size_t)a->positions[a->rows ? (size_t)a->rows[i] : i] * dh, *sines = cosines + half;
        for (size_t first = 0; first < a->x.cols; first += dh)
            for (size_t d = 0; d < half; d++) {
                double x = ref_get(&a->x, i, first + d), y = ref_get(&a->x, i, first + half + d);
                ref_put(&a->x, i, first + d, x * cosines[d] - y * sines[d]);
                ref_put(&a->x, i, first + half + d, y * cosines[d] + x * sines[d]);
            }
    }
}
