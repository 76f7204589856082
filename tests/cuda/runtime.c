/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.c — the stand-in for the CUDA runtime: device memory that the host cannot touch, streams that run as late as they
 * may, and calls of which a test can make any one fail.
 *
 * Device memory is mapped without access and opened only while a kernel or a copy runs: the code under test that follows a
 * device pointer on the host dies at once, and so does a kernel beyond a block's last page. A kernel that is given a host
 * address is caught at its launch. What is asked of a stream waits in a queue until something must wait for it; pinned memory
 * that is written too early therefore shows as wrong numbers. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stand_in.h"

static emulated_controls controls = {
    .cards = 1, .driver = 13000, .major = 9, .has_code = true, .bytes_total = (size_t)16 << 30};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cudaError_t last;

EXPORT emulated_controls *emulated_cuda(void)
{
    return &controls;
}

void emulated_defect(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("emulated card: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

bool emulated_enter(cudaError_t *e)
{
    pthread_mutex_lock(&lock);
    controls.calls++;
    *e = cudaSuccess;
    if (controls.fail_at && --controls.fail_at == 0) *e = controls.fail_with;
    return *e == cudaSuccess;
}

cudaError_t emulated_leave(cudaError_t e)
{
    if (e) last = e;
    pthread_mutex_unlock(&lock);
    return e;
}

/* ---- device memory --------------------------------------------------------------------------------------------------- */

enum { PAGE = 4096 };
typedef struct device_block {
    char *at; /* what the caller was given: its end is the mapping's but for what 256-byte steps leave */
    char *mapped;
    size_t bytes, mapped_bytes;
} device_block;
static device_block *blocks;
static size_t n_blocks, cap_blocks;

static void open_memory(bool open)
{
    for (size_t i = 0; i < n_blocks; i++)
        if (mprotect(blocks[i].mapped, blocks[i].mapped_bytes, open ? PROT_READ | PROT_WRITE : PROT_NONE))
            emulated_defect("could not protect device memory");
}

static device_block *find_block(const void *at)
{
    for (size_t i = 0; i < n_blocks; i++)
        if ((const char *)at >= blocks[i].at && (const char *)at < blocks[i].at + blocks[i].bytes) return &blocks[i];
    return NULL;
}

bool emulated_is_device(const void *at, size_t bytes)
{
    const device_block *b = find_block(at);
    return b && bytes <= (size_t)(b->at + b->bytes - (const char *)at);
}

EXPORT cudaError_t cudaMalloc(void **out, size_t bytes)
{
    cudaError_t e;
    *out = NULL;
    if (!emulated_enter(&e)) return emulated_leave(e);
    if (controls.bytes + controls.bytes_taken + bytes > controls.bytes_total) return emulated_leave(cudaErrorMemoryAllocation);
    if (n_blocks == cap_blocks) {
        cap_blocks = cap_blocks ? 2 * cap_blocks : 64;
        blocks = realloc(blocks, cap_blocks * sizeof *blocks);
        if (!blocks) emulated_defect("no memory");
    }
    size_t rounded = (bytes + 255) / 256 * 256, pages = (rounded + PAGE - 1) / PAGE * PAGE;
    char *mapped = mmap(NULL, pages + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); /* and a guard */
    if (mapped == MAP_FAILED) return emulated_leave(cudaErrorMemoryAllocation);
    blocks[n_blocks++] = (device_block){mapped + pages - rounded, mapped, bytes, pages};
    if (mprotect(mapped, pages, PROT_READ | PROT_WRITE)) emulated_defect("could not open device memory");
    if (bytes <= 1 << 20) memset(mapped, 0xFF, pages); /* NaN; large blocks are zeros, which cost nothing */
    mprotect(mapped, pages, PROT_NONE);
    controls.bytes += bytes;
    controls.blocks++;
    if (controls.bytes > controls.peak) controls.peak = controls.bytes;
    *out = mapped + pages - rounded;
    return emulated_leave(cudaSuccess);
}

static void run_queue(uint64_t upto);

EXPORT cudaError_t cudaFree(void *at)
{
    cudaError_t e;
    bool fine = emulated_enter(&e); /* what fails is told, and the memory is gone all the same */
    if (!at) return emulated_leave(e);
    run_queue(UINT64_MAX);
    device_block *b = find_block(at);
    if (!b || b->at != at) emulated_defect("cudaFree of %p, which is no block's beginning", at);
    munmap(b->mapped, b->mapped_bytes + PAGE);
    controls.bytes -= b->bytes;
    controls.blocks--;
    *b = blocks[--n_blocks];
    return emulated_leave(fine ? cudaSuccess : e);
}

EXPORT cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    *total = controls.bytes_total;
    *available = controls.bytes_total - controls.bytes - controls.bytes_taken;
    return emulated_leave(cudaSuccess);
}

/* ---- pinned memory --------------------------------------------------------------------------------------------------- */

typedef struct pinned {
    char *at;
    size_t bytes;
    struct pinned *next;
} pinned;
static pinned *pins;

static bool is_pinned(const void *at, size_t bytes)
{
    for (const pinned *p = pins; p; p = p->next)
        if ((const char *)at >= p->at && (const char *)at + bytes <= p->at + p->bytes) return true;
    return false;
}

EXPORT cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    cudaError_t e;
    *out = NULL;
    if (!emulated_enter(&e)) return emulated_leave(e);
    pinned *p = malloc(sizeof *p);
    char *at = malloc(bytes);
    if (!p || !at) emulated_defect("no memory");
    *p = (pinned){at, bytes, pins};
    pins = p;
    controls.handles++;
    *out = at;
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaFreeHost(void *at)
{
    cudaError_t e;
    emulated_enter(&e);
    run_queue(UINT64_MAX);
    pinned **p = &pins;
    while (*p && (*p)->at != at) p = &(*p)->next;
    if (!*p) emulated_defect("cudaFreeHost of %p, which is not pinned", at);
    pinned *gone = *p;
    *p = gone->next;
    free(gone->at);
    free(gone);
    controls.handles--;
    return emulated_leave(e);
}

/* ---- the queue -------------------------------------------------------------------------------------------------------- */

typedef struct deed {
    struct deed *next;
    uint64_t number;
    void (*run)(const void *args);
    unsigned char args[];
} deed;
static deed *first, **end = &first;
static uint64_t queued;

static void run_queue(uint64_t upto)
{
    if (!first || first->number > upto) return;
    open_memory(true);
    while (first && first->number <= upto) {
        deed *d = first;
        first = d->next;
        if (!first) end = &first;
        d->run(d->args);
        free(d);
    }
    open_memory(false);
}

void emulated_later(cudaStream_t s, void (*run)(const void *args), const void *args, size_t bytes)
{
    (void)s; /* one order for all streams: that of the calls */
    deed *d = aligned_alloc(16, (sizeof *d + bytes + 31) / 16 * 16);
    if (!d) emulated_defect("no memory");
    d->next = NULL;
    d->number = ++queued;
    d->run = run;
    memcpy(d->args, args, bytes);
    *end = d;
    end = &d->next;
}

struct emulated_stream {
    int alive;
};
struct emulated_event {
    uint64_t number; /* the last deed before it */
};

EXPORT cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    cudaError_t e;
    (void)flags;
    *out = NULL;
    if (!emulated_enter(&e)) return emulated_leave(e);
    *out = calloc(1, sizeof **out);
    controls.handles++;
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    cudaError_t e;
    emulated_enter(&e);
    run_queue(UINT64_MAX);
    free(s);
    controls.handles--;
    return emulated_leave(e);
}

EXPORT cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    if (!s) emulated_defect("the default stream is waited for");
    run_queue(UINT64_MAX);
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    cudaError_t e;
    (void)flags;
    *out = NULL;
    if (!emulated_enter(&e)) return emulated_leave(e);
    *out = calloc(1, sizeof **out);
    controls.handles++;
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    cudaError_t e;
    emulated_enter(&e);
    free(event);
    controls.handles--;
    return emulated_leave(e);
}

EXPORT cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t s)
{
    cudaError_t e;
    (void)s;
    if (!emulated_enter(&e)) return emulated_leave(e);
    event->number = queued;
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    run_queue(event->number);
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    *ms = 0.001f * (float)(to->number - from->number); /* a microsecond a deed */
    return emulated_leave(cudaSuccess);
}

/* ---- copies and launches ----------------------------------------------------------------------------------------------- */

typedef struct copy_args {
    void *to;
    const void *from;
    size_t bytes;
} copy_args;

static void copy(const void *args)
{
    const copy_args *a = args;
    memcpy(a->to, a->from, a->bytes);
}

EXPORT cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t s)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    bool to_card = kind != cudaMemcpyDeviceToHost, from_card = kind != cudaMemcpyHostToDevice;
    if (!s) emulated_defect("a copy on the default stream");
    if (to_card ? !emulated_is_device(to, bytes) : !is_pinned(to, bytes))
        emulated_defect("a copy of %zu bytes to %p, which is not %s", bytes, to, to_card ? "inside a device block" : "pinned");
    if (from_card ? !emulated_is_device(from, bytes) : !is_pinned(from, bytes))
        emulated_defect("a copy of %zu bytes from %p, which is not %s", bytes, from,
                        from_card ? "inside a device block" : "pinned");
    copy_args a = {to, from, bytes};
    emulated_later(s, copy, &a, sizeof a);
    return emulated_leave(cudaSuccess);
}

typedef struct set_args {
    void *to;
    int value;
    size_t bytes;
} set_args;

static void set(const void *args)
{
    const set_args *a = args;
    memset(a->to, a->value, a->bytes);
}

EXPORT cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    if (!emulated_is_device(to, bytes))
        emulated_defect("a memset of %zu bytes at %p, which is not inside a device block", bytes, to);
    set_args a = {to, value, bytes};
    emulated_later(s, set, &a, sizeof a);
    return emulated_leave(cudaSuccess);
}

typedef struct launch_args {
    const emulated_kernel *kernel;
    dim3 grid, block;
    unsigned char args[1024];
} launch_args;

static void launch(const void *args)
{
    const launch_args *a = args;
    emulated_grid(a->kernel, a->grid, a->block, a->args);
}

/* Words of the arguments that look like addresses must be of device memory: a stack's or heap's is the host's. */
static void check_arguments(const emulated_kernel *k, const void *args)
{
    for (size_t at = 0; at + sizeof(uintptr_t) <= k->args_bytes; at += sizeof(uintptr_t)) {
        uintptr_t word;
        unsigned char present;
        memcpy(&word, (const char *)args + at, sizeof word);
        if (word < (uintptr_t)1 << 40 || word >= (uintptr_t)1 << 47 || emulated_is_device((const void *)word, 0)) continue;
        if (mincore((void *)(word / PAGE * PAGE), 1, &present) == 0 && !find_block((const char *)word - 1))
            emulated_defect("%s: the word at byte %zu of its arguments, %p, is an address of the host", k->name, at,
                            (void *)word);
    }
}

EXPORT cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **args, size_t shared_bytes, cudaStream_t s)
{
    cudaError_t e;
    const emulated_kernel *k = kernel;
    launch_args a = {.kernel = k, .grid = grid, .block = block};
    if (!emulated_enter(&e)) return emulated_leave(e);
    if (!s) emulated_defect("%s on the default stream", k->name);
    if (!grid.x || grid.x > 0x7FFFFFFF || !grid.y || grid.y > 65535 || grid.z != 1 || !block.x || block.x > 1024 ||
        block.y != 1 || shared_bytes > 48 << 10)
        return emulated_leave(cudaErrorInvalidValue);
    if (k->args_bytes > sizeof a.args) emulated_defect("%s: %zu bytes of arguments", k->name, k->args_bytes);
    memcpy(a.args, args[0], k->args_bytes);
    check_arguments(k, a.args);
    emulated_later(s, launch, &a, offsetof(launch_args, args) + k->args_bytes);
    controls.launches++;
    return emulated_leave(cudaSuccess);
}

/* ---- facts ------------------------------------------------------------------------------------------------------------ */

EXPORT const char *cudaGetErrorString(cudaError_t e)
{
    switch (e) {
    case cudaSuccess:
        return "no error";
    case cudaErrorInvalidValue:
        return "invalid argument";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorNoKernelImageForDevice:
        return "no kernel image is available for execution on the device";
    case cudaErrorIllegalAddress:
        return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
        return "unspecified launch failure";
    default:
        return "unknown error";
    }
}

EXPORT cudaError_t cudaGetLastError(void)
{
    cudaError_t e = last;
    last = cudaSuccess;
    return e;
}

EXPORT cudaError_t cudaGetDeviceCount(int *n)
{
    cudaError_t e;
    *n = 0;
    if (!emulated_enter(&e)) return emulated_leave(e);
    if (!controls.driver || controls.driver < 13000) return emulated_leave(cudaErrorInsufficientDriver);
    *n = controls.cards;
    return emulated_leave(controls.cards ? cudaSuccess : cudaErrorNoDevice);
}

EXPORT cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int ordinal)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    if (ordinal < 0 || ordinal >= controls.cards) return emulated_leave(cudaErrorInvalidDevice);
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "Emulated card");
    p->totalGlobalMem = controls.bytes_total;
    p->major = controls.major;
    p->multiProcessorCount = 1;
    return emulated_leave(cudaSuccess);
}

EXPORT cudaError_t cudaDeviceGetPCIBusId(char *out, int cap, int ordinal)
{
    snprintf(out, (size_t)cap, "0000:%02x:00.0", (unsigned)ordinal);
    return cudaSuccess;
}

EXPORT cudaError_t cudaSetDevice(int ordinal)
{
    cudaError_t e;
    if (!emulated_enter(&e)) return emulated_leave(e);
    return emulated_leave(ordinal >= 0 && ordinal < controls.cards ? cudaSuccess : cudaErrorInvalidDevice);
}

EXPORT cudaError_t cudaDriverGetVersion(int *version)
{
    *version = controls.driver;
    return cudaSuccess;
}

EXPORT cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = 13000;
    return cudaSuccess;
}

EXPORT cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *out, const void *kernel)
{
    cudaError_t e;
    (void)kernel;
    memset(out, 0, sizeof *out);
    if (!emulated_enter(&e)) return emulated_leave(e);
    return emulated_leave(controls.has_code ? cudaSuccess : cudaErrorNoKernelImageForDevice);
}
