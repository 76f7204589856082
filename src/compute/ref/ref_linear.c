/* SPDX-License-Identifier: Apache-2.0 */
/* ref_linear.c — y = act(x.W^T + bias) + residual, one element at a time.
 *
 * "Packed" is the weight widened to f32, row-major [N, K]. The GELU is torch's nn.GELU(): x * Phi(x), here with erfc so that
 * the far negative side keeps its digits. The tanh form, quick GELU and SiLU follow their published definitions. */
#include <math.h>

#include "base/alloc.h"
#include "base/err.h"
#include "compute/backend.h"
#include "compute/ref/ref.h"

struct packed_matrix {
    size_t n, k;
    float *w; /* [n, k] */
};

tri_status ref_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, packed_matrix **out,
                    tri_error *err)
{
    size_t n, elements, bytes;
    *out = NULL;
    TRI_TRY(backend_check_parts(c->ops->name, parts, n_parts, k, p, &n, err));
    if (!mul_size(n, k, &elements) || !mul_size(elements, sizeof(float), &bytes)) return err_memory(err, SIZE_MAX);
    packed_matrix *m = mem_alloc(sizeof *m);
    float *w = mem_alloc(bytes);
    if (!m || !w) {
        mem_free(m);
        mem_free(w);
        return err_memory(err, bytes);
    }
    *m = (packed_matrix){n, k, w};
    for (size_t i = 0; i < n_parts; i++) {
        dtype_to_f32(w, parts[i].data, parts[i].type, parts[i].n * k);
        w += parts[i].n * k;
    }
    *out = m;
    return TRI_OK;
}

void ref_packed_free(packed_matrix *m)
{
    if (!m) return;
    mem_free(m->w);
    mem_free(m);
}

size_t ref_packed_bytes(const packed_matrix *m) { return m->n * m->k * sizeof(float); }

double ref_activate(activation act, double v)
{
    const double root_half = 0.70710678118654752440, root_2_over_pi = 0.79788456080286535588;
    switch (act) {
    case ACT_NONE: return v;
    case ACT_GELU_ERF: return 0.5 * v * erfc(-v * root_half);
    case ACT_GELU_TANH: return v / (1 + exp(-2 * root_2_over_pi * (v + 0.044715 * v * v * v)));
    case ACT_QUICK_GELU: return v / (1 + exp(-1.702 * v));
    case ACT_RELU: return v < 0 ? 0 : v;
    case ACT_SILU: return v / (1 + exp(-v));
    case ACT_TANH: return tanh(v);
    }
    return v;
}

void ref_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    (void)c;
    for (size_t i = 0; i < x->rows; i++) {
        const float *row = (const float *)x->data + i * x->ld; /* [K] */
        float *out = (float *)y->data + i * y->ld;             /* [N] */
        for (size_t j = 0; j < w->n; j++) {
            const float *col = w->w + j * w->k;
            double sum = 0;
            for (size_t k = 0; k < w->k; k++) sum += (double)row[k] * col[k];
            if (e && e->bias) sum += e->bias[j];
            if (e) sum = ref_activate(e->act, sum);
            if (e && e->residual) sum += ((const float *)e->residual->data)[i * e->residual->ld + j];
            out[j] = (float)sum;
        }
    }
}
