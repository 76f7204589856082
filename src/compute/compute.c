/* SPDX-License-Identifier: Apache-2.0 */
/* compute.c — which backend? Picks one by name or the best this machine runs, and owns the device's memory calls.
 *
 * The backends of list.h work on host memory: upload and download are memcpy and sync has nothing to wait for. A card's memory
 * is its plugin's (plugin.c). */
#include "compute/compute.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "compute/backend.h"
#include "compute/plugin.h"

static const backend *const backends[] = {
#define BACKEND(isa) &backend_##isa,
#define BACKEND_REF(isa) BACKEND(isa)
#include "compute/list.h"
#undef BACKEND
#undef BACKEND_REF
};
enum {
    N_BACKENDS = sizeof backends / sizeof backends[0],
    /* Rows of a pass when no single text is longer: enough for the GEMM's tiles to run full, few enough that one layer's
     * activations stay in a 32 MiB last-level cache (chosen by bench/kernels; 512 to 2048 differ by under 3 %). And of the
     * feed-forward's middle: 8 MiB of bf16 at F = 4096. */
    HOST_ROWS = 1024,
};

static const backend *find_working(size_t i)
{
    for (size_t b = 0; b < N_BACKENDS; b++)
        if (backends[b]->works() && i-- == 0) return backends[b];
    return NULL;
}

const char *compute_isa(size_t i)
{
    const backend *b = find_working(i);
    return b ? b->ops->name : NULL;
}

static tri_status say_unknown(const char *isa, tri_error *err)
{
    char have[128] = "";
    size_t len = 0;
    for (size_t i = 0; compute_isa(i) && len < sizeof have; i++) {
        int n = snprintf(have + len, sizeof have - len, "%s%s", i ? ", " : "", compute_isa(i));
        len += n > 0 ? (size_t)n : 0;
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not open device \"%s\": this machine and build have %s", isa, have);
}

tri_status compute_open(const char *isa, pool *threads, compute **out, tri_error *err)
{
    *out = NULL;
    const backend *chosen = NULL;
    for (size_t i = 0; !chosen && find_working(i); i++)
        if (!isa || strcmp(isa, find_working(i)->ops->name) == 0) chosen = find_working(i);
    if (!chosen) return say_unknown(isa, err);

    compute *c = mem_calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c);
    *c = (compute){.ops = chosen->ops, .threads = threads, .pass_rows = HOST_ROWS, .middle_rows = HOST_ROWS};
    tri_status st = chosen->open(c, err);
    if (st != TRI_OK) {
        mem_free(c);
        return st;
    }
    *out = c;
    return TRI_OK;
}

void compute_close(compute *c)
{
    if (!c) return;
    plugin_close(c);
    for (size_t b = 0; b < N_BACKENDS; b++)
        if (backends[b]->ops == c->ops) backends[b]->close(c);
    mem_free(c);
}

tri_status backend_check_parts(const char *name, const matrix_part *parts, size_t n_parts, size_t k, precision p, size_t *n,
                               tri_error *err)
{
    static const char *const precisions[] = {"f32", "bf16", "f16", "int8", "fp8"}; /* ORDER precision */
    if (p != PRECISION_F32 && p != PRECISION_BF16 && p != PRECISION_INT8)
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not pack a weight as %s on %s: it has f32, bf16 and int8",
                       (size_t)p < sizeof precisions / sizeof precisions[0] ? precisions[p] : "an unknown precision", name);
    size_t rows = 0;
    for (size_t i = 0; i < n_parts; i++) {
        dtype t = parts[i].type;
        if (t != DTYPE_F32 && t != DTYPE_F16 && t != DTYPE_BF16 && t != DTYPE_F64)
            return err_set(err, TRI_ERR_UNSUPPORTED, "could not pack a weight of type %s: f32, f16, bf16 and f64 are possible",
                           dtype_name(t));
        if (!add_size(rows, parts[i].n, &rows)) return err_set(err, TRI_ERR_ARGUMENT, "could not pack a weight: too many rows");
    }
    if (rows == 0 || k == 0) return err_set(err, TRI_ERR_ARGUMENT, "could not pack a weight of shape [%zu,%zu]", rows, k);
    *n = rows;
    return TRI_OK;
}

/* ---- memory --------------------------------------------------------------------------------------------------------- */

tri_status compute_alloc(compute *c, size_t bytes, void **out, tri_error *err)
{
    if (c->memory) return c->memory->alloc(c, bytes, out, err);
    *out = mem_alloc_aligned(bytes ? bytes : 1, 64);
    return *out ? TRI_OK : err_memory(err, bytes);
}

void compute_free(compute *c, void *block)
{
    if (c->memory)
        c->memory->free(c, block);
    else
        mem_free_aligned(block);
}

void compute_idle(compute *c, void *block, size_t bytes)
{
    if (!c->memory) mem_idle(block, bytes); /* a card's memory has no pages to give back one by one */
}

void compute_upload(compute *c, void *device, const void *host, size_t bytes)
{
    if (c->memory)
        c->memory->upload(c, device, host, bytes);
    else if (bytes)
        memcpy(device, host, bytes);
}

void compute_download(compute *c, void *host, const void *device, size_t bytes)
{
    if (c->memory)
        c->memory->download(c, host, device, bytes);
    else if (bytes)
        memcpy(host, device, bytes);
}

tri_status compute_sync(compute *c, tri_error *err)
{
    return c->memory ? c->memory->sync(c, err) : TRI_OK;
}

tri_status compute_table(compute *c, const tensor *view, tensor *out, void **owned, tri_error *err)
{
    *out = *view;
    *owned = NULL;
    if (!c->memory || !view->rows) return TRI_OK;
    size_t bytes = view->rows * view->ld * dtype_size(view->type);
    TRI_TRY(compute_alloc(c, bytes, owned, err));
    compute_upload(c, *owned, view->data, bytes);
    out->data = *owned;
    return TRI_OK;
}
