/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kernels.c — do all instruction sets agree, whatever the shapes and values?
 *
 *   byte 0: op; then its sizes, one or two bytes each; the rest, repeated as needed, are the values: a byte b is
 *   (b - 128) / 16, and 0xFF is -1e15, whose products stay finite, so that scores spread
 *   and exp meets its ends
 *
 * Every backend is compared with ref within the worst case of rounding, n u sum|terms| for a sum of n terms: not the few u that
 * random signs give (tests/conformance), since one value added again and again rounds the same way each time. And it is run
 * twice, on no pool and on three threads: those two must have the same bits. Buffers are exact blocks, so AddressSanitizer sees
 * a step past the end. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "compute/compute.h"

typedef struct source {
    const uint8_t *data;
    size_t size, at;
} source;

static size_t take(source *s, size_t most)
{
    size_t value = s->at < s->size ? s->data[s->at++] : 0;
    if (most > 255) value = value << 8 | (s->at < s->size ? s->data[s->at++] : 0);
    return value % (most + 1);
}

static float *take_floats(source *s, size_t n)
{
    float *x = mem_array(n ? n : 1, sizeof *x);
    if (!x) abort();
    size_t first = s->at < s->size ? s->at : 0, span = s->size - first;
    for (size_t i = 0; i < n; i++) {
        uint8_t b = span ? s->data[first + i % span] : 0;
        x[i] = b == 0xFF ? -1e15f : (float)((int)b - 128) / 16 + (float)(i % 7) / 64;
    }
    return x;
}

/* What an op is run on; y is fresh each time. */
typedef struct job {
    precision p;
    size_t m, n, k, heads, dh, window;
    activation act;
    const float *x, *w, *bias;
    int32_t start[4];
    uint64_t doc_start[4];
} job;

typedef void (*job_fn)(compute *c, const job *j, float *y);

/* x in the type that goes with p, by the backend under test; an exact block, as all of them. */
static tensor narrowed(compute *c, const tensor *x, precision p)
{
    if (p == PRECISION_F32) return *x;
    tensor y = {.type = p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_U8, .rows = x->rows, .cols = x->cols};
    size_t size = dtype_size(y.type), group = 4 / size;
    y.ld = (x->cols + group - 1) / group * group;
    y.data = mem_array(x->rows * y.ld + 1, size);
    y.scales = mem_array(x->rows + 1, sizeof *y.scales);
    if (!y.data || !y.scales) abort();
    c->ops->narrow(c, x, NULL, &y);
    return y;
}

static void drop_narrowed(tensor *t, precision p)
{
    if (p == PRECISION_F32) return;
    mem_free(t->data);
    mem_free(t->scales);
}

static void run_linear(compute *c, const job *j, float *y)
{
    matrix_part part = {j->w, DTYPE_F32, j->n};
    packed_matrix *w;
    tensor wide = tensor_f32((float *)(uintptr_t)j->x, j->m, j->k, j->k), out = tensor_f32(y, j->m, j->n, j->n);
    tensor x = narrowed(c, &wide, j->p);
    epilogue e = {j->bias, j->act, NULL};
    if (c->ops->pack(c, &part, 1, j->k, j->p, NULL, &w, NULL)) abort();
    c->ops->linear(c, &x, w, &e, &out);
    c->ops->packed_free(w);
    drop_narrowed(&x, j->p);
}

static tensor columns(const tensor *t, size_t first, size_t n)
{
    tensor part = *t;
    part.data = (char *)t->data + first * dtype_size(t->type);
    part.cols = n;
    return part;
}

/* In bf16 the answer is widened, which is exact. */
static void run_attention(compute *c, const job *j, float *y)
{
    size_t D = j->heads * j->dh, T = (size_t)j->start[3];
    tensor wide = tensor_f32((float *)(uintptr_t)j->x, T, 3 * D, 3 * D), out = tensor_f32(y, T, D, D);
    tensor qkv = narrowed(c, &wide, j->p), result = narrowed(c, &out, j->p);
    attention_args a = {columns(&qkv, 0, D),
                        columns(&qkv, D, D),
                        columns(&qkv, 2 * D, D),
                        result,
                        j->start,
                        j->start,
                        3,
                        j->heads,
                        0.25f,
                        j->window,
                        NULL};
    c->ops->attention(c, &a);
    if (j->p != PRECISION_F32) c->ops->narrow(c, &result, NULL, &out);
    drop_narrowed(&qkv, j->p);
    drop_narrowed(&result, j->p);
}

/* The halves of rows twice as wide. */
static void run_glu(compute *c, const job *j, float *y)
{
    tensor wide = tensor_f32((float *)(uintptr_t)j->x, j->m, 2 * j->n, 2 * j->n), out = tensor_f32(y, j->m, j->n, j->n);
    tensor gate = columns(&wide, 0, j->n), up = columns(&wide, j->n, j->n);
    c->ops->glu(c, &gate, &up, j->act, &out);
}

/* One head as wide as the row, all rows by the same angles. */
static void run_rotate(compute *c, const job *j, float *y)
{
    static const int32_t positions[61];
    size_t dh = j->n / 2 * 2;
    memcpy(y, j->x, j->m * j->n * sizeof *y);
    rotate_args a = {.x = tensor_f32(y, j->m, dh, j->n), .H = 1, .positions = positions, .table = j->w};
    if (dh) c->ops->rotate(c, &a);
}

/* The bytes, the scale and the zero point of each row. */
static void run_narrow(compute *c, const job *j, float *y)
{
    tensor wide = tensor_f32((float *)(uintptr_t)j->x, j->m, j->n, j->n), x = narrowed(c, &wide, PRECISION_INT8);
    for (size_t i = 0; i < j->m; i++, y += j->n + 2) {
        for (size_t k = 0; k < j->n; k++) y[k] = ((const uint8_t *)x.data)[i * x.ld + k];
        y[j->n] = x.scales[i].scale;
        y[j->n + 1] = (float)x.scales[i].zero;
    }
    drop_narrowed(&x, PRECISION_INT8);
}

static void run_layernorm(compute *c, const job *j, float *y)
{
    tensor x = tensor_f32((float *)(uintptr_t)j->x, j->m, j->n, j->n), out = tensor_f32(y, j->m, j->n, j->n);
    c->ops->layernorm(c, &x, NULL, j->bias, NULL, 1e-3f, &out, NULL);
}

static void run_dots(compute *c, const job *j, float *y)
{
    tensor q = tensor_f32((float *)(uintptr_t)j->x, j->m, j->k, j->k),
           docs = tensor_f32((float *)(uintptr_t)j->w, j->n, j->k, j->k);
    tensor out = tensor_f32(y, j->m, j->n, j->n);
    c->ops->dots(c, &q, &docs, NULL, &out);
}

static void run_maxsim(compute *c, const job *j, float *y)
{
    tensor q = tensor_f32((float *)(uintptr_t)j->x, j->m, j->k, j->k),
           docs = tensor_f32((float *)(uintptr_t)j->w, j->n, j->k, j->k);
    c->ops->maxsim(c, &q, &docs, NULL, j->doc_start, 3, y, NULL);
}

static void run_pool(compute *c, const job *j, float *y)
{
    tensor x = tensor_f32((float *)(uintptr_t)j->x, (size_t)j->start[3], j->n, j->n), out = tensor_f32(y, 3, j->n, j->n);
    c->ops->pool(c, (pooling)(j->m % 6), &x, j->start, 3, &out);
}

static double greatest(const float *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double magnitude = fabs((double)x[i]); /* not fmax: gcc 12 for AArch64 breaks on that loop */
        if (magnitude > most) most = magnitude;
    }
    return most;
}

static float *run(const char *isa, pool *threads, job_fn fn, const job *j, size_t n)
{
    compute *c;
    float *y = mem_calloc(n ? n : 1, sizeof *y);
    if (!y || compute_open(isa, threads, &c, NULL)) abort();
    fn(c, j, y);
    compute_close(c);
    return y;
}

static void demand(bool held, const char *isa, const char *what, size_t i, double got, double want)
{
    if (held) return;
    fprintf(stderr, "%s: %s differs at %zu: %.9g, expected %.9g\n", isa, what, i, got, want);
    abort();
}

static void compare_all(pool *threads, job_fn fn, const job *j, size_t n, double bound)
{
    float *want = run("ref", NULL, fn, j, n);
    for (size_t i = 0; compute_isa(i); i++) {
        const char *isa = compute_isa(i);
        float *alone = run(isa, NULL, fn, j, n), *shared = run(isa, threads, fn, j, n);
        for (size_t e = 0; e < n; e++) {
            double got = alone[e], expected = want[e];
            bool wild = !isfinite(expected);
            demand(wild || fabs(got - expected) <= bound, isa, "ref", e, got, expected);
            demand(memcmp(&alone[e], &shared[e], sizeof(float)) == 0, isa, "another thread count", e, shared[e], alone[e]);
        }
        mem_free(alone);
        mem_free(shared);
    }
    mem_free(want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pool *threads; /* kept: starting threads for each input would be all the fuzzer does */
    if (!threads && pool_new(3, &threads, NULL)) abort();
    source s = {data, size, 0};
    job j = {0};
    const double u = 5.9604644775390625e-8; /* 2^-24 */
    enum {
        LINEAR,
        ATTENTION,
        LAYERNORM,
        DOTS,
        MAXSIM,
        POOL,
        LINEAR_BF16,
        LINEAR_INT8,
        ATTENTION_BF16,
        NARROW,
        GLU,
        ROTATE,
        N_OPS
    };
    size_t op = take(&s, N_OPS - 1);
    j.p = op == LINEAR_BF16 || op == ATTENTION_BF16 ? PRECISION_BF16 : op == LINEAR_INT8 ? PRECISION_INT8 : PRECISION_F32;
    bool attention = op == ATTENTION || op == ATTENTION_BF16;
    j.m = take(&s, 60) + 1;
    j.n = take(&s, 150) + 1;
    j.k = take(&s, 600) + 1;
    j.act = (activation)take(&s, ACT_TANH);
    j.heads = take(&s, 2) + 1;
    j.dh = take(&s, 80) + 1;
    for (size_t i = 0; i < 3; i++) {
        j.start[i + 1] = j.start[i] + (int32_t)take(&s, 40);
        j.doc_start[i + 1] = j.doc_start[i] + take(&s, j.n / 3);
    }
    j.window = attention ? take(&s, 50) : 0;
    size_t T = (size_t)j.start[3], D = j.heads * j.dh;
    size_t width = op == GLU ? 2 * j.n : op == LAYERNORM || op == NARROW || op == ROTATE ? j.n : j.k;
    size_t x_size = attention ? T * 3 * D : op == POOL ? T * j.n : j.m * width;
    float *x = take_floats(&s, x_size), *w = take_floats(&s, j.n * j.k), *bias = take_floats(&s, j.n);
    j.x = x;
    j.w = w;
    j.bias = bias;
    double X = greatest(x, x_size), W = greatest(w, j.n * j.k), B = greatest(bias, j.n), sum = X * W * (double)j.k;
    double sums = u * (double)(j.k + 16), row_sums = u * (double)(j.n + 16);
    double score = u * (double)(j.dh + 8) * X * X * (double)j.dh * 0.25; /* moves p and its total by as much, relative */
    /* bf16: sums may be rounded by an ulp (Arm), probabilities and y are rounded to 2^-8. int8: sums are exact. */
    double linear = 2 * sums * (sum + B + 1), attend = X * (4 * score + u * (double)(2 * T + 16)); /* slopes stay under 1.13 */
    switch (op) {
    case LINEAR:
        compare_all(threads, run_linear, &j, j.m * j.n, linear);
        break;
    case LINEAR_BF16:
        compare_all(threads, run_linear, &j, j.m * j.n, 2 * linear);
        break;
    case LINEAR_INT8:
        compare_all(threads, run_linear, &j, j.m * j.n, j.act == ACT_NONE ? 0 : 16 * u * (sum + B + 1));
        break;
    case ATTENTION:
        compare_all(threads, run_attention, &j, T * D, attend);
        break;
    case ATTENTION_BF16:
        compare_all(threads, run_attention, &j, T * D, 2 * attend + X * (4 * score + 2 * 0x1p-13 + 3 * 0x1p-8));
        break;
    case LAYERNORM:
        compare_all(threads, run_layernorm, &j, j.m * j.n, 4 * row_sums * (X / sqrt(1e-3) + 1) * (B + 1));
        break;
    case DOTS:
        compare_all(threads, run_dots, &j, j.m * j.n, sums * sum);
        break;
    case MAXSIM:
        compare_all(threads, run_maxsim, &j, 3, sums * sum);
        break;
    case POOL:
        compare_all(threads, run_pool, &j, 3 * j.n, u * 4 * X);
        break;
    case GLU:
        compare_all(threads, run_glu, &j, j.m * j.n, 16 * u * (X + 1) * (X + 1));
        break;
    case ROTATE:
        compare_all(threads, run_rotate, &j, j.m * j.n, 4 * u * X * W);
        break;
    case NARROW:
        compare_all(threads, run_narrow, &j, j.m * (j.n + 2), 0);
        break;
    }
    mem_free(x);
    mem_free(w);
    mem_free(bias);
    return 0;
}
