/* SPDX-License-Identifier: Apache-2.0 */
/* layers_run.c — the forward pass of every encoder, straight down. BERT's order, and with norms first (ModernBERT):
 *
 *   x = LN(word[id] + position[p] + type[t])            [T, D]       x = LN(word[id]);  h = x
 *   for each layer:                                                  for each layer:
 *       q, k, v = x Wqkv^T + b                          [T, 3D]          q, k, v = h Wqkv^T
 *       a = softmax(q k^T / sqrt(D/H)) v                [T, D]           the same, of a text's rows and a head
 *       x = LN(x + a Wo^T + bo)                                          x = x + a Wo^T;  h = LN(x)
 *       x = LN(x + gelu(x Wi^T + bi) Wd^T + bd)         [T, F]           x = x + (gelu(g) u) Wd^T, [g, u] = h Wi^T;  h = LN'(x)
 * where LN' is the next layer's first norm, or the final one: the two differ in where a norm's result goes alone. Rotary
 * positions turn q and k before attention; a local layer's queries see a window of keys; a gate multiplies the feed-forward's
 * middle (layer_shape says which of these there are).
 *
 * The last layer computes keys and values of every row, but queries, projection and feed-forward only of the wanted rows. Its
 * query matrix is therefore packed apart from keys and values. Rows never meet outside attention, and an op's row does not
 * depend on the other rows of the call (compute.h, invariant 1): the bits are those of a pass in which every row is wanted.
 *
 * Precision: the residual stream x, LayerNorm and every sum are f32. In bf16 and int8 a Linear reads a narrow copy of its
 * input (`in`: bf16, or u8 with a scale and zero point a row), which LayerNorm makes in passing; queries, keys, values, their
 * attention and the feed-forward's middle are bf16. In f16, which cards have, both are f16, and what is finite but beyond its
 * range becomes its greatest number: only the residual stream grows that large, and it is f32.
 *
 *   workspace: | x [T, D] f32, the result | h, if norms come first | in [T, D] | scales | work: q k v [T, 3D], a [T, D]; then
 *              the middle, in chunks |
 *
 * Matches the last_hidden_state of transformers' BertModel, XLMRobertaModel, GteModel and ModernBertModel; tolerances in
 * tests/model/test_golden_models.c. */
#include <math.h>

#include "model/layers.h"

/* ---- memory --------------------------------------------------------------------------------------------------------- */

typedef struct plan {
    dtype act, operand;                                          /* of q, k, v, a and the middle; of a Linear's input */
    size_t x_bytes, h_bytes, in_bytes, scales_bytes, work_bytes; /* scales: twice, for `in` and for the middle */
} plan;

static size_t rows_bytes(dtype type, size_t rows, size_t cols)
{
    return (rows * compute_ld(type, cols) * dtype_size(type) + 63) / 64 * 64;
}

static size_t middle_width(const encoder *e)
{
    return e->config->shape.ffn == FFN_PLAIN ? e->config->ffn : 2 * e->config->ffn;
}

/* A row of the middle, and of its narrow copy. */
static size_t middle_bytes(const encoder *e, const plan *p)
{
    size_t F = e->config->ffn, bytes = rows_bytes(p->act, 1, middle_width(e));
    return p->operand == DTYPE_U8 ? bytes + rows_bytes(p->operand, 1, F) : bytes;
}

static plan plan_of(const encoder *e, size_t rows)
{
    size_t D = e->config->hidden;
    plan p = {.act = e->p == PRECISION_F32 ? DTYPE_F32 : e->p == PRECISION_F16 ? DTYPE_F16 : DTYPE_BF16};
    p.operand = e->p == PRECISION_INT8 ? DTYPE_U8 : p.act;
    p.x_bytes = rows_bytes(DTYPE_F32, rows, D);
    p.h_bytes = e->config->shape.norms_first ? p.x_bytes : 0;
    p.in_bytes = e->p == PRECISION_F32 ? 0 : rows_bytes(p.operand, rows, D);
    p.scales_bytes = e->p == PRECISION_INT8 ? (rows * sizeof(row_scale) + 63) / 64 * 64 : 0;
    /* q k v in one or, in the last layer, in two: the padding of rows differs */
    size_t one = rows_bytes(p.act, rows, 3 * D), two = rows_bytes(p.act, rows, 2 * D) + rows_bytes(p.act, rows, D);
    p.work_bytes = rows_bytes(p.act, rows, D) + (one > two ? one : two);
    /* A few rows of a middle that is much wider than 4 D. */
    if (p.work_bytes < 4 * middle_bytes(e, &p)) p.work_bytes = 4 * middle_bytes(e, &p);
    return p;
}

void layers_workspace(const encoder *e, size_t rows, size_t *result_bytes, size_t *rest_bytes)
{
    plan p = plan_of(e, rows);
    *result_bytes = p.x_bytes;
    *rest_bytes = p.h_bytes + p.in_bytes + 2 * p.scales_bytes + p.work_bytes;
}

/* ---- the forward pass --------------------------------------------------------------------------------------------- */

typedef struct forward {
    compute *c;
    const encoder *e;
    const batch *b;
    const observer *watch;
    plan p;
    char *x, *h, *in, *work; /* p.x_bytes, ...; h: x where norms come last */
    row_scale *in_scales, *middle_scales;
} forward;

static forward forward_begin(compute *c, const encoder *e, const batch *b, workspace *ws)
{
    forward f = {.c = c, .e = e, .b = b, .watch = ws->watch, .p = plan_of(e, ws->rows), .x = ws->block};
    f.h = f.p.h_bytes ? f.x + f.p.x_bytes : f.x;
    f.in = f.x + f.p.x_bytes + f.p.h_bytes;
    f.in_scales = (row_scale *)(void *)(f.in + f.p.in_bytes);
    f.middle_scales = (row_scale *)(void *)(f.in + f.p.in_bytes + f.p.scales_bytes);
    f.work = f.in + f.p.in_bytes + 2 * f.p.scales_bytes;
    ws->spare = f.x + f.p.x_bytes;
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

/* `in` for so many rows: where the next Linear's input goes, made from h. In f32 it is h itself. */
static tensor input_of(const forward *f, const tensor *h)
{
    if (f->e->p == PRECISION_F32) return *h;
    tensor t = rows_at(f->in, f->p.operand, h->rows, h->cols);
    if (t.type == DTYPE_U8) t.scales = f->in_scales;
    t.from = source_of(h);
    return t;
}

static void run_linear(const forward *f, const packed_matrix *w, const tensor *x, const float *bias, activation act,
                       const tensor *residual, const tensor *y)
{
    epilogue e = {bias, act, residual};
    if (f->watch) f->watch->see(f->watch->ctx, w, x);
    f->c->ops->linear(f->c, x, w, &e, y);
}

/* LN(x) into y, and its narrow copy for the Linear `next` (NULL: none); returns that Linear's input. */
static tensor run_norm(const forward *f, const tensor *x, const norm_weights *n, const packed_matrix *next, const tensor *y)
{
    tensor in = input_of(f, y);
    narrow_copy also = {in, next ? f->c->ops->packed_smoothing(next) : NULL};
    bool narrow = next && f->e->p != PRECISION_F32;
    f->c->ops->layernorm(f->c, x, NULL, n->gamma, n->beta, f->e->config->eps, y, narrow ? &also : NULL);
    return in;
}

/* Where the norm of `rows` rows goes: over x, or beside it. */
static tensor normed(const forward *f, size_t rows)
{
    return rows_at(f->h, DTYPE_F32, rows, f->e->config->hidden);
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
                    .gamma = e->emb.gamma,
                    .beta = e->emb.beta,
                    .eps = e->config->eps,
                    .y = *x,
                    .also = e->p == PRECISION_F32 ? NULL : &also};
    f->c->ops->embed(f->c, &a);
    return in;
}

/* Turns q or k by its rows' positions; rows: which rows of the pass they are, NULL = all. */
static void turn_rows(const forward *f, const layer *l, tensor x, const int32_t *rows)
{
    size_t dh = f->e->config->hidden / f->e->config->heads;
    rotate_args args = {.x = x, .H = x.cols / dh, .positions = f->b->positions, .rows = rows, .table = l->angles};
    if (l->angles) f->c->ops->rotate(f->c, &args);
}

/* q_rows: which rows of the pass the queries are, NULL = all */
static void run_attention(const forward *f, const layer *l, tensor q, tensor k, tensor v, const int32_t *q_start,
                          const int32_t *q_rows, tensor a)
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
                           .scale = 1.0f / sqrtf((float)(f->e->config->hidden / H)),
                           .window = l->window,
                           .q_rows = q_rows};
    f->c->ops->attention(f->c, &args);
}

/* What the feed-forward's second matrix reads: act(in Wi^T + bi), or with a gate the product of its halves, in the first one's
 * place. */
static tensor run_middle(const forward *f, const layer *l, const tensor *in, char *at)
{
    const model_config *c = f->e->config;
    size_t F = c->ffn;
    tensor middle = rows_at(at, f->p.act, in->rows, middle_width(f->e));
    run_linear(f, l->up, in, l->up_bias, c->shape.ffn == FFN_PLAIN ? c->act : ACT_NONE, NULL, &middle);
    if (c->shape.ffn == FFN_PLAIN) return middle;
    tensor first = columns_of(middle, 0, F), second = columns_of(middle, F, F);
    bool gate_first = c->shape.ffn == FFN_GATE_FIRST;
    f->c->ops->glu(f->c, gate_first ? &first : &second, gate_first ? &second : &first, c->act, &first);
    return first;
}

/* x += middle Wd^T + bd, in chunks of rows whose middle fits `room` bytes at `at`. */
static void run_ffn(const forward *f, const layer *l, const tensor *in, const tensor *x, char *at, size_t room)
{
    size_t F = f->e->config->ffn, most = room / middle_bytes(f->e, &f->p);
    if (most > f->c->middle_rows) most = f->c->middle_rows;
    size_t chunks = (x->rows + most - 1) / most, first = 0;
    for (size_t i = 0; i < chunks; i++) {
        size_t n = x->rows / chunks + (i < x->rows % chunks);
        tensor part = rows_of(*in, first, n), out = rows_of(*x, first, n);
        tensor middle = run_middle(f, l, &part, at);
        tensor copy = rows_at(at + rows_bytes(f->p.act, n, middle_width(f->e)), f->p.operand, n, F);
        copy.scales = f->middle_scales;
        tensor operand = as_operand(f, &middle, l->down, copy);
        run_linear(f, l->down, &operand, l->down_bias, ACT_NONE, &out, &out);
        first += n;
    }
}

/* x += a Wo^T + bo; h = LN(x); x += feed-forward of h. h may be x. `at` and `room`: free memory for the middle. */
static void run_rest(const forward *f, const layer *l, const tensor *a, const tensor *x, const tensor *h, char *at, size_t room)
{
    tensor operand = as_operand(f, a, l->o, input_of(f, x));
    run_linear(f, l->o, &operand, l->o_bias, ACT_NONE, x, x);
    tensor in = run_norm(f, x, &l->after_attention, l->up, h);
    run_ffn(f, l, &in, x, at, room);
}

static void run_layer(const forward *f, const layer *l, const tensor *x, const tensor *in)
{
    tensor h = normed(f, x->rows);
    size_t D = x->cols, T = x->rows;
    tensor qkv = rows_at(f->work, f->p.act, T, 3 * D), a = rows_at(f->work + rows_bytes(f->p.act, T, 3 * D), f->p.act, T, D);
    run_linear(f, l->qkv, in, l->qkv_bias, ACT_NONE, NULL, &qkv);
    turn_rows(f, l, columns_of(qkv, 0, 2 * D), NULL);
    run_attention(f, l, columns_of(qkv, 0, D), columns_of(qkv, D, D), columns_of(qkv, 2 * D, D), f->b->seq_start, NULL, a);
    run_rest(f, l, &a, x, &h, f->work, f->p.work_bytes);
}

static void run_keys(const forward *f, const layer *l, const tensor *in, const tensor *kv)
{
    size_t D = in->cols;
    run_linear(f, l->kv, in, l->qkv_bias ? l->qkv_bias + D : NULL, ACT_NONE, NULL, kv);
    turn_rows(f, l, columns_of(*kv, 0, D), NULL);
}

/* Keys and values of all T rows, then all else of the W wanted rows alone, W <= T / 4 of them. h [T, D] is what `in` was made
 * from: x itself, or its norm.
 *   x's place: q [W, D], a [W, D]      work: | k v [T, 2D], then the middle | xw [W, D] f32 | hw [W, D] f32, if h is not x | */
static tensor run_wanted(const forward *f, const layer *l, const tensor *x, const tensor *h, const tensor *in)
{
    const batch *b = f->b;
    size_t D = x->cols, T = x->rows, W = b->W, kv_bytes = rows_bytes(f->p.act, T, 2 * D);
    tensor kv = rows_at(f->work, f->p.act, T, 2 * D), xw = rows_at(f->work + kv_bytes, DTYPE_F32, W, D), hw = xw;
    tensor q = rows_at(f->x, f->p.act, W, D), a = rows_at(f->x + rows_bytes(f->p.act, W, D), f->p.act, W, D);
    run_keys(f, l, in, &kv);
    f->c->ops->gather(f->c, x, b->wanted, &xw);
    if (h->data != x->data) {
        hw = rows_at(f->work + kv_bytes + rows_bytes(DTYPE_F32, W, D), DTYPE_F32, W, D);
        f->c->ops->gather(f->c, h, b->wanted, &hw);
    }
    tensor inw = input_of(f, &hw);
    if (f->e->p != PRECISION_F32) f->c->ops->narrow(f->c, &hw, f->c->ops->packed_smoothing(l->q), &inw);
    run_linear(f, l->q, &inw, l->qkv_bias, ACT_NONE, NULL, &q);
    turn_rows(f, l, q, b->wanted);
    run_attention(f, l, q, columns_of(kv, 0, D), columns_of(kv, D, D), b->wanted_start, b->wanted, a);
    tensor after = f->h == f->x ? xw : normed(f, W);
    run_rest(f, l, &a, &xw, &after, f->work, kv_bytes);
    tensor y = rows_at(f->x, DTYPE_F32, W, D);
    run_norm(f, &xw, &l->after_ffn, NULL, &y);
    return y;
}

/* The last layer with every row, of which the wanted ones (if there is a choice) are normalised. */
static tensor run_last(const forward *f, const layer *l, const tensor *x, const tensor *h, const tensor *in)
{
    const batch *b = f->b;
    size_t D = x->cols, T = x->rows, kv_bytes = rows_bytes(f->p.act, T, 2 * D), q_bytes = rows_bytes(f->p.act, T, D);
    if (!b->all_rows && b->W <= T / 4 && 4 * middle_bytes(f->e, &f->p) <= kv_bytes) return run_wanted(f, l, x, h, in);
    tensor kv = rows_at(f->work, f->p.act, T, 2 * D), q = rows_at(f->work + kv_bytes, f->p.act, T, D);
    tensor a = rows_at(f->work + kv_bytes + q_bytes, f->p.act, T, D), after = normed(f, T);
    run_keys(f, l, in, &kv);
    run_linear(f, l->q, in, l->qkv_bias, ACT_NONE, NULL, &q);
    turn_rows(f, l, q, NULL);
    run_attention(f, l, q, columns_of(kv, 0, D), columns_of(kv, D, D), b->seq_start, NULL, a);
    run_rest(f, l, &a, x, &after, f->work, f->p.work_bytes);
    tensor sums = *x;
    if (!b->all_rows) {
        sums = rows_at(f->work, DTYPE_F32, b->W, D);
        f->c->ops->gather(f->c, x, b->wanted, &sums);
    }
    tensor y = rows_at(f->x, DTYPE_F32, sums.rows, D);
    run_norm(f, &sums, &l->after_ffn, NULL, &y);
    return y;
}

tensor layers_encode(compute *c, const encoder *e, const batch *b, workspace *ws)
{
    forward f = forward_begin(c, e, b, ws);
    tensor x = rows_at(f.x, DTYPE_F32, b->T, e->config->hidden), h = x, in = run_embeddings(&f, &x);
    for (size_t i = 0; i + 1 < e->n_layers; i++) {
        const layer *l = &e->layers[i], *next = l + 1;
        run_layer(&f, l, &x, &in);
        h = normed(&f, b->T);
        in = run_norm(&f, &x, &l->after_ffn, next->qkv ? next->qkv : next->kv, &h);
    }
    return run_last(&f, &e->layers[e->n_layers - 1], &x, &h, &in);
}
