/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_linear.c — y = act(x.W^T + bias) + residual, from weights packed once.
 *
 * W [N, K] becomes panels of `panel` columns, cut along k into slabs of LINEAR_DEPTH, slab by slab so that a task streams
 * through memory in one direction:
 *
 *   slab 0: | panel 0: [depth][panel] | panel 1 | ... |   slab 1: | panel 0 | ...      last panel padded with zeros
 *
 * A task computes LINEAR_ROWS rows x LINEAR_COLUMNS columns at most: per slab it interleaves its rows of x into tiles, then
 * goes panel by panel (the panel's slab stays in L2 while all tiles pass) and adds the slab's sums to its block of c; at the
 * end comes the epilogue. Sums over k thus run in one order whatever M, the tile's height or the number of threads:
 * chains of LINEAR_DEPTH, added in order. With few rows the columns are cut finer, so that all threads stream weights.
 *
 * Roofline of the 12 x 32 tile: 24 multiply-adds against 56 floats loaded per k, 2.3 FLOP a byte from L2 and L1 with no reuse
 * asked of L1; at 32 bytes a cycle from L2 that is not the bound. */
#include <assert.h>

#include "base/alloc.h"
#include "base/err.h"
#include "compute/cpu/cpu.h"

struct packed_matrix {
    size_t n, k, panel, n_panels;
    size_t bytes;
    float *data; /* 64-byte aligned */
};

typedef struct pack_job {
    const cpu_kernels *kernels;
    const matrix_part *parts;
    size_t n_parts;
    packed_matrix *m;
} pack_job;

enum { PACK_COLUMNS = 64 }; /* k widened at once: PANEL_MAX rows of it are 8 KiB of stack */

static const float *slab_panel(const packed_matrix *m, size_t k0, size_t panel)
{
    size_t depth = m->k - k0 < LINEAR_DEPTH ? m->k - k0 : LINEAR_DEPTH;
    return m->data + k0 * m->n_panels * m->panel + panel * depth * m->panel;
}

/* n elements of W's row `row` from k0, widened. */
static void widen_row(const pack_job *job, size_t row, size_t k0, size_t n, float *out)
{
    const matrix_part *part = job->parts;
    while (row >= part->n) row -= part++->n;
    const char *from = (const char *)part->data + (row * job->m->k + k0) * dtype_size(part->type);
    job->kernels->widen(out, from, part->type, n);
}

static void pack_panel(void *ctx, size_t task, size_t worker)
{
    const pack_job *job = ctx;
    const packed_matrix *m = job->m;
    size_t first = task * m->panel, rows = m->n - first < m->panel ? m->n - first : m->panel;
    float wide[PANEL_MAX * PACK_COLUMNS];
    (void)worker;
    for (size_t k0 = 0; k0 < m->k; k0 += PACK_COLUMNS) {
        size_t n = m->k - k0 < PACK_COLUMNS ? m->k - k0 : PACK_COLUMNS, slab = k0 / LINEAR_DEPTH * LINEAR_DEPTH;
        for (size_t r = 0; r < rows; r++) widen_row(job, first + r, k0, n, wide + r * PACK_COLUMNS);
        float *to = m->data + (slab_panel(m, slab, task) - m->data) + (k0 - slab) * m->panel;
        job->kernels->interleave(to, m->panel, wide, PACK_COLUMNS, rows, n, 1);
    }
}
_Static_assert(LINEAR_DEPTH % PACK_COLUMNS == 0, "a packing step lies in one slab");

tri_status cpu_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, packed_matrix **out,
                    tri_error *err)
{
    const cpu_kernels *kernels = cpu_kernels_of(c);
    size_t n, padded, bytes;
    *out = NULL;
    TRI_TRY(backend_check_parts(c->ops->name, parts, n_parts, k, p, &n, err));
    if (!add_size(n, kernels->panel - 1, &padded) || !mul_size(padded / kernels->panel * kernels->panel, k, &bytes) ||
        !mul_size(bytes, sizeof(float), &bytes))
        return err_memory(err, SIZE_MAX);
    packed_matrix *m = mem_alloc(sizeof *m);
    float *data = mem_alloc_aligned(bytes, 64);
    if (!m || !data) {
        mem_free(m);
        mem_free_aligned(data);
        return err_memory(err, bytes);
    }
    *m = (packed_matrix){n, k, kernels->panel, padded / kernels->panel, bytes, data};
    pack_job job = {kernels, parts, n_parts, m};
    pool_run(c->threads, pack_panel, &job, m->n_panels);
    *out = m;
    return TRI_OK;
}

void cpu_packed_free(packed_matrix *m)
{
    if (!m) return;
    mem_free_aligned(m->data);
    mem_free(m);
}

size_t cpu_packed_bytes(const packed_matrix *m) { return m->bytes; }

typedef struct linear_job {
    compute *c;
    const cpu_kernels *kernels;
    const tensor *x, *y;
    const packed_matrix *w;
    const epilogue *e;
    size_t row_parts, panel_parts; /* tasks: row_parts x panel_parts */
    size_t tiles;                  /* tiles of rows in all */
} linear_job;

/* The share of one task: tiles first .. first + n_tiles of job->tiles, panels first_panel .. + n_panels. */
typedef struct linear_share {
    size_t first_tile, n_tiles, first_panel, n_panels;
    size_t first_row, n_rows;
    float *a; /* tiles of x, a_step floats apart */
    size_t a_step;
    float *block; /* of c: panel p's row i at (p * n_rows + i) * panel */
} linear_share;

static size_t tile_row(const linear_job *job, size_t tile) { return cpu_part(job->x->rows, job->tiles, tile); }

static void interleave_rows(const linear_job *job, const linear_share *s, size_t k0, size_t depth)
{
    for (size_t t = 0; t < s->n_tiles; t++) {
        size_t row = tile_row(job, s->first_tile + t), rows = tile_row(job, s->first_tile + t + 1) - row;
        const float *x = (const float *)job->x->data + row * job->x->ld + k0;
        job->kernels->interleave(s->a + t * s->a_step, cpu_tile_width(rows), x, job->x->ld, rows, depth, 1);
    }
}

static void multiply_slab(const linear_job *job, const linear_share *s, size_t k0, size_t depth)
{
    size_t panel = job->kernels->panel;
    for (size_t p = 0; p < s->n_panels; p++) {
        const float *b = slab_panel(job->w, k0, s->first_panel + p);
        for (size_t t = 0; t < s->n_tiles; t++) {
            size_t row = tile_row(job, s->first_tile + t), rows = tile_row(job, s->first_tile + t + 1) - row;
            float *c = s->block + (p * s->n_rows + row - s->first_row) * panel;
            job->kernels->product[rows](depth, s->a + t * s->a_step, b, c, panel, k0 > 0);
        }
    }
}

static void finish_share(const linear_job *job, const linear_share *s)
{
    size_t panel = job->kernels->panel, col = s->first_panel * panel, left = job->w->n - col;
    const epilogue *e = job->e;
    epilogue_block block = {
        .rows = s->n_rows,
        .n = left < s->n_panels * panel ? left : s->n_panels * panel,
        .c = s->block,
        .panel_step = s->n_rows * panel,
        .y = (float *)job->y->data + s->first_row * job->y->ld + col,
        .y_ld = job->y->ld,
    };
    if (e) {
        block.act = e->act;
        block.bias = e->bias ? e->bias + col : NULL;
    }
    if (e && e->residual) {
        block.residual = (const float *)e->residual->data + s->first_row * e->residual->ld + col;
        block.residual_ld = e->residual->ld;
    }
    job->kernels->epilogue(&block);
}

static void run_share(void *ctx, size_t task, size_t worker)
{
    const linear_job *job = ctx;
    size_t slot, row_part = task / job->panel_parts, panel_part = task % job->panel_parts;
    float *scratch = cpu_scratch_take(job->c, worker, &slot);
    linear_share s = {
        .first_tile = cpu_part(job->tiles, job->row_parts, row_part),
        .first_panel = cpu_part(job->w->n_panels, job->panel_parts, panel_part),
        .a = scratch,
        .a_step = cpu_tile_width(job->kernels->tile_rows) * LINEAR_DEPTH,
    };
    s.n_tiles = cpu_part(job->tiles, job->row_parts, row_part + 1) - s.first_tile;
    s.n_panels = cpu_part(job->w->n_panels, job->panel_parts, panel_part + 1) - s.first_panel;
    s.first_row = tile_row(job, s.first_tile);
    s.n_rows = tile_row(job, s.first_tile + s.n_tiles) - s.first_row;
    s.block = scratch + s.n_tiles * s.a_step;
    for (size_t k0 = 0; k0 < job->w->k; k0 += LINEAR_DEPTH) {
        size_t depth = job->w->k - k0 < LINEAR_DEPTH ? job->w->k - k0 : LINEAR_DEPTH;
        interleave_rows(job, &s, k0, depth);
        multiply_slab(job, &s, k0, depth);
    }
    finish_share(job, &s);
    cpu_scratch_give(job->c, slot);
}

void cpu_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    const cpu_kernels *kernels = cpu_kernels_of(c);
    assert(x->cols == w->k && y->cols == w->n && x->rows == y->rows && x->type == DTYPE_F32 && y->type == DTYPE_F32);
    assert(!e || !e->residual || (e->residual->rows == x->rows && e->residual->cols == w->n));
    if (x->rows == 0) return;
    linear_job job = {.c = c, .kernels = kernels, .x = x, .y = y, .w = w, .e = e};
    job.tiles = cpu_blocks(x->rows, kernels->tile_rows);
    job.row_parts = cpu_blocks(job.tiles, LINEAR_ROWS / kernels->tile_rows);
    job.panel_parts = cpu_blocks(w->n_panels, LINEAR_COLUMNS / kernels->panel);
    /* Four tasks a thread even out what the threads lose to other programs; but one of under 2^18 multiply-adds, some ten
     * microseconds, costs more to hand out than it evens. */
    size_t threads = cpu_threads(c), wanted = threads > 1 ? cpu_blocks(4 * threads, job.row_parts) : 1;
    size_t worth = (size_t)((double)x->rows * (double)w->n * (double)w->k / 262144 / (double)job.row_parts) + 1;
    if (wanted > worth) wanted = worth;
    if (wanted > w->n_panels) wanted = w->n_panels;
    if (job.panel_parts < wanted) job.panel_parts = wanted;
    pool_run(c->threads, run_share, &job, job.row_parts * job.panel_parts);
}
