/* SPDX-License-Identifier: Apache-2.0 */
/* compute.h — how is an op done? One table of coarse ops, filled by each backend (ref, cpu, and a card's plugin).
 *
 * Eager, not a graph: an encoder is a fixed straight line. A model calls ops in order on tensors that live on the device; what
 * one op can fuse is said in its arguments (epilogue). `ref` composes everything from plain loops and judges the others.
 *
 * Invariants, tested by tests/conformance:
 *  1. A row's result depends on that row's inputs alone: not on the other rows of the call, their number, the row's place in a
 *     tile, nor the number of threads. Bit for bit, on one instruction set. (Sums run over k in one fixed order; k is never
 *     split between threads.)
 *  2. No op allocates. Per-worker scratch is made when the device is opened.
 *  3. f32 accumulation at least, whatever the storage (int32 in int8 products, which are therefore the same bits on every
 *     instruction set). erf good to f32 rounding (<= 2 ulp typical), and so is exp in f32; no -ffast-math.
 *  4. Tensors are row-major; `ld` is in elements; rows need no alignment beyond their element's. A BF16 or U8 row is read in
 *     groups of 4 bytes: where cols is no multiple of 2 (BF16, F16) or 4 (U8), ld is at least the next one, and whatever writes
 *     the row writes zeros up to it. Products run fastest where ld is not a multiple of a page (compute_ld).
 *  5. Pointers inside tensors are device pointers; id, position, row and offset arrays are host pointers, read before the op
 *     returns. Ops may run later than they return, in the order of the calls: compute_download and compute_sync wait.
 *  6. Several threads may call ops of one compute at once. linear's y may be its residual, not its x; attention's y overlaps
 *     none of q, k, v; row ops may work in place where they say so. */
#ifndef TRI_COMPUTE_COMPUTE_H
#define TRI_COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/half.h"
#include "base/pool.h"
#include "base/processors.h"

/* What a row of a U8 tensor means: value = (u8 - zero) * scale. */
typedef struct row_scale {
    float scale;
    int32_t zero;
} row_scale;

/* The rows, F32 or BF16, that a U8 tensor was made from: row i begins i * ld elements after data. */
typedef struct tensor_source {
    const void *data;
    dtype type;
    size_t ld;
} tensor_source;

typedef struct tensor {
    void *data;
    dtype type;
    size_t rows, cols, ld;
    row_scale *scales;  /* [rows], U8 only */
    tensor_source from; /* U8 only; read by linear where the weight keeps columns (pack), else it may be empty */
} tensor;

static inline tensor tensor_f32(float *data, size_t rows, size_t cols, size_t ld)
{
    tensor t = {.data = data, .type = DTYPE_F32, .rows = rows, .cols = cols, .ld = ld};
    return t;
}

/* Columns that rows of `cols` elements should be apart: whole groups, and off the powers of two, so that the rows of a tile do
 * not meet in one set of the first-level cache. */
static inline size_t compute_ld(dtype type, size_t cols)
{
    size_t line = 64 / dtype_size(type), lines = (cols + line - 1) / line;
    return (lines + (lines % 8 == 0)) * line;
}

typedef enum { ACT_NONE, ACT_GELU_ERF, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_RELU, ACT_SILU, ACT_TANH } activation;

/* y = act(x.W^T + bias) + residual, in this order; each part optional. */
typedef struct epilogue {
    const float *bias;      /* [N] or NULL */
    activation act;
    const tensor *residual; /* [M, N] or NULL; may be y itself */
} epilogue;

/* A Linear's weight [N, K] in packed form. The CPU's (packed.h) is one for all instruction sets, so that it can be kept in a
 * file. The operand x of linear has the type that goes with it: F32 with f32, BF16 with bf16, U8 with int8. */
typedef struct packed_matrix packed_matrix;

/* What an int8 matrix has beside its numbers: all zero otherwise. */
typedef struct packed_extras {
    bool smoothed;
    size_t n_kept; /* columns kept in f32 */
} packed_extras;
enum { PACKED_KEPT_MAX = 64 };
/* Columns of k that may be kept: more would cost more time than int8 saves. */
static inline size_t packed_kept_max(size_t k)
{
    return k / 64 < (size_t)PACKED_KEPT_MAX ? k / 64 : (size_t)PACKED_KEPT_MAX;
}

typedef enum { PRECISION_F32, PRECISION_BF16, PRECISION_F16, PRECISION_INT8, PRECISION_FP8 } precision;

/* Where packed bytes are that the caller keeps: at blob, 64-byte aligned, and for each further NUMA node step bytes later. */
typedef struct packed_place {
    const void *blob;
    size_t bytes;
    const processor_nodes *nodes; /* NULL: one copy */
    size_t step;
} packed_place;

/* One part of a weight, row-major [n, k] as stored (F32, F16, BF16, F64; possibly unaligned). */
typedef struct matrix_part {
    const void *data;
    dtype type;
    size_t n;
} matrix_part;

/* A second, narrower copy of an op's result: to, BF16 or U8 (or F32), of value * smoothing[column]. */
typedef struct narrow_copy {
    tensor to;
    const float *smoothing; /* [cols] or NULL = 1 */
} narrow_copy;

typedef struct embed_args {
    const uint32_t *ids;       /* [T], each < word.rows: checked by the caller */
    const int32_t *positions;  /* [T]; not looked at without a position table */
    const uint8_t *types;      /* [T] or NULL = row 0 */
    tensor word;               /* a table of any float type, viewed in the file: possibly unaligned */
    tensor position, type;     /* likewise; rows 0 = no such table */
    const float *gamma, *beta; /* [D]; beta may be NULL */
    float eps;
    tensor y;                  /* [T, D] F32 */
    const narrow_copy *also;   /* or NULL */
} embed_args;

/* Bidirectional softmax(q.k^T * scale).v per sequence and head, no S x S beyond a tile. q may hold fewer rows than k and v
 * (only the wanted ones): each row's result has the same bits either way. All four F32, all four BF16 or, on a card, all four
 * F16 (softmax in f32). */
typedef struct attention_args {
    tensor q, k, v;           /* q [Tq, H*dh]; k, v [T, H*dh]; usually slices of one fused qkv */
    tensor y;                 /* [Tq, H*dh] */
    const int32_t *q_start;   /* [B+1] rows of q of each sequence */
    const int32_t *kv_start;  /* [B+1] rows of k and v */
    size_t B, H;
    float scale;
    size_t window;         /* 0: a query sees every key of its text; else those at most so many rows away (ModernBERT) */
    const int32_t *q_rows; /* [Tq] the row of k that each query is, ascending; NULL: all rows are queries. Read with a window */
} attention_args;

/* Rotary position embedding (Su et al. 2021) of queries or keys, in place, the halves of a head as pairs (GPT-NeoX): with
 * x = [a, b], a' = a cos - b sin, b' = b cos + a sin. */
typedef struct rotate_args {
    tensor x;                 /* [T, H*dh] F32 or BF16; dh even */
    size_t H;
    const int32_t *positions; /* [..] of the rows of the pass */
    const int32_t *rows;      /* [T] x's row i is row rows[i] of the pass; NULL: it is row i */
    const float *table;       /* [P, dh] device: of each position, dh/2 cosines and dh/2 sines */
} rotate_args;

typedef enum { POOL_CLS, POOL_MEAN, POOL_MAX, POOL_MEAN_SQRT_LEN, POOL_WEIGHTED_MEAN, POOL_LAST } pooling;

typedef struct compute compute;

typedef struct compute_ops {
    const char *name; /* "ref", "avx2", ... */
    /* Weights. The n_parts stand one below the other (fused QKV); all have k columns. smoothing [k] (NULL = 1, int8 only): x
     * will come multiplied by it, so column j of W is divided by smoothing[j] before it is quantised. Where smoothing[j] is 0,
     * column j is kept in f32 and multiplied with what x was made from (LLM.int8(), Dettmers et al. 2022): for the few inputs
     * whose size would spoil the steps of all others; packed_kept_max(k) at most. */
    tri_status (*pack)(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                       packed_matrix **out, tri_error *err);
    /* A matrix whose packed bytes (packed_blob of one like it) the caller keeps: nothing is copied. */
    tri_status (*adopt)(compute *c, const packed_place *place, size_t n, size_t k, precision p, packed_extras extras,
                        packed_matrix **out, tri_error *err);
    void (*packed_free)(packed_matrix *m);
    size_t (*packed_bytes)(const packed_matrix *m);
    const void *(*packed_blob)(const packed_matrix *m);       /* [packed_bytes], borrowed */
    const float *(*packed_smoothing)(const packed_matrix *m); /* [k] or NULL, borrowed: for the narrow copy that x will be */
    packed_extras (*packed_extras_of)(const packed_matrix *m);

    /* y [M, N] = epilogue(x [M, K] . W^T), y F32 or BF16 */
    void (*linear)(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y);
    /* y = x * smoothing[column] (NULL = 1) in y's type: x F32 or BF16; y F32, BF16 or U8. A U8 row is spread between the least
     * and the greatest of its values and 0, 255 steps; a row with a value that is not finite gets scale NaN. */
    void (*narrow)(compute *c, const tensor *x, const float *smoothing, const tensor *y);
    /* y = LN(word[id] + position[p] + type[t]) */
    void (*embed)(compute *c, const embed_args *a);
    /* y = (x [+ residual] - mean) / sqrt(var + eps) * gamma + beta; population variance; y may be x; also may be NULL */
    void (*layernorm)(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                      const tensor *y, const narrow_copy *also);
    void (*attention)(compute *c, const attention_args *a);
    void (*rotate)(compute *c, const rotate_args *a);
    /* y = act(gate) * up, elementwise (GLU, Shazeer 2020); all of one type, F32 or BF16. y may be gate or up; its last
     * group of zeros is written after both were read. */
    void (*glu)(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y);
    /* y[i] = x[rows[i]] */
    void (*gather)(compute *c, const tensor *x, const int32_t *rows, const tensor *y);
    /* one row a sequence; start [B+1]; sums in f32 in row order (mean in double is not wanted: match torch f32 closely) */
    void (*pool)(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y);
    /* y = x / max(||x||2, 1e-12) row by row; y may be x */
    void (*normalize)(compute *c, const tensor *x, const tensor *y);

    /* Scoring. docs F32, F16, or I8 with one scale a row (scales [n], NULL otherwise). y [M, n] = q . docs^T */
    void (*dots)(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y);
    /* scores[j] = mean over q's rows of max over document j's rows (doc_start[j] .. doc_start[j+1]) of the dot product;
     * 0 where either has no rows. scores and best are host memory, written when the op returns. best (may be NULL)
     * [n_docs, q.rows] = the winning row, from the document's first, ties: lowest. */
    void (*maxsim)(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start,
                   size_t n_docs, float *scores, int32_t *best);
} compute_ops;

/* The memory of a device that is not the host's. What goes wrong in upload, download or an op (a launch, the card itself) is
 * kept and told by the next sync: from then on the device does nothing, and every sync says the same. */
typedef struct compute_memory {
    tri_status (*alloc)(compute *c, size_t bytes, void **out, tri_error *err);
    void (*free)(compute *c, void *block);
    void (*upload)(compute *c, void *device, const void *host, size_t bytes);
    void (*download)(compute *c, void *host, const void *device, size_t bytes);
    tri_status (*sync)(compute *c, tri_error *err);
    /* Bytes that alloc and packs hold now, the device's own included; bytes free and in all for everybody. */
    void (*count)(compute *c, uint64_t *held, uint64_t *available, uint64_t *total);
    /* The device's own clock: marks 0 and 1 are put where the queue is now; the milliseconds between them once both passed. */
    void (*mark)(compute *c, int which);
    tri_status (*between)(compute *c, double *ms, tri_error *err);
} compute_memory;

struct compute {
    const compute_ops *ops;
    const compute_memory *memory; /* NULL: the host's */
    pool *threads;                /* borrowed */
    void *scratch;                /* the backend's: per worker, or a card's state */
    size_t scratch_bytes;
    size_t pass_rows;             /* rows of a pass when no text is longer, and rows of the feed-forward's middle at once */
    size_t middle_rows;
};

/* isa NULL = the best this machine has; or a name of list.h. A name this machine or build lacks is TRI_ERR_UNSUPPORTED listing
 * those it has. */
tri_status compute_open(const char *isa, pool *threads, compute **out, tri_error *err);
void compute_close(compute *c);
/* i-th instruction set that works here, best first; NULL past the end. "ref" is always the last. */
const char *compute_isa(size_t i);

/* Device memory and copies; on the CPU these are mem_alloc_aligned(64) and memcpy. Blocks that are alive are freed before the
 * device is closed. */
tri_status compute_alloc(compute *c, size_t bytes, void **out, tri_error *err);
void compute_free(compute *c, void *block);
/* What a block holds is not needed any more: its memory may go back to the system until it is written again. */
void compute_idle(compute *c, void *block, size_t bytes);
void compute_upload(compute *c, void *device, const void *host, size_t bytes);
/* Waits for what was queued; what came is good only if the next compute_sync says so. */
void compute_download(compute *c, void *host, const void *device, size_t bytes);
/* All that was queued is done; an error if any of it failed. Cannot fail on the CPU. */
tri_status compute_sync(compute *c, tri_error *err);
/* A table that is gathered from, viewed on the host, as the device reads it: the view itself on the CPU (*owned NULL), else a
 * copy, freed with compute_free(*owned). */
tri_status compute_table(compute *c, const tensor *view, tensor *out, void **owned, tri_error *err);

#endif
