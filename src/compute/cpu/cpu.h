/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h — the fast backend: ops cut into tasks for the pool (cpu_*.c, built once), kernels under them (kernels_<isa>.c, the
 * same source built for each instruction set, entered through one table).
 *
 * Kernels know no threads and no tensors; ops know no vectors. What keeps a row's bits the same in any company:
 *   product   every element is one chain of multiply-adds over k in order, restarted every LINEAR_DEPTH bytes (linear) or every
 *             key block (attention) and the partial sums added in order; the tile's height only says how many rows share a load
 *             of b
 *   rows ops  lanes and their final sum are fixed by the row's own length */
#ifndef TRI_COMPUTE_CPU_H
#define TRI_COMPUTE_CPU_H

#include "compute/backend.h"
#include "compute/packed.h"

enum {
    LINEAR_DEPTH = 2048, /* bytes of an operand row in one chain: keeps a tile's rows in L1, and bounds the error of f32 sums */
    SCORE_STRIDE = 512 + 16, /* floats from one query's scores to the next's: the widest key block, off the powers of two */
    TILE_ROWS_MAX = 32,
    TILE_PANELS_MAX = 2,
};

/* What the caller will read next, asked for while a product runs: `step` bytes further at each group, into L2. */
typedef struct tile_ahead {
    const char *at;
    size_t step;
} tile_ahead;

/* c [rows, 16 * panels] (+)= a.b over `groups` 4-byte groups of k. Row i of a begins at a + i * a_step bytes; panel j of b at
 * b + j * b_step; c_ld counts elements: f32, or int32 where a is u8. 1 <= rows <= the tile's. `ahead` is a hint. */
typedef void (*tile_fn)(size_t rows, size_t groups, const void *a, size_t a_step, const void *b, size_t b_step, void *c,
                        size_t c_ld, bool add, tile_ahead ahead);
typedef struct cpu_tile {
    tile_fn run;
    size_t rows, panels; /* most rows at once; panels side by side, always all of them */
} cpu_tile;
enum { TILE_F32, TILE_BF16, TILE_INT8, N_TILES };

/* The end of linear for a tile: c's row i at c + i * width, n <= width. */
typedef struct epilogue_block {
    size_t rows, n;
    bool ends; /* the columns are y's last */
    const void *c;
    size_t width;
    const row_scale *x_scales; /* [rows], int8; NULL: c is f32 */
    const float *w_scales;     /* [n] int8 */
    const int32_t *w_sums;     /* [n] int8 */
    const float *kept;         /* what kept columns give, int8: row i at kept + i * width; or NULL */
    const float *bias;         /* [n] or NULL */
    activation act;
    const float *residual; /* or NULL */
    size_t residual_ld;
    void *y;
    dtype y_type; /* F32 or BF16 */
    size_t y_ld;
} epilogue_block;

/* The softmax's running state of one tile of queries. */
typedef struct softmax_state {
    float factor;    /* scale * log2 e: exp(scale (s - g)) = 2^(factor (s - g)) */
    float *greatest; /* [rows] */
    float *sums;     /* [rows][lanes], each lane's own */
    float *o;        /* [rows, o_ld] rescaled when greatest moves */
    size_t o_ld, o_cols;
} softmax_state;

typedef struct cpu_kernels {
    size_t lanes;
    cpu_tile tiles[N_TILES];
    void (*end_task)(void); /* NULL, or what a thread that ran tiles does before it turns to something else */
    size_t dot_queries, dot_docs;
    /* One panel of b from rows: group g's word r = 4 bytes of row r (from + r * step), at 4 g; zeros for rows .. PANEL. */
    void (*turn)(void *to, const void *from, size_t step, size_t rows, size_t groups);
    /* Panels of b whose k are `rows` rows of f32 or bf16: panel p holds columns 16 p .., zeros past cols and rows; panels are
     * ceil(rows / group) * 64 bytes. */
    void (*split)(void *to, const void *from, dtype type, size_t ld, size_t rows, size_t cols, size_t n_panels);
    void (*widen)(float *to, const void *from, dtype type, size_t n);
    /* from F32 or BF16, smoothing [n] or NULL */
    void (*narrow_bf16)(uint16_t *to, const void *from, dtype type, const float *smoothing, size_t n);
    void (*narrow_f32)(float *to, const void *from, dtype type, const float *smoothing, size_t n);
    row_scale (*narrow_u8)(uint8_t *to, const void *from, dtype type, const float *smoothing, size_t n);
    void (*epilogue)(const epilogue_block *e);
    /* scores [rows][SCORE_STRIDE] of n keys become 2^(factor (score - greatest)), in place: f32, or bf16 from each row's first
     * byte, with zeros up to a whole group; the state moves on */
    void (*softmax)(float *scores, size_t rows, size_t n, dtype to, const softmax_state *s);
    void (*softmax_end)(const softmax_state *s, size_t rows, void *y, dtype type, size_t y_ld);
    void (*layernorm)(float *y, const float *x, const float *residual, const float *gamma, const float *beta, float eps,
                      size_t D);
    void (*add)(float *y, const void *more, dtype type, size_t n);
    /* One head, F32 or BF16, in place: [a, b] by the angles of cosines and sines [half]. */
    void (*rotate)(void *x, dtype type, const float *cosines, const float *sines, size_t half);
    /* y = act(gate) * up, F32 or BF16; y may be either */
    void (*glu)(void *y, const void *gate, const void *up, dtype type, activation act, size_t n);
    void (*normalize)(float *y, const float *x, size_t D);
    void (*pool_max)(float *y, const float *x, size_t ld, size_t n, size_t D);
    void (*pool_sum)(float *y, const float *x, size_t ld, size_t n, size_t D, bool weighted, float divisor);
    /* out[i * dot_docs + j] = q row i . docs[j], n_q <= dot_queries rows, always dot_docs documents */
    void (*dots)(float *out, const float *q, size_t q_ld, size_t n_q, const void *const *docs, dtype type, size_t D);
} cpu_kernels;

#define BACKEND(isa) extern const cpu_kernels cpu_kernels_##isa;
#define BACKEND_REF(isa)
#include "compute/list.h"
#undef BACKEND
#undef BACKEND_REF

/* What c->scratch points to. A slot is held by one task at a time, whichever thread runs it: the pool's numbers alone would
 * not do, since a second session's small job runs inline as worker 0 beside the pool's. */
tri_status cpu_state_open(compute *c, const cpu_kernels *kernels, tri_error *err);
void cpu_state_close(compute *c);
const cpu_kernels *cpu_kernels_of(const compute *c);
void *cpu_scratch_take(compute *c, size_t worker, size_t *slot); /* [CPU_SCRATCH_BYTES], 64-byte aligned */
void cpu_scratch_give(compute *c, size_t slot);                  /* also ends the task for the kernels */
size_t cpu_threads(const compute *c);

static inline int cpu_tile_of(dtype operand)
{
    return operand == DTYPE_U8 ? TILE_INT8 : operand == DTYPE_BF16 ? TILE_BF16 : TILE_F32;
}
static inline size_t cpu_blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}
/* Where part i of n cut into `parts` nearly equal ones begins. */
static inline size_t cpu_part(size_t n, size_t parts, size_t i)
{
    return n / parts * i + (i < n % parts ? i : n % parts);
}

enum {
    LINEAR_ROWS = 96,              /* rows of x a task holds: 8 tiles of 12, 16 of 6, 3 of 32 */
    LINEAR_COLUMNS = 512,          /* columns a task computes from them */
    ATTENTION_ROWS = 1536,         /* most queries a task holds: the packing of K and V is spread over them */
    ATTENTION_KEYS = 512,          /* most keys of a block */
    WINDOW_KEYS = 64,              /* the same where queries see a window of keys */
    ATTENTION_AREA = 65536,        /* bytes of a block of keys, or of values */
    ATTENTION_WIDEST = 512,        /* widest head; wider ones go to ref */
    CPU_SCRATCH_BYTES = 1 << 20,   /* linear: 220 KiB; attention: as many rows as fit */
};

/* Calls fn over chunks of rows whose work is worth a task. */
typedef void (*cpu_rows_fn)(void *ctx, size_t first, size_t n);
void cpu_run_rows(compute *c, size_t rows, size_t row_cost, cpu_rows_fn fn, void *ctx);

tri_status cpu_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                    packed_matrix **out, tri_error *err);
void cpu_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y);
void cpu_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y);
void cpu_embed(compute *c, const embed_args *a);
void cpu_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                   const tensor *y, const narrow_copy *also);
void cpu_attention(compute *c, const attention_args *a);
void cpu_rotate(compute *c, const rotate_args *a);
void cpu_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y);
void cpu_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y);
void cpu_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y);
void cpu_normalize(compute *c, const tensor *x, const tensor *y);
void cpu_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y);
void cpu_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                float *scores, int32_t *best);

#endif
