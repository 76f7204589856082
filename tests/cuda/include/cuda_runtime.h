/* SPDX-License-Identifier: Apache-2.0 */
/* cuda_runtime.h — a stand-in for the part of the CUDA runtime that src/compute/cuda uses, so that its source runs on a
 * machine without a card. Names and numbers are NVIDIA's (CUDA Runtime API reference); the code behind them is runtime.c's. */
#ifndef TESTS_CUDA_RUNTIME_H
#define TESTS_CUDA_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorNoKernelImageForDevice = 209,
    cudaErrorIllegalAddress = 700,
    cudaErrorLaunchFailure = 719,
    cudaErrorUnknown = 999,
} cudaError_t;

typedef struct dim3 {
    unsigned x, y, z;
} dim3;

typedef struct emulated_stream *cudaStream_t;
typedef struct emulated_event *cudaEvent_t;
enum { cudaStreamNonBlocking = 1, cudaEventDefault = 0, cudaEventDisableTiming = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };

struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem;
    int major, minor, multiProcessorCount;
};
struct cudaFuncAttributes {
    int binaryVersion, ptxVersion;
};

const char *cudaGetErrorString(cudaError_t e);
cudaError_t cudaGetLastError(void);
cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int ordinal);
cudaError_t cudaSetDevice(int ordinal);
cudaError_t cudaDeviceGetPCIBusId(char *out, int cap, int ordinal);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *out, const void *kernel);
cudaError_t cudaMalloc(void **out, size_t bytes);
cudaError_t cudaFree(void *block);
cudaError_t cudaMallocHost(void **out, size_t bytes);
cudaError_t cudaFreeHost(void *block);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t e);
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s);
cudaError_t cudaEventSynchronize(cudaEvent_t e);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t s);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s);
cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **args, size_t shared_bytes, cudaStream_t s);

/* ---- inside a kernel ------------------------------------------------------------------------------------------------ */

/* What KERNEL makes of a kernel: how long its arguments are, and what one thread does with them. */
typedef struct emulated_kernel {
    const char *name;
    void (*thread)(const void *args);
    size_t args_bytes;
} emulated_kernel;

typedef struct emulated_place {
    dim3 thread, block;
} emulated_place;
extern emulated_place *emulated_here;
extern char emulated_shared[];

#define threadIdx (emulated_here->thread)
#define blockIdx (emulated_here->block)
#define __device__
#define __shared__ static
void emulated_barrier(void);
uint32_t emulated_exchange(uint32_t bits, int lane);
int emulated_lane(void);
static inline float emulated_exchange_float(float v, int lane)
{
    union {
        float f;
        uint32_t bits;
    } word = {v};
    word.bits = emulated_exchange(word.bits, lane);
    return word.f;
}
static inline int emulated_exchange_int(int v, int lane)
{
    return (int)emulated_exchange((uint32_t)v, lane);
}
#define __syncthreads() emulated_barrier()
#define __shfl_sync(mask, v, lane) _Generic((v), float : emulated_exchange_float, int : emulated_exchange_int)(v, lane)
#define __shfl_xor_sync(mask, v, other) __shfl_sync(mask, v, emulated_lane() ^ (other))

static inline int __dp4a(int a, int b, int c)
{
    for (int i = 0; i < 32; i += 8) c += (int)(int8_t)((unsigned)a >> i) * (int)(int8_t)((unsigned)b >> i);
    return c;
}

/* ---- for tests ------------------------------------------------------------------------------------------------------- */

/* What the next calls do, and what is alive. Reached with dlsym by its name, in the plugin that was loaded. */
typedef struct emulated_controls {
    int cards;          /* how many there are; 1 */
    int driver, major;  /* CUDA version; compute capability of every card */
    bool has_code;      /* false: the plugin holds no code for them */
    size_t bytes_total; /* of a card */
    size_t bytes_taken; /* by other processes */
    uint64_t fail_at;   /* which call from now on fails, 1 = the next; 0 = none */
    cudaError_t fail_with;
    uint64_t calls;         /* so far */
    uint64_t bytes, blocks; /* of device memory, alive */
    uint64_t peak;          /* greatest `bytes` */
    uint64_t handles;       /* pinned blocks, streams, events, cuBLASLt's objects, alive */
    uint64_t launches, products;
} emulated_controls;
emulated_controls *emulated_cuda(void);

#endif
