/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_linear.c — y = act(x.W^T + bias) + residual in f32, bf16 and int8, from weights packed once (packed.h).
 *
 * A task computes LINEAR_ROWS rows x LINEAR_COLUMNS columns at most. It goes along k in slabs of LINEAR_DEPTH bytes of x; in a
 * slab it goes panel by panel (the panel's slab stays in L2 while all tiles of rows pass over it, each of which asks for its
 * part of the next one) and adds the slab's sums to its block of c; after the last slab of a tile comes its epilogue, while c
 * is in L1. x is read where it lies. Sums over k thus run in one order whatever M, the tile's height or the number of threads:
 * chains of LINEAR_DEPTH bytes, added in order. With few rows the columns are cut finer, so that all threads stream weights.
 * Columns that an int8 weight keeps are a small product of their own in f32, of what x was made from, before the epilogue.
 *
 *   scratch: | c | kept columns of x [LINEAR_ROWS][n_kept] | what they give for one tile |
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
    size_t then;             /* the first block of the task that this thread will probably do next */
    float *c;                /* or int32: block b's row i at (b * n_rows + i) * width; one tile's when there is one slab */
    float *kept, *kept_sums; /* [n_rows, n_kept] of x, and [TILE_ROWS_MAX, width]; where the weight keeps columns */
} linear_share;

static size_t tile_row(const linear_job *job, size_t tile)
{
    return cpu_part(job->x->rows, job->tiles, tile);
}

/* The columns of x that the weight keeps, of the share's rows. */
static void gather_kept(const linear_job *job, const linear_share *s)
{
    const tensor_source *from = &job->x->from;
    size_t n = job->w->n_kept;
    for (size_t i = 0; i < s->n_rows; i++)
        for (size_t j = 0; j < n; j++) {
            size_t at = (s->first_row + i) * from->ld + job->w->kept[j];
            s->kept[i * n + j] =
                from->type == DTYPE_F32 ? ((const float *)from->data)[at] : bf16_to_f32(((const uint16_t *)from->data)[at]);
        }
}

/* What they give for one tile. */
static const float *multiply_kept(const linear_job *job, const linear_share *s, size_t block, size_t row, size_t rows)
{
    const cpu_tile *tile = &job->kernels->tiles[TILE_F32];
    size_t n = job->w->n_kept, panel = n * GROUP_BYTES;
    const char *panels = job->w->kept_panels + block * job->tile->panels * panel;
    for (size_t i = 0; i < rows; i += tile->rows)
        for (size_t p = 0; p < job->tile->panels; p += tile->panels)
            tile->run(rows - i < tile->rows ? rows - i : tile->rows, n, s->kept + (row + i - s->first_row) * n,
                      n * sizeof(float), panels + p * panel, panel, s->kept_sums + i * job->width + p * PANEL, job->width,
                      false, (tile_ahead){panels, 0});
    return s->kept_sums;
}

/* y = epilogue(c) for the rows of one tile and one block of columns, while c is in L1. */
static void finish_tile(const linear_job *job, size_t block, size_t row, size_t rows, const float *c, const float *kept)
{
    size_t col = block * job->width, left = job->w->n - col;
    const epilogue *e = job->e;
    epilogue_block part = {
        .rows = rows,
        .n = left < job->width ? left : job->width,
        .ends = left <= job->width,
        .c = c,
        .width = job->width,
        .y = (char *)job->y->data + (row * job->y->ld + col) * dtype_size(job->y->type),
        .y_type = job->y->type,
        .y_ld = job->y->ld,
    };
    if (job->w->p == PRECISION_INT8) {
        part.x_scales = job->x->scales + row;
        part.w_scales = job->w->scales + col;
        part.w_sums = job->w->sums + col;
        part.kept = kept;
    }
    if (e) {
        part.act = e->act;
        part.bias = e->bias ? e->bias + col : NULL;
    }
    if (e && e->residual) {
        part.residual = (const float *)e->residual->data + row * e->residual->ld + col;
        part.residual_ld = e->residual->ld;
    }
    job->kernels->epilogue(&part);
}

/* Where the epilogue will read and write, asked for before the tile's products hide the wait. */
static void ask_for(const linear_job *job, size_t block, size_t row, size_t rows)
{
    size_t size = dtype_size(job->y->type), col = block * job->width;
    const char *y = (const char *)job->y->data + (row * job->y->ld + col) * size;
    for (size_t i = 0; i < rows; i++, y += job->y->ld * size)
        for (size_t line = 0; line < job->width * size; line += 64) __builtin_prefetch(y + line, 1);
    if (!job->e || !job->e->residual || job->e->residual->data == job->y->data) return;
    const tensor *r = job->e->residual;
    const float *from = (const float *)r->data + row * r->ld + col;
    for (size_t i = 0; i < rows; i++, from += r->ld)
        for (size_t line = 0; line < job->width; line += 16) __builtin_prefetch(from + line);
}

/* Where the slab after block b's begins: what is cold when its first tile of rows comes. */
static const char *slab_after(const linear_job *job, const linear_share *s, size_t b, size_t group, size_t n_groups)
{
    size_t block = s->first_block + b + 1, from = group;
    if (b + 1 == s->n_blocks) {
        from = group + n_groups < job->w->groups ? group + n_groups : 0;
        block = from ? s->first_block : s->then;
    }
    return packed_panel(job->w, block * job->tile->panels) + from * GROUP_BYTES;
}

/* Tile t's part of that slab: all tiles together ask for `panels` runs of n_groups groups, b_step apart. */
static tile_ahead part_of_slab(const linear_job *job, const linear_share *s, const char *slab, size_t t, size_t n_groups)
{
    size_t run = n_groups * GROUP_BYTES, all = job->tile->panels * run, at = all / s->n_tiles * t;
    return (tile_ahead){slab + at / run * job->w->groups * GROUP_BYTES + at % run,
                        cpu_blocks(job->tile->panels * GROUP_BYTES, s->n_tiles)};
}

static void multiply_slab(const linear_job *job, const linear_share *s, size_t group, size_t n_groups)
{
    const packed_matrix *w = job->w;
    size_t x_step = job->x->ld * dtype_size(job->x->type), b_step = w->groups * GROUP_BYTES;
    bool last = group + n_groups == w->groups, only = last && group == 0;
    for (size_t b = 0; b < s->n_blocks; b++) {
        const char *panel = packed_panel(w, (s->first_block + b) * job->tile->panels) + group * GROUP_BYTES;
        const char *next = slab_after(job, s, b, group, n_groups);
        for (size_t t = 0; t < s->n_tiles; t++) {
            size_t row = tile_row(job, s->first_tile + t), rows = tile_row(job, s->first_tile + t + 1) - row;
            float *c = only ? s->c : s->c + (b * s->n_rows + row - s->first_row) * job->width;
            if (last) ask_for(job, s->first_block + b, row, rows);
            job->tile->run(rows, n_groups, (const char *)job->x->data + row * x_step + 4 * group, x_step, panel, b_step, c,
                           job->width, group > 0, part_of_slab(job, s, next, t, n_groups));
            if (!last) continue;
            const float *kept = w->n_kept ? multiply_kept(job, s, s->first_block + b, row, rows) : NULL;
            finish_tile(job, s->first_block + b, row, rows, c, kept);
        }
    }
}

static void run_share(void *ctx, size_t task, size_t worker)
{
    const linear_job *job = ctx;
    linear_job near;
    packed_matrix w;
    if (job->w->nodes) { /* several copies of the weight: this processor's */
        near = *job;
        w = packed_near(job->w);
        near.w = &w;
        job = &near;
    }
    size_t slot, row_part = task / job->block_parts, block_part = task % job->block_parts;
    linear_share s = {
        .first_tile = cpu_part(job->tiles, job->row_parts, row_part),
        .first_block = cpu_part(job->n_blocks, job->block_parts, block_part),
        .c = cpu_scratch_take(job->c, worker, &slot),
    };
    size_t next = task + cpu_threads(job->c);
    bool more = next < job->row_parts * job->block_parts;
    s.then = more ? cpu_part(job->n_blocks, job->block_parts, next % job->block_parts) : s.first_block;
    s.n_tiles = cpu_part(job->tiles, job->row_parts, row_part + 1) - s.first_tile;
    s.n_blocks = cpu_part(job->n_blocks, job->block_parts, block_part + 1) - s.first_block;
    s.first_row = tile_row(job, s.first_tile);
    s.n_rows = tile_row(job, s.first_tile + s.n_tiles) - s.first_row;
    s.kept = s.c + LINEAR_ROWS * LINEAR_COLUMNS;
    s.kept_sums = s.kept + LINEAR_ROWS * PACKED_KEPT_MAX;
    if (job->w->n_kept) gather_kept(job, &s);
    for (size_t group = 0, n; group < job->w->groups; group += n) {
        n = job->w->groups - group < LINEAR_DEPTH / 4 ? job->w->groups - group : LINEAR_DEPTH / 4;
        multiply_slab(job, &s, group, n);
    }
    cpu_scratch_give(job->c, slot);
}
_Static_assert(4 * (LINEAR_ROWS * (LINEAR_COLUMNS + PACKED_KEPT_MAX) + TILE_ROWS_MAX * TILE_PANELS_MAX * PANEL) <=
                   CPU_SCRATCH_BYTES,
               "a task's scratch fits");

void cpu_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    const cpu_kernels *kernels = cpu_kernels_of(c);
    assert(x->cols == w->k && y->cols == w->n && x->rows == y->rows && x->type == packed_operand(w->p));
    assert(y->type == DTYPE_F32 || y->type == DTYPE_BF16);
    assert(!w->n_kept || (x->from.data && kernels->tiles[TILE_F32].panels <= kernels->tiles[TILE_INT8].panels));
    assert(!e || !e->residual || (e->residual->rows == x->rows && e->residual->cols == w->n));
    if (x->rows == 0) return;
    linear_job job = {
        .c = c, .kernels = kernels, .tile = &kernels->tiles[cpu_tile_of(x->type)], .x = x, .y = y, .w = w, .e = e};
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
