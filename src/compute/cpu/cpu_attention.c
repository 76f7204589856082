/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_attention.c — softmax(q.k^T * scale).v without an S x S matrix: FlashAttention's online softmax on register tiles.
 *
 * A task is one sequence, one head, ATTENTION_ROWS queries at most. It walks the keys in blocks that begin where the sequence
 * begins and whose size hangs on the head's width alone; per block it packs K^T and V into panels once, and then for each tile
 * of queries: scores = tile.K^T, softmax step, o += p.V. The blocks' order and each product's order over k are fixed, so a
 * row's bits do not depend on which queries share the task.
 *
 *   scratch: | q tiles [dh][width] | K^T panels | V panels | scores [tile_rows][SCORE_STRIDE] | o | sums | greatest | */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "compute/cpu/cpu.h"
#include "compute/ref/ref.h"

static const float LOG2_E = 1.44269504f; /* into q's scale, so that softmax works on powers of two */

typedef struct attention_job {
    compute *c;
    const cpu_kernels *kernels;
    const attention_args *a;
    size_t dh, dh_padded; /* to whole panels */
    size_t block_keys, block_rows;
} attention_job;

/* One task's queries, and where its parts of scratch are. */
typedef struct share {
    size_t sequence, head, first_row, n_rows; /* rows of q */
    size_t first_key, n_keys;
    size_t n_tiles, q_step;
    float *q, *k, *v, *scores, *o, *sums, *greatest;
} share;

/* Tasks of a head: sequence b owns slots q_start[b] / block + b up to the next one's, never fewer than it has blocks; the slots
 * left over do nothing. So a task finds its sequence by bisection, with no table to allocate. */
static size_t first_slot(const attention_job *job, size_t b) { return (size_t)job->a->q_start[b] / job->block_rows + b; }

static size_t sequence_of(const attention_job *job, size_t slot)
{
    size_t low = 0, high = job->a->B;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (first_slot(job, middle) <= slot)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t tile_row(const share *s, size_t tile) { return cpu_part(s->n_rows, s->n_tiles, tile); }

static const float *head_of(const tensor *t, size_t row, size_t column)
{
    return (const float *)t->data + row * t->ld + column;
}

static void lay_out(const attention_job *job, share *s, float *scratch)
{
    const cpu_kernels *kernels = job->kernels;
    s->n_tiles = cpu_blocks(s->n_rows, kernels->tile_rows);
    s->q_step = cpu_tile_width(kernels->tile_rows) * job->dh;
    s->q = scratch;
    s->k = s->q + s->n_tiles * s->q_step;
    s->v = s->k + ATTENTION_AREA;
    s->scores = s->v + ATTENTION_AREA;
    s->o = s->scores + kernels->tile_rows * SCORE_STRIDE;
    s->sums = s->o + s->n_rows * job->dh_padded;
    s->greatest = s->sums + s->n_rows * kernels->lanes;
    memset(s->o, 0, s->n_rows * job->dh_padded * sizeof(float));
    memset(s->sums, 0, s->n_rows * kernels->lanes * sizeof(float));
    for (size_t i = 0; i < s->n_rows; i++) s->greatest[i] = -INFINITY;
    for (size_t t = 0; t < s->n_tiles; t++) {
        size_t row = tile_row(s, t), rows = tile_row(s, t + 1) - row;
        const float *q = head_of(&job->a->q, s->first_row + row, s->head * job->dh);
        kernels->interleave(s->q + t * s->q_step, cpu_tile_width(rows), q, job->a->q.ld, rows, job->dh, job->a->scale * LOG2_E);
    }
}

static void pack_keys(const attention_job *job, const share *s, size_t key, size_t n)
{
    size_t panel = job->kernels->panel, column = s->head * job->dh;
    for (size_t first = 0; first < n; first += panel) {
        size_t rows = n - first < panel ? n - first : panel;
        const float *k = head_of(&job->a->k, s->first_key + key + first, column);
        job->kernels->interleave(s->k + first * job->dh, panel, k, job->a->k.ld, rows, job->dh, 1);
    }
    job->kernels->split(s->v, head_of(&job->a->v, s->first_key + key, column), job->a->v.ld, n, job->dh);
}

static void attend_tile(const attention_job *job, const share *s, size_t tile, size_t n)
{
    const cpu_kernels *kernels = job->kernels;
    size_t row = tile_row(s, tile), rows = tile_row(s, tile + 1) - row, panel = kernels->panel;
    for (size_t first = 0; first < n; first += panel)
        kernels->product[rows](job->dh, s->q + tile * s->q_step, s->k + first * job->dh, s->scores + first, SCORE_STRIDE,
                               false);
    softmax_state state = {
        .greatest = s->greatest + row,
        .sums = s->sums + row * kernels->lanes,
        .o = s->o + row * job->dh_padded,
        .o_ld = job->dh_padded,
        .o_cols = job->dh_padded,
    };
    kernels->softmax(s->scores, rows, n, &state);
    for (size_t first = 0; first < job->dh_padded; first += panel)
        kernels->product_scores[rows](n, s->scores, s->v + first * n, state.o + first, job->dh_padded, true);
}

static void store_rows(const attention_job *job, const share *s)
{
    float *y = (float *)job->a->y.data + s->first_row * job->a->y.ld + s->head * job->dh;
    if (s->n_keys == 0) {
        for (size_t i = 0; i < s->n_rows; i++) memset(y + i * job->a->y.ld, 0, job->dh * sizeof *y);
        return;
    }
    softmax_state state = {.sums = s->sums, .o = s->o, .o_ld = job->dh_padded, .o_cols = job->dh};
    job->kernels->softmax_end(&state, s->n_rows, y, job->a->y.ld);
}

static void run_share(void *ctx, size_t task, size_t worker)
{
    const attention_job *job = ctx;
    const attention_args *a = job->a;
    size_t slot, in_head = task / a->H, b = sequence_of(job, in_head);
    size_t rows = (size_t)a->q_start[b + 1] - (size_t)a->q_start[b], skipped = (in_head - first_slot(job, b)) * job->block_rows;
    if (skipped >= rows) return;
    share s = {
        .sequence = b,
        .head = task % a->H,
        .first_row = (size_t)a->q_start[b] + skipped,
        .n_rows = rows - skipped < job->block_rows ? rows - skipped : job->block_rows,
        .first_key = (size_t)a->kv_start[b],
        .n_keys = (size_t)a->kv_start[b + 1] - (size_t)a->kv_start[b],
    };
    float *scratch = cpu_scratch_take(job->c, worker, &slot);
    lay_out(job, &s, scratch);
    for (size_t key = 0; key < s.n_keys; key += job->block_keys) {
        size_t n = s.n_keys - key < job->block_keys ? s.n_keys - key : job->block_keys;
        pack_keys(job, &s, key, n);
        for (size_t t = 0; t < s.n_tiles; t++) attend_tile(job, &s, t, n);
    }
    store_rows(job, &s);
    cpu_scratch_give(job->c, slot);
}

/* Long blocks of queries spread the packing of K and V over more rows; shorter ones give every thread something to do. */
static size_t choose_rows(const attention_job *job)
{
    size_t unit = TILE_ROWS_MAX, rows = ATTENTION_AREA / job->dh_padded / unit * unit,
           total = (size_t)job->a->q_start[job->a->B];
    if (rows > ATTENTION_ROWS) rows = ATTENTION_ROWS;
    size_t threads = cpu_threads(job->c);
    while (threads > 1 && rows > 4 * unit && (total / rows + 1) * job->a->H < 4 * threads) rows = rows / 2 / unit * unit;
    return rows;
}

void cpu_attention(compute *c, const attention_args *a)
{
    attention_job job = {.c = c, .kernels = cpu_kernels_of(c), .a = a};
    if (a->B == 0 || a->H == 0) return;
    job.dh = a->q.cols / a->H;
    assert(job.dh * a->H == a->q.cols && a->k.cols == a->q.cols && a->v.cols == a->q.cols && a->y.cols == a->q.cols);
    if (job.dh > ATTENTION_WIDEST) {
        ref_attention(c, a);
        return;
    }
    job.dh_padded = cpu_blocks(job.dh, job.kernels->panel) * job.kernels->panel;
    size_t keys = ATTENTION_AREA / job.dh_padded / PANEL_MAX * PANEL_MAX;
    job.block_keys = keys < ATTENTION_KEYS ? keys : ATTENTION_KEYS;
    job.block_rows = choose_rows(&job);
    pool_run(c->threads, run_share, &job, first_slot(&job, a->B) * a->H);
}
