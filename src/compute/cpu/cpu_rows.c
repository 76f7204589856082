/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_rows.c — ops that treat each row, or each sequence, on its own: narrow, layernorm, embed, normalize, rotate, glu,
 * gather, pool. They are bound by memory; chunks of rows go to the pool. */
#include <string.h>

#include "compute/cpu/cpu.h"

typedef struct rows_job {
    cpu_rows_fn fn;
    void *ctx;
    size_t rows, parts;
} rows_job;

static void run_part(void *ctx, size_t task, size_t worker)
{
    const rows_job *job = ctx;
    size_t first = cpu_part(job->rows, job->parts, task);
    (void)worker;
    job->fn(job->ctx, first, cpu_part(job->rows, job->parts, task + 1) - first);
}

/* A task should move some 16,384 floats: about ten microseconds. */
void cpu_run_rows(compute *c, size_t rows, size_t row_cost, cpu_rows_fn fn, void *ctx)
{
    size_t each = 16384 / (row_cost ? row_cost : 1) + 1, most = 8 * cpu_threads(c);
    rows_job job = {fn, ctx, rows, cpu_blocks(rows, each)};
    if (job.parts > most) job.parts = most;
    pool_run(c->threads, run_part, &job, job.parts);
}

static float *row_of(const tensor *t, size_t i)
{
    return (float *)t->data + i * t->ld;
}

static const void *stored_row(const tensor *t, size_t i)
{
    return (const char *)t->data + i * t->ld * dtype_size(t->type);
}

static void narrow_row(const cpu_kernels *kernels, const void *from, dtype type, const float *smoothing, const tensor *y,
                       size_t i)
{
    switch (y->type) {
    case DTYPE_U8:
        y->scales[i] = kernels->narrow_u8((uint8_t *)y->data + i * y->ld, from, type, smoothing, y->cols);
        break;
    case DTYPE_BF16:
        kernels->narrow_bf16((uint16_t *)y->data + i * y->ld, from, type, smoothing, y->cols);
        break;
    default:
        kernels->narrow_f32(row_of(y, i), from, type, smoothing, y->cols);
        break;
    }
}

typedef struct narrow_job {
    const cpu_kernels *kernels;
    const tensor *x, *y;
    const float *smoothing;
} narrow_job;

static void narrow_rows(void *ctx, size_t first, size_t n)
{
    const narrow_job *job = ctx;
    for (size_t i = first; i < first + n; i++)
        narrow_row(job->kernels, stored_row(job->x, i), job->x->type, job->smoothing, job->y, i);
}

void cpu_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y)
{
    narrow_job job = {cpu_kernels_of(c), x, y, smoothing};
    cpu_run_rows(c, x->rows, x->cols, narrow_rows, &job);
}

typedef struct layernorm_job {
    const cpu_kernels *kernels;
    const tensor *x, *residual, *y;
    const float *gamma, *beta;
    float eps;
    const narrow_copy *also;
} layernorm_job;

/* The copy is made while the row is in L1. */
static void layernorm_row(const layernorm_job *job, size_t i, const float *x, const float *residual)
{
    float *y = row_of(job->y, i);
    job->kernels->layernorm(y, x, residual, job->gamma, job->beta, job->eps, job->y->cols);
    if (job->also) narrow_row(job->kernels, y, DTYPE_F32, job->also->smoothing, &job->also->to, i);
}

static void layernorm_rows(void *ctx, size_t first, size_t n)
{
    const layernorm_job *job = ctx;
    for (size_t i = first; i < first + n; i++)
        layernorm_row(job, i, row_of(job->x, i), job->residual ? row_of(job->residual, i) : NULL);
}

void cpu_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                   const tensor *y, const narrow_copy *also)
{
    layernorm_job job = {cpu_kernels_of(c), x, residual, y, gamma, beta, eps, also};
    cpu_run_rows(c, x->rows, 2 * x->cols, layernorm_rows, &job);
}

typedef struct embed_job {
    const embed_args *a;
    layernorm_job norm;
} embed_job;

static void embed_rows(void *ctx, size_t first, size_t n)
{
    const embed_job *job = ctx;
    const embed_args *a = job->a;
    const cpu_kernels *kernels = job->norm.kernels;
    for (size_t i = first; i < first + n; i++) {
        float *y = row_of(&a->y, i);
        kernels->widen(y, stored_row(&a->word, a->ids[i]), a->word.type, a->y.cols);
        if (a->type.rows) kernels->add(y, stored_row(&a->type, a->types ? a->types[i] : 0), a->type.type, a->y.cols);
        if (a->position.rows) kernels->add(y, stored_row(&a->position, (size_t)a->positions[i]), a->position.type, a->y.cols);
        layernorm_row(&job->norm, i, y, NULL);
    }
}

void cpu_embed(compute *c, const embed_args *a)
{
    embed_job job = {
        a, {.kernels = cpu_kernels_of(c), .y = &a->y, .gamma = a->gamma, .beta = a->beta, .eps = a->eps, .also = a->also}};
    cpu_run_rows(c, a->y.rows, 4 * a->y.cols, embed_rows, &job);
}

typedef struct normalize_job {
    const cpu_kernels *kernels;
    const tensor *x, *y;
} normalize_job;

static void normalize_rows(void *ctx, size_t first, size_t n)
{
    const normalize_job *job = ctx;
    for (size_t i = first; i < first + n; i++) job->kernels->normalize(row_of(job->y, i), row_of(job->x, i), job->x->cols);
}

void cpu_normalize(compute *c, const tensor *x, const tensor *y)
{
    normalize_job job = {cpu_kernels_of(c), x, y};
    cpu_run_rows(c, x->rows, x->cols, normalize_rows, &job);
}

typedef struct rotate_job {
    const cpu_kernels *kernels;
    const rotate_args *a;
} rotate_job;

static void rotate_rows(void *ctx, size_t first, size_t n)
{
    const rotate_job *job = ctx;
    const rotate_args *a = job->a;
    size_t dh = a->x.cols / a->H, size = dtype_size(a->x.type);
    for (size_t i = first; i < first + n; i++) {
        const float *angles = a->table + (size_t)a->positions[a->rows ? (size_t)a->rows[i] : i] * dh;
        char *row = (char *)a->x.data + i * a->x.ld * size;
        for (size_t h = 0; h < a->H; h++) job->kernels->rotate(row + h * dh * size, a->x.type, angles, angles + dh / 2, dh / 2);
    }
}

void cpu_rotate(compute *c, const rotate_args *a)
{
    rotate_job job = {cpu_kernels_of(c), a};
    cpu_run_rows(c, a->x.rows, a->x.cols, rotate_rows, &job);
}

typedef struct glu_job {
    const cpu_kernels *kernels;
    const tensor *gate, *up, *y;
    activation act;
} glu_job;

static void glu_rows(void *ctx, size_t first, size_t n)
{
    const glu_job *job = ctx;
    const tensor *y = job->y;
    for (size_t i = first; i < first + n; i++)
        job->kernels->glu((char *)y->data + i * y->ld * dtype_size(y->type), stored_row(job->gate, i), stored_row(job->up, i),
                          y->type, job->act, y->cols);
}

void cpu_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y)
{
    glu_job job = {cpu_kernels_of(c), gate, up, y, act};
    cpu_run_rows(c, y->rows, 4 * y->cols, glu_rows, &job);
}

typedef struct gather_job {
    const tensor *x, *y;
    const int32_t *rows;
} gather_job;

static void gather_rows(void *ctx, size_t first, size_t n)
{
    const gather_job *job = ctx;
    size_t size = dtype_size(job->x->type);
    for (size_t i = first; i < first + n; i++)
        memcpy((char *)job->y->data + i * job->y->ld * size,
               (const char *)job->x->data + (size_t)job->rows[i] * job->x->ld * size, job->y->cols * size);
}

void cpu_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y)
{
    gather_job job = {x, y, rows};
    cpu_run_rows(c, y->rows, y->cols, gather_rows, &job);
}

typedef struct pool_job {
    const cpu_kernels *kernels;
    pooling kind;
    const tensor *x, *y;
    const int32_t *start;
} pool_job;

static void pool_sequence(const pool_job *job, const float *x, size_t n, float *y)
{
    const cpu_kernels *kernels = job->kernels;
    size_t D = job->y->cols, ld = job->x->ld;
    float weights = 0;
    switch (job->kind) {
    case POOL_CLS:
        memcpy(y, x, D * sizeof *y);
        break;
    case POOL_LAST:
        memcpy(y, x + (n - 1) * ld, D * sizeof *y);
        break;
    case POOL_MAX:
        kernels->pool_max(y, x, ld, n, D);
        break;
    case POOL_MEAN:
        kernels->pool_sum(y, x, ld, n, D, false, (float)n);
        break;
    case POOL_MEAN_SQRT_LEN:
        kernels->pool_sum(y, x, ld, n, D, false, __builtin_sqrtf((float)n));
        break;
    case POOL_WEIGHTED_MEAN:
        for (size_t i = 0; i < n; i++) weights += (float)(i + 1);
        kernels->pool_sum(y, x, ld, n, D, true, weights);
        break;
    }
}

static void pool_sequences(void *ctx, size_t first, size_t count)
{
    const pool_job *job = ctx;
    for (size_t b = first; b < first + count; b++) {
        size_t row = (size_t)job->start[b], n = (size_t)job->start[b + 1] - row;
        if (n == 0)
            memset(row_of(job->y, b), 0, job->y->cols * sizeof(float));
        else
            pool_sequence(job, row_of(job->x, row), n, row_of(job->y, b));
    }
}

void cpu_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y)
{
    pool_job job = {cpu_kernels_of(c), kind, x, y, start};
    size_t rows = B ? ((size_t)start[B] - (size_t)start[0]) / B + 1 : 1;
    cpu_run_rows(c, B, (kind == POOL_CLS || kind == POOL_LAST ? 1 : rows) * y->cols, pool_sequences, &job);
}
