/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h — the fast backend: ops cut into tasks for the pool (cpu_*.c, built once), kernels under them (kernels_<isa>.c, the
 * same source built for each instruction set, entered through one table).
 *
 * Kernels know no threads and no tensors; ops know no vectors. What keeps a row's bits the same in any company:
 *   product   every element is one chain of multiply-adds over k in order, restarted every LINEAR_DEPTH (linear) or every key
 *             block (attention) and the partial sums added in order; the tile's height only says how many rows share a load of
 * b rows ops  lanes and their final sum are fixed by the row's own length */
#ifndef TRI_COMPUTE_CPU_H
#define TRI_COMPUTE_CPU_H

#include "compute/backend.h"

enum {
    LINEAR_DEPTH = 512,     /* k summed in one chain: bounds a's and b's blocks in cache, and the error of long sums */
    SCORE_STRIDE = 256 + 16, /* floats from one query's scores to the next's: the widest key block, off the powers of two */
    TILE_ROWS_MAX = 12,
    PANEL_MAX = 32,
};

typedef struct epilogue_block {
    size_t rows, n; /* n columns wanted of the panels */
    const float *c; /* panel p's row i at c + p * panel_step + i * panel */
    size_t panel_step;
    const float *bias; /* [n] or NULL */
    activation act;
    const float *residual; /* or NULL */
    size_t residual_ld;
    float *y;
    size_t y_ld;
} epilogue_block;

/* The softmax's running state of one tile of queries. */
typedef struct softmax_state {
    float *greatest; /* [rows] */
    float *sums;     /* [rows][lanes], each lane's own */
    float *o;        /* [rows, o_ld] rescaled when greatest moves */
    size_t o_ld, o_cols;
} softmax_state;

typedef void (*product_fn)(size_t k, const float *a, const float *b, float *c, size_t c_ld, bool add);

typedef struct cpu_kernels {
    size_t lanes, tile_rows, panel; /* panel: columns of b side by side */
    size_t dot_queries, dot_docs;
    /* c [rows, panel] (+)= a.b with b [k][panel]; a is [k][cpu_tile_width(rows)] for product, [rows][SCORE_STRIDE] for
     * product_scores. Indexed by rows, 1..tile_rows. */
    product_fn product[TILE_ROWS_MAX + 1], product_scores[TILE_ROWS_MAX + 1];
    /* to[i * width + r] = from[r * ld + i] * scale for r < rows, i < k; zeros for r in rows..width, a multiple of 4 */
    void (*interleave)(float *to, size_t width, const float *from, size_t ld, size_t rows, size_t k, float scale);
    /* to[p][i][panel]: columns p * panel .. of from's row i, zeros past cols */
    void (*split)(float *to, const float *from, size_t ld, size_t rows, size_t cols);
    void (*widen)(float *to, const void *from, dtype type, size_t n);
    void (*epilogue)(const epilogue_block *e);
    /* scores [rows][SCORE_STRIDE], in units of log 2, become 2^(score - greatest) for n keys; the state moves on */
    void (*softmax)(float *scores, size_t rows, size_t n, const softmax_state *s);
    void (*softmax_end)(const softmax_state *s, size_t rows, float *y, size_t y_ld);
    void (*layernorm)(float *y, const float *x, const float *residual, const float *gamma, const float *beta, float eps,
                      size_t D);
    void (*embed)(float *y, const void *word, dtype type, const float *segment, const float *position, size_t D);
    void (*normalize)(float *y, const float *x, size_t D);
    void (*pool_max)(float *y, const float *x, size_t ld, size_t n, size_t D);
    void (*pool_sum)(float *y, const float *x, size_t ld, size_t n, size_t D, bool weighted, float divisor);
    /* out[i * dot_docs + j] = q row i . docs[j], n_q <= dot_queries rows, always dot_docs documents */
    void (*dots)(float *out, const float *q, size_t q_ld, size_t n_q, const void *const *docs, dtype type, size_t D);
} cpu_kernels;

extern const cpu_kernels cpu_kernels_generic, cpu_kernels_avx2, cpu_kernels_avx512, cpu_kernels_neon;

/* What c->scratch points to. A slot is held by one task at a time, whichever thread runs it: the pool's numbers alone would
 * not do, since a second session's small job runs inline as worker 0 beside the pool's. */
tri_status cpu_state_open(compute *c, const cpu_kernels *kernels, tri_error *err);
void cpu_state_close(compute *c);
const cpu_kernels *cpu_kernels_of(const compute *c);
float *cpu_scratch_take(compute *c, size_t worker, size_t *slot); /* [CPU_SCRATCH_FLOATS], 64-byte aligned */
void cpu_scratch_give(compute *c, size_t slot);
size_t cpu_threads(const compute *c);

static inline size_t cpu_tile_width(size_t rows) { return (rows + 3) & ~(size_t)3; }
static inline size_t cpu_blocks(size_t n, size_t size) { return (n + size - 1) / size; }
/* Where part i of n cut into `parts` nearly equal ones begins. */
static inline size_t cpu_part(size_t n, size_t parts, size_t i) { return n / parts * i + (i < n % parts ? i : n % parts); }

enum {
    LINEAR_ROWS = 96,     /* rows of x a task holds interleaved: 8 tiles of 12, 16 of 6 */
    LINEAR_COLUMNS = 512, /* columns a task computes from them */
    ATTENTION_ROWS = 192, /* most queries a task holds */
    ATTENTION_KEYS = 256, /* most keys of a block */
    ATTENTION_AREA = 16384, /* floats of a block of keys, or of values: 64 KiB */
    ATTENTION_WIDEST = 512, /* widest head; wider ones go to ref */
    CPU_SCRATCH_FLOATS = LINEAR_ROWS * LINEAR_DEPTH * 4 / 3 + LINEAR_ROWS * LINEAR_COLUMNS, /* attention needs less */
};

/* Calls fn over chunks of rows whose work is worth a task. */
typedef void (*cpu_rows_fn)(void *ctx, size_t first, size_t n);
void cpu_run_rows(compute *c, size_t rows, size_t row_cost, cpu_rows_fn fn, void *ctx);

tri_status cpu_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, packed_matrix **out,
                    tri_error *err);
void cpu_packed_free(packed_matrix *m);
size_t cpu_packed_bytes(const packed_matrix *m);
void cpu_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y);
void cpu_embed(compute *c, const embed_args *a);
void cpu_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                   const tensor *y);
void cpu_attention(compute *c, const attention_args *a);
void cpu_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y);
void cpu_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y);
void cpu_normalize(compute *c, const tensor *x, const tensor *y);
void cpu_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y);
void cpu_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                float *scores, int32_t *best);

#endif
