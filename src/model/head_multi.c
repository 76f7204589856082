/* SPDX-License-Identifier: Apache-2.0 */
/* head_multi.c — a vector a token: FlagEmbedding's M3 multi-vectors (ColBERT).
 *
 * The first token is skipped, the final `</s>` is kept: n - 1 rows for n tokens. Projected, cut to the wanted width, then each
 * of unit length. The published head is stored in f16 beside f32 weights; its width may differ from the hidden size and is read
 * from the file. */
#include <string.h>

#include "base/err.h"
#include "model/bind.h"
#include "model/head.h"

tri_status head_multi_bind(compute *c, const model_config *config, const char *path, head_multi *out, tri_error *err)
{
    const char *name = "weight";
    TRI_TRY(head_file_open(path, &out->w, err));
    const weight *t = weights_find(out->w, name);
    out->dim = t && t->rank == 2 && t->shape[0] > 0 && t->shape[0] <= LIMIT_WIDTH ? (size_t)t->shape[0] : config->hidden;
    TRI_TRY(bind_linear(c, out->w, &name, 1, out->dim, config->hidden, &out->matrix, err));
    return bind_vector(c, out->w, "bias", out->dim, &out->bias, err);
}

void head_multi_drop(compute *c, head_multi *h)
{
    if (h->matrix) c->ops->packed_free(h->matrix);
    compute_free(c, h->bias);
    weights_close(h->w);
    memset(h, 0, sizeof *h);
}

tensor head_multi_run(compute *c, const head_multi *h, const tensor *x, const int32_t *rows, size_t n_rows, size_t dim_out,
                      float *tmp)
{
    tensor picked = tensor_f32(tmp, n_rows, x->cols, x->cols);
    tensor y = tensor_f32(tmp + n_rows * x->cols, n_rows, h->dim, h->dim);
    epilogue e = {h->bias, ACT_NONE, NULL};
    if (!n_rows) return y;
    c->ops->gather(c, x, rows, &picked);
    c->ops->linear(c, &picked, h->matrix, &e, &y);
    y.cols = dim_out;
    c->ops->normalize(c, &y, &y);
    return y;
}
