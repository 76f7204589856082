/* SPDX-License-Identifier: Apache-2.0 */
/* head_dense.c — one vector a text: pooling, then the folder's Dense modules, cut to the wanted width, unit length.
 *
 * The cut comes before the normalisation (Matryoshka; FlagEmbedding's truncate_dim). Dense modules compute in full width first,
 * as sentence-transformers does, in f32 whatever the encoder's precision: a few rows a text. A folder without a Normalize
 * module keeps the vector's length. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "model/bind.h"
#include "model/head.h"

static tri_status open_module(const dense_module *m, weights **out, tri_error *err)
{
    char path[LIMIT_PATH];
    if (file_join(path, sizeof path, m->folder, "model.safetensors"))
        return err_set(err, TRI_ERR_LIMIT, "could not open a Dense module: path too long");
    if (file_exists(path)) return weights_open_file(path, out, err);
    if (file_join(path, sizeof path, m->folder, "pytorch_model.bin"))
        return err_set(err, TRI_ERR_LIMIT, "could not open a Dense module: path too long");
    return weights_open_file(path, out, err);
}

tri_status head_dense_bind(packing *pk, const model_config *config, head_dense *out, tri_error *err)
{
    out->dim = config->hidden;
    for (size_t i = 0; i < config->n_dense; i++) {
        const dense_module *m = &config->dense[i];
        weights *w;
        const char *name = "linear.weight";
        char room[32];
        snprintf(room, sizeof room, "dense%zu", i);
        TRI_TRY(open_module(m, &out->modules[i].w, err));
        w = out->modules[i].w;
        TRI_TRY(bind_linear(pk, w, room, &name, 1, m->out, m->in, PRECISION_F32, &out->modules[i].matrix, err));
        if (m->bias) TRI_TRY(bind_vector(pk->c, w, "linear.bias", m->out, &out->modules[i].bias, err));
        out->dim = m->out;
    }
    return TRI_OK;
}

void head_dense_drop(compute *c, head_dense *h)
{
    for (size_t i = 0; i < MAX_DENSE_MODULES; i++) {
        if (h->modules[i].matrix) c->ops->packed_free(h->modules[i].matrix);
        compute_free(c, h->modules[i].bias);
        weights_close(h->modules[i].w);
    }
    memset(h, 0, sizeof *h);
}

tensor head_dense_run(compute *c, const model_config *config, const head_dense *h, const tensor *x, const int32_t *row_start,
                      size_t B, size_t dim_out, float *tmp)
{
    size_t widest = x->cols;
    for (size_t i = 0; i < config->n_dense; i++)
        if (config->dense[i].out > widest) widest = config->dense[i].out;
    float *here = tmp, *there = tmp + B * widest;
    tensor y = tensor_f32(here, B, x->cols, x->cols);
    c->ops->pool(c, config->pool, x, row_start, B, &y);
    for (size_t i = 0; i < config->n_dense; i++) {
        const dense_module *m = &config->dense[i];
        epilogue e = {h->modules[i].bias, m->act, NULL};
        tensor z = tensor_f32(there, B, m->out, m->out);
        c->ops->linear(c, &y, h->modules[i].matrix, &e, &z);
        float *swap = here;
        here = there;
        there = swap;
        y = z;
    }
    y.cols = dim_out;
    if (config->normalize) c->ops->normalize(c, &y, &y);
    return y;
}
