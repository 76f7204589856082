/* SPDX-License-Identifier: Apache-2.0 */
/* head_sparse.c — a weight a token, the maximum per token id: FlagEmbedding's M3 lexical weights.
 *
 * weight = relu(w.h + b) for every token (this file's run gives w.h + b, its collapse keeps what is > 0); per distinct id the
 * maximum (not the sum); `<s> <pad> </s> <unk>` are dropped, `<mask>` is kept; only weights > 0 stay. Ids come out ascending.
 * Not normalised. Always in f32: one column costs nothing, and which tokens weigh most hangs on small differences. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/sort.h"
#include "formats/tensor_table.h"
#include "model/bind.h"
#include "model/head.h"

/* Keeps what begins with the stem and a dot, without them. */
static bool keep_stem(const void *ctx, const char *name, char out[TENSOR_NAME_CAP])
{
    const char *stem = ctx;
    size_t len = strlen(stem);
    if (strncmp(name, stem, len) != 0 || name[len] != '.') return false;
    snprintf(out, TENSOR_NAME_CAP, "%s", name + len + 1);
    return true;
}

static tri_status take_stem(weights *w, const char *stem, tri_error *err)
{
    if (weights_find(w, "weight")) return TRI_OK;
    return tensor_table_rename(weights_table(w), keep_stem, stem, err);
}

tri_status head_file_open(const char *path, const char *stem, weights **out, tri_error *err)
{
    tri_status st = weights_open_file(path, out, err);
    if (st == TRI_ERR_NOT_FOUND)
        err_hint(err, st,
                 "ask for the other outputs only (--want dense), or put the file beside the model; a head is never made up");
    if (st) return st;
    if ((st = take_stem(*out, stem, err))) {
        weights_close(*out);
        *out = NULL;
        return st;
    }
    const weight *bad;
    size_t element;
    if (!bind_find_not_finite(*out, &bad, &element)) return TRI_OK;
    st = err_set(err, TRI_ERR_NUMERIC, "could not use %s: tensor \"%s\" holds a value that is not finite (element %zu)",
                 bad->file, bad->name, element);
    weights_close(*out);
    *out = NULL;
    return st;
}

tri_status head_sparse_bind(packing *pk, const model_config *config, const char *path, head_sparse *out, tri_error *err)
{
    const char *name = "weight";
    TRI_TRY(head_file_open(path, "sparse_linear", &out->w, err));
    TRI_TRY(bind_linear(pk, out->w, "sparse", &name, 1, 1, config->hidden, PRECISION_F32, &out->matrix, err));
    return bind_vector(pk->c, out->w, "bias", 1, &out->bias, err);
}

tri_status head_sparse_bind_classifier(packing *pk, const model_config *config, const weights *w, head_sparse *out,
                                       tri_error *err)
{
    const char *name = "classifier.weight";
    TRI_TRY(bind_linear(pk, w, "sparse", &name, 1, 1, config->hidden, PRECISION_F32, &out->matrix, err));
    return bind_vector(pk->c, w, "classifier.bias", 1, &out->bias, err);
}

void head_sparse_drop(compute *c, head_sparse *h)
{
    if (h->matrix) c->ops->packed_free(h->matrix);
    compute_free(c, h->bias);
    weights_close(h->w);
    memset(h, 0, sizeof *h);
}

/* The ReLU is the "> 0" of the collapse: a NaN must stay visible until it was checked. */
tensor head_sparse_run(compute *c, const head_sparse *h, const tensor *x, float *tmp)
{
    epilogue e = {h->bias, ACT_NONE, NULL};
    tensor y = tensor_f32(tmp, x->rows, 1, 1);
    c->ops->linear(c, x, h->matrix, &e, &y);
    return y;
}

static bool is_special(uint32_t id, const uint32_t *specials, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (specials[i] == id) return true;
    return false;
}

size_t head_sparse_collapse(const uint32_t *ids, const float *token_weights, size_t n, const uint32_t *specials,
                            size_t n_specials, uint64_t *order, uint32_t *out_ids, float *out_weights)
{
    size_t m = 0, n_out = 0;
    for (size_t i = 0; i < n; i++)
        if (token_weights[i] > 0 && !is_special(ids[i], specials, n_specials)) order[m++] = (uint64_t)ids[i] << 32 | i;
    sort_u64(order, m);
    for (size_t i = 0; i < m; i++) {
        uint32_t id = (uint32_t)(order[i] >> 32);
        float w = token_weights[(uint32_t)order[i]];
        if (n_out && out_ids[n_out - 1] == id) {
            if (w > out_weights[n_out - 1]) out_weights[n_out - 1] = w;
        } else {
            out_ids[n_out] = id;
            out_weights[n_out++] = w;
        }
    }
    return n_out;
}
