/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.cu — the plugin's one entry: which cards are there, opening and closing one, and what its failures are called. */
#include <stdio.h>
#include <string.h>

#include "compute/cuda/card.h"

const plugin_host *plugin_given;

#if !defined(TRI_CUDA_ARCHS)
#define TRI_CUDA_ARCHS "no card: emulated"
#endif

/* ---- failures ------------------------------------------------------------------------------------------------------- */

static void keep_failure(card *d, cudaError_t e, const char *what, const char *words)
{
    if (d->failed != cudaSuccess) return;
    d->failed = e;
    snprintf(d->what, sizeof d->what, "%s: %s", what, words);
}

bool card_check(card *d, cudaError_t e, const char *what)
{
    if (e != cudaSuccess) keep_failure(d, e, what, cudaGetErrorString(e));
    return d->failed == cudaSuccess;
}

bool card_check_blas(card *d, cublasStatus_t s, const char *what)
{
    if (s != CUBLAS_STATUS_SUCCESS) keep_failure(d, cudaErrorUnknown, what, cublasLtGetStatusString(s));
    return d->failed == cudaSuccess;
}

tri_status card_failure(card *d, tri_error *err)
{
    if (d->failed == cudaSuccess) return TRI_OK;
    if (d->failed == cudaErrorMemoryAllocation) {
        plugin_given->fail(err, TRI_ERR_MEMORY, "card %d (%s) has no memory left: %s", d->ordinal, d->name, d->what);
        return plugin_given->hint(err, TRI_ERR_MEMORY, "lower --batch-tokens or --max-length, or use --device cpu");
    }
    plugin_given->fail(err, TRI_ERR_STATE, "card %d (%s) failed: %s", d->ordinal, d->name, d->what);
    return plugin_given->hint(err, TRI_ERR_STATE,
                              "open it again, or use --device cpu; trident doctor --device cuda:%d tells more", d->ordinal);
}

void card_lock(card *d)
{
    pthread_mutex_lock(&d->lock);
    card_check(d, cudaSetDevice(d->ordinal), "choosing the card");
}

void card_unlock(card *d)
{
    pthread_mutex_unlock(&d->lock);
}

void card_launch(card *d, const char *what, const void *kernel, dim3 grid, dim3 block, size_t shared_bytes, void *args)
{
    void *list[1] = {args};
    if (d->failed != cudaSuccess || !grid.x || !grid.y) return;
    card_check(d, cudaLaunchKernel(kernel, grid, block, list, shared_bytes, d->stream), what);
}

/* ---- which cards are there ------------------------------------------------------------------------------------------ */

static tri_status say_no_driver(cudaError_t e, tri_error *err)
{
    int driver = 0, runtime = 0;
    cudaRuntimeGetVersion(&runtime);
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver && driver / 1000 < runtime / 1000) {
        plugin_given->fail(err, TRI_ERR_NOT_FOUND,
                           "could not use a CUDA card: the driver is for CUDA %d.%d, the plugin for %d.%d", driver / 1000,
                           driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
        return plugin_given->hint(err, TRI_ERR_NOT_FOUND, "install a newer NVIDIA driver, or build with an older toolkit");
    }
    plugin_given->fail(err, TRI_ERR_NOT_FOUND, "could not use a CUDA card: %s", cudaGetErrorString(e));
    return plugin_given->hint(err, TRI_ERR_NOT_FOUND,
                              "see whether nvidia-smi lists one; in a container the runtime must pass it in (--gpus all)");
}

/* A kernel of nothing: its attributes can be had only where the plugin holds code for the card. */
typedef struct probe_args {
    int *to;
} probe_args;
KERNEL(probe)
{
    if (a.to) *a.to = 0;
}

static bool has_code(void)
{
    struct cudaFuncAttributes attributes;
    bool has = cudaFuncGetAttributes(&attributes, KERNEL_OF(probe)) == cudaSuccess;
    if (!has) cudaGetLastError();
    return has;
}

static tri_status look(int ordinal, int *n_cards, card_facts *out, tri_error *err)
{
    struct cudaDeviceProp p;
    size_t available = 0, total = 0;
    memset(out, 0, sizeof *out);
    *n_cards = 0;
    cudaError_t e = cudaGetDeviceCount(n_cards);
    if (e != cudaSuccess || !*n_cards) return say_no_driver(e == cudaSuccess ? cudaErrorNoDevice : e, err);
    if (ordinal < 0 || ordinal >= *n_cards) {
        plugin_given->fail(err, TRI_ERR_NOT_FOUND, "could not open card %d: there %s %d", ordinal, *n_cards == 1 ? "is" : "are",
                           *n_cards);
        return plugin_given->hint(err, TRI_ERR_NOT_FOUND, "cards count from 0: cuda:0 to cuda:%d", *n_cards - 1);
    }
    e = cudaGetDeviceProperties(&p, ordinal);
    if (e == cudaSuccess) e = cudaSetDevice(ordinal);
    if (e == cudaSuccess) e = cudaMemGetInfo(&available, &total);
    if (e != cudaSuccess) {
        cudaGetLastError();
        plugin_given->fail(err, TRI_ERR_STATE, "could not open card %d: %s", ordinal, cudaGetErrorString(e));
        return plugin_given->hint(err, TRI_ERR_STATE,
                                  "another process may hold it alone (compute mode), or it has fallen off the bus: nvidia-smi");
    }
    snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1, p.name);
    if (cudaDeviceGetPCIBusId(out->bus, (int)sizeof out->bus, ordinal) != cudaSuccess) out->bus[0] = 0;
    out->ordinal = ordinal;
    out->major = p.major;
    out->minor = p.minor;
    out->processors = p.multiProcessorCount;
    cudaDriverGetVersion(&out->driver);
    cudaRuntimeGetVersion(&out->runtime);
    out->bytes_total = total;
    out->bytes_free = available;
    out->runs_here = has_code();
    return TRI_OK;
}

/* ---- open and close ------------------------------------------------------------------------------------------------- */

static void drop(card *d)
{
    if (d->stream) cudaStreamSynchronize(d->stream);
    for (int i = 0; i < 2; i++)
        if (d->marks[i]) cudaEventDestroy(d->marks[i]);
    card_rings_close(d);
    card_give(d, d->space, CARD_SPACE);
    card_give(d, d->sums, CARD_SUMS);
    card_give(d, d->overflow, sizeof(int));
    if (d->lt) cublasLtDestroy(d->lt);
    if (d->stream) cudaStreamDestroy(d->stream);
    plugin_given->free(d->algorithms);
    pthread_mutex_destroy(&d->lock);
    plugin_given->free(d);
}

static bool take_room(card *d)
{
    d->space = card_take(d, CARD_SPACE);
    d->sums = (float *)card_take(d, CARD_SUMS);
    d->overflow = (int *)card_take(d, sizeof(int));
    if (!d->space || !d->sums || !d->overflow) card_check(d, cudaErrorMemoryAllocation, "workspaces");
    return d->failed == cudaSuccess && card_check(d, cudaEventCreateWithFlags(&d->marks[0], cudaEventDefault), "an event") &&
           card_check(d, cudaEventCreateWithFlags(&d->marks[1], cudaEventDefault), "an event") && card_rings_open(d);
}

static tri_status open_card(compute *c, const card_options *o, tri_error *err)
{
    card_facts facts;
    int n_cards;
    tri_status st = look(o->ordinal, &n_cards, &facts, err);
    if (st) return st;
    if (!facts.runs_here) {
        plugin_given->fail(err, TRI_ERR_UNSUPPORTED,
                           "could not open card %d (%s): it is sm_%d%d, the plugin holds code for " TRI_CUDA_ARCHS, o->ordinal,
                           facts.name, facts.major, facts.minor);
        return plugin_given->hint(err, TRI_ERR_UNSUPPORTED, "build it with -DTRI_CUDA_ARCHS=%d%d%s", facts.major, facts.minor,
                                  facts.major < 7 || (facts.major == 7 && facts.minor < 5) ? ", with CUDA 12 at most" : "");
    }
    card *d = (card *)plugin_given->alloc(sizeof *d);
    if (!d) return plugin_given->fail(err, TRI_ERR_MEMORY, "could not get %zu bytes", sizeof *d);
    memset(d, 0, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    d->ordinal = o->ordinal;
    d->invariant = o->invariant;
    snprintf(d->name, sizeof d->name, "%s", facts.name);
    c->scratch = d;
    c->pass_rows = CARD_PASS_ROWS;
    c->middle_rows = CARD_ROWS_MAX;
    d->algorithms = (algorithm *)plugin_given->alloc(ALGORITHMS_MAX * sizeof *d->algorithms);
    if (!d->algorithms)
        st = plugin_given->fail(err, TRI_ERR_MEMORY, "could not get %zu bytes", ALGORITHMS_MAX * sizeof(algorithm));
    if (!st && card_check(d, cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking), "making a stream") &&
        card_check_blas(d, cublasLtCreate(&d->lt), "opening cuBLASLt"))
        take_room(d);
    if (!st) st = card_failure(d, err);
    if (st) drop(d);
    return st;
}

static void close_card(compute *c)
{
    drop(card_of(c));
}

/* ---- the tables ----------------------------------------------------------------------------------------------------- */

static const compute_ops ops = {
    .name = "cuda",
    .pack = card_pack,
    .adopt = card_adopt,
    .packed_free = card_packed_free,
    .packed_bytes = card_packed_bytes,
    .packed_blob = card_packed_blob,
    .packed_smoothing = card_packed_smoothing,
    .packed_extras_of = card_packed_extras_of,
    .linear = card_linear,
    .narrow = card_narrow,
    .embed = card_embed,
    .layernorm = card_layernorm,
    .attention = card_attention,
    .rotate = card_rotate,
    .glu = card_glu,
    .gather = card_gather,
    .pool = card_pool,
    .normalize = card_normalize,
    .dots = card_dots,
    .maxsim = card_maxsim,
};

static const compute_memory memory = {
    .alloc = card_alloc,
    .free = card_free,
    .upload = card_upload,
    .download = card_download,
    .sync = card_sync,
    .count = card_count,
    .mark = card_mark,
    .between = card_between,
};

static const plugin_card table = {
    .abi = PLUGIN_ABI,
    .bytes = sizeof table,
    .ops_bytes = sizeof ops,
    .memory_bytes = sizeof memory,
    .built = TRI_CUDA_ARCHS,
    .ops = &ops,
    .memory = &memory,
    .look = look,
    .open = open_card,
    .close = close_card,
};

PLUGIN_EXPORT const plugin_card *trident_device_plugin(const plugin_host *host);
const plugin_card *trident_device_plugin(const plugin_host *host)
{
    if (host->abi != PLUGIN_ABI || host->bytes != sizeof *host) return NULL;
    plugin_given = host;
    return &table;
}
