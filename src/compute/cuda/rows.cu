/* SPDX-License-Identifier: Apache-2.0 */
/* rows.cu — the ops that work row by row: embed, layernorm, narrow, normalize, gather, pool, rotate, glu.
 *
 * A block of ROW_THREADS threads makes a row: thread t has the columns t, t + ROW_THREADS, ..., and reads back only what it
 * wrote itself, so that an op may work in place. Sums over a row are each thread's columns in order, then the tree of
 * numbers.h: a row's bits depend on that row alone. */
#include <string.h>

#include "compute/cuda/numbers.h"

/* ---- narrow ---------------------------------------------------------------------------------------------------------- */

/* The steps of compute/ref/ref_narrow.c in f32, so the bytes are its bytes. */
DEVICE void narrow_to_u8(view x, view y, const float *smoothing, size_t row, float *slots)
{
    uint8_t *out = (uint8_t *)y.data + row * y.ld;
    float least = 0, greatest = 0, taint = 0;
    for (size_t i = threadIdx.x; i < x.cols; i += ROW_THREADS) {
        float v = smoothing ? view_at(x, row, i) * smoothing[i] : view_at(x, row, i);
        least = v < least ? v : least;
        greatest = v > greatest ? v : greatest;
        taint += v * 0.0f;
    }
    least = -block_most(-least, slots);
    greatest = block_most(greatest, slots);
    taint = block_sum(taint, slots);
    bool bad = taint != 0; /* a NaN is not 0 either */
    float range = greatest - least, steps = range > 0x1p-119f ? 255 / range : 0, zero = rintf(-least * steps);
    for (size_t i = threadIdx.x; i < x.cols; i += ROW_THREADS) {
        float v = smoothing ? view_at(x, row, i) * smoothing[i] : view_at(x, row, i), q = rintf(v * steps) + zero;
        out[i] = bad ? 0 : (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
    }
    if (threadIdx.x) return;
    for (size_t i = x.cols; i % 4; i++) out[i] = 0;
    y.scales[row].scale = bad ? NAN : range / 255;
    y.scales[row].zero = bad ? 0 : (int32_t)zero;
}

DEVICE void narrow_row(view x, view y, const float *smoothing, size_t row, float *slots)
{
    if (y.type == DTYPE_U8) {
        narrow_to_u8(x, y, smoothing, row, slots);
        return;
    }
    for (size_t i = threadIdx.x; i < x.cols; i += ROW_THREADS) {
        float v = view_at(x, row, i);
        view_put(y, row, i, smoothing ? v * smoothing[i] : v);
    }
}

typedef struct narrow_args {
    view x, y;
    const float *smoothing;
} narrow_args;

KERNEL(narrow)
{
    __shared__ float slots[ROW_WARPS];
    narrow_row(a.x, a.y, a.smoothing, blockIdx.x, slots);
}

static void launch_rows(card *d, const char *what, const void *kernel, size_t rows, void *args)
{
    card_launch(d, what, kernel, dim3_of(rows, 1), dim3_of(ROW_THREADS, 1), 0, args);
}

void card_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y)
{
    card *d = card_of(c);
    narrow_args a = {view_of(x), view_of(y), smoothing};
    card_lock(d);
    launch_rows(d, "narrow", KERNEL_OF(narrow), x->rows, &a);
    card_unlock(d);
}

/* ---- layernorm and embed ---------------------------------------------------------------------------------------------- */

typedef struct norm_how {
    const float *gamma, *beta;
    float eps;
    int has_also;
    view also;
    const float *smoothing;
} norm_how;

static norm_how norm_of(const float *gamma, const float *beta, float eps, const narrow_copy *also)
{
    norm_how n;
    memset(&n, 0, sizeof n);
    n.gamma = gamma;
    n.beta = beta;
    n.eps = eps;
    n.has_also = also != NULL;
    if (also) n.also = view_of(&also->to);
    if (also) n.smoothing = also->smoothing;
    return n;
}

/* Row `row` of y, which holds what is to be normalised. */
DEVICE void norm_row(view y, norm_how n, size_t row, float *slots)
{
    float *out = (float *)y.data + row * y.ld, sum = 0, squares = 0, columns = (float)y.cols;
    for (size_t i = threadIdx.x; i < y.cols; i += ROW_THREADS) sum += out[i];
    float mean = block_sum(sum, slots) / columns;
    for (size_t i = threadIdx.x; i < y.cols; i += ROW_THREADS) squares = fmaf(out[i] - mean, out[i] - mean, squares);
    float inverse = 1 / sqrtf(block_sum(squares, slots) / columns + n.eps);
    for (size_t i = threadIdx.x; i < y.cols; i += ROW_THREADS)
        out[i] = fmaf((out[i] - mean) * inverse, n.gamma[i], n.beta ? n.beta[i] : 0);
    if (n.has_also) narrow_row(y, n.also, n.smoothing, row, slots);
}

typedef struct layernorm_args {
    view x, residual, y;
    size_t has_residual;
    norm_how n;
} layernorm_args;

KERNEL(layernorm)
{
    __shared__ float slots[ROW_WARPS];
    size_t row = blockIdx.x;
    float *out = (float *)a.y.data + row * a.y.ld;
    for (size_t i = threadIdx.x; i < a.y.cols; i += ROW_THREADS)
        out[i] = a.has_residual ? view_at(a.x, row, i) + view_at(a.residual, row, i) : view_at(a.x, row, i);
    norm_row(a.y, a.n, row, slots);
}

void card_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                    const tensor *y, const narrow_copy *also)
{
    card *d = card_of(c);
    layernorm_args a;
    memset(&a, 0, sizeof a);
    a.x = view_of(x);
    a.y = view_of(y);
    a.has_residual = residual != NULL;
    if (residual) a.residual = view_of(residual);
    a.n = norm_of(gamma, beta, eps, also);
    card_lock(d);
    launch_rows(d, "layernorm", KERNEL_OF(layernorm), x->rows, &a);
    card_unlock(d);
}

typedef struct embed_kernel_args {
    const uint32_t *ids;
    const int32_t *positions; /* NULL: no such table */
    const uint8_t *types;     /* NULL: row 0 */
    view word, position, type, y;
    norm_how n;
} embed_kernel_args;

KERNEL(embed_kernel)
{
    __shared__ float slots[ROW_WARPS];
    size_t row = blockIdx.x;
    float *out = (float *)a.y.data + row * a.y.ld;
    for (size_t i = threadIdx.x; i < a.y.cols; i += ROW_THREADS) {
        float sum = view_at(a.word, a.ids[row], i); /* word + type, then + position, as Hugging Face adds them */
        if (a.type.rows) sum += view_at(a.type, a.types ? a.types[row] : 0, i);
        if (a.positions) sum += view_at(a.position, (size_t)a.positions[row], i);
        out[i] = sum;
    }
    norm_row(a.y, a.n, row, slots);
}

void card_embed(compute *c, const embed_args *e)
{
    card *d = card_of(c);
    embed_kernel_args a;
    size_t T = e->y.rows;
    memset(&a, 0, sizeof a);
    if (!T) return;
    card_lock(d);
    a.ids = (const uint32_t *)card_stage(d, e->ids, T * sizeof *e->ids);
    if (e->position.rows) a.positions = (const int32_t *)card_stage(d, e->positions, T * sizeof *e->positions);
    if (e->types) a.types = (const uint8_t *)card_stage(d, e->types, T);
    a.word = view_of(&e->word);
    a.position = view_of(&e->position);
    a.type = view_of(&e->type);
    a.y = view_of(&e->y);
    a.n = norm_of(e->gamma, e->beta, e->eps, e->also);
    launch_rows(d, "embed", KERNEL_OF(embed_kernel), T, &a);
    card_unlock(d);
}

/* ---- normalize -------------------------------------------------------------------------------------------------------- */

typedef struct normalize_args {
    view x, y;
} normalize_args;

KERNEL(normalize)
{
    __shared__ float slots[ROW_WARPS];
    size_t row = blockIdx.x;
    float squares = 0;
    for (size_t i = threadIdx.x; i < a.x.cols; i += ROW_THREADS) {
        float v = view_at(a.x, row, i);
        squares = fmaf(v, v, squares);
    }
    float length = sqrtf(block_sum(squares, slots));
    if (!(length > 1e-12f)) length = length == length ? 1e-12f : length; /* a NaN stays one */
    for (size_t i = threadIdx.x; i < a.x.cols; i += ROW_THREADS) view_put(a.y, row, i, view_at(a.x, row, i) / length);
}

void card_normalize(compute *c, const tensor *x, const tensor *y)
{
    card *d = card_of(c);
    normalize_args a = {view_of(x), view_of(y)};
    card_lock(d);
    launch_rows(d, "normalize", KERNEL_OF(normalize), x->rows, &a);
    card_unlock(d);
}

/* ---- gather ----------------------------------------------------------------------------------------------------------- */

typedef struct gather_args {
    view x, y;
    const int32_t *rows;
    size_t size; /* bytes of an element */
} gather_args;

KERNEL(gather)
{
    size_t row = blockIdx.x;
    const char *from = (const char *)a.x.data + (size_t)a.rows[row] * a.x.ld * a.size;
    char *to = (char *)a.y.data + row * a.y.ld * a.size;
    for (size_t i = threadIdx.x; i < a.y.cols; i += ROW_THREADS) {
        if (a.size == 4)
            ((uint32_t *)(void *)to)[i] = ((const uint32_t *)(const void *)from)[i];
        else
            for (size_t b = 0; b < a.size; b++) to[i * a.size + b] = from[i * a.size + b];
    }
}

void card_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y)
{
    card *d = card_of(c);
    gather_args a = {view_of(x), view_of(y), NULL, dtype_size(x->type)};
    if (!y->rows) return;
    card_lock(d);
    a.rows = (const int32_t *)card_stage(d, rows, y->rows * sizeof *rows);
    launch_rows(d, "gather", KERNEL_OF(gather), y->rows, &a);
    card_unlock(d);
}

/* ---- pool ------------------------------------------------------------------------------------------------------------- */

/* A thread makes a column of a sequence's result, its rows in order: the f32 steps of compute/ref/ref_pool.c. */
typedef struct pool_rows_args {
    size_t kind; /* pooling */
    view x, y;
    const int32_t *start; /* [B + 1] */
} pool_rows_args;

DEVICE float pool_column(pool_rows_args a, size_t first, size_t n, size_t col)
{
    float sum = 0, weights = 0, one;
    if (a.kind == POOL_CLS) return view_at(a.x, first, col);
    if (a.kind == POOL_LAST) return view_at(a.x, first + n - 1, col);
    if (a.kind == POOL_MAX) {
        float most = view_at(a.x, first, col);
        for (size_t i = 1; i < n; i++) {
            one = view_at(a.x, first + i, col);
            if (one > most || isnan(one)) most = one;
        }
        return most;
    }
    for (size_t i = 0; i < n; i++) {
        float weight = a.kind == POOL_WEIGHTED_MEAN ? (float)(i + 1) : 1;
        sum += view_at(a.x, first + i, col) * weight;
        weights += weight;
    }
    return sum / (a.kind == POOL_MEAN_SQRT_LEN ? sqrtf((float)n) : a.kind == POOL_MEAN ? (float)n : weights);
}

KERNEL(pool_rows)
{
    size_t b = blockIdx.x, col = (size_t)blockIdx.y * ROW_THREADS + threadIdx.x;
    size_t first = (size_t)a.start[b], n = (size_t)a.start[b + 1] - first;
    if (col < a.y.cols) view_put(a.y, b, col, n ? pool_column(a, first, n, col) : 0);
}

void card_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y)
{
    card *d = card_of(c);
    pool_rows_args a = {(size_t)kind, view_of(x), view_of(y), NULL};
    if (!B) return;
    card_lock(d);
    a.start = (const int32_t *)card_stage(d, start, (B + 1) * sizeof *start);
    dim3 grid = dim3_of(B, (y->cols + ROW_THREADS - 1) / ROW_THREADS);
    card_launch(d, "pool", KERNEL_OF(pool_rows), grid, dim3_of(ROW_THREADS, 1), 0, &a);
    card_unlock(d);
}

/* ---- rotate and glu --------------------------------------------------------------------------------------------------- */

typedef struct rotate_kernel_args {
    view x;
    size_t dh;
    const int32_t *positions;
    const int32_t *rows; /* or NULL */
    const float *table;
} rotate_kernel_args;

KERNEL(rotate_kernel)
{
    size_t row = blockIdx.x, half = a.dh / 2;
    const float *cosines = a.table + (size_t)a.positions[a.rows ? (size_t)a.rows[row] : row] * a.dh, *sines = cosines + half;
    for (size_t i = threadIdx.x; i < a.x.cols / 2; i += ROW_THREADS) {
        size_t at = i / half * a.dh + i % half, pair = i % half;
        float x = view_at(a.x, row, at), y = view_at(a.x, row, at + half);
        view_put(a.x, row, at, x * cosines[pair] - y * sines[pair]);
        view_put(a.x, row, at + half, y * cosines[pair] + x * sines[pair]);
    }
}

void card_rotate(compute *c, const rotate_args *r)
{
    card *d = card_of(c);
    rotate_kernel_args a = {view_of(&r->x), r->x.cols / r->H, NULL, NULL, r->table};
    size_t n = r->x.rows;
    if (!n) return;
    if (r->rows) n = (size_t)r->rows[r->x.rows - 1] + 1; /* ascending: positions are needed up to there */
    card_lock(d);
    a.positions = (const int32_t *)card_stage(d, r->positions, n * sizeof *r->positions);
    if (r->rows) a.rows = (const int32_t *)card_stage(d, r->rows, r->x.rows * sizeof *r->rows);
    launch_rows(d, "rotate", KERNEL_OF(rotate_kernel), r->x.rows, &a);
    card_unlock(d);
}

typedef struct glu_args {
    view gate, up, y;
    size_t act;
} glu_args;

KERNEL(glu)
{
    size_t row = blockIdx.x;
    for (size_t i = threadIdx.x; i < a.y.cols; i += ROW_THREADS) {
        view_store(a.y, row, i, activate(a.act, view_at(a.gate, row, i)) * view_at(a.up, row, i));
    }
    __syncthreads(); /* the zero after an odd row lies where up begins, if y is gate */
    if (threadIdx.x == 0) view_fill(a.y, row);
}

void card_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y)
{
    card *d = card_of(c);
    glu_args a = {view_of(gate), view_of(up), view_of(y), (size_t)act};
    card_lock(d);
    launch_rows(d, "glu", KERNEL_OF(glu), y->rows, &a);
    card_unlock(d);
}
