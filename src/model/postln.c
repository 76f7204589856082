/* SPDX-License-Identifier: Apache-2.0 */
/* postln.c — the encoder of BERT (Devlin et al. 2018) and XLM-RoBERTa (Conneau et al. 2019), straight down.
 *
 *   x = LN(word[id] + position[p] + type[t])                                   [T, D]
 *   for each layer:
 *       q, k, v = x Wqkv^T + b                                                 [T, 3D], one matrix
 *       a = softmax(q k^T / sqrt(D/H)) v   per text and head                   [T, D]
 *       x = LN(x + a Wo^T + bo)
 *       x = LN(x + gelu(x Wi^T + bi) Wd^T + bd)                                [T, F] in between
 *
 * The last layer computes keys and values of every row, but queries, projection and feed-forward only of the wanted rows. Its
 * query matrix is therefore packed apart from keys and values. Rows never meet outside attention, and an op's row does not
 * depend on the other rows of the call (compute.h, invariant 1): the bits are those of a pass in which every row is wanted.
 * Matches transformers' BertModel / XLMRobertaModel last_hidden_state; tolerances in tests/model/test_golden_models.c. */
#include "model/postln.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "model/bind.h"

typedef struct layer {
    packed_matrix *qkv;           /* [3D, D]; NULL in the last layer */
    packed_matrix *q, *kv;        /* [D, D], [2D, D]; the last layer only */
    packed_matrix *o, *up, *down; /* [D, D], [F, D], [D, F] */
    float *qkv_bias;              /* [3D] */
    float *o_bias, *up_bias, *down_bias;
    float *ln1_gamma, *ln1_beta, *ln2_gamma, *ln2_beta; /* [D]: after attention, after feed-forward */
} layer;

struct encoder {
    const model_config *config;
    tensor word, position, type;
    float *emb_gamma, *emb_beta;
    size_t n_layers;
    layer *layers;
};

enum { NAME_CAP = 160 };

/* ---- binding ------------------------------------------------------------------------------------------------------ */

typedef struct binder {
    compute *c;
    const model_config *config;
    const weights *w;
    const char *prefix;
    tri_error *err;
} binder;

static const char *find_prefix(const weights *w, const char *const *prefixes)
{
    char name[NAME_CAP];
    for (; *prefixes; prefixes++) {
        snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", *prefixes);
        if (weights_find(w, name)) return *prefixes;
    }
    return NULL;
}

/* Very old checkpoints say LayerNorm.gamma and LayerNorm.beta for weight and bias. */
static tri_status bind_norm(const binder *b, const char *stem, float **gamma, float **beta)
{
    char name[2][NAME_CAP];
    snprintf(name[0], NAME_CAP, "%s%s.gamma", b->prefix, stem);
    bool old = weights_find(b->w, name[0]) != NULL;
    snprintf(name[0], NAME_CAP, "%s%s.%s", b->prefix, stem, old ? "gamma" : "weight");
    snprintf(name[1], NAME_CAP, "%s%s.%s", b->prefix, stem, old ? "beta" : "bias");
    TRI_TRY(bind_vector(b->c, b->w, name[0], b->config->hidden, gamma, b->err));
    return bind_vector(b->c, b->w, name[1], b->config->hidden, beta, b->err);
}

static tri_status bind_projection(const binder *b, size_t i, const char *stem, size_t n, size_t k, packed_matrix **matrix,
                                  float **bias)
{
    char weight_name[NAME_CAP], bias_name[NAME_CAP];
    const char *name = weight_name;
    snprintf(weight_name, NAME_CAP, "%sencoder.layer.%zu.%s.weight", b->prefix, i, stem);
    snprintf(bias_name, NAME_CAP, "%sencoder.layer.%zu.%s.bias", b->prefix, i, stem);
    TRI_TRY(bind_linear(b->c, b->w, &name, 1, n, k, matrix, b->err));
    return bind_vector(b->c, b->w, bias_name, n, bias, b->err);
}

static tri_status bind_attention(const binder *b, size_t i, layer *l)
{
    static const char *const stems[3] = {"query", "key", "value"};
    char names[3][NAME_CAP], biases[3][NAME_CAP];
    const char *name[3], *bias[3];
    for (int j = 0; j < 3; j++) {
        snprintf(names[j], NAME_CAP, "%sencoder.layer.%zu.attention.self.%s.weight", b->prefix, i, stems[j]);
        snprintf(biases[j], NAME_CAP, "%sencoder.layer.%zu.attention.self.%s.bias", b->prefix, i, stems[j]);
        name[j] = names[j];
        bias[j] = biases[j];
    }
    size_t D = b->config->hidden;
    if (i + 1 < b->config->layers) {
        TRI_TRY(bind_linear(b->c, b->w, name, 3, D, D, &l->qkv, b->err));
    } else {
        TRI_TRY(bind_linear(b->c, b->w, name, 1, D, D, &l->q, b->err));
        TRI_TRY(bind_linear(b->c, b->w, name + 1, 2, D, D, &l->kv, b->err));
    }
    return bind_vectors(b->c, b->w, bias, 3, D, &l->qkv_bias, b->err);
}

static tri_status bind_layer(const binder *b, size_t i, layer *l)
{
    char stem[NAME_CAP];
    size_t D = b->config->hidden, F = b->config->ffn;
    TRI_TRY(bind_attention(b, i, l));
    TRI_TRY(bind_projection(b, i, "attention.output.dense", D, D, &l->o, &l->o_bias));
    snprintf(stem, sizeof stem, "encoder.layer.%zu.attention.output.LayerNorm", i);
    TRI_TRY(bind_norm(b, stem, &l->ln1_gamma, &l->ln1_beta));
    TRI_TRY(bind_projection(b, i, "intermediate.dense", F, D, &l->up, &l->up_bias));
    TRI_TRY(bind_projection(b, i, "output.dense", D, F, &l->down, &l->down_bias));
    snprintf(stem, sizeof stem, "encoder.layer.%zu.output.LayerNorm", i);
    return bind_norm(b, stem, &l->ln2_gamma, &l->ln2_beta);
}

static tri_status bind_embeddings(const binder *b, encoder *e)
{
    char name[NAME_CAP];
    const model_config *c = b->config;
    snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", b->prefix);
    TRI_TRY(bind_table(b->w, name, c->vocab, c->hidden, "vocab_size", &e->word, b->err));
    snprintf(name, sizeof name, "%sembeddings.position_embeddings.weight", b->prefix);
    TRI_TRY(bind_table_f32(b->c, b->w, name, c->positions, c->hidden, "max_position_embeddings", &e->position, b->err));
    if (c->types) {
        snprintf(name, sizeof name, "%sembeddings.token_type_embeddings.weight", b->prefix);
        TRI_TRY(bind_table_f32(b->c, b->w, name, c->types, c->hidden, "type_vocab_size", &e->type, b->err));
    }
    return bind_norm(b, "embeddings.LayerNorm", &e->emb_gamma, &e->emb_beta);
}

tri_status postln_bind(compute *c, const model_config *config, const weights *w, const char *const *prefixes, encoder **out,
                       tri_error *err)
{
    *out = NULL;
    const char *prefix = find_prefix(w, prefixes);
    if (!prefix)
        return err_set(err, TRI_ERR_FORMAT,
                       "could not use %s: tensor \"embeddings.word_embeddings.weight\" is not in it, under any prefix",
                       weights_file(w, 0));
    encoder *e = mem_calloc(1, sizeof *e);
    layer *layers = mem_calloc(config->layers, sizeof *layers);
    if (!e || !layers) {
        mem_free(e);
        mem_free(layers);
        return err_memory(err, config->layers * sizeof *layers);
    }
    e->config = config;
    e->layers = layers;
    e->n_layers = config->layers;
    binder b = {c, config, w, prefix, err};
    tri_status st = bind_embeddings(&b, e);
    for (size_t i = 0; !st && i < e->n_layers; i++) st = bind_layer(&b, i, &layers[i]);
    if (st) {
        postln_drop(c, e);
        return st;
    }
    *out = e;
    return TRI_OK;
}

void postln_drop(compute *c, encoder *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n_layers; i++) {
        layer *l = &e->layers[i];
        packed_matrix *const matrices[] = {l->qkv, l->q, l->kv, l->o, l->up, l->down};
        float *const vectors[] = {l->qkv_bias,  l->o_bias,   l->up_bias,   l->down_bias,
                                  l->ln1_gamma, l->ln1_beta, l->ln2_gamma, l->ln2_beta};
        for (size_t j = 0; j < sizeof matrices / sizeof *matrices; j++)
            if (matrices[j]) c->ops->packed_free(matrices[j]);
        for (size_t j = 0; j < sizeof vectors / sizeof *vectors; j++) compute_free(c, vectors[j]);
    }
    compute_free(c, e->position.data);
    compute_free(c, e->type.data);
    compute_free(c, e->emb_gamma);
    compute_free(c, e->emb_beta);
    mem_free(e->layers);
    mem_free(e);
}

/* Our own copies: packed matrices, the position and type tables. Biases and norms are under 0.1 % and left out. */
size_t postln_packed_bytes(const encoder *e)
{
    const model_config *c = e->config;
    size_t per_layer = 4 * c->hidden * c->hidden + 2 * c->hidden * c->ffn;
    return sizeof(float) * (e->n_layers * per_layer + (c->positions + c->types) * c->hidden);
}

/* ---- the forward pass --------------------------------------------------------------------------------------------- */

static void run_embeddings(compute *c, const encoder *e, const batch *b, const tensor *x)
{
    embed_args a = {.ids = b->ids,
                    .positions = b->positions,
                    .types = b->types,
                    .word = e->word,
                    .position = e->position,
                    .type = e->type,
                    .gamma = e->emb_gamma,
                    .beta = e->emb_beta,
                    .eps = e->config->eps,
                    .y = *x};
    c->ops->embed(c, &a);
}

/* a [Tq, D] = attention of q over k and v; the three are column blocks of buffers with their own ld */
static void run_attention(compute *c, const encoder *e, tensor q, tensor k, tensor v, const int32_t *q_start, const batch *b,
                          tensor a)
{
    size_t H = e->config->heads;
    attention_args args = {.q = q,
                           .k = k,
                           .v = v,
                           .y = a,
                           .q_start = q_start,
                           .kv_start = b->seq_start,
                           .B = b->B,
                           .H = H,
                           .scale = 1.0f / sqrtf((float)(e->config->hidden / H))};
    c->ops->attention(c, &args);
}

/* x = LN(x + a Wo^T + bo); x = LN(x + gelu(x Wi^T + bi) Wd^T + bd) */
static void run_rest(compute *c, const encoder *e, const layer *l, const tensor *a, const tensor *x, workspace *ws)
{
    size_t F = e->config->ffn;
    epilogue out = {l->o_bias, ACT_NONE, x};
    c->ops->linear(c, a, l->o, &out, x);
    c->ops->layernorm(c, x, NULL, l->ln1_gamma, l->ln1_beta, e->config->eps, x);
    tensor f = tensor_f32(ws->ffn, x->rows, F, F);
    epilogue up = {l->up_bias, e->config->act, NULL}, down = {l->down_bias, ACT_NONE, x};
    c->ops->linear(c, x, l->up, &up, &f);
    c->ops->linear(c, &f, l->down, &down, x);
    c->ops->layernorm(c, x, NULL, l->ln2_gamma, l->ln2_beta, e->config->eps, x);
}

static void run_layer(compute *c, const encoder *e, const layer *l, const batch *b, workspace *ws)
{
    size_t D = e->config->hidden, T = b->T;
    tensor x = tensor_f32(ws->x, T, D, D), qkv = tensor_f32(ws->qkv, T, 3 * D, 3 * D), a = tensor_f32(ws->ctx, T, D, D);
    epilogue bias = {l->qkv_bias, ACT_NONE, NULL};
    c->ops->linear(c, &x, l->qkv, &bias, &qkv);
    run_attention(c, e, tensor_f32(ws->qkv, T, D, 3 * D), tensor_f32(ws->qkv + D, T, D, 3 * D),
                  tensor_f32(ws->qkv + 2 * D, T, D, 3 * D), b->seq_start, b, a);
    run_rest(c, e, l, &a, &x, ws);
}

/* Keys and values of all T rows, the rest of the W wanted ones. With a choice of rows, their residual moves to ctx (gathering
 * in place would race) and attention writes where x was: x is not needed once keys, values and the wanted rows are out of it.
 */
static tensor run_last_layer(compute *c, const encoder *e, const layer *l, const batch *b, workspace *ws)
{
    size_t D = e->config->hidden, T = b->T, W = b->all_rows ? T : b->W;
    tensor x = tensor_f32(ws->x, T, D, D), kv = tensor_f32(ws->qkv, T, 2 * D, 2 * D),
           q = tensor_f32(ws->qkv + 2 * T * D, W, D, D);
    tensor xw = b->all_rows ? x : tensor_f32(ws->ctx, W, D, D);
    tensor a = tensor_f32(b->all_rows ? ws->ctx : ws->x, W, D, D);
    epilogue kv_bias = {l->qkv_bias + D, ACT_NONE, NULL}, q_bias = {l->qkv_bias, ACT_NONE, NULL};
    c->ops->linear(c, &x, l->kv, &kv_bias, &kv);
    if (!b->all_rows) c->ops->gather(c, &x, b->wanted, &xw);
    c->ops->linear(c, &xw, l->q, &q_bias, &q);
    run_attention(c, e, q, tensor_f32(ws->qkv, T, D, 2 * D), tensor_f32(ws->qkv + D, T, D, 2 * D),
                  b->all_rows ? b->seq_start : b->wanted_start, b, a);
    run_rest(c, e, l, &a, &xw, ws);
    return xw;
}

tensor postln_encode(compute *c, const encoder *e, const batch *b, workspace *ws)
{
    tensor x = tensor_f32(ws->x, b->T, e->config->hidden, e->config->hidden);
    run_embeddings(c, e, b, &x);
    for (size_t i = 0; i + 1 < e->n_layers; i++) run_layer(c, e, &e->layers[i], b, ws);
    return run_last_layer(c, e, &e->layers[e->n_layers - 1], b, ws);
}
