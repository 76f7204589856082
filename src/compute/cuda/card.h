/* SPDX-License-Identifier: Apache-2.0 */
/* card.h — what the files of the plugin share: a card's state, its memory, and how a kernel is written and launched.
 *
 * Written in what C and CUDA C++ have in common: nvcc builds libtrident_cuda.so of it, and gcc, over the stand-in for the CUDA
 * runtime in tests/cuda, the libtrident_cuda_emulated.so that the tests run where there is no card. A kernel takes one struct
 * by value, so that both can call it:
 *
 *   typedef struct fill_args { float *y; float value; size_t n; } fill_args;
 *   KERNEL(fill) { size_t i = ...; if (i < a.n) a.y[i] = a.value; }
 *   card_launch(d, "fill", KERNEL_OF(fill), grid, block, shared_bytes, &args);
 *
 * Every CUDA call's answer is looked at (card_check). The first that is not success is kept, nothing is launched after it, and
 * sync tells it: a card that failed is closed and opened again.
 *
 * One stream: ops run in the order they were called in, from whichever thread. The card's lock is held while an op stages its
 * arrays and launches, and while sync waits. */
#ifndef TRI_COMPUTE_CUDA_CARD_H
#define TRI_COMPUTE_CUDA_CARD_H

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <pthread.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif
#include "compute/cuda/sizes.h"
#include "compute/plugin.h"
#if defined(__cplusplus)
}
#endif

#if defined(__CUDACC__)
#define KERNEL(name) static __global__ void name(const name##_args a)
#define KERNEL_OF(name) ((const void *)name)
#define SHARED_REST(type, name) extern __shared__ type name[]
#else
#define KERNEL(name)                                                                                                           \
    static void name##_body(const name##_args a);                                                                              \
    static void name##_thread(const void *args)                                                                                \
    {                                                                                                                          \
        name##_body(*(const name##_args *)args);                                                                               \
    }                                                                                                                          \
    static const emulated_kernel name##_kernel = {#name, name##_thread, sizeof(name##_args)};                                  \
    static void name##_body(const name##_args a)
#define KERNEL_OF(name) ((const void *)&name##_kernel)
#define SHARED_REST(type, name) type *name = (type *)(void *)emulated_shared
#endif
#define DEVICE static __device__ inline
#if defined(__cplusplus)
#define PLUGIN_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/* A tensor as kernels see it. */
typedef struct view {
    void *data;
    row_scale *scales; /* U8 */
    size_t rows, cols, ld;
    size_t type; /* a dtype; wide, so that no struct of arguments has gaps */
} view;

/* Two halves of pinned memory, of which the host fills one while the card reads the other. */
typedef struct ring {
    char *host, *device; /* [2 * half]; device NULL: the host's part alone */
    size_t half, at;     /* at: the next free byte of the half at hand */
    int now;             /* which half */
    cudaEvent_t read[2]; /* the card has read it */
} ring;

enum { ALGORITHMS_MAX = 4096 };
typedef struct algorithm {
    uint64_t key[6];
    cublasLtMatmulAlgo_t algo;
    bool none; /* the library has none: our own kernel does it */
} algorithm;

typedef struct card {
    int ordinal;
    char name[128];
    bool invariant;
    pthread_mutex_t lock;
    cudaStream_t stream;
    cublasLtHandle_t lt;
    void *space;   /* cuBLASLt's workspace, CARD_SPACE */
    float *sums;   /* a product before its epilogue, CARD_SUMS */
    int *overflow; /* device: a weight was beyond f16 */
    cudaEvent_t marks[2];
    ring args;             /* id and offset arrays, and small results */
    ring ferry;            /* weights, tables and results */
    algorithm *algorithms; /* [ALGORITHMS_MAX] */
    size_t n_algorithms;
    cudaError_t failed; /* the first call that failed, and which it was */
    char what[160];
    uint64_t held;            /* bytes of device memory that are ours */
    struct block_note *notes; /* the blocks of callers */
} card;

extern const plugin_host *plugin_given; /* what the library does for us */

static inline card *card_of(compute *c)
{
    return (card *)c->scratch;
}

/* True if so far nothing failed and `e` is success. Otherwise the first failure is kept, with what was tried. */
bool card_check(card *d, cudaError_t e, const char *what);
bool card_check_blas(card *d, cublasStatus_t s, const char *what);
tri_status card_failure(card *d, tri_error *err);

void card_launch(card *d, const char *what, const void *kernel, dim3 grid, dim3 block, size_t shared_bytes, void *args);
void card_lock(card *d);
void card_unlock(card *d);

/* ---- memory.cu */
bool card_rings_open(card *d);
void card_rings_close(card *d);
/* Device memory that is counted; NULL when there is none left (not a failure of the card) */
void *card_take(card *d, size_t bytes);
void card_give(card *d, void *block, size_t bytes);
tri_status card_alloc(compute *c, size_t bytes, void **out, tri_error *err);
void card_free(compute *c, void *block);
void card_upload(compute *c, void *device, const void *host, size_t bytes);
void card_download(compute *c, void *host, const void *device, size_t bytes);
void card_fetch(card *d, void *host, const void *device, size_t bytes); /* download, for who holds the lock */
tri_status card_sync(compute *c, tri_error *err);
void card_count(compute *c, uint64_t *held, uint64_t *available, uint64_t *total);
void card_mark(compute *c, int which);
tri_status card_between(compute *c, double *ms, tri_error *err);
/* A copy of a host array on the card, good for kernels that are launched before the next few stagings. NULL if it failed. The
 * lock is held. */
void *card_stage(card *d, const void *host, size_t bytes);
/* The same for a caller that fills the pinned bytes itself, then sends them. */
void *card_stage_room(card *d, size_t bytes, char **host);
void card_stage_send(card *d, void *device, const char *host, size_t bytes);
/* Pinned bytes of the ferry's next half and their place on the card; the half was read. */
void ferry_begin(card *d, char **host, char **device);
/* Copies what was put there, to `to` (NULL: to the ferry's place on the card). */
void ferry_send(card *d, void *to, size_t bytes);
/* Kernels that read the ferry's place on the card were launched: the next half. */
void ferry_end(card *d);

/* ---- ops */
tri_status card_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                     packed_matrix **out, tri_error *err);
tri_status card_adopt(compute *c, const packed_place *place, size_t n, size_t k, precision p, packed_extras extras,
                      packed_matrix **out, tri_error *err);
void card_packed_free(packed_matrix *m);
size_t card_packed_bytes(const packed_matrix *m);
const void *card_packed_blob(const packed_matrix *m);
const float *card_packed_smoothing(const packed_matrix *m);
packed_extras card_packed_extras_of(const packed_matrix *m);
void card_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y);
void card_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y);
void card_embed(compute *c, const embed_args *a);
void card_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta, float eps,
                    const tensor *y, const narrow_copy *also);
void card_attention(compute *c, const attention_args *a);
void card_rotate(compute *c, const rotate_args *a);
void card_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y);
void card_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y);
void card_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y);
void card_normalize(compute *c, const tensor *x, const tensor *y);
void card_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y);
void card_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start, size_t n_docs,
                 float *scores, int32_t *best);

static inline view view_of(const tensor *t)
{
    view v = {t->data, t->scales, t->rows, t->cols, t->ld, (size_t)t->type};
    return v;
}

static inline dim3 dim3_of(size_t x, size_t y)
{
    dim3 d;
    d.x = (unsigned)x;
    d.y = (unsigned)y;
    d.z = 1;
    return d;
}

#endif
