/* SPDX-License-Identifier: Apache-2.0 */
/* matrix.h — a Linear's weight on the card: row-major [n, k], rows ld elements apart, in the type of its precision. */
#ifndef TRI_COMPUTE_CUDA_MATRIX_H
#define TRI_COMPUTE_CUDA_MATRIX_H

#include "compute/cuda/card.h"

typedef struct card_matrix {
    compute *c;
    precision p;
    size_t n, k, ld;
    packed_extras extras;
    card_layout at;
    char *block; /* device */
} card_matrix;

static inline const card_matrix *card_matrix_of(const packed_matrix *m)
{
    return (const card_matrix *)(const void *)m;
}

static inline view card_matrix_view(const card_matrix *m)
{
    view v = {m->block, NULL, m->n, m->k, m->ld, (size_t)card_type(m->p)};
    return v;
}

#endif
