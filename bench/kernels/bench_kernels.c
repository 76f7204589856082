/* SPDX-License-Identifier: Apache-2.0 */
/* bench_kernels.c — how far from the machine's peak is each kernel?
 *
 *   bench_kernels [isa] [threads] [op]     default: the best isa, all processors, every op
 *
 * Prints CSV: op, shape, isa, threads, GFLOP/s (or GB/s) as minimum, median and best of ROUNDS rounds, and the best's share of
 * the peak. The peak is a register-only multiply-add loop on the same threads, measured anew beside every shape, since clocks
 * and neighbours move it. Inputs are random and never zero; weights rotate through COPIES packed copies so that a small layer
 * is not served from L2. Lines that start with # say what machine it was. With one thread, time is that thread's own processor
 * time, so that a busy machine costs cache and clock but not turns; with more it is the clock on the wall. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "compute/compute.h"
#include "peak.h"

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

typedef struct peak_job {
    double (*run)(size_t n, float a, float b);
    size_t n;
    double sums[1024];
} peak_job;

static void peak_task(void *ctx, size_t task, size_t worker)
{
    peak_job *job = ctx;
    job->sums[task] = job->run(job->n, 0.999f, 1e-3f);
    (void)worker;
}

/* GFLOP/s of all threads together; best of three, since it is to be an upper bound. */
static double measure_peak(const bench *b)
{
    peak_job job = {.run = peak_generic};
    double flops = (double)peak_flops_generic, best = 0;
#if defined(__x86_64__)
    if (strcmp(b->isa, "avx2") == 0) job.run = peak_avx2, flops = (double)peak_flops_avx2;
    if (strcmp(b->isa, "avx512") == 0) job.run = peak_avx512, flops = (double)peak_flops_avx512;
#elif defined(__aarch64__)
    if (strcmp(b->isa, "neon") == 0) job.run = peak_neon, flops = (double)peak_flops_neon;
#endif
    size_t threads = (size_t)pool_size(b->threads);
    job.n = 1000000;
    for (int i = 0; i < 3; i++) {
        double start = now();
        pool_run(b->threads, peak_task, &job, threads);
        double rate = flops * (double)(job.n * threads) / (now() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
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

typedef struct linear_bench {
    compute *c;
    packed_matrix *w[COPIES];
    tensor x, y;
    epilogue e;
} linear_bench;

static void run_linear(void *ctx, size_t call)
{
    linear_bench *l = ctx;
    l->c->ops->linear(l->c, &l->x, l->w[call % COPIES], &l->e, &l->y);
}

static void bench_linear(bench *b, size_t M, size_t N, size_t K, activation act)
{
    linear_bench l = {.c = b->c};
    tri_error err;
    char shape[64];
    float *x = random_floats(b, M * K), *y = random_floats(b, M * N), *w = random_floats(b, N * K), *bias = random_floats(b, N);
    matrix_part part = {w, DTYPE_F32, N, NULL};
    for (int i = 0; i < COPIES; i++)
        if (b->c->ops->pack(b->c, &part, 1, K, PRECISION_F32, NULL, &l.w[i], &err)) need(NULL);
    l.x = tensor_f32(x, M, K, K);
    l.y = tensor_f32(y, M, N, N);
    l.e = (epilogue){bias, act, NULL};
    snprintf(shape, sizeof shape, "M=%zu N=%zu K=%zu%s", M, N, K, act == ACT_GELU_ERF ? " gelu" : "");
    measure(b, "linear", shape, "GFLOP/s", 2e-9 * (double)M * (double)N * (double)K, measure_peak(b), run_linear, &l);
    if (M <= 16) measure(b, "linear", shape, "GB/s", 4e-9 * (double)N * (double)K, 0, run_linear, &l);
    for (int i = 0; i < COPIES; i++) b->c->ops->packed_free(l.w[i]);
    mem_free_aligned(x);
    mem_free_aligned(y);
    mem_free_aligned(w);
    mem_free_aligned(bias);
}

typedef struct pack_bench {
    compute *c;
    matrix_part part;
    size_t k;
} pack_bench;

static void run_pack(void *ctx, size_t call)
{
    pack_bench *p = ctx;
    packed_matrix *m;
    (void)call;
    if (p->c->ops->pack(p->c, &p->part, 1, p->k, PRECISION_F32, NULL, &m, NULL) == TRI_OK) p->c->ops->packed_free(m);
}

static void bench_pack(bench *b, dtype type)
{
    enum { N = 4096, K = 1024 };
    float *w = random_floats(b, N * K); /* as bytes of whatever type: halves of small floats are finite too */
    pack_bench p = {b->c, {w, type, N, NULL}, K};
    char shape[64];
    snprintf(shape, sizeof shape, "N=%d K=%d %s", N, K, dtype_name(type));
    measure(b, "pack", shape, "GB/s written", 4e-9 * N * K, 0, run_pack, &p);
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

/* B texts of lengths S, or of mixed lengths 1..S */
static void bench_attention(bench *b, size_t B, size_t S, bool mixed, size_t H, size_t dh)
{
    int32_t *start = need(mem_array(B + 1, sizeof *start));
    double work = 0;
    char shape[96];
    start[0] = 0;
    for (size_t i = 0; i < B; i++) {
        size_t n = mixed ? rng_below(&b->random, S) + 1 : S;
        start[i + 1] = start[i] + (int32_t)n;
        work += 4e-9 * (double)(n * n * H * dh);
    }
    size_t T = (size_t)start[B], D = H * dh;
    float *qkv = random_floats(b, T * 3 * D), *y = random_floats(b, T * D);
    attention_bench a = {b->c,
                         {tensor_f32(qkv, T, D, 3 * D), tensor_f32(qkv + D, T, D, 3 * D), tensor_f32(qkv + 2 * D, T, D, 3 * D),
                          tensor_f32(y, T, D, D), start, start, B, H, 0.125f}};
    snprintf(shape, sizeof shape, "B=%zu S=%s%zu H=%zu dh=%zu", B, mixed ? "1.." : "", S, H, dh);
    measure(b, "attention", shape, "GFLOP/s", work, measure_peak(b), run_attention, &a);
    mem_free(start);
    mem_free_aligned(qkv);
    mem_free_aligned(y);
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
        measure(b, "dots", shape, "GFLOP/s", flops, measure_peak(b), run_dots, &s);
        measure(b, "maxsim", shape, "GFLOP/s", flops, measure_peak(b), run_maxsim, &s);
    }
    mem_free_aligned(q);
    mem_free_aligned(y);
    mem_free_aligned(scales);
    mem_free_aligned(scores);
    mem_free_aligned(docs);
    mem_free(s.start);
}

static bool wanted(const bench *b, const char *op) { return !b->only || strcmp(b->only, op) == 0; }

static void run_all(bench *b)
{
    /* BGE-M3's four layers, then those of a 384-wide model. */
    static const size_t shapes[][2] = {{3072, 1024}, {1024, 1024}, {4096, 1024}, {1024, 4096},
                                       {1152, 384},  {384, 384},   {1536, 384},  {384, 1536}};
    static const size_t rows[] = {512, 128, 16, 12, 1, 4096};
    static const dtype stored[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    static const dtype kept[] = {DTYPE_F32, DTYPE_F16, DTYPE_I8};
    if (wanted(b, "linear")) {
        for (size_t m = 0; m < sizeof rows / sizeof *rows; m++)
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
                bench_linear(b, rows[m], shapes[s][0], shapes[s][1], ACT_NONE);
        bench_linear(b, 512, 4096, 1024, ACT_GELU_ERF);
        bench_linear(b, 512, 1536, 384, ACT_GELU_ERF);
        bench_linear(b, 512, 1, 1024, ACT_RELU);
    }
    if (wanted(b, "pack"))
        for (size_t t = 0; t < 3; t++) bench_pack(b, stored[t]);
    if (wanted(b, "attention")) {
        bench_attention(b, 1, 8192, false, 2, 64);
        bench_attention(b, 4, 512, false, 16, 64);
        bench_attention(b, 32, 128, false, 16, 64);
        bench_attention(b, 64, 256, true, 12, 32);
        bench_attention(b, 256, 16, false, 12, 32);
    }
    if (wanted(b, "rows")) {
        bench_rows(b, 4096, 1024);
        bench_rows(b, 512, 384);
    }
    if (wanted(b, "score"))
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
