/* SPDX-License-Identifier: Apache-2.0 */
/* bench_kernels.c — how far from the machine's peak is each kernel?
 *
 *   bench_kernels [isa] [threads] [op]     default: the best isa, all processors, every op; "linear bf16", or "linear" for
 *                                          that in every precision
 *
 * Prints CSV: op, shape, isa, threads, GFLOP/s (or GB/s) as minimum, median and best of ROUNDS rounds, and the best's share of
 * the peak. The peak is the library's register-only loop of the precision (compute/peak_rate.h) on the same threads, measured
 * anew beside every shape, since clocks and neighbours move it. A linear has its bias; in int8 its x is narrowed from f32 in
 * each call; y is f32 in f32, bf16 otherwise. Inputs are random and never zero; weights rotate through COPIES packed copies so
 * that a small layer is not served from L2. Lines that start with # say what machine it was. With one thread, time is that
 * thread's own processor time, so that a busy machine costs cache and clock but not turns; with more it is the clock on the
 * wall. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "compute/peak_rate.h"

enum { ROUNDS = 7, COPIES = 4 };
static const double ROUND_SECONDS = 0.06; /* long against the timer, short against a neighbour's burst */

typedef struct bench {
    compute *c;
    pool *threads;
    const char *isa, *only;
    rng random;
} bench;

typedef void (*bench_fn)(void *ctx, size_t call);

static clockid_t timer = CLOCK_MONOTONIC;

static double now(void)
{
    struct timespec t;
    clock_gettime(timer, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *need(void *block)
{
    if (block) return block;
    fputs("bench_kernels: memory ran out\n", stderr);
    exit(1);
}

static float *random_floats(bench *b, size_t n)
{
    float *x = need(mem_alloc_aligned(n * sizeof *x, 64));
    for (size_t i = 0; i < n; i++) x[i] = (float)(rng_uniform(&b->random) - 0.5);
    return x;
}

/* GFLOP/s of all threads together; 0 where there is no loop. */
static double measure_peak(const bench *b, precision p)
{
    double rate;
    if (peak_rate_measure(b->c, p, (size_t)pool_size(b->threads), &rate, NULL)) return 0;
    return rate * 1e-9;
}

/* `work` in GFLOP or GB a call; peak 0 = no share to print. */
static void measure(const bench *b, const char *op, const char *shape, const char *unit, double work, double peak, bench_fn fn,
                    void *ctx)
{
    double rate[ROUNDS];
    size_t calls = 1, call = 0;
    fn(ctx, call++);
    for (double start = now(); now() - start < ROUND_SECONDS / 2;) {
        fn(ctx, call++);
        calls++;
    }
    calls = calls * 2;
    for (int r = 0; r < ROUNDS; r++) {
        double start = now();
        for (size_t i = 0; i < calls; i++) fn(ctx, call++);
        rate[r] = work * (double)calls / (now() - start);
    }
    qsort(rate, ROUNDS, sizeof *rate, by_size);
    printf("%s,%s,%s,%d,%s,%.1f,%.1f,%.1f,", op, shape, b->isa, pool_size(b->threads), unit, rate[0], rate[ROUNDS / 2],
           rate[ROUNDS - 1]);
    if (peak > 0)
        printf("%.0f,%.0f%%\n", peak, 100 * rate[ROUNDS - 1] / peak);
    else
        printf(",\n");
    fflush(stdout);
}

static const char *const precision_names[] = {"", " bf16", " f16", " int8", " fp8"}; /* ORDER precision, after an op's name */

/* random_floats as rows of a type, as far apart as compute_ld says */
static tensor random_rows(bench *b, dtype type, size_t rows, size_t cols)
{
    tensor t = {.type = type, .rows = rows, .cols = cols, .ld = compute_ld(type, cols)};
    float *from = random_floats(b, rows * cols);
    tensor wide = tensor_f32(from, rows, cols, cols);
    t.data = need(mem_alloc_aligned(rows * t.ld * dtype_size(type), 64));
    memset(t.data, 0, rows * t.ld * dtype_size(type));
    if (type == DTYPE_U8) t.scales = need(mem_array(rows, sizeof *t.scales));
    b->c->ops->narrow(b->c, &wide, NULL, &t);
    mem_free_aligned(from);
    return t;
}

static void drop_rows(tensor *t)
{
    mem_free_aligned(t->data);
    mem_free(t->scales);
}

typedef struct linear_bench {
    compute *c;
    packed_matrix *w[COPIES];
    tensor x, narrow, y; /* narrow: int8's */
    epilogue e;
} linear_bench;

static void run_linear(void *ctx, size_t call)
{
    linear_bench *l = ctx;
    if (l->narrow.data) l->c->ops->narrow(l->c, &l->x, NULL, &l->narrow);
    l->c->ops->linear(l->c, l->narrow.data ? &l->narrow : &l->x, l->w[call % COPIES], &l->e, &l->y);
}

static void bench_linear(bench *b, precision p, size_t M, size_t N, size_t K, activation act)
{
    linear_bench l = {.c = b->c};
    tri_error err;
    char op[32], shape[64];
    float *w = random_floats(b, N * K), *bias = random_floats(b, N);
    matrix_part part = {w, DTYPE_F32, N};
    for (int i = 0; i < COPIES; i++)
        if (b->c->ops->pack(b->c, &part, 1, K, p, NULL, &l.w[i], &err)) need(NULL);
    l.x = random_rows(b, p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_F32, M, K);
    if (p == PRECISION_INT8) l.narrow = random_rows(b, DTYPE_U8, M, K);
    l.y = random_rows(b, p == PRECISION_F32 ? DTYPE_F32 : DTYPE_BF16, M, N);
    l.e = (epilogue){bias, act, NULL};
    snprintf(op, sizeof op, "linear%s", precision_names[p]);
    snprintf(shape, sizeof shape, "M=%zu N=%zu K=%zu%s", M, N, K, act == ACT_GELU_ERF ? " gelu" : "");
    measure(b, op, shape, "GFLOP/s", 2e-9 * (double)M * (double)N * (double)K, measure_peak(b, p), run_linear, &l);
    if (M <= 16) measure(b, op, shape, "GB/s", 1e-9 * (double)b->c->ops->packed_bytes(l.w[0]), 0, run_linear, &l);
    for (int i = 0; i < COPIES; i++) b->c->ops->packed_free(l.w[i]);
    drop_rows(&l.x);
    drop_rows(&l.narrow);
    drop_rows(&l.y);
    mem_free_aligned(w);
    mem_free_aligned(bias);
}

typedef struct pack_bench {
    compute *c;
    matrix_part part;
    size_t k;
    precision p;
} pack_bench;

static void run_pack(void *ctx, size_t call)
{
    pack_bench *p = ctx;
    packed_matrix *m;
    (void)call;
    if (p->c->ops->pack(p->c, &p->part, 1, p->k, p->p, NULL, &m, NULL) == TRI_OK) p->c->ops->packed_free(m);
}

static void bench_pack(bench *b, precision to, dtype type)
{
    enum { N = 4096, K = 1024 };
    float *w = random_floats(b, N * K); /* as bytes of whatever type: halves of small floats are finite too */
    pack_bench p = {b->c, {w, type, N}, K, to};
    char op[32], shape[64];
    snprintf(op, sizeof op, "pack%s", precision_names[to]);
    snprintf(shape, sizeof shape, "N=%d K=%d %s", N, K, dtype_name(type));
    measure(b, op, shape, "GB/s read", 1e-9 * (double)dtype_size(type) * N * K, 0, run_pack, &p);
    mem_free_aligned(w);
}

typedef struct attention_bench {
    compute *c;
    attention_args a;
} attention_bench;

static void run_attention(void *ctx, size_t call)
{
    attention_bench *a = ctx;
    (void)call;
    a->c->ops->attention(a->c, &a->a);
}

/* D columns of all rows of qkv */
static tensor third(const tensor *qkv, size_t i, size_t D)
{
    tensor t = *qkv;
    t.data = (char *)qkv->data + i * D * dtype_size(qkv->type);
    t.cols = D;
    return t;
}

/* B texts of lengths S, or of mixed lengths 1..S */
static void bench_attention(bench *b, precision p, size_t B, size_t S, bool mixed, size_t H, size_t dh)
{
    int32_t *start = need(mem_array(B + 1, sizeof *start));
    double work = 0;
    char op[32], shape[96];
    start[0] = 0;
    for (size_t i = 0; i < B; i++) {
        size_t n = mixed ? rng_below(&b->random, S) + 1 : S;
        start[i + 1] = start[i] + (int32_t)n;
        work += 4e-9 * (double)(n * n * H * dh);
    }
    size_t T = (size_t)start[B], D = H * dh;
    dtype type = p == PRECISION_BF16 ? DTYPE_BF16 : DTYPE_F32;
    tensor qkv = random_rows(b, type, T, 3 * D), y = random_rows(b, type, T, D);
    attention_args args = {third(&qkv, 0, D), third(&qkv, 1, D), third(&qkv, 2, D), y, start, start, B, H, 0.125f, 0, NULL};
    attention_bench a = {b->c, args};
    snprintf(op, sizeof op, "attention%s", precision_names[p]);
    snprintf(shape, sizeof shape, "B=%zu S=%s%zu H=%zu dh=%zu", B, mixed ? "1.." : "", S, H, dh);
    measure(b, op, shape, "GFLOP/s", work, measure_peak(b, p), run_attention, &a);
    mem_free(start);
    drop_rows(&qkv);
    drop_rows(&y);
}

typedef struct row_bench {
    compute *c;
    tensor x, residual, y;
    float *gamma, *beta;
    int32_t *start;
    pooling kind;
} row_bench;

static void run_layernorm(void *ctx, size_t call)
{
    row_bench *r = ctx;
    (void)call;
    r->c->ops->layernorm(r->c, &r->x, &r->residual, r->gamma, r->beta, 1e-5f, &r->y, NULL);
}

static void run_normalize(void *ctx, size_t call)
{
    row_bench *r = ctx;
    (void)call;
    r->c->ops->normalize(r->c, &r->x, &r->y);
}

static void run_pool(void *ctx, size_t call)
{
    row_bench *r = ctx;
    (void)call;
    r->c->ops->pool(r->c, r->kind, &r->x, r->start, 8, &r->y);
}

static void bench_rows(bench *b, size_t T, size_t D)
{
    row_bench r = {.c = b->c};
    int32_t start[9];
    char shape[64];
    double gigabytes = 4e-9 * (double)(T * D);
    float *x = random_floats(b, T * D), *residual = random_floats(b, T * D), *y = random_floats(b, T * D);
    r.gamma = random_floats(b, D);
    r.beta = random_floats(b, D);
    r.x = tensor_f32(x, T, D, D);
    r.residual = tensor_f32(residual, T, D, D);
    r.y = tensor_f32(y, T, D, D);
    r.start = start;
    r.kind = POOL_MEAN;
    for (size_t i = 0; i < 9; i++) start[i] = (int32_t)(T / 8 * i);
    snprintf(shape, sizeof shape, "T=%zu D=%zu", T, D);
    measure(b, "layernorm+residual", shape, "GB/s", 3 * gigabytes, 0, run_layernorm, &r);
    measure(b, "normalize", shape, "GB/s", 2 * gigabytes, 0, run_normalize, &r);
    measure(b, "pool mean", shape, "GB/s", gigabytes, 0, run_pool, &r);
    mem_free_aligned(x);
    mem_free_aligned(residual);
    mem_free_aligned(y);
    mem_free_aligned(r.gamma);
    mem_free_aligned(r.beta);
}

typedef struct score_bench {
    compute *c;
    tensor q, docs, y;
    const float *scales;
    uint64_t *start;
    size_t n_docs;
    float *scores;
} score_bench;

static void run_dots(void *ctx, size_t call)
{
    score_bench *s = ctx;
    (void)call;
    s->c->ops->dots(s->c, &s->q, &s->docs, s->scales, &s->y);
}

static void run_maxsim(void *ctx, size_t call)
{
    score_bench *s = ctx;
    (void)call;
    s->c->ops->maxsim(s->c, &s->q, &s->docs, s->scales, s->start, s->n_docs, s->scores, NULL);
}

static void bench_score(bench *b, size_t Q, size_t n, size_t D, dtype type)
{
    enum { DOC_ROWS = 150 };
    score_bench s = {.c = b->c};
    char shape[64];
    size_t n_docs = n / DOC_ROWS, bytes = n * D * dtype_size(type);
    float *q = random_floats(b, Q * D), *y = random_floats(b, Q * n), *scales = random_floats(b, n),
          *scores = random_floats(b, n);
    char *docs = need(mem_alloc_aligned(bytes, 64));
    for (size_t i = 0; i < bytes; i++) docs[i] = (char)(rng_next(&b->random) & 0x3B); /* finite as f16 and f32 too */
    s.q = tensor_f32(q, Q, D, D);
    s.docs = (tensor){.data = docs, .type = type, .rows = n, .cols = D, .ld = D};
    s.y = tensor_f32(y, Q, n, n);
    s.scales = type == DTYPE_I8 ? scales : NULL;
    s.start = need(mem_array(n_docs + 1, sizeof *s.start));
    s.n_docs = n_docs;
    s.scores = scores;
    for (size_t i = 0; i <= n_docs; i++) s.start[i] = i * DOC_ROWS;
    snprintf(shape, sizeof shape, "Q=%zu n=%zu D=%zu %s", Q, n, D, dtype_name(type));
    double flops = 2e-9 * (double)Q * (double)n * (double)D;
    if (Q <= 4) {
        measure(b, "dots", shape, "GB/s", 1e-9 * (double)bytes, 0, run_dots, &s);
    } else {
        measure(b, "dots", shape, "GFLOP/s", flops, measure_peak(b, PRECISION_F32), run_dots, &s);
        measure(b, "maxsim", shape, "GFLOP/s", flops, measure_peak(b, PRECISION_F32), run_maxsim, &s);
    }
    mem_free_aligned(q);
    mem_free_aligned(y);
    mem_free_aligned(scales);
    mem_free_aligned(scores);
    mem_free_aligned(docs);
    mem_free(s.start);
}

/* "linear" asks for it in every precision. */
static bool wanted(const bench *b, const char *op, precision p)
{
    if (!b->only) return true;
    size_t n = strlen(op);
    return strncmp(b->only, op, n) == 0 && (b->only[n] == '\0' || strcmp(b->only + n, precision_names[p]) == 0);
}

static void bench_linears(bench *b, precision p)
{
    /* BGE-M3's four layers, then those of a 384-wide model. */
    static const size_t shapes[][2] = {{3072, 1024}, {1024, 1024}, {4096, 1024}, {1024, 4096},
                                       {1152, 384},  {384, 384},   {1536, 384},  {384, 1536}};
    static const size_t rows[] = {512, 128, 16, 12, 1, 4096};
    for (size_t m = 0; m < sizeof rows / sizeof *rows; m++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            bench_linear(b, p, rows[m], shapes[s][0], shapes[s][1], ACT_NONE);
    bench_linear(b, p, 512, 4096, 1024, ACT_GELU_ERF);
    bench_linear(b, p, 512, 1536, 384, ACT_GELU_ERF);
    bench_linear(b, p, 512, 1, 1024, ACT_RELU);
}

static void bench_attentions(bench *b, precision p)
{
    bench_attention(b, p, 1, 8192, false, 2, 64);
    bench_attention(b, p, 4, 512, false, 16, 64);
    bench_attention(b, p, 32, 128, false, 16, 64);
    bench_attention(b, p, 64, 256, true, 12, 32);
    bench_attention(b, p, 256, 16, false, 12, 32);
}

static void run_all(bench *b)
{
    static const precision precisions[] = {PRECISION_F32, PRECISION_BF16, PRECISION_INT8};
    static const dtype stored[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    static const dtype kept[] = {DTYPE_F32, DTYPE_F16, DTYPE_I8};
    for (size_t p = 0; p < 3; p++)
        if (wanted(b, "linear", precisions[p])) bench_linears(b, precisions[p]);
    if (wanted(b, "pack", PRECISION_F32))
        for (size_t p = 0; p < 3; p++)
            for (size_t t = 0; t < 3; t++) bench_pack(b, precisions[p], stored[t]);
    for (size_t p = 0; p < 2; p++)
        if (wanted(b, "attention", precisions[p])) bench_attentions(b, precisions[p]);
    if (wanted(b, "rows", PRECISION_F32)) {
        bench_rows(b, 4096, 1024);
        bench_rows(b, 512, 384);
    }
    if (wanted(b, "score", PRECISION_F32))
        for (size_t t = 0; t < 3; t++) {
            bench_score(b, 1, 40000, 1024, kept[t]);
            bench_score(b, 32, 6000, 1024, kept[t]);
            bench_score(b, 32, 6000, 128, kept[t]);
        }
}

static void name_machine(void)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0) {
            printf("# %s", strchr(line, ':') ? strchr(line, ':') + 2 : line);
            break;
        }
    if (f) fclose(f);
    printf("# compiler %s\n", __VERSION__);
}

int main(int argc, char **argv)
{
    tri_error err = {0};
    bench b = {.only = argc > 3 ? argv[3] : NULL};
    rng_seed(&b.random, 1);
    int threads = argc > 2 ? atoi(argv[2]) : pool_default_threads();
    if (pool_new(threads, &b.threads, &err) || compute_open(argc > 1 ? argv[1] : NULL, b.threads, &b.c, &err)) {
        fprintf(stderr, "bench_kernels: %s\n", err.text);
        return 1;
    }
    b.isa = b.c->ops->name;
    if (threads == 1) timer = CLOCK_THREAD_CPUTIME_ID;
    name_machine();
    printf("op,shape,isa,threads,unit,min,median,best,peak,share\n");
    run_all(&b);
    compute_close(b.c);
    pool_free(b.threads);
    return 0;
}
