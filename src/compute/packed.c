/* SPDX-License-Identifier: Apache-2.0 */
/* packed.c — how does a stored weight become panels (packed.h)?
 *
 * Panels are made in parallel, one task each. A task widens PANEL rows in strips of STRIP columns, brings them into the packed
 * type, and turns 16 rows of groups into groups of 16 columns. int8 rows pass twice: first for the greatest magnitude, which
 * gives the channel's scale, then to be rounded to it. Beyond the blob nothing is allocated. */
#include "compute/packed.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "compute/backend.h"
#include "compute/turn.h"

enum { STRIP = 64 }; /* columns at once: PANEL rows of them are 4 KiB of stack, and whole groups of every type */

/* Where the parts of a blob begin; false when the sizes overflow. */
typedef struct layout {
    size_t groups, n_panels, scales, sums, smoothing, kept, kept_panels, bytes;
} layout;

static bool add_part(size_t *at, size_t count, size_t size)
{
    size_t bytes;
    return mul_size(count, size, &bytes) && add_size(bytes, GROUP_BYTES - 1, &bytes) &&
           add_size(*at, bytes / GROUP_BYTES * GROUP_BYTES, at);
}

static bool lay_out(precision p, size_t n, size_t k, packed_extras extras, layout *out)
{
    size_t group = packed_group(p), padded_k, padded_n, at = 0, groups, kept;
    if (!add_size(k, group - 1, &padded_k) || !add_size(n, 2 * PANEL - 1, &padded_n)) return false;
    *out = (layout){.groups = padded_k / group, .n_panels = padded_n / (2 * PANEL) * 2};
    if (!mul_size(out->groups, out->n_panels, &groups) || !add_part(&at, groups, GROUP_BYTES)) return false;
    if (p == PRECISION_INT8) {
        out->scales = at;
        if (!add_part(&at, out->n_panels * PANEL, sizeof(float))) return false;
        out->sums = at;
        if (!add_part(&at, out->n_panels * PANEL, sizeof(int32_t))) return false;
        out->smoothing = at;
        if (extras.smoothed && !add_part(&at, k, sizeof(float))) return false;
        out->kept = at;
        if (!add_part(&at, extras.n_kept, sizeof(uint32_t))) return false;
        out->kept_panels = at;
        if (!mul_size(out->n_panels, extras.n_kept, &kept) || !add_part(&at, kept, GROUP_BYTES)) return false;
    }
    out->bytes = at;
    return true;
}

static packed_matrix view_blob(const void *blob, precision p, size_t n, size_t k, packed_extras extras, const layout *l)
{
    const char *bytes = blob;
    packed_matrix m = {.p = p, .n = n, .k = k, .groups = l->groups, .n_panels = l->n_panels, .panels = blob, .bytes = l->bytes};
    if (p != PRECISION_INT8) return m;
    m.scales = (const float *)(const void *)(bytes + l->scales);
    m.sums = (const int32_t *)(const void *)(bytes + l->sums);
    m.smoothing = extras.smoothed ? (const float *)(const void *)(bytes + l->smoothing) : NULL;
    m.kept = (const uint32_t *)(const void *)(bytes + l->kept);
    m.kept_panels = bytes + l->kept_panels;
    m.n_kept = extras.n_kept;
    return m;
}

/* ---- packing -------------------------------------------------------------------------------------------------------- */

typedef struct pack_job {
    const packed_matrix *m;
    widen_fn widen;
    const matrix_part *parts;
    const float *smoothing;
    char *panels;
    float *scales;
    int32_t *sums;
    float *kept;           /* the kept panels */
    atomic_size_t bad_row; /* the lowest row with a value that is not finite; SIZE_MAX = none */
} pack_job;

static const matrix_part *part_of(const pack_job *job, size_t *row)
{
    const matrix_part *part = job->parts;
    while (*row >= part->n) *row -= part++->n;
    return part;
}

/* n elements of row `row` from k0 in f32. */
static void read_plain(const pack_job *job, size_t row, size_t k0, size_t n, float *out)
{
    const matrix_part *part = part_of(job, &row);
    const char *from = (const char *)part->data + (row * job->m->k + k0) * dtype_size(part->type);
    job->widen(out, from, part->type, n);
}

/* The same, smoothed; 0 in kept columns. */
static void read_row(const pack_job *job, size_t row, size_t k0, size_t n, float *out)
{
    read_plain(job, row, k0, n, out);
    if (!job->smoothing) return;
    const float *smoothing = job->smoothing + k0;
    for (size_t i = 0; i < n; i++) out[i] = smoothing[i] != 0 ? out[i] / smoothing[i] : 0;
}

/* 0 for a finite sum of magnitudes' worth of values, NaN otherwise */
static float taint_of(const float *values, size_t n)
{
    float taint = 0;
    for (size_t i = 0; i < n; i++) taint += values[i] * 0.0f;
    return taint;
}

static void note_bad_row(pack_job *job, size_t row)
{
    size_t lowest = atomic_load(&job->bad_row);
    while (row < lowest && !atomic_compare_exchange_weak(&job->bad_row, &lowest, row)) {
    }
}

static float row_scale_of(pack_job *job, size_t row)
{
    float strip[STRIP], greatest = 0;
    for (size_t k0 = 0; k0 < job->m->k; k0 += STRIP) {
        size_t n = job->m->k - k0 < STRIP ? job->m->k - k0 : STRIP;
        read_row(job, row, k0, n, strip);
        for (size_t i = 0; i < n; i++) greatest = fmaxf(greatest, fabsf(strip[i]));
    }
    return greatest / 127;
}

/* A strip of one row into the packed type: n elements, zeros up to a whole group. */
static void narrow_strip(pack_job *job, size_t row, size_t k0, size_t n, uint32_t *out)
{
    float strip[STRIP];
    memset(out, 0, STRIP * sizeof *out);
    read_row(job, row, k0, n, strip);
    if (taint_of(strip, n) != 0) note_bad_row(job, row);
    if (job->m->p == PRECISION_F32) {
        memcpy(out, strip, n * sizeof *strip);
    } else if (job->m->p == PRECISION_BF16) {
        uint16_t narrow[STRIP];
        for (size_t i = 0; i < n; i++) narrow[i] = bf16_from_f32(strip[i]);
        memcpy(out, narrow, n * sizeof *narrow);
    } else {
        int8_t narrow[STRIP];
        float scale = job->scales[row], inverse = scale > 0 ? 1 / scale : 0;
        for (size_t i = 0; i < n; i++) {
            float v = rintf(strip[i] * inverse);
            narrow[i] = (int8_t)(v > 127 ? 127 : v < -127 ? -127 : isnan(v) ? 0 : v);
            job->sums[row] += narrow[i];
        }
        memcpy(out, narrow, n);
    }
}

/* A panel's kept columns: group i is column kept[i] of its PANEL rows. */
static void pack_kept(pack_job *job, size_t task)
{
    const packed_matrix *m = job->m;
    float *to = job->kept + task * m->n_kept * PANEL;
    for (size_t i = 0; i < m->n_kept; i++, to += PANEL)
        for (size_t r = 0; r < PANEL; r++) {
            to[r] = 0;
            if (task * PANEL + r < m->n) read_plain(job, task * PANEL + r, m->kept[i], 1, to + r);
            if (!isfinite(to[r])) note_bad_row(job, task * PANEL + r);
        }
}

static void pack_panel(void *ctx, size_t task, size_t worker)
{
    pack_job *job = ctx;
    const packed_matrix *m = job->m;
    size_t first = task * PANEL, group = packed_group(m->p);
    uint32_t strips[PANEL][STRIP];
    uint32_t *to = (uint32_t *)(void *)(job->panels + task * m->groups * GROUP_BYTES);
    (void)worker;
    memset(strips, 0, sizeof strips);
    if (m->p == PRECISION_INT8) {
        for (size_t r = 0; r < PANEL; r++) {
            job->scales[first + r] = first + r < m->n ? row_scale_of(job, first + r) : 0;
            job->sums[first + r] = 0;
        }
        pack_kept(job, task);
    }
    for (size_t k0 = 0; k0 < m->k; k0 += STRIP) {
        size_t n = m->k - k0 < STRIP ? m->k - k0 : STRIP;
        for (size_t r = 0; r < PANEL && first + r < m->n; r++) narrow_strip(job, first + r, k0, n, strips[r]);
        turn_panel(to + k0 / group * PANEL, strips, sizeof strips[0], PANEL, (n + group - 1) / group);
    }
}

static tri_status check_depth(size_t k, precision p, tri_error *err)
{
    if (p == PRECISION_INT8 && k > PACKED_DEPTH_MAX)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "could not pack a weight of %zu inputs as int8: %d is the most that 32 bits sum", k, PACKED_DEPTH_MAX);
    return TRI_OK;
}

static tri_status count_kept(const float *smoothing, size_t k, packed_extras *out, tri_error *err)
{
    *out = (packed_extras){.smoothed = smoothing != NULL};
    for (size_t j = 0; smoothing && j < k; j++) out->n_kept += smoothing[j] == 0;
    if (out->n_kept <= packed_kept_max(k)) return TRI_OK;
    return err_set(err, TRI_ERR_ARGUMENT, "could not pack a weight of %zu inputs as int8: %zu columns to be kept, %zu may be",
                   k, out->n_kept, packed_kept_max(k));
}

static void list_kept(const float *smoothing, size_t k, uint32_t *kept)
{
    for (size_t j = 0; j < k; j++)
        if (smoothing[j] == 0) *kept++ = (uint32_t)j;
}

tri_status packed_make(compute *c, widen_fn widen, const matrix_part *parts, size_t n_parts, size_t k, precision p,
                       const float *smoothing, packed_matrix **out, tri_error *err)
{
    size_t n;
    layout l;
    packed_extras extras;
    *out = NULL;
    TRI_TRY(backend_check_parts(c->ops->name, parts, n_parts, k, p, &n, err));
    TRI_TRY(check_depth(k, p, err));
    if (p != PRECISION_INT8) smoothing = NULL;
    TRI_TRY(count_kept(smoothing, k, &extras, err));
    if (!lay_out(p, n, k, extras, &l)) return err_memory(err, SIZE_MAX);
    packed_matrix *m = mem_alloc(sizeof *m);
    char *blob = mem_alloc_aligned(l.bytes, GROUP_BYTES);
    if (!m || !blob) {
        mem_free(m);
        mem_free_aligned(blob);
        return err_memory(err, l.bytes);
    }
    *m = view_blob(blob, p, n, k, extras, &l);
    m->owned = blob;
    if (p == PRECISION_INT8)
        memset(blob + l.scales, 0, l.bytes - l.scales); /* the gaps too: a file's bytes are to be the same */
    if (smoothing) {
        memcpy(blob + l.smoothing, smoothing, k * sizeof *smoothing);
        list_kept(smoothing, k, (uint32_t *)(void *)(blob + l.kept));
    }
    pack_job job = {.m = m,
                    .widen = widen,
                    .parts = parts,
                    .smoothing = smoothing,
                    .panels = blob,
                    .scales = (float *)(void *)(blob + l.scales),
                    .sums = (int32_t *)(void *)(blob + l.sums),
                    .kept = (float *)(void *)(blob + l.kept_panels)};
    atomic_init(&job.bad_row, SIZE_MAX);
    pool_run(c->threads, pack_panel, &job, m->n_panels);
    size_t bad = atomic_load(&job.bad_row);
    if (bad != SIZE_MAX && p == PRECISION_INT8) {
        packed_free(m);
        return err_set(err, TRI_ERR_NUMERIC, "could not pack a weight as int8: row %zu holds a value that is not finite", bad);
    }
    *out = m;
    return TRI_OK;
}

/* No column of a blob may lie outside x. */
static bool kept_are_columns(const packed_matrix *m)
{
    for (size_t i = 0; i < m->n_kept; i++)
        if (m->kept[i] >= m->k) return false;
    return true;
}

tri_status packed_adopt(compute *c, const packed_place *place, size_t n, size_t k, precision p, packed_extras extras,
                        packed_matrix **out, tri_error *err)
{
    layout l;
    const void *blob = place->blob;
    size_t bytes = place->bytes;
    (void)c;
    *out = NULL;
    if (p != PRECISION_F32 && p != PRECISION_BF16 && p != PRECISION_INT8)
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not use a packed weight: its precision is not known here");
    if (n == 0 || k == 0 || (p == PRECISION_INT8 && k > PACKED_DEPTH_MAX) || extras.n_kept > packed_kept_max(k) ||
        !lay_out(p, n, k, extras, &l) || l.bytes != bytes)
        return err_set(err, TRI_ERR_FORMAT, "could not use a packed weight: %zu bytes are not a [%zu,%zu]", bytes, n, k);
    if ((uintptr_t)blob % GROUP_BYTES || (place->nodes && place->step % GROUP_BYTES))
        return err_set(err, TRI_ERR_ARGUMENT, "could not use a packed weight: it does not begin on %d bytes", GROUP_BYTES);
    packed_matrix *m = mem_alloc(sizeof *m);
    if (!m) return err_memory(err, sizeof *m);
    *m = view_blob(blob, p, n, k, extras, &l);
    m->nodes = place->nodes;
    m->step = place->step;
    if (!kept_are_columns(m)) {
        mem_free(m);
        return err_set(err, TRI_ERR_FORMAT, "could not use a packed weight: it keeps a column that x does not have");
    }
    *out = m;
    return TRI_OK;
}

packed_matrix packed_near(const packed_matrix *m)
{
    packed_matrix near = *m;
    size_t away = processors_node_here(m->nodes) * m->step;
    near.panels += away;
    if (m->p != PRECISION_INT8) return near;
    near.scales = (const float *)(const void *)((const char *)m->scales + away);
    near.sums = (const int32_t *)(const void *)((const char *)m->sums + away);
    near.kept_panels += away;
    return near;
}

void packed_free(packed_matrix *m)
{
    if (!m) return;
    mem_free_aligned(m->owned);
    mem_free(m);
}

size_t packed_bytes(const packed_matrix *m)
{
    return m->bytes;
}
const void *packed_blob(const packed_matrix *m)
{
    return m->panels;
}
const float *packed_smoothing(const packed_matrix *m)
{
    return m->smoothing;
}
packed_extras packed_extras_of(const packed_matrix *m)
{
    return (packed_extras){m->smoothing != NULL, m->n_kept};
}
