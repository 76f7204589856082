/* SPDX-License-Identifier: Apache-2.0 */
/* memory.cu — the only place that takes device memory, and the two rings that carry bytes to and from it.
 *
 *   args    arrays of a call (ids, offsets, work lists): pinned, and a twin on the card to which each is copied
 *   ferry   weights, tables and results: the host fills one half while the card still reads the other
 * A half is used again only when the event says that the card has passed the last thing which read it. */
#include <string.h>

#include "compute/cuda/card.h"

void *card_take(card *d, size_t bytes)
{
    void *block = NULL;
    if (d->failed != cudaSuccess) return NULL;
    cudaError_t e = cudaMalloc(&block, card_rounded(bytes));
    if (e == cudaErrorMemoryAllocation) {
        cudaGetLastError(); /* not a failure of the card: the caller may ask for less */
        return NULL;
    }
    if (!card_check(d, e, "taking memory")) return NULL;
    d->held += card_rounded(bytes);
    return block;
}

void card_give(card *d, void *block, size_t bytes)
{
    if (!block) return;
    card_check(d, cudaFree(block), "giving memory back");
    d->held -= card_rounded(bytes);
}

/* ---- blocks of callers ---------------------------------------------------------------------------------------------- */

/* How long each block is that compute_alloc gave: a model has some hundred, so a list does. */
struct block_note {
    struct block_note *next;
    void *block;
    size_t bytes;
};
typedef struct block_note block_note;

static tri_status say_full(card *d, size_t bytes, tri_error *err)
{
    size_t available = 0, total = 0;
    cudaMemGetInfo(&available, &total);
    plugin_given->fail(err, TRI_ERR_MEMORY, "could not get %llu MiB on card %d (%s): %llu of its %llu MiB are free",
                       (unsigned long long)((bytes >> 20) + 1), d->ordinal, d->name, (unsigned long long)(available >> 20),
                       (unsigned long long)(total >> 20));
    return plugin_given->hint(err, TRI_ERR_MEMORY,
                              "lower --batch-tokens or --max-length, use a narrower --precision, or --device cpu");
}

tri_status card_alloc(compute *c, size_t bytes, void **out, tri_error *err)
{
    card *d = card_of(c);
    block_note *note = (block_note *)plugin_given->alloc(sizeof *note);
    *out = NULL;
    if (!note) return plugin_given->fail(err, TRI_ERR_MEMORY, "could not get %zu bytes", sizeof *note);
    card_lock(d);
    void *block = card_take(d, bytes);
    tri_status st = block ? TRI_OK : d->failed == cudaSuccess ? say_full(d, bytes, err) : card_failure(d, err);
    if (block) {
        note->next = d->notes;
        note->block = block;
        note->bytes = bytes;
        d->notes = note;
    }
    card_unlock(d);
    if (st) plugin_given->free(note);
    *out = block;
    return st;
}

void card_free(compute *c, void *block)
{
    card *d = card_of(c);
    if (!block) return;
    card_lock(d);
    block_note **at = &d->notes;
    while (*at && (*at)->block != block) at = &(*at)->next;
    block_note *note = *at;
    if (note) {
        *at = note->next;
        card_give(d, block, note->bytes);
        plugin_given->free(note);
    }
    card_unlock(d);
}

void card_count(compute *c, uint64_t *held, uint64_t *available, uint64_t *total)
{
    card *d = card_of(c);
    size_t has_free = 0, in_all = 0;
    card_lock(d);
    card_check(d, cudaMemGetInfo(&has_free, &in_all), "asking for memory");
    *held = d->held;
    *available = has_free;
    *total = in_all;
    card_unlock(d);
}

/* ---- rings ---------------------------------------------------------------------------------------------------------- */

static bool open_ring(card *d, ring *r, size_t half)
{
    r->half = half;
    r->device = (char *)card_take(d, 2 * half);
    if (!r->device) return card_check(d, cudaErrorMemoryAllocation, "a ring");
    return card_check(d, cudaMallocHost((void **)&r->host, 2 * half), "pinned memory") &&
           card_check(d, cudaEventCreateWithFlags(&r->read[0], cudaEventDisableTiming), "an event") &&
           card_check(d, cudaEventCreateWithFlags(&r->read[1], cudaEventDisableTiming), "an event");
}

static void close_ring(card *d, ring *r)
{
    for (int i = 0; i < 2; i++)
        if (r->read[i]) cudaEventDestroy(r->read[i]);
    if (r->host) cudaFreeHost(r->host);
    card_give(d, r->device, 2 * r->half);
    memset(r, 0, sizeof *r);
}

bool card_rings_open(card *d)
{
    return open_ring(d, &d->args, CARD_ARGS) && open_ring(d, &d->ferry, CARD_FERRY);
}

void card_rings_close(card *d)
{
    close_ring(d, &d->args);
    close_ring(d, &d->ferry);
}

/* The half at hand was used for the last time: on to the other, once the card has passed what read it. */
static bool turn(card *d, ring *r)
{
    if (!card_check(d, cudaEventRecord(r->read[r->now], d->stream), "marking a ring")) return false;
    r->now = 1 - r->now;
    r->at = 0;
    return card_check(d, cudaEventSynchronize(r->read[r->now]), "waiting for a ring");
}

void *card_stage_room(card *d, size_t bytes, char **host)
{
    ring *r = &d->args;
    size_t rounded = (bytes + 63) / 64 * 64;
    *host = NULL;
    if (rounded > r->half) {
        card_check(d, cudaErrorInvalidValue, "an array of more than a million rows");
        return NULL;
    }
    if (r->at + rounded > r->half && !turn(d, r)) return NULL;
    if (d->failed != cudaSuccess) return NULL;
    size_t at = (size_t)r->now * r->half + r->at;
    r->at += rounded;
    *host = r->host + at;
    return r->device + at;
}

void card_stage_send(card *d, void *device, const char *host, size_t bytes)
{
    if (bytes && device)
        card_check(d, cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, d->stream), "sending an array");
}

void *card_stage(card *d, const void *host, size_t bytes)
{
    char *pinned;
    void *device = card_stage_room(d, bytes, &pinned);
    if (!device) return NULL;
    memcpy(pinned, host, bytes);
    card_stage_send(d, device, pinned, bytes);
    return device;
}

void ferry_begin(card *d, char **host, char **device)
{
    ring *r = &d->ferry;
    *host = r->host + (size_t)r->now * r->half;
    *device = r->device + (size_t)r->now * r->half;
}

void ferry_send(card *d, void *to, size_t bytes)
{
    char *host, *device;
    ferry_begin(d, &host, &device);
    if (d->failed != cudaSuccess) return;
    card_check(d, cudaMemcpyAsync(to ? to : device, host, bytes, cudaMemcpyHostToDevice, d->stream), "sending weights");
}

void ferry_end(card *d)
{
    turn(d, &d->ferry);
}

/* ---- copies --------------------------------------------------------------------------------------------------------- */

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

void card_upload(compute *c, void *device, const void *host, size_t bytes)
{
    card *d = card_of(c);
    char *pinned, *place;
    card_lock(d);
    for (size_t at = 0; at < bytes && d->failed == cudaSuccess; at += CARD_FERRY) {
        size_t n = lesser(bytes - at, CARD_FERRY);
        ferry_begin(d, &pinned, &place);
        memcpy(pinned, (const char *)host + at, n);
        ferry_send(d, (char *)device + at, n);
        ferry_end(d);
    }
    card_unlock(d);
}

/* While the host copies one half out, the card fills the other. */
void card_fetch(card *d, void *host, const void *device, size_t bytes)
{
    char *pinned[2] = {NULL, NULL}, *place;
    size_t chunks = (bytes + CARD_FERRY - 1) / CARD_FERRY;
    for (size_t i = 0; i <= chunks && d->failed == cudaSuccess; i++) {
        if (i < chunks) {
            size_t at = i * CARD_FERRY;
            ferry_begin(d, &pinned[i % 2], &place);
            card_check(d,
                       cudaMemcpyAsync(pinned[i % 2], (const char *)device + at, lesser(bytes - at, CARD_FERRY),
                                       cudaMemcpyDeviceToHost, d->stream),
                       "fetching results");
        }
        /* turning waits for the half before this one; after the last chunk there is one more to wait for */
        turn(d, &d->ferry);
        if (i > 0 && d->failed == cudaSuccess) {
            size_t at = (i - 1) * CARD_FERRY;
            memcpy((char *)host + at, pinned[(i - 1) % 2], lesser(bytes - at, CARD_FERRY));
        }
    }
}

void card_download(compute *c, void *host, const void *device, size_t bytes)
{
    card *d = card_of(c);
    if (!bytes) return;
    card_lock(d);
    card_fetch(d, host, device, bytes);
    card_unlock(d);
}

void card_mark(compute *c, int which)
{
    card *d = card_of(c);
    card_lock(d);
    if (d->failed == cudaSuccess) card_check(d, cudaEventRecord(d->marks[which], d->stream), "marking the time");
    card_unlock(d);
}

tri_status card_between(compute *c, double *ms, tri_error *err)
{
    card *d = card_of(c);
    float between = 0;
    card_lock(d);
    if (d->failed == cudaSuccess && card_check(d, cudaEventSynchronize(d->marks[1]), "waiting for a mark"))
        card_check(d, cudaEventElapsedTime(&between, d->marks[0], d->marks[1]), "reading the time");
    tri_status st = card_failure(d, err);
    card_unlock(d);
    *ms = (double)between;
    return st;
}

tri_status card_sync(compute *c, tri_error *err)
{
    card *d = card_of(c);
    card_lock(d);
    if (d->failed == cudaSuccess) card_check(d, cudaStreamSynchronize(d->stream), "computing");
    tri_status st = card_failure(d, err);
    card_unlock(d);
    return st;
}
