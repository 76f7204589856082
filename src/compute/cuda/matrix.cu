/* SPDX-License-Identifier: Apache-2.0 */
/* matrix.cu — weights onto the card: as stored, through pinned memory, and turned into the card's type there; or from the
 * CPU's panels (packed.h), which is what packed files hold and how int8 is quantised.
 *
 * f16 takes no weight beyond its range: that is an error, not a saturation. */
#include "compute/cuda/matrix.h"

#include <string.h>

#include "compute/cuda/numbers.h"
#if defined(__cplusplus)
extern "C" {
#endif
#include "compute/packed.h"
#if defined(__cplusplus)
}
#endif

/* ---- kernels -------------------------------------------------------------------------------------------------------- */

enum { COPY_THREADS = 256 };

/* Rows as stored, [rows, k] without gaps, into rows first.. of the weight; zeros fill each row up to ld. */
typedef struct convert_args {
    const void *from;
    size_t from_type;
    size_t rows, first;
    view to;
    int *overflow;
} convert_args;

KERNEL(convert)
{
    size_t i = (size_t)blockIdx.x * COPY_THREADS + threadIdx.x, row = i / a.to.ld, col = i % a.to.ld;
    if (row >= a.rows) return;
    float f = col < a.to.cols ? number_at(a.from, a.from_type, row * a.to.cols + col) : 0;
    if (a.to.type == DTYPE_F16 && fabsf(f) > HALF_MOST && !isinf(f)) *a.overflow = 1;
    size_t at = (a.first + row) * a.to.ld + col;
    if (a.to.type == DTYPE_F32)
        ((float *)a.to.data)[at] = f;
    else
        ((uint16_t *)a.to.data)[at] = a.to.type == DTYPE_F16 ? f16_store(f) : bf16_store(f);
}

/* Panels first.. of the CPU's form into rows of the weight. */
typedef struct unpanel_args {
    const char *panels; /* [n_panels, groups, 64] bytes */
    size_t first, n_panels, groups;
    view to;
} unpanel_args;

KERNEL(unpanel)
{
    size_t size = a.to.type == DTYPE_F32 ? 4 : a.to.type == DTYPE_I8 ? 1 : 2, group = 4 / size;
    size_t i = (size_t)blockIdx.x * COPY_THREADS + threadIdx.x, row = i / a.to.ld, col = i % a.to.ld;
    size_t panel = row / PANEL, n = a.first * PANEL + row;
    if (panel >= a.n_panels || n >= a.to.rows) return;
    const char *from = a.panels + (panel * a.groups + col / group) * GROUP_BYTES + (row % PANEL * group + col % group) * size;
    char *to = (char *)a.to.data + (n * a.to.ld + col) * size;
    for (size_t b = 0; b < size; b++) to[b] = col < a.to.cols ? from[b] : 0;
}

/* ---- making one ----------------------------------------------------------------------------------------------------- */

static tri_status new_matrix(compute *c, size_t n, size_t k, precision p, packed_extras extras, card_matrix **out,
                             tri_error *err)
{
    card_matrix *m = (card_matrix *)plugin_given->alloc(sizeof *m);
    *out = NULL;
    if (!m) return plugin_given->fail(err, TRI_ERR_MEMORY, "could not get %zu bytes", sizeof *m);
    memset(m, 0, sizeof *m);
    m->c = c;
    m->p = p;
    m->n = n;
    m->k = k;
    m->ld = card_weight_ld(p, k);
    m->extras = extras;
    m->at = card_lay_out(p, n, k, extras);
    void *block;
    tri_status st = card_alloc(c, m->at.bytes, &block, err);
    m->block = (char *)block;
    if (st)
        plugin_given->free(m);
    else
        *out = m;
    return st;
}

void card_packed_free(packed_matrix *packed)
{
    card_matrix *m = (card_matrix *)(void *)packed;
    if (!m) return;
    card_free(m->c, m->block);
    plugin_given->free(m);
}

size_t card_packed_bytes(const packed_matrix *m)
{
    return card_matrix_of(m)->at.bytes;
}

/* Nothing that a file could hold. */
const void *card_packed_blob(const packed_matrix *m)
{
    (void)m;
    return NULL;
}

const float *card_packed_smoothing(const packed_matrix *packed)
{
    const card_matrix *m = card_matrix_of(packed);
    return m->extras.smoothed ? (const float *)(const void *)(m->block + m->at.smoothing) : NULL;
}

packed_extras card_packed_extras_of(const packed_matrix *m)
{
    return card_matrix_of(m)->extras;
}

static unsigned blocks_of(size_t items)
{
    return (unsigned)((items + COPY_THREADS - 1) / COPY_THREADS);
}

/* ---- from weights as stored ------------------------------------------------------------------------------------------ */

/* One part, as many rows at a time as the ferry carries. */
static void send_part(card *d, const card_matrix *m, const matrix_part *part, size_t first)
{
    size_t row_bytes = m->k * dtype_size(part->type), most = CARD_FERRY / row_bytes, n;
    for (size_t row = 0; row < part->n && d->failed == cudaSuccess; row += n) {
        char *pinned, *place;
        n = part->n - row < most ? part->n - row : most;
        ferry_begin(d, &pinned, &place);
        memcpy(pinned, (const char *)part->data + row * row_bytes, n * row_bytes);
        ferry_send(d, NULL, n * row_bytes);
        convert_args a = {place, (size_t)part->type, n, first + row, card_matrix_view(m), d->overflow};
        card_launch(d, "convert", KERNEL_OF(convert), dim3_of(blocks_of(n * m->ld), 1), dim3_of(COPY_THREADS, 1), 0, &a);
        ferry_end(d);
    }
}

/* Was a weight beyond the range of f16? */
static tri_status check_range(compute *c, precision p, tri_error *err)
{
    card *d = card_of(c);
    int overflow = 0;
    if (p != PRECISION_F16) return TRI_OK;
    card_download(c, &overflow, d->overflow, sizeof overflow);
    tri_status st = card_sync(c, err);
    if (st || !overflow) return st;
    plugin_given->fail(err, TRI_ERR_UNSUPPORTED, "could not use f16: a weight lies beyond its range of 65504");
    return plugin_given->hint(err, TRI_ERR_UNSUPPORTED, "--precision bf16, which has the range of f32");
}

static tri_status check_parts(const matrix_part *parts, size_t n_parts, size_t k, precision p, size_t *n, tri_error *err)
{
    size_t widest = 0;
    *n = 0;
    if (p == PRECISION_FP8)
        return plugin_given->fail(err, TRI_ERR_UNSUPPORTED,
                                  "could not pack a weight as fp8 on cuda: it has f32, bf16, f16 and int8");
    for (size_t i = 0; i < n_parts; i++) {
        dtype t = parts[i].type;
        if (t != DTYPE_F32 && t != DTYPE_F16 && t != DTYPE_BF16 && t != DTYPE_F64)
            return plugin_given->fail(err, TRI_ERR_UNSUPPORTED,
                                      "could not pack a weight of type %s: f32, f16, bf16 and f64 are possible", dtype_name(t));
        if (parts[i].n > SIZE_MAX / 2 - *n)
            return plugin_given->fail(err, TRI_ERR_ARGUMENT, "could not pack a weight: too many rows");
        *n += parts[i].n;
        if (dtype_size(t) > widest) widest = dtype_size(t);
    }
    if (*n == 0 || k == 0)
        return plugin_given->fail(err, TRI_ERR_ARGUMENT, "could not pack a weight of shape [%zu,%zu]", *n, k);
    if (k > CARD_FERRY / widest || *n > (SIZE_MAX >> 16) / k)
        return plugin_given->fail(err, TRI_ERR_MEMORY, "could not pack a weight of shape [%zu,%zu]: a row has %d MiB at most",
                                  *n, k, CARD_FERRY >> 20);
    return TRI_OK;
}

static tri_status pack_floats(compute *c, const matrix_part *parts, size_t n_parts, size_t n, size_t k, precision p,
                              packed_matrix **out, tri_error *err)
{
    card *d = card_of(c);
    card_matrix *m;
    const packed_extras none = {false, 0};
    size_t first = 0;
    tri_status st = new_matrix(c, n, k, p, none, &m, err);
    if (st) return st;
    card_lock(d);
    card_check(d, cudaMemsetAsync(d->overflow, 0, sizeof(int), d->stream), "clearing a word");
    for (size_t i = 0; i < n_parts; i++) {
        send_part(d, m, &parts[i], first);
        first += parts[i].n;
    }
    st = card_failure(d, err);
    card_unlock(d);
    if (!st) st = check_range(c, p, err);
    if (st)
        card_packed_free((packed_matrix *)(void *)m);
    else
        *out = (packed_matrix *)(void *)m;
    return st;
}

/* ---- from the CPU's form -------------------------------------------------------------------------------------------- */

static void send_panels(card *d, const card_matrix *m, const packed_matrix *from)
{
    size_t panel_bytes = from->groups * GROUP_BYTES, most = CARD_FERRY / panel_bytes, all = (m->n + PANEL - 1) / PANEL, n;
    for (size_t panel = 0; panel < all && d->failed == cudaSuccess; panel += n) {
        char *pinned, *place;
        n = all - panel < most ? all - panel : most;
        ferry_begin(d, &pinned, &place);
        memcpy(pinned, packed_panel(from, panel), n * panel_bytes);
        ferry_send(d, NULL, n * panel_bytes);
        unpanel_args a = {place, panel, n, from->groups, card_matrix_view(m)};
        card_launch(d, "unpanel", KERNEL_OF(unpanel), dim3_of(blocks_of(n * PANEL * m->ld), 1), dim3_of(COPY_THREADS, 1), 0,
                    &a);
        ferry_end(d);
    }
}

static tri_status from_panels(compute *c, const packed_matrix *from, packed_matrix **out, tri_error *err)
{
    card *d = card_of(c);
    card_matrix *m;
    const packed_extras extras = {from->smoothing != NULL, from->n_kept};
    if (from->groups > (size_t)CARD_FERRY / GROUP_BYTES)
        return plugin_given->fail(err, TRI_ERR_LIMIT, "could not pack a weight of %zu columns: too many for a card", from->k);
    tri_status st = new_matrix(c, from->n, from->k, from->p, extras, &m, err);
    if (st) return st;
    card_lock(d);
    send_panels(d, m, from);
    card_unlock(d);
    if (from->p == PRECISION_INT8) {
        card_upload(c, m->block + m->at.scales, from->scales, from->n * sizeof(float));
        card_upload(c, m->block + m->at.sums, from->sums, from->n * sizeof(int32_t));
        if (extras.smoothed) card_upload(c, m->block + m->at.smoothing, from->smoothing, from->k * sizeof(float));
        card_upload(c, m->block + m->at.kept, from->kept, from->n_kept * sizeof(uint32_t));
        card_upload(c, m->block + m->at.kept_panels, from->kept_panels, from->n_panels * from->n_kept * GROUP_BYTES);
    }
    st = card_sync(c, err);
    if (st)
        card_packed_free((packed_matrix *)(void *)m);
    else
        *out = (packed_matrix *)(void *)m;
    return st;
}

/* ---- ops ------------------------------------------------------------------------------------------------------------ */

tri_status card_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                     packed_matrix **out, tri_error *err)
{
    size_t n;
    *out = NULL;
    tri_status st = check_parts(parts, n_parts, k, p, &n, err);
    if (st || p != PRECISION_INT8) return st ? st : pack_floats(c, parts, n_parts, n, k, p, out, err);
    packed_matrix *host;
    st = plugin_given->pack(c, parts, n_parts, k, p, smoothing, &host, err);
    if (st) return st;
    st = from_panels(c, host, out, err);
    plugin_given->packed_free(host);
    return st;
}

tri_status card_adopt(compute *c, const packed_place *place, size_t n, size_t k, precision p, packed_extras extras,
                      packed_matrix **out, tri_error *err)
{
    packed_matrix *host;
    *out = NULL;
    tri_status st = plugin_given->adopt(place, n, k, p, extras, &host, err);
    if (st) return st;
    st = from_panels(c, host, out, err);
    plugin_given->packed_free(host);
    return st;
}
