/* SPDX-License-Identifier: Apache-2.0 */
/* blas.c — the stand-in for cuBLASLt: products read from their descriptors, in columns as the library has them, f32 sums. What
 * the real one would refuse or read wrongly is a defect here: a layout that does not fit, rows that are not on 16 bytes, a
 * pointer that is none of the card's. */
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "cublasLt.h"
#include "stand_in.h"

struct emulated_blas {
    int alive;
};
struct emulated_op {
    cublasOperation_t a, b;
    cublasLtEpilogue_t epilogue;
    const float *bias;
};
struct emulated_layout {
    cudaDataType_t type;
    uint64_t rows, cols;
    int64_t ld;
};
struct emulated_wish {
    size_t space;
    uint32_t alignment[4]; /* 0: 256, as the library has it */
};

static cublasStatus_t leave(cudaError_t e)
{
    emulated_leave(e);
    return e == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

static cublasStatus_t make(void **out, size_t bytes)
{
    cudaError_t e;
    *out = NULL;
    if (!emulated_enter(&e)) return leave(e);
    *out = calloc(1, bytes);
    if (!*out) emulated_defect("no memory");
    emulated_cuda()->handles++;
    return leave(cudaSuccess);
}

static cublasStatus_t drop(void *object)
{
    cudaError_t e;
    emulated_enter(&e);
    free(object);
    emulated_cuda()->handles--;
    return leave(e);
}

EXPORT const char *cublasLtGetStatusString(cublasStatus_t s)
{
    return s == CUBLAS_STATUS_SUCCESS         ? "CUBLAS_STATUS_SUCCESS"
           : s == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                              : "CUBLAS_STATUS_EXECUTION_FAILED";
}

EXPORT cublasStatus_t cublasLtCreate(cublasLtHandle_t *out)
{
    void *object;
    cublasStatus_t s = make(&object, sizeof **out);
    *out = object;
    return s;
}

EXPORT cublasStatus_t cublasLtDestroy(cublasLtHandle_t h)
{
    return drop(h);
}

EXPORT cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t compute, cudaDataType_t scale)
{
    void *object;
    if (compute != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F) emulated_defect("sums that are not f32");
    cublasStatus_t s = make(&object, sizeof **out);
    *out = object;
    if (*out) (*out)->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    return s;
}

EXPORT cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t op)
{
    return drop(op);
}

EXPORT cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t op, cublasLtMatmulDescAttributes_t which,
                                                     const void *value, size_t bytes)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return leave(e);
    void *to = which == CUBLASLT_MATMUL_DESC_TRANSA     ? (void *)&op->a
               : which == CUBLASLT_MATMUL_DESC_TRANSB   ? (void *)&op->b
               : which == CUBLASLT_MATMUL_DESC_EPILOGUE ? (void *)&op->epilogue
                                                        : (void *)&op->bias;
    size_t expected = which == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? sizeof op->bias : sizeof op->a;
    if (bytes != expected) emulated_defect("attribute %d of a product of %zu bytes", (int)which, bytes);
    memcpy(to, value, bytes);
    return leave(cudaSuccess);
}

EXPORT cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type, uint64_t rows, uint64_t cols,
                                                 int64_t ld)
{
    void *object;
    cublasStatus_t s = make(&object, sizeof **out);
    *out = object;
    if (*out) **out = (struct emulated_layout){type, rows, cols, ld};
    if (ld < (int64_t)rows)
        emulated_defect("a layout of columns of %llu rows, %lld apart", (unsigned long long)rows, (long long)ld);
    return s;
}

EXPORT cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
    return drop(l);
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out)
{
    void *object;
    cublasStatus_t s = make(&object, sizeof **out);
    *out = object;
    return s;
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t w)
{
    return drop(w);
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t w,
                                                           cublasLtMatmulPreferenceAttributes_t which, const void *value,
                                                           size_t bytes)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return leave(e);
    int operand = (int)which - (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    void *to = operand < 0 ? (void *)&w->space : (void *)&w->alignment[operand];
    if (operand > 3 || bytes != (operand < 0 ? sizeof w->space : sizeof *w->alignment)) emulated_defect("wish %d", (int)which);
    memcpy(to, value, bytes);
    return leave(cudaSuccess);
}

/* Every fifth width has no algorithm, so that callers show what they do then. The choice holds for its shape alone. */
EXPORT cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t h, cublasLtMatmulDesc_t op, cublasLtMatrixLayout_t a,
                                                     cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                                     cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t wish, int most,
                                                     cublasLtMatmulHeuristicResult_t *results, int *found)
{
    cudaError_t e;
    (void)h;
    (void)op;
    (void)c;
    *found = 0;
    if (!emulated_enter(&e)) return leave(e);
    if (most < 1) emulated_defect("no room for an algorithm");
    if (!wish->space) emulated_defect("no workspace is wished for");
    for (int i = 0; i < 4; i++)
        if (!wish->alignment[i] || wish->alignment[i] > 16) emulated_defect("operand %d is promised on more than 16 bytes", i);
    if (a->cols % 5 == 0) {
        emulated_leave(cudaSuccess);
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    memset(results, 0, sizeof *results);
    results->algo.data[0] = d->rows;
    results->algo.data[1] = d->cols;
    results->algo.data[2] = b->rows;
    *found = 1;
    return leave(cudaSuccess);
}

/* ---- the product ------------------------------------------------------------------------------------------------------- */

typedef struct product_args {
    struct emulated_op op;
    struct emulated_layout la, lb, lc, ld;
    float alpha, beta;
    const void *a, *b, *c;
    float *d;
} product_args;

/* Column j of a matrix in f32. */
static void read_column(const void *data, const struct emulated_layout *l, uint64_t j, float *out)
{
    size_t size = l->type == CUDA_R_32F ? 4 : 2;
    dtype_to_f32(out, (const char *)data + j * (uint64_t)l->ld * size,
                 l->type == CUDA_R_32F   ? DTYPE_F32
                 : l->type == CUDA_R_16F ? DTYPE_F16
                                         : DTYPE_BF16,
                 l->rows);
}

static float dot(const float *x, const float *y, size_t n)
{
    float part[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++) part[j] += x[i + j] * y[i + j];
    for (; i < n; i++) part[i % 8] += x[i] * y[i];
    for (size_t j = 0; j < 8; j++) sum += part[j];
    return sum;
}

static void multiply(const void *args)
{
    const product_args *p = args;
    uint64_t n = p->ld.rows, m = p->ld.cols, k = p->la.rows;
    float *w = malloc(n * k * sizeof *w + 1), *x = malloc(k * sizeof *x + 1);
    if (!w || !x) emulated_defect("no memory");
    for (uint64_t j = 0; j < n; j++) read_column(p->a, &p->la, j, w + j * k);
    for (uint64_t i = 0; i < m; i++) {
        read_column(p->b, &p->lb, i, x);
        for (uint64_t j = 0; j < n; j++) {
            float sum = p->alpha * dot(x, w + j * k, k);
            if (p->beta != 0) sum += p->beta * ((const float *)p->c)[i * (uint64_t)p->lc.ld + j];
            if (p->op.epilogue == CUBLASLT_EPILOGUE_BIAS) sum += p->op.bias[j];
            p->d[i * (uint64_t)p->ld.ld + j] = sum;
        }
    }
    free(w);
    free(x);
}

static void check_operand(const char *name, const void *at, const struct emulated_layout *l)
{
    size_t size = l->type == CUDA_R_32F ? 4 : 2, bytes = ((size_t)(l->cols - 1) * (size_t)l->ld + l->rows) * size;
    if (!emulated_is_device(at, bytes))
        emulated_defect("operand %s of a product, %zu bytes, is not inside a device block", name, bytes);
    if ((uintptr_t)at % 16 || (size_t)l->ld * size % 16) emulated_defect("operand %s of a product is not on 16 bytes", name);
}

EXPORT cublasStatus_t cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t op, const void *alpha, const void *a,
                                     cublasLtMatrixLayout_t la, const void *b, cublasLtMatrixLayout_t lb, const void *beta,
                                     const void *c, cublasLtMatrixLayout_t lc, void *d, cublasLtMatrixLayout_t ld,
                                     const cublasLtMatmulAlgo_t *algo, void *space, size_t space_bytes, cudaStream_t s)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return leave(e);
    product_args p = {.op = *op, .la = *la, .lb = *lb, .lc = *lc, .ld = *ld, .a = a, .b = b, .c = c, .d = d};
    memcpy(&p.alpha, alpha, sizeof p.alpha);
    memcpy(&p.beta, beta, sizeof p.beta);
    if (!h || !s) emulated_defect("a product without a handle or a stream");
    if (op->a != CUBLAS_OP_T || op->b != CUBLAS_OP_N) emulated_defect("a product that is not W turned, x as it is");
    if (la->rows != lb->rows || ld->rows != la->cols || ld->cols != lb->cols || lc->rows != ld->rows || lc->cols != ld->cols)
        emulated_defect("a product whose shapes do not fit");
    if (la->type != lb->type || ld->type != CUDA_R_32F || lc->type != CUDA_R_32F) emulated_defect("a product of these types");
    if (algo->data[0] != ld->rows || algo->data[1] != ld->cols || algo->data[2] != lb->rows)
        emulated_defect("a product with the algorithm of another shape");
    if (c == d && lc->ld != ld->ld) emulated_defect("a product in place with another layout");
    if (!emulated_is_device(space, space_bytes)) emulated_defect("a workspace that is not inside a device block");
    check_operand("A", a, la);
    check_operand("B", b, lb);
    check_operand("C", c, lc);
    check_operand("D", d, ld);
    if (op->epilogue == CUBLASLT_EPILOGUE_BIAS && !emulated_is_device(op->bias, ld->rows * sizeof(float)))
        emulated_defect("a bias that is not inside a device block");
    emulated_later(s, multiply, &p, sizeof p);
    emulated_cuda()->products++;
    return leave(cudaSuccess);
}
