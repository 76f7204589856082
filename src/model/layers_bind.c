/* SPDX-License-Identifier: Apache-2.0 */
/* layers_bind.c — from a table of names to an encoder. The last layer's query matrix is bound apart from its keys and values,
 * since it is used for fewer rows (layers_run.c). */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "model/bind.h"
#include "model/layers.h"
#include "model/rotary.h"

enum { NAME_CAP = 160 };

typedef struct binder {
    packing *pk;
    const model_config *config;
    const weights *w;
    const tensor_names *names;
    const char *prefix;
    encoder *e;
    tri_error *err;
} binder;

static const char *find_prefix(const weights *w, const tensor_names *names, const char *const *prefixes)
{
    char name[NAME_CAP];
    for (; *prefixes; prefixes++) {
        snprintf(name, sizeof name, "%s%s.weight", *prefixes, names->word);
        if (weights_find(w, name)) return *prefixes;
    }
    return NULL;
}

/* ---- pieces --------------------------------------------------------------------------------------------------------- */

/* at: the layer; SIZE_MAX: outside the layers */
static void make_name(const binder *b, size_t at, const char *stem, const char *end, char out[NAME_CAP])
{
    if (at == SIZE_MAX)
        snprintf(out, NAME_CAP, "%s%s.%s", b->prefix, stem, end);
    else
        snprintf(out, NAME_CAP, "%s%s%zu.%s.%s", b->prefix, b->names->layer, at, stem, end);
}

/* Very old checkpoints say LayerNorm.gamma and LayerNorm.beta for weight and bias. */
static tri_status bind_norm(const binder *b, size_t at, const char *stem, norm_weights *out)
{
    char name[NAME_CAP];
    make_name(b, at, stem, "gamma", name);
    bool old = weights_find(b->w, name) != NULL;
    make_name(b, at, stem, old ? "gamma" : "weight", name);
    TRI_TRY(bind_vector(b->pk->c, b->w, name, b->config->hidden, &out->gamma, b->err));
    if (b->config->shape.no_norm_bias) return TRI_OK;
    make_name(b, at, stem, old ? "beta" : "bias", name);
    return bind_vector(b->pk->c, b->w, name, b->config->hidden, &out->beta, b->err);
}

/* bias NULL: the shape has none */
static tri_status bind_projection(const binder *b, size_t at, const char *stem, size_t n, size_t k, packed_matrix **matrix,
                                  float **bias)
{
    char text[NAME_CAP];
    const char *name = text;
    make_name(b, at, stem, "weight", text);
    TRI_TRY(bind_linear(b->pk, b->w, "", &name, 1, n, k, b->pk->p, matrix, b->err));
    if (!bias) return TRI_OK;
    make_name(b, at, stem, "bias", text);
    return bind_vector(b->pk->c, b->w, text, n, bias, b->err);
}

/* ---- attention ------------------------------------------------------------------------------------------------------ */

/* Are two vectors of the device the same bits? */
static tri_status same_floats(const binder *b, const float *x, const float *y, size_t n, bool *same)
{
    float *host = mem_array(n, 2 * sizeof *host);
    if (!host) return err_memory(b->err, n * 2 * sizeof *host);
    compute_download(b->pk->c, host, x, n * sizeof *host);
    compute_download(b->pk->c, host + n, y, n * sizeof *host);
    tri_status st = compute_sync(b->pk->c, b->err);
    *same = !st && memcmp(host, host + n, n * sizeof *host) == 0;
    mem_free(host);
    return st;
}

/* The last layer's two matrices read one narrow copy of x, so they must have been smoothed alike. */
static tri_status check_smoothing(const binder *b, const layer *l)
{
    if (!l->q || !l->kv) return TRI_OK; /* only planned */
    const float *q = b->pk->c->ops->packed_smoothing(l->q), *kv = b->pk->c->ops->packed_smoothing(l->kv);
    bool same = q == kv;
    if (q && kv) TRI_TRY(same_floats(b, q, kv, b->config->hidden, &same));
    if (same) return TRI_OK;
    return err_set(b->err, TRI_ERR_FORMAT,
                   "could not use packed weights: the last layer's query and key matrices are smoothed differently");
}

static tri_status bind_three(const binder *b, size_t i, bool is_last, layer *l)
{
    const char *const stems[3] = {b->names->q, b->names->k, b->names->v};
    char names[3][NAME_CAP], biases[3][NAME_CAP];
    const char *name[3], *bias[3];
    for (int j = 0; j < 3; j++) {
        make_name(b, i, stems[j], "weight", names[j]);
        make_name(b, i, stems[j], "bias", biases[j]);
        name[j] = names[j];
        bias[j] = biases[j];
    }
    size_t D = b->config->hidden;
    if (is_last) {
        TRI_TRY(bind_linear(b->pk, b->w, "", name, 1, D, D, b->pk->p, &l->q, b->err));
        TRI_TRY(bind_linear(b->pk, b->w, "", name + 1, 2, D, D, b->pk->p, &l->kv, b->err));
    } else {
        TRI_TRY(bind_linear(b->pk, b->w, "", name, 3, D, D, b->pk->p, &l->qkv, b->err));
    }
    if (b->config->shape.no_qkv_bias) return TRI_OK;
    return bind_vectors(b->pk->c, b->w, bias, 3, D, &l->qkv_bias, b->err);
}

static tri_status bind_one(const binder *b, size_t i, bool is_last, layer *l)
{
    char name[NAME_CAP];
    size_t D = b->config->hidden;
    make_name(b, i, b->names->qkv, "weight", name);
    if (is_last) {
        TRI_TRY(bind_linear_rows(b->pk, b->w, "", name, 3 * D, 0, D, D, b->pk->p, &l->q, b->err));
        TRI_TRY(bind_linear_rows(b->pk, b->w, "", name, 3 * D, D, 2 * D, D, b->pk->p, &l->kv, b->err));
    } else {
        TRI_TRY(bind_linear_rows(b->pk, b->w, "", name, 3 * D, 0, 3 * D, D, b->pk->p, &l->qkv, b->err));
    }
    if (b->config->shape.no_qkv_bias) return TRI_OK;
    make_name(b, i, b->names->qkv, "bias", name);
    return bind_vector(b->pk->c, b->w, name, 3 * D, &l->qkv_bias, b->err);
}

static tri_status bind_attention(const binder *b, size_t i, layer *l)
{
    const layer_shape *shape = &b->config->shape;
    bool is_last = i + 1 == b->config->layers, is_local = shape->is_local && shape->is_local[i];
    size_t D = b->config->hidden;
    TRI_TRY(shape->qkv_in_one ? bind_one(b, i, is_last, l) : bind_three(b, i, is_last, l));
    if (is_last) {
        bind_same_input(b->pk);
        TRI_TRY(check_smoothing(b, l));
    }
    l->angles = is_local ? b->e->local_angles : b->e->global_angles;
    l->window = is_local ? shape->window : 0;
    return bind_projection(b, i, b->names->o, D, D, &l->o, shape->no_o_bias ? NULL : &l->o_bias);
}

/* ---- layers --------------------------------------------------------------------------------------------------------- */

/* With the norms first, what follows a layer's feed-forward is the next layer's norm, or the final one. */
static tri_status bind_norms(const binder *b, size_t i, layer *l)
{
    const tensor_names *names = b->names;
    if (!b->config->shape.norms_first) {
        TRI_TRY(bind_norm(b, i, names->attention_norm, &l->after_attention));
        return bind_norm(b, i, names->ffn_norm, &l->after_ffn);
    }
    TRI_TRY(bind_norm(b, i, names->ffn_norm, &l->after_attention));
    if (i + 1 == b->config->layers) return bind_norm(b, SIZE_MAX, names->final_norm, &l->after_ffn);
    return bind_norm(b, i + 1, names->attention_norm, &l->after_ffn);
}

static tri_status bind_wide(const binder *b, size_t i, layer *l)
{
    char up[NAME_CAP], gate[NAME_CAP];
    const char *const both[2] = {up, gate};
    const layer_shape *shape = &b->config->shape;
    size_t D = b->config->hidden, F = b->config->ffn;
    if (!b->names->gate)
        return bind_projection(b, i, b->names->up, shape->ffn == FFN_PLAIN ? F : 2 * F, D, &l->up,
                               shape->no_up_bias ? NULL : &l->up_bias);
    make_name(b, i, b->names->up, "weight", up);
    make_name(b, i, b->names->gate, "weight", gate);
    return bind_linear(b->pk, b->w, "", both, 2, F, D, b->pk->p, &l->up, b->err);
}

static tri_status bind_layer(const binder *b, size_t i, layer *l)
{
    const layer_shape *shape = &b->config->shape;
    size_t D = b->config->hidden, F = b->config->ffn;
    TRI_TRY(bind_attention(b, i, l));
    TRI_TRY(bind_norms(b, i, l));
    TRI_TRY(bind_wide(b, i, l));
    return bind_projection(b, i, b->names->down, D, F, &l->down, shape->no_down_bias ? NULL : &l->down_bias);
}

static tri_status make_angles(const binder *b, const rotary *r, float **out)
{
    size_t dh = b->config->hidden / b->config->heads, bytes;
    if (!r->on) return TRI_OK;
    if (!mul_size(b->config->positions, dh * sizeof(float), &bytes)) return err_memory(b->err, SIZE_MAX);
    float *host = mem_alloc(bytes);
    if (!host) return err_memory(b->err, bytes);
    rotary_table(r, b->config->positions, dh, host);
    void *device = NULL;
    tri_status st = compute_alloc(b->pk->c, bytes, &device, b->err);
    if (!st) compute_upload(b->pk->c, device, host, bytes);
    mem_free(host);
    *out = device;
    return st;
}

/* Table i of the encoder: a view of the file, or the device's copy of it. */
static tri_status bind_one_table(const binder *b, size_t i, const char *stem, size_t rows, const char *why, tensor *out)
{
    char name[NAME_CAP];
    tensor view;
    make_name(b, SIZE_MAX, stem, "weight", name);
    TRI_TRY(bind_table(b->w, name, rows, b->config->hidden, why, &view, b->err));
    if (!b->pk->plan_only) return compute_table(b->pk->c, &view, out, &b->e->tables[i], b->err);
    *out = view;
    return TRI_OK;
}

static tri_status bind_embeddings(const binder *b)
{
    const model_config *c = b->config;
    encoder *e = b->e;
    TRI_TRY(bind_one_table(b, 0, b->names->word, c->vocab, "vocab_size", &e->word));
    if (!c->no_positions)
        TRI_TRY(bind_one_table(b, 1, b->names->position, c->positions, "max_position_embeddings", &e->position));
    if (c->types) TRI_TRY(bind_one_table(b, 2, b->names->type, c->types, "type_vocab_size", &e->type));
    return bind_norm(b, SIZE_MAX, b->names->emb_norm, &e->emb);
}

static tri_status bind_all(const binder *b)
{
    TRI_TRY(bind_embeddings(b));
    if (b->pk->plan_only) return TRI_OK;
    TRI_TRY(make_angles(b, &b->config->shape.global, &b->e->global_angles));
    return make_angles(b, &b->config->shape.local, &b->e->local_angles);
}

tri_status layers_bind(packing *pk, const model_config *config, const weights *w, const tensor_names *names,
                       const char *const *prefixes, encoder **out, tri_error *err)
{
    *out = NULL;
    const char *prefix = find_prefix(w, names, prefixes);
    if (!prefix)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: tensor \"%s.weight\" is not in it, under any prefix",
                       weights_file(w, 0), names->word);
    encoder *e = mem_calloc(1, sizeof *e);
    layer *layers = mem_calloc(config->layers, sizeof *layers);
    if (!e || !layers) {
        mem_free(e);
        mem_free(layers);
        return err_memory(err, config->layers * sizeof *layers);
    }
    e->config = config;
    e->p = pk->p;
    e->layers = layers;
    e->n_layers = config->layers;
    binder b = {pk, config, w, names, prefix, e, err};
    tri_status st = bind_all(&b);
    for (size_t i = 0; !st && i < e->n_layers; i++) st = bind_layer(&b, i, &layers[i]);
    if (st) {
        layers_drop(pk->c, e);
        return st;
    }
    *out = e;
    return TRI_OK;
}

static void drop_norm(compute *c, norm_weights *n)
{
    compute_free(c, n->gamma);
    compute_free(c, n->beta);
}

void layers_drop(compute *c, encoder *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n_layers; i++) {
        layer *l = &e->layers[i];
        packed_matrix *const matrices[] = {l->qkv, l->q, l->kv, l->o, l->up, l->down};
        float *const biases[] = {l->qkv_bias, l->o_bias, l->up_bias, l->down_bias};
        for (size_t j = 0; j < sizeof matrices / sizeof *matrices; j++)
            if (matrices[j]) c->ops->packed_free(matrices[j]);
        for (size_t j = 0; j < sizeof biases / sizeof *biases; j++) compute_free(c, biases[j]);
        drop_norm(c, &l->after_attention);
        drop_norm(c, &l->after_ffn);
    }
    drop_norm(c, &e->emb);
    compute_free(c, e->global_angles);
    compute_free(c, e->local_angles);
    for (size_t i = 0; i < sizeof e->tables / sizeof *e->tables; i++) compute_free(c, e->tables[i]);
    mem_free(e->layers);
    mem_free(e);
}
