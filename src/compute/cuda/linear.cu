/* SPDX-License-Identifier: Apache-2.0 */
/* linear.cu — y = act(x.W^T + bias) + residual, three ways:
 *
 *   cuBLASLt     f32, f16 and bf16 whose rows lie on 16 bytes. Sums are f32. Where y is f32 and nothing but a bias and a residual
 *                follows, it writes y; otherwise f32 sums, some rows at a time, which `finish` turns into y: erf GELU is not
 *                among cuBLASLt's epilogues, and a y of f16 may not overflow (numbers.h, f16_store)
 *   products     our own tiles, each sum over k in ascending order: any shape; all of it when the card was opened invariant
 *   products8    int8 by dp4a, exact, then the steps of compute/ref: the same bits */
#include <string.h>

#include "compute/cuda/matrix.h"
#include "compute/cuda/numbers.h"

/* ---- what follows the sum -------------------------------------------------------------------------------------------- */

typedef struct ending {
    const float *bias;
    int act, has_residual;
    view residual, y;
} ending;

static ending ending_of(const epilogue *e, const tensor *y)
{
    ending end;
    memset(&end, 0, sizeof end);
    end.y = view_of(y);
    if (!e) return end;
    end.bias = e->bias;
    end.act = (int)e->act;
    end.has_residual = e->residual != NULL;
    if (e->residual) end.residual = view_of(e->residual);
    return end;
}

DEVICE void finish_one(ending e, size_t row, size_t col, float sum)
{
    if (e.bias) sum += e.bias[col];
    sum = activate(e.act, sum);
    if (e.has_residual) sum += view_at(e.residual, row, col);
    view_put(e.y, row, col, sum);
}

/* ---- our own tiles --------------------------------------------------------------------------------------------------- */

/* A block makes TILE x TILE of y, a thread EACH x EACH of it; DEPTH columns of x and W are in shared memory at a time. */
enum { TILE = 64, EACH = 4, SIDE = TILE / EACH, TILE_THREADS = SIDE * SIDE, DEPTH = 16 };

/* Of the rows down, down + SIDE, ... of a tile, how many are there, if `left` rows are? */
DEVICE int rows_of_thread(size_t left, int down)
{
    return left >= TILE ? EACH : ((int)left - down + SIDE - 1) / SIDE;
}

typedef struct products_args {
    view x, w;
    const float *scales; /* [n] or NULL: what a row of w is multiplied by */
    ending end;
} products_args;

KERNEL(products)
{
    __shared__ float xs[DEPTH][TILE + 1], ws[DEPTH][TILE + 1];
    size_t row0 = (size_t)blockIdx.x * TILE, col0 = (size_t)blockIdx.y * TILE;
    int t = (int)threadIdx.x, down = t / SIDE, across = t % SIDE, mine = rows_of_thread(a.x.rows - row0, down);
    float acc[EACH][EACH];
    UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++) acc[i][j] = 0;
    for (size_t k0 = 0; k0 < a.x.cols; k0 += DEPTH) {
        for (int i = t; i < TILE * DEPTH; i += TILE_THREADS) {
            size_t line = (size_t)i / DEPTH, k = k0 + i % DEPTH;
            xs[i % DEPTH][line] = row0 + line < a.x.rows && k < a.x.cols ? view_at(a.x, row0 + line, k) : 0;
            ws[i % DEPTH][line] = col0 + line < a.w.rows && k < a.x.cols ? view_at(a.w, col0 + line, k) : 0;
        }
        __syncthreads();
        int depth = a.x.cols - k0 < DEPTH ? (int)(a.x.cols - k0) : DEPTH;
        for (int k = 0; k < depth; k++)
            UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; i < mine && j < EACH; j++) acc[i][j] =
                fmaf(xs[k][down + i * SIDE], ws[k][across + j * SIDE], acc[i][j]);
        __syncthreads();
    }
    UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++)
    {
        size_t row = row0 + down + i * SIDE, col = col0 + across + j * SIDE;
        if (row >= a.x.rows || col >= a.w.rows) continue;
        finish_one(a.end, row, col, a.scales ? acc[i][j] * a.scales[col] : acc[i][j]);
    }
}

/* ---- int8 ------------------------------------------------------------------------------------------------------------ */

typedef struct products8_args {
    view x; /* U8 */
    view w; /* I8 */
    const float *scales;
    const int32_t *sums;
    const uint32_t *kept; /* columns of `from` that are multiplied as they were */
    const float *kept_panels;
    size_t n_kept;
    view from;
    ending end;
} products8_args;

/* Four bytes of a row as they stand, wherever the row begins. */
DEVICE int word_at(const uint8_t *row, size_t word)
{
    const uint8_t *b = row + 4 * word;
    return (int)((unsigned)b[0] | (unsigned)b[1] << 8 | (unsigned)b[2] << 16 | (unsigned)b[3] << 24);
}

DEVICE float kept_sum(const products8_args *a, size_t row, size_t col)
{
    float sum = 0;
    for (size_t i = 0; i < a->n_kept; i++)
        sum = fmaf(view_at(a->from, row, a->kept[i]), a->kept_panels[(col / 16 * a->n_kept + i) * 16 + col % 16], sum);
    return sum;
}

/* sum over k of (x - zero) w = sum of (x - 128) w + (128 - zero) sum of w; x - 128 is x with its top bit turned, an s8. */
DEVICE void finish_int8(const products8_args *a, size_t row, size_t col, int acc)
{
    row_scale s = a->x.scales[row];
    float sum = (float)(acc + (128 - s.zero) * a->sums[col]) * s.scale;
    sum = sum * a->scales[col];
    if (a->n_kept) sum += kept_sum(a, row, col);
    finish_one(a->end, row, col, sum);
}

KERNEL(products8)
{
    __shared__ int xs[DEPTH][TILE + 1], ws[DEPTH][TILE + 1];
    size_t row0 = (size_t)blockIdx.x * TILE, col0 = (size_t)blockIdx.y * TILE, words = (a.x.cols + 3) / 4;
    int t = (int)threadIdx.x, down = t / SIDE, across = t % SIDE, mine = rows_of_thread(a.x.rows - row0, down);
    const int top_bits = (int)0x80808080u;
    int acc[EACH][EACH];
    UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++) acc[i][j] = 0;
    for (size_t k0 = 0; k0 < words; k0 += DEPTH) {
        for (int i = t; i < TILE * DEPTH; i += TILE_THREADS) {
            size_t line = (size_t)i / DEPTH, k = k0 + i % DEPTH;
            bool has_x = row0 + line < a.x.rows && k < words, has_w = col0 + line < a.w.rows && k < words;
            xs[i % DEPTH][line] = has_x ? word_at((const uint8_t *)a.x.data + (row0 + line) * a.x.ld, k) ^ top_bits : 0;
            ws[i % DEPTH][line] = has_w ? word_at((const uint8_t *)a.w.data + (col0 + line) * a.w.ld, k) : 0;
        }
        __syncthreads();
        for (int k = 0; k < DEPTH; k++)
            UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; i < mine && j < EACH; j++) acc[i][j] =
                __dp4a(xs[k][down + i * SIDE], ws[k][across + j * SIDE], acc[i][j]);
        __syncthreads();
    }
    UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++)
    {
        size_t row = row0 + down + i * SIDE, col = col0 + across + j * SIDE;
        if (row < a.x.rows && col < a.w.rows) finish_int8(&a, row, col, acc[i][j]);
    }
}

static void run_int8(card *d, const tensor *x, const card_matrix *m, const ending *end)
{
    products8_args a;
    memset(&a, 0, sizeof a);
    a.x = view_of(x);
    a.w = card_matrix_view(m);
    a.scales = (const float *)(const void *)(m->block + m->at.scales);
    a.sums = (const int32_t *)(const void *)(m->block + m->at.sums);
    a.kept = (const uint32_t *)(const void *)(m->block + m->at.kept);
    a.kept_panels = (const float *)(const void *)(m->block + m->at.kept_panels);
    a.n_kept = m->extras.n_kept;
    a.from.data = (void *)(uintptr_t)x->from.data;
    a.from.type = (size_t)x->from.type;
    a.from.ld = x->from.ld;
    a.end = *end;
    dim3 grid = dim3_of((x->rows + TILE - 1) / TILE, (m->n + TILE - 1) / TILE);
    card_launch(d, "products8", KERNEL_OF(products8), grid, dim3_of(TILE_THREADS, 1), 0, &a);
}

static void run_products(card *d, const tensor *x, view w, const float *scales, const ending *end)
{
    products_args a;
    memset(&a, 0, sizeof a);
    a.x = view_of(x);
    a.w = w;
    a.scales = scales;
    a.end = *end;
    dim3 grid = dim3_of((x->rows + TILE - 1) / TILE, (w.rows + TILE - 1) / TILE);
    card_launch(d, "products", KERNEL_OF(products), grid, dim3_of(TILE_THREADS, 1), 0, &a);
}

/* ---- cuBLASLt -------------------------------------------------------------------------------------------------------- */

enum { FINISH_THREADS = 256 };

typedef struct finish_args {
    const float *sums; /* [rows, ld] */
    size_t rows, cols, ld;
    ending end;
} finish_args;

KERNEL(finish)
{
    size_t i = (size_t)blockIdx.x * FINISH_THREADS + threadIdx.x;
    if (i < a.rows * a.cols) finish_one(a.end, i / a.cols, i % a.cols, a.sums[i / a.cols * a.ld + i % a.cols]);
}

/* One product of cuBLASLt: to [m, n] f32 = x.W^T [+ bias] [+ add]. It thinks in columns: W is its A, turned, and x its B. */
typedef struct product {
    const void *x, *w;
    cudaDataType_t type;
    size_t m, n, k, ldx, ldw;
    const float *bias, *add; /* add may be `to` */
    float *to;
    size_t ldadd, ldto;
} product;

typedef struct descriptors {
    cublasLtMatmulDesc_t op;
    cublasLtMatrixLayout_t w, x, add, to;
} descriptors;

static void drop_descriptors(descriptors *s)
{
    if (s->op) cublasLtMatmulDescDestroy(s->op);
    if (s->w) cublasLtMatrixLayoutDestroy(s->w);
    if (s->x) cublasLtMatrixLayoutDestroy(s->x);
    if (s->add) cublasLtMatrixLayoutDestroy(s->add);
    if (s->to) cublasLtMatrixLayoutDestroy(s->to);
}

static bool make_descriptors(card *d, const product *p, descriptors *s)
{
    const cublasOperation_t turned = CUBLAS_OP_T, plain = CUBLAS_OP_N;
    const cublasLtEpilogue_t with_bias = CUBLASLT_EPILOGUE_BIAS;
    memset(s, 0, sizeof *s);
    if (!card_check_blas(d, cublasLtMatmulDescCreate(&s->op, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a product") ||
        !card_check_blas(d, cublasLtMatmulDescSetAttribute(s->op, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned),
                         "turning W") ||
        !card_check_blas(d, cublasLtMatmulDescSetAttribute(s->op, CUBLASLT_MATMUL_DESC_TRANSB, &plain, sizeof plain),
                         "not turning x"))
        return false;
    if (p->bias &&
        (!card_check_blas(d, cublasLtMatmulDescSetAttribute(s->op, CUBLASLT_MATMUL_DESC_EPILOGUE, &with_bias, sizeof with_bias),
                          "asking for a bias") ||
         !card_check_blas(d, cublasLtMatmulDescSetAttribute(s->op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias),
                          "giving the bias")))
        return false;
    return card_check_blas(d, cublasLtMatrixLayoutCreate(&s->w, p->type, p->k, p->n, (int64_t)p->ldw), "laying out W") &&
           card_check_blas(d, cublasLtMatrixLayoutCreate(&s->x, p->type, p->k, p->m, (int64_t)p->ldx), "laying out x") &&
           card_check_blas(d, cublasLtMatrixLayoutCreate(&s->add, CUDA_R_32F, p->n, p->m, (int64_t)p->ldadd),
                           "laying out a residual") &&
           card_check_blas(d, cublasLtMatrixLayoutCreate(&s->to, CUDA_R_32F, p->n, p->m, (int64_t)p->ldto), "laying out y");
}

/* What we promise of operands: else it would count on 256 bytes. */
static bool wish_alignment(card *d, cublasLtMatmulPreference_t wish)
{
    const cublasLtMatmulPreferenceAttributes_t operands[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    const uint32_t bytes = 16;
    for (int i = 0; i < 4; i++)
        if (!card_check_blas(d, cublasLtMatmulPreferenceSetAttribute(wish, operands[i], &bytes, sizeof bytes),
                             "telling of alignment"))
            return false;
    return true;
}

/* cuBLASLt's first choice that fits our workspace; asked once a shape. */
static void ask_heuristic(card *d, const descriptors *s, algorithm *out)
{
    cublasLtMatmulPreference_t wish = NULL;
    cublasLtMatmulHeuristicResult_t best;
    const size_t space = CARD_SPACE;
    int found = 0;
    if (!card_check_blas(d, cublasLtMatmulPreferenceCreate(&wish), "making a wish")) return;
    if (card_check_blas(
            d, cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &space, sizeof space),
            "wishing for little workspace") &&
        wish_alignment(d, wish)) {
        cublasStatus_t st = cublasLtMatmulAlgoGetHeuristic(d->lt, s->op, s->w, s->x, s->add, s->to, wish, 1, &best, &found);
        if (st != CUBLAS_STATUS_NOT_SUPPORTED) card_check_blas(d, st, "choosing an algorithm");
    }
    out->none = found == 0;
    if (found) out->algo = best.algo;
    cublasLtMatmulPreferenceDestroy(wish);
}

static const algorithm *choose(card *d, const product *p, const descriptors *s)
{
    const uint64_t key[6] = {(uint64_t)p->m,
                             (uint64_t)p->n,
                             (uint64_t)p->k,
                             (uint64_t)p->type << 8 | (p->bias ? 1 : 0) | (p->add ? 2 : 0),
                             (uint64_t)p->ldx << 32 | p->ldw,
                             (uint64_t)p->ldadd << 32 | p->ldto};
    for (size_t i = 0; i < d->n_algorithms; i++)
        if (memcmp(d->algorithms[i].key, key, sizeof key) == 0) return &d->algorithms[i];
    if (d->n_algorithms == ALGORITHMS_MAX) d->n_algorithms = 0; /* more shapes than a pass has: begin again */
    algorithm *a = &d->algorithms[d->n_algorithms];
    memset(a, 0, sizeof *a);
    memcpy(a->key, key, sizeof key);
    ask_heuristic(d, s, a);
    if (d->failed == cudaSuccess) d->n_algorithms++;
    return a;
}

/* False where cuBLASLt has no algorithm for the shape. */
static bool multiply(card *d, const product *p)
{
    const float one = 1, zero = 0;
    descriptors s;
    bool done = true;
    if (make_descriptors(d, p, &s)) {
        const algorithm *a = choose(d, p, &s);
        done = !a->none;
        if (done && d->failed == cudaSuccess)
            card_check_blas(d,
                            cublasLtMatmul(d->lt, s.op, &one, p->w, s.w, p->x, s.x, p->add ? &one : &zero,
                                           p->add ? p->add : p->to, s.add, p->to, s.to, &a->algo, d->space, CARD_SPACE,
                                           d->stream),
                            "multiplying");
    }
    drop_descriptors(&s);
    return done;
}

static bool on_16_bytes(const void *data, size_t ld, size_t size)
{
    return (uintptr_t)data % 16 == 0 && ld * size % 16 == 0;
}

static product product_of(const tensor *x, const card_matrix *m)
{
    product p;
    memset(&p, 0, sizeof p);
    p.x = x->data;
    p.w = m->block;
    p.type = m->p == PRECISION_F32 ? CUDA_R_32F : m->p == PRECISION_F16 ? CUDA_R_16F : CUDA_R_16BF;
    p.m = x->rows;
    p.n = m->n;
    p.k = m->k;
    p.ldx = x->ld;
    p.ldw = m->ld;
    return p;
}

/* y itself: it is f32, and what follows the sum is what cuBLASLt can add. */
static bool multiply_whole(card *d, const tensor *x, const card_matrix *m, const epilogue *e, const tensor *y)
{
    product p = product_of(x, m);
    p.to = (float *)y->data;
    p.ldto = p.ldadd = y->ld;
    if (e) p.bias = e->bias;
    if (e && e->residual) {
        p.add = (const float *)e->residual->data;
        p.ldadd = e->residual->ld;
    }
    return multiply(d, &p);
}

/* What of `all` belongs to n rows from `row` on. */
static ending ending_rows(const ending *all, size_t row, size_t n)
{
    ending end = *all;
    end.y.data = (char *)all->y.data + row * all->y.ld * dtype_size((dtype)all->y.type);
    end.y.rows = n;
    if (all->has_residual)
        end.residual.data = (char *)all->residual.data + row * all->residual.ld * dtype_size((dtype)all->residual.type);
    return end;
}

/* Rows of sums lie on 16 bytes as cuBLASLt's operands do. */
static size_t sums_ld(size_t n)
{
    return (n + 3) / 4 * 4;
}

/* As many rows at a time as CARD_SUMS holds the sums of. */
static void multiply_in_parts(card *d, const tensor *x, const card_matrix *m, const ending *all)
{
    size_t ld = sums_ld(m->n), most = CARD_SUMS / sizeof(float) / ld, n;
    for (size_t row = 0; row < x->rows; row += n) {
        tensor part = *x;
        n = x->rows - row < most ? x->rows - row : most;
        part.data = (char *)x->data + row * x->ld * dtype_size(x->type);
        part.rows = n;
        ending end = ending_rows(all, row, n);
        product p = product_of(&part, m);
        p.to = d->sums;
        p.ldto = p.ldadd = ld;
        if (!multiply(d, &p)) {
            run_products(d, &part, card_matrix_view(m), NULL, &end);
            continue;
        }
        finish_args a;
        memset(&a, 0, sizeof a);
        a.sums = d->sums;
        a.rows = n;
        a.cols = m->n;
        a.ld = ld;
        a.end = end;
        size_t blocks = (n * m->n + FINISH_THREADS - 1) / FINISH_THREADS;
        card_launch(d, "finish", KERNEL_OF(finish), dim3_of(blocks, 1), dim3_of(FINISH_THREADS, 1), 0, &a);
    }
}

/* False where the product is our own tiles' to make. */
static bool run_library(card *d, const tensor *x, const card_matrix *m, const epilogue *e, const tensor *y, const ending *end)
{
    if (d->invariant || m->n < 8 || m->n > CARD_SUMS / sizeof(float) - 4 || !on_16_bytes(x->data, x->ld, dtype_size(x->type)))
        return false;
    bool whole = y->type == DTYPE_F32 && (!e || e->act == ACT_NONE) && on_16_bytes(y->data, y->ld, sizeof(float)) &&
                 (!e || !e->residual || on_16_bytes(e->residual->data, e->residual->ld, sizeof(float)));
    if (whole) return multiply_whole(d, x, m, e, y);
    multiply_in_parts(d, x, m, end);
    return true;
}

/* ---- the op ---------------------------------------------------------------------------------------------------------- */

void card_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    card *d = card_of(c);
    const card_matrix *m = card_matrix_of(w);
    ending end = ending_of(e, y);
    if (!x->rows) return;
    card_lock(d);
    if (m->p == PRECISION_INT8)
        run_int8(d, x, m, &end);
    else if (!run_library(d, x, m, e, y, &end))
        run_products(d, x, card_matrix_view(m), NULL, &end);
    card_unlock(d);
}

void card_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y)
{
    card *d = card_of(c);
    ending end = ending_of(NULL, y);
    if (!q->rows || !docs->rows) return;
    card_lock(d);
    run_products(d, q, view_of(docs), scales, &end);
    card_unlock(d);
}
