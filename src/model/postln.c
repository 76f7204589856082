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
 *
 * Precision: the residual stream x, LayerNorm and every sum are f32. In bf16 and int8 a Linear reads a narrow copy of its
 * input (`in`: bf16, or u8 with a scale and zero point a row), which LayerNorm makes in passing; queries, keys, values, their
 * attention and the feed-forward's middle are bf16.
 *
 *   workspace: | x [T, D] f32, the result | in [T, D] | scales | work: q k v [T, 3D], a [T, D]; then the middle, in chunks |
 *
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
    precision p;
    tensor word, position, type;
    float *emb_gamma, *emb_beta;
    size_t n_layers;
    layer *layers;
};

enum { NAME_CAP = 160 };

/* ---- binding ------------------------------------------------------------------------------------------------------ */

typedef struct binder {
    packing *pk;
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
    TRI_TRY(bind_vector(b->pk->c, b->w, name[0], b->config->hidden, gamma, b->err));
    return bind_vector(b->pk->c, b->w, name[1], b->config->hidden, beta, b->err);
}

static tri_status bind_projection(const binder *b, size_t i, const char *stem, size_t n, size_t k, packed_matrix **matrix,
                                  float **bias)
{
    char weight_name[NAME_CAP], bias_name[NAME_CAP];
    const char *name = weight_name;
    snprintf(weight_name, NAME_CAP, "%sencoder.layer.%zu.%s.weight", b->prefix, i, stem);
    snprintf(bias_name, NAME_CAP, "%sencoder.layer.%zu.%s.bias", b->prefix, i, stem);
    TRI_TRY(bind_linear(b->pk, b->w, "", &name, 1, n, k, b->pk->p, matrix, b->err));
    return bind_vector(b->pk->c, b->w, bias_name, n, bias, b->err);
}

/* The last layer's two matrices read one narrow copy of x, so they must have been smoothed alike. */
static tri_status check_smoothing(const binder *b, const layer *l)
{
    if (!l->q || !l->kv) return TRI_OK; /* only planned */
    const float *q = b->pk->c->ops->packed_smoothing(l->q), *kv = b->pk->c->ops->packed_smoothing(l->kv);
    if (q == kv || (q && kv && memcmp(q, kv, b->config->hidden * sizeof *q) == 0)) return TRI_OK;
    return err_set(b->err, TRI_ERR_FORMAT,
                   "could not use packed weights: the last layer's query and key matrices are smoothed differently");
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
        TRI_TRY(bind_linear(b->pk, b->w, "", name, 3, D, D, b->pk->p, &l->qkv, b->err));
    } else {
        TRI_TRY(bind_linear(b->pk, b->w, "", name, 1, D, D, b->pk->p, &l->q, b->err));
        TRI_TRY(bind_linear(b->pk, b->w, "", name + 1, 2, D, D, b->pk->p, &l->kv, b->err));
        bind_same_input(b->pk);
        TRI_TRY(check_smoothing(b, l));
    }
    return bind_vectors(b->pk->c, b->w, bias, 3, D, &l->qkv_bias, b->err);
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
    TRI_TRY(bind_table(b->w, name, c->positions, c->hidden, "max_position_embeddings", &e->position, b->err));
    if (c->types) {
        snprintf(name, sizeof name, "%sembeddings.token_type_embeddings.weight", b->prefix);
        TRI_TRY(bind_table(b->w, name, c->types, c->hidden, "type_vocab_size", &e->type, b->err));
    }
    return bind_norm(b, "embeddings.LayerNorm", &e->emb_gamma, &e->emb_beta);
}

tri_status postln_bind(packing *pk, const model_config *config, const weights *w, const char *const *prefixes, encoder **out,
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
    e->p = pk->p;
    e->layers = layers;
    e->n_layers = config->layers;
    binder b = {pk, config, w, prefix, err};
    tri_status st = bind_embeddings(&b, e);
    for (size_t i = 0; !st && i < e->n_layers; i++) st = bind_layer(&b, i, &layers[i]);
    if (st) {
        postln_drop(pk->c, e);
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
    compute_free(c, e->emb_gamma);
    compute_free(c, e->emb_beta);
    mem_free(e->layers);
    mem_free(e);
}

/* ---- memory --------------------------------------------------------------------------------------------------------- */

enum { FFN_ROWS = 1024 }; /* rows of the middle at once: 8 MiB of bf16 at F = 4096, a part of the last-level cache */

typedef struct plan {
    dtype act, operand;                                 /* of q, k, v, a and the middle; of a Linear's input */
    size_t x_bytes, in_bytes, scales_bytes, work_bytes; /* scales: twice, for `in` and for the middle */
} plan;

static size_t rows_bytes(dtype type, size_t rows, size_t cols)
{
    return (rows * compute_ld(type, cols) * dtype_size(type) + 63) / 64 * 64;
}

/* A row of the middle, and of its narrow copy. */
static size_t middle_bytes(const encoder *e, const plan *p)
{
    size_t F = e->config->ffn, bytes = rows_bytes(p->act, 1, F);
    return p->operand == DTYPE_U8 ? bytes + rows_bytes(p->operand, 1, F) : bytes;
}

static plan plan_of(const encoder *e, size_t rows)
{
    size_t D = e->config->hidden;
    plan p = {.act = e->p == PRECISION_F32 ? DTYPE_F32 : DTYPE_BF16,
              .operand = e->p == PRECISION_F32    ? DTYPE_F32
                         : e->p == PRECISION_BF16 ? DTYPE_BF16
                                                  : DTYPE_U8};
    p.x_bytes = rows_bytes(DTYPE_F32, rows, D);
    p.in_bytes = e->p == PRECISION_F32 ? 0 : rows_bytes(p.operand, rows, D);
    p.scales_bytes = e->p == PRECISION_INT8 ? (rows * sizeof(row_scale) + 63) / 64 * 64 : 0;
    /* q k v in one or, in the last layer, in two: the padding of rows differs */
    size_t one = rows_bytes(p.act, rows, 3 * D), two = rows_bytes(p.act, rows, 2 * D) + rows_bytes(p.act, rows, D);
    p.work_bytes = rows_bytes(p.act, rows, D) + (one > two ? one : two);
    /* A few rows of a middle that is much wider than 4 D. */
    if (p.work_bytes < 4 * middle_bytes(e, &p)) p.work_bytes = 4 * middle_bytes(e, &p);
    return p;
}

void postln_workspace(const encoder *e, size_t rows, size_t *result_bytes, size_t *rest_bytes)
{
    plan p = plan_of(e, rows);
    *result_bytes = p.x_bytes;
    *rest_bytes = p.in_bytes + 2 * p.scales_bytes + p.work_bytes;
}

/* ---- the forward pass --------------------------------------------------------------------------------------------- */

typedef struct forward {
    compute *c;
    const encoder *e;
    const batch *b;
    const observer *watch;
    plan p;
    char *x, *in, *work; /* p.x_bytes, ... */
    row_scale *in_scales, *middle_scales;
} forward;

static forward forward_begin(compute *c, const encoder *e, const batch *b, workspace *ws)
{
    forward f = {.c = c, .e = e, .b = b, .watch = ws->watch, .p = plan_of(e, ws->rows), .x = ws->block};
    f.in = f.x + f.p.x_bytes;
    f.in_scales = (row_scale *)(void *)(f.in + f.p.in_bytes);
    f.middle_scales = (row_scale *)(void *)(f.in + f.p.in_bytes + f.p.scales_bytes);
    f.work = f.in + f.p.in_bytes + 2 * f.p.scales_bytes;
    ws->spare = f.in;
    return f;
}

static tensor rows_at(char *at, dtype type, size_t rows, size_t cols)
{
    return (tensor){.data = at, .type = type, .rows = rows, .cols = cols, .ld = compute_ld(type, cols)};
}

static tensor columns_of(tensor t, size_t first, size_t n)
{
    t.data = (char *)t.data + first * dtype_size(t.type);
    t.cols = n;
    return t;
}

static tensor rows_of(tensor t, size_t first, size_t n)
{
    t.data = (char *)t.data + first * t.ld * dtype_size(t.type);
    if (t.scales) t.scales += first;
    if (t.from.data) t.from.data = (const char *)t.from.data + first * t.from.ld * dtype_size(t.from.type);
    t.rows = n;
    return t;
}

static tensor_source source_of(const tensor *t)
{
    return (tensor_source){t->data, t->type, t->ld};
}

/* `in` for so many rows: where the next Linear's input goes, made from x. In f32 it is x itself. */
static tensor input_of(const forward *f, const tensor *x)
{
    if (f->e->p == PRECISION_F32) return *x;
    tensor t = rows_at(f->in, f->p.operand, x->rows, x->cols);
    if (t.type == DTYPE_U8) t.scales = f->in_scales;
    t.from = source_of(x);
    return t;
}

static void run_linear(const forward *f, const packed_matrix *w, const tensor *x, const float *bias, activation act,
                       const tensor *residual, const tensor *y)
{
    epilogue e = {bias, act, residual};
    if (f->watch) f->watch->see(f->watch->ctx, w, x);
    f->c->ops->linear(f->c, x, w, &e, y);
}

/* x = LN(x) into y, and its narrow copy for the Linear `next` (NULL: none); returns that Linear's input. */
static tensor run_norm(const forward *f, const tensor *x, const float *gamma, const float *beta, const packed_matrix *next,
                       const tensor *y)
{
    tensor in = input_of(f, y);
    narrow_copy also = {in, next ? f->c->ops->packed_smoothing(next) : NULL};
    bool narrow = next && f->e->p != PRECISION_F32;
    f->c->ops->layernorm(f->c, x, NULL, gamma, beta, f->e->config->eps, y, narrow ? &also : NULL);
    return in;
}

/* What was computed in f->p.act as the input of w: itself, or its u8 copy in `to`. */
static tensor as_operand(const forward *f, const tensor *t, const packed_matrix *w, tensor to)
{
    if (f->p.operand != DTYPE_U8) return *t;
    f->c->ops->narrow(f->c, t, f->c->ops->packed_smoothing(w), &to);
    to.from = source_of(t);
    return to;
}

static tensor run_embeddings(const forward *f, const tensor *x)
{
    const encoder *e = f->e;
    const layer *first = &e->layers[0];
    tensor in = input_of(f, x);
    narrow_copy also = {in, f->c->ops->packed_smoothing(first->qkv ? first->qkv : first->kv)};
    embed_args a = {.ids = f->b->ids,
                    .positions = f->b->positions,
                    .types = f->b->types,
                    .word = e->word,
                    .position = e->position,
                    .type = e->type,
                    .gamma = e->emb_gamma,
                    .beta = e->emb_beta,
                    .eps = e->config->eps,
                    .y = *x,
                    .also = e->p == PRECISION_F32 ? NULL : &also};
    f->c->ops->embed(f->c, &a);
    return in;
}

static void run_attention(const forward *f, tensor q, tensor k, tensor v, const int32_t *q_start, tensor a)
{
    size_t H = f->e->config->heads;
    attention_args args = {.q = q,
                           .k = k,
                           .v = v,
                           .y = a,
                           .q_start = q_start,
                           .kv_start = f->b->seq_start,
                           .B = f->b->B,
                           .H = H,
                           .scale = 1.0f / sqrtf((float)(f->e->config->hidden / H))};
    f->c->ops->attention(f->c, &args);
}

/* x += gelu(in Wi^T + bi) Wd^T + bd, in chunks of rows whose middle fits `room` bytes at `at`. */
static void run_ffn(const forward *f, const layer *l, const tensor *in, const tensor *x, char *at, size_t room)
{
    size_t F = f->e->config->ffn, most = room / middle_bytes(f->e, &f->p);
    if (most > FFN_ROWS) most = FFN_ROWS;
    size_t chunks = (x->rows + most - 1) / most, first = 0;
    for (size_t i = 0; i < chunks; i++) {
        size_t n = x->rows / chunks + (i < x->rows % chunks);
        tensor part = rows_of(*in, first, n), out = rows_of(*x, first, n);
        tensor middle = rows_at(at, f->p.act, n, F), copy = rows_at(at + rows_bytes(f->p.act, n, F), f->p.operand, n, F);
        copy.scales = f->middle_scales;
        run_linear(f, l->up, &part, l->up_bias, f->e->config->act, NULL, &middle);
        tensor operand = as_operand(f, &middle, l->down, copy);
        run_linear(f, l->down, &operand, l->down_bias, ACT_NONE, &out, &out);
        first += n;
    }
}

/* x += a Wo^T + bo; x = LN(x); x += feed-forward of x. `at` and `room`: free memory for the middle. */
static void run_rest(const forward *f, const layer *l, const tensor *a, const tensor *x, char *at, size_t room)
{
    tensor operand = as_operand(f, a, l->o, input_of(f, x));
    run_linear(f, l->o, &operand, l->o_bias, ACT_NONE, x, x);
    tensor in = run_norm(f, x, l->ln1_gamma, l->ln1_beta, l->up, x);
    run_ffn(f, l, &in, x, at, room);
}

static void run_layer(const forward *f, const layer *l, const tensor *x, const tensor *in)
{
    size_t D = x->cols, T = x->rows;
    tensor qkv = rows_at(f->work, f->p.act, T, 3 * D), a = rows_at(f->work + rows_bytes(f->p.act, T, 3 * D), f->p.act, T, D);
    run_linear(f, l->qkv, in, l->qkv_bias, ACT_NONE, NULL, &qkv);
    run_attention(f, columns_of(qkv, 0, D), columns_of(qkv, D, D), columns_of(qkv, 2 * D, D), f->b->seq_start, a);
    run_rest(f, l, &a, x, f->work, f->p.work_bytes);
}

/* Keys and values of all T rows, then all else of the W wanted rows alone, W <= T / 4 of them:
 *   x's place: q [W, D], a [W, D]      work: | k v [T, 2D], then the middle | xw [W, D] f32 | */
static tensor run_wanted(const forward *f, const layer *l, const tensor *x, const tensor *in)
{
    const batch *b = f->b;
    size_t D = x->cols, T = x->rows, W = b->W, kv_bytes = rows_bytes(f->p.act, T, 2 * D);
    tensor kv = rows_at(f->work, f->p.act, T, 2 * D), xw = rows_at(f->work + kv_bytes, DTYPE_F32, W, D);
    tensor q = rows_at(f->x, f->p.act, W, D), a = rows_at(f->x + rows_bytes(f->p.act, W, D), f->p.act, W, D);
    run_linear(f, l->kv, in, l->qkv_bias + D, ACT_NONE, NULL, &kv);
    f->c->ops->gather(f->c, x, b->wanted, &xw);
    tensor inw = input_of(f, &xw);
    if (f->e->p != PRECISION_F32) f->c->ops->narrow(f->c, &xw, f->c->ops->packed_smoothing(l->q), &inw);
    run_linear(f, l->q, &inw, l->qkv_bias, ACT_NONE, NULL, &q);
    run_attention(f, q, columns_of(kv, 0, D), columns_of(kv, D, D), b->wanted_start, a);
    run_rest(f, l, &a, &xw, f->work, kv_bytes);
    tensor y = rows_at(f->x, DTYPE_F32, W, D);
    run_norm(f, &xw, l->ln2_gamma, l->ln2_beta, NULL, &y);
    return y;
}

/* The last layer with every row, of which the wanted ones (if there is a choice) are normalised. */
static tensor run_last(const forward *f, const layer *l, const tensor *x, const tensor *in)
{
    const batch *b = f->b;
    size_t D = x->cols, T = x->rows, kv_bytes = rows_bytes(f->p.act, T, 2 * D), q_bytes = rows_bytes(f->p.act, T, D);
    if (!b->all_rows && b->W <= T / 4 && 4 * middle_bytes(f->e, &f->p) <= kv_bytes) return run_wanted(f, l, x, in);
    tensor kv = rows_at(f->work, f->p.act, T, 2 * D), q = rows_at(f->work + kv_bytes, f->p.act, T, D);
    tensor a = rows_at(f->work + kv_bytes + q_bytes, f->p.act, T, D);
    run_linear(f, l->kv, in, l->qkv_bias + D, ACT_NONE, NULL, &kv);
    run_linear(f, l->q, in, l->qkv_bias, ACT_NONE, NULL, &q);
    run_attention(f, q, columns_of(kv, 0, D), columns_of(kv, D, D), b->seq_start, a);
    run_rest(f, l, &a, x, f->work, f->p.work_bytes);
    tensor sums = *x;
    if (!b->all_rows) {
        sums = rows_at(f->work, DTYPE_F32, b->W, D);
        f->c->ops->gather(f->c, x, b->wanted, &sums);
    }
    tensor y = rows_at(f->x, DTYPE_F32, sums.rows, D);
    run_norm(f, &sums, l->ln2_gamma, l->ln2_beta, NULL, &y);
    return y;
}

tensor postln_encode(compute *c, const encoder *e, const batch *b, workspace *ws)
{
    forward f = forward_begin(c, e, b, ws);
    tensor x = rows_at(f.x, DTYPE_F32, b->T, e->config->hidden), in = run_embeddings(&f, &x);
    for (size_t i = 0; i + 1 < e->n_layers; i++) {
        const layer *l = &e->layers[i], *next = l + 1;
        run_layer(&f, l, &x, &in);
        in = run_norm(&f, &x, l->ln2_gamma, l->ln2_beta, next->qkv ? next->qkv : next->kv, &x);
    }
    return run_last(&f, &e->layers[e->n_layers - 1], &x, &in);
}
