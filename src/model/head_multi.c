/* SPDX-License-Identifier: Apache-2.0 */
/* head_multi.c — a vector a token: FlagEmbedding's M3 multi-vectors (ColBERT).
 *
 * The first token is skipped, the final `</s>` is kept: n - 1 rows for n tokens. Projected, cut to the wanted width, then each
 * of unit length. The published head is stored in f16 beside f32 weights; its width may differ from the hidden size and is read
 * from the file. With an encoder in bf16, int8 or f16 the projection is in bf16, or f16: its rows are rounded once more. */
#include <string.h>

#include "base/err.h"
#include "model/bind.h"
#include "model/head.h"

tri_status head_multi_bind(packing *pk, const model_config *config, const char *path, head_multi *out, tri_error *err)
{
    const char *name = "weight";
    TRI_TRY(head_file_open(path, "colbert_linear", &out->w, err));
    const weight *t = weights_find(out->w, name);
    out->dim = t && t->rank == 2 && t->shape[0] > 0 && t->shape[0] <= LIMIT_WIDTH ? (size_t)t->shape[0] : config->hidden;
    out->p = pk->p == PRECISION_INT8 ? PRECISION_BF16 : pk->p;
    TRI_TRY(bind_linear(pk, out->w, "multi", &name, 1, out->dim, config->hidden, out->p, &out->matrix, err));
    return bind_vector(pk->c, out->w, "bias", out->dim, &out->bias, err);
}

void head_multi_drop(compute *c, head_multi *h)
{
    if (h->matrix) c->ops->packed_free(h->matrix);
    compute_free(c, h->bias);
    weights_close(h->w);
    memset(h, 0, sizeof *h);
}

/* Scratch is two areas: the picked rows, in whose place the result of bf16 comes; the result of f32, or the narrow rows. */
static size_t first_floats(const head_multi *h, size_t width)
{
    return width > h->dim ? width : h->dim;
}

static size_t second_floats(const head_multi *h, size_t width)
{
    return h->p == PRECISION_F32 ? h->dim : (compute_ld(DTYPE_BF16, width) + 1) / 2;
}

size_t head_multi_floats(const head_multi *h, size_t width)
{
    return first_floats(h, width) + second_floats(h, width);
}

tensor head_multi_run(compute *c, const head_multi *h, const tensor *x, const int32_t *rows, size_t n_rows, size_t dim_out,
                      float *tmp)
{
    size_t D = x->cols;
    float *second = tmp + n_rows * first_floats(h, D);
    bool narrow = h->p != PRECISION_F32;
    tensor picked = tensor_f32(tmp, n_rows, D, D), y = tensor_f32(narrow ? tmp : second, n_rows, h->dim, h->dim);
    tensor low = {.data = second,
                  .type = h->p == PRECISION_F16 ? DTYPE_F16 : DTYPE_BF16,
                  .rows = n_rows,
                  .cols = D,
                  .ld = compute_ld(DTYPE_BF16, D)};
    epilogue e = {h->bias, ACT_NONE, NULL};
    if (!n_rows) return y;
    c->ops->gather(c, x, rows, &picked);
    if (narrow) c->ops->narrow(c, &picked, NULL, &low);
    c->ops->linear(c, narrow ? &low : &picked, h->matrix, &e, &y);
    y.cols = dim_out;
    c->ops->normalize(c, &y, &y);
    return y;
}
