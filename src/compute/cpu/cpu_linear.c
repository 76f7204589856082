/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_linear.c — y = act(x.W^T + bias) + residual in f32, bf16 and int8, from weights packed once (packed.h).
 *
 * A task computes LINEAR_ROWS rows x LINEAR_COLUMNS columns at most. It goes along k in slabs of LINEAR_DEPTH bytes of x; in a
 * slab it goes panel by panel (the panel's slab stays in L2 while all tiles of rows pass over it) and adds the slab's sums to
 * its block of c; at the end comes the epilogue. x is read where it lies. Sums over k thus run in one order whatever M, the
 * tile's height or the number of threads: chains of LINEAR_DEPTH bytes, added in order. With few rows the columns are cut finer,
 * so that all threads stream weights.
 *
 * Roofline of the 12 x 32 tile (AVX-512): 24 dots of 64 bytes against 14 loads, two of them from L2: 5.3 bytes a cycle of the
 * 32 that L2 gives, and one load a cycle of the two that L1 gives. */
#include <assert.h>

#include "compute/cpu/cpu.h"

tri_status cpu_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                    packed_matrix **out, tri_error *err)
{
    return packed_make(c, cpu_kernels_of(c)->widen, parts, n_parts, k, p, smoothing, out, err);
}

typedef struct linear_job {
    compute *c;
    const cpu_kernels *kernels;
    const cpu_tile *tile;
    const tensor *x, *y;
    const packed_matrix *w;
    const epilogue *e;
    size_t width, n_blocks;        /* columns of a tile; how many tiles wide W is */
    size_t row_parts, block_parts; /* tasks: row_parts x block_parts */
    size_t tiles;                  /* tiles of rows in all */
} linear_job;

/* The share of one task: tiles first .. first + n_tiles of job->tiles, blocks first_block .. + n_blocks. */
typedef struct linear_share {
    size_t first_tile, n_tiles, first_block, n_blocks;
    size_t first_row, n_rows;
    float *c; /* or int32: block b's row i at (b * n_rows + i) * width */
} linear_share;

static size_t tile_row(const linear_job *job, size_t tile) { return cpu_part(job->x->rows, job->tiles, tile); }

static void multiply_slab(const linear_job *job, const linear_share *s, size_t group, size_t n_groups)
{
    const packed_matrix *w = job->w;
    size_t x_step = job->x->ld * dtype_size(job->x->type), b_step = w->groups * GROUP_BYTES;
    for (size_t b = 0; b < s->n_blocks; b++) {
        const char *panel = packed_panel(w, (s->first_block + b) * job->tile->panels) + group * GROUP_BYTES;
        for (size_t t = 0; t < s->n_tiles; t++) {
            size_t row = tile_row(job, s->first_tile + t), rows = tile_row(job, s->first_tile + t + 1) - row;
            job->tile->run(rows, n_groups, (const char *)job->x->data + row * x_step + 4 * group, x_step, panel, b_step,
                           s->c + (b * s->n_rows + row - s->first_row) * job->width, job->width, group > 0);
        }
    }
}

static void finish_share(const linear_job *job, const linear_share *s)
{
    size_t col = s->first_block * job->width, left = job->w->n - col;
    const epilogue *e = job->e;
    epilogue_block block = {
        .rows = s->n_rows,
        .n = left < s->n_blocks * job->width ? left : s->n_blocks * job->width,
        .ends = left <= s->n_blocks * job->width,
        .c = s->c,
        .width = job->width,
        .y = (char *)job->y->data + (s->first_row * job->y->ld + col) * dtype_size(job->y->type),
        .y_type = job->y->type,
        .y_ld = job->y->ld,
    };
    if (job->w->p == PRECISION_INT8) {
        block.x_scales = job->x->scales + s->first_row;
        block.w_scales = job->w->scales + col;
        block.w_sums = job->w->sums + col;
    }
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
    size_t slot, row_part = task / job->block_parts, block_part = task % job->block_parts;
    linear_share s = {
        .first_tile = cpu_part(job->tiles, job->row_parts, row_part),
        .first_block = cpu_part(job->n_blocks, job->block_parts, block_part),
        .c = cpu_scratch_take(job->c, worker, &slot),
    };
    s.n_tiles = cpu_part(job->tiles, job->row_parts, row_part + 1) - s.first_tile;
    s.n_blocks = cpu_part(job->n_blocks, job->block_parts, block_part + 1) - s.first_block;
    s.first_row = tile_row(job, s.first_tile);
    s.n_rows = tile_row(job, s.first_tile + s.n_tiles) - s.first_row;
    for (size_t group = 0, n; group < job->w->groups; group += n) {
        n = job->w->groups - group < LINEAR_DEPTH / 4 ? job->w->groups - group : LINEAR_DEPTH / 4;
        multiply_slab(job, &s, group, n);
    }
    finish_share(job, &s);
    cpu_scratch_give(job->c, slot);
}
_Static_assert(LINEAR_ROWS * LINEAR_COLUMNS * 4 <= CPU_SCRATCH_BYTES, "a task's block of c fits");

void cpu_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    const cpu_kernels *kernels = cpu_kernels_of(c);
    assert(x->cols == w->k && y->cols == w->n && x->rows == y->rows && x->type == packed_operand(w->p));
    assert(y->type == DTYPE_F32 || y->type == DTYPE_BF16);
    assert(!e || !e->residual || (e->residual->rows == x->rows && e->residual->cols == w->n));
    if (x->rows == 0) return;
    linear_job job = {.c = c, .kernels = kernels, .tile = &kernels->tiles[cpu_tile_of(x->type)], .x = x, .y = y, .w = w, .e = e};
    job.width = job.tile->panels * PANEL;
    job.n_blocks = cpu_blocks(w->n, job.width);
    job.tiles = cpu_blocks(x->rows, job.tile->rows);
    job.row_parts = cpu_blocks(job.tiles, LINEAR_ROWS / job.tile->rows);
    job.block_parts = cpu_blocks(job.n_blocks, LINEAR_COLUMNS / job.width);
    /* Four tasks a thread even out what the threads lose to other programs; but one of under 2^18 multiply-adds, some ten
     * microseconds, costs more to hand out than it evens. */
    size_t threads = cpu_threads(c), wanted = threads > 1 ? cpu_blocks(4 * threads, job.row_parts) : 1;
    double words = (double)x->rows * (double)w->n * (double)w->groups;
    size_t worth = (size_t)(words / 262144 / (double)job.row_parts) + 1;
    if (wanted > worth) wanted = worth;
    if (wanted > job.n_blocks) wanted = job.n_blocks;
    if (job.block_parts < wanted) job.block_parts = wanted;
    pool_run(c->threads, run_share, &job, job.row_parts * job.block_parts);
}
