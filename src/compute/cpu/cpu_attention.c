/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_attention.c — softmax(q.k^T * scale).v without an S x S matrix: FlashAttention's online softmax on register tiles, in f32
 * or in bf16 (scores, softmax and sums in f32).
 *
 * A task is one sequence, one head, ATTENTION_ROWS queries at most. It walks the keys in blocks that begin where the sequence
 * begins and whose size hangs on the head's width alone; per block it packs K^T and V into panels once, and then for each tile
 * of queries: scores = tile.K^T, softmax step, o += p.V. Queries are read where they lie. The blocks' order and each product's
 * order over k are fixed, so a row's bits do not depend on which queries share the task.
 *
 * With a window the blocks are WINDOW_KEYS wide, and each is met only by the queries that see some of its keys: a run of
 * neighbours, since they come in order. What one of them does not see of the block gets the score -infinity.
 *
 *   scratch: | K^T panels | V panels | scores [tile rows][SCORE_STRIDE] | o | sums | greatest | */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "compute/cpu/cpu.h"
#include "compute/ref/ref.h"

static const float LOG2_E = 1.44269504f; /* into the scale, so that softmax works on powers of two */

typedef struct attention_job {
    compute *c;
    const cpu_kernels *kernels;
    const cpu_tile *tile;
    const attention_args *a;
    size_t size;          /* of an element */
    size_t group;         /* elements in 4 bytes */
    size_t dh, dh_padded; /* to whole tiles */
    size_t block_keys, block_rows;
} attention_job;

/* One task's queries, and where its parts of scratch are. */
typedef struct share {
    size_t sequence, head, first_row, n_rows; /* rows of q */
    size_t skipped;                           /* queries of the sequence before first_row */
    size_t first_key, n_keys;
    char *k, *v;
    float *scores, *o, *sums, *greatest;
} share;

/* Tasks of a head: sequence b owns slots q_start[b] / block + b up to the next one's, never fewer than it has blocks; the slots
 * left over do nothing. So a task finds its sequence by bisection, with no table to allocate. */
static size_t first_slot(const attention_job *job, size_t b)
{
    return (size_t)job->a->q_start[b] / job->block_rows + b;
}

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

static size_t tile_width(const attention_job *job)
{
    return job->tile->panels * PANEL;
}

static char *head_of(const attention_job *job, const tensor *t, size_t row, size_t head)
{
    return (char *)t->data + (row * t->ld + head * job->dh) * job->size;
}

static void lay_out(const attention_job *job, share *s, char *scratch)
{
    s->k = scratch;
    s->v = s->k + ATTENTION_AREA;
    s->scores = (float *)(void *)(s->v + ATTENTION_AREA);
    s->o = s->scores + job->tile->rows * SCORE_STRIDE;
    s->sums = s->o + s->n_rows * job->dh_padded;
    s->greatest = s->sums + s->n_rows * job->kernels->lanes;
    memset(s->o, 0, s->n_rows * job->dh_padded * sizeof(float));
    memset(s->sums, 0, s->n_rows * job->kernels->lanes * sizeof(float));
    for (size_t i = 0; i < s->n_rows; i++) s->greatest[i] = -INFINITY;
}

/* Rows of q, k and v are pages apart: what the next panel reads is asked for while this one is turned. */
static void ask_for(const attention_job *job, const tensor *t, size_t row, size_t n, size_t head)
{
    size_t step = t->ld * job->size;
    const char *at = head_of(job, t, row, head);
    for (size_t i = 0; i < n; i++, at += step)
        for (size_t line = 0; line < job->dh * job->size; line += 64) __builtin_prefetch(at + line);
}

static void pack_keys(const attention_job *job, const share *s, size_t key, size_t n)
{
    const attention_args *a = job->a;
    size_t width = tile_width(job), groups = cpu_blocks(job->dh, job->group), step = a->k.ld * job->size;
    for (size_t first = 0; first < cpu_blocks(n, width) * width; first += PANEL) {
        size_t rows = first >= n ? 0 : n - first < PANEL ? n - first : PANEL;
        const char *k = head_of(job, &a->k, s->first_key + key + (rows ? first : 0), s->head);
        if (first + PANEL < n) {
            size_t ahead = n - first - PANEL < PANEL ? n - first - PANEL : PANEL;
            ask_for(job, &a->k, s->first_key + key + first + PANEL, ahead, s->head);
        }
        ask_for(job, &a->v, s->first_key + key + (rows ? first : 0), rows, s->head);
        job->kernels->turn(s->k + first / PANEL * groups * GROUP_BYTES, k, step, rows, groups);
    }
    job->kernels->split(s->v, head_of(job, &a->v, s->first_key + key, s->head), a->v.type, a->v.ld, n, job->dh,
                        job->dh_padded / PANEL);
}

/* Which key of its sequence is query `row` of the share? */
static size_t place_of(const attention_job *job, const share *s, size_t row)
{
    const int32_t *q_rows = job->a->q_rows;
    return q_rows ? (size_t)q_rows[s->first_row + row] - s->first_key : s->skipped + row;
}

static void fill(float *scores, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) scores[i] = -INFINITY;
}

/* Of the n keys from `key`, those that a query does not see. It sees one at least. */
static void hide(const attention_job *job, const share *s, size_t row, size_t rows, size_t key, size_t n)
{
    size_t window = job->a->window;
    for (size_t i = 0; i < rows; i++) {
        size_t here = place_of(job, s, row + i);
        float *scores = s->scores + i * SCORE_STRIDE;
        if (here > key + window) fill(scores, 0, here - window - key);
        if (here + window + 1 < key + n) fill(scores, here + window + 1 - key, n);
    }
}

/* Queries row .. row + rows of the share, one tile, against the n keys from `key`; ahead: how many queries come next. */
static void attend_tile(const attention_job *job, const share *s, size_t row, size_t rows, size_t ahead, size_t key, size_t n)
{
    const attention_args *a = job->a;
    size_t width = tile_width(job);
    size_t groups = cpu_blocks(job->dh, job->group), panel = groups * GROUP_BYTES;
    const char *q = head_of(job, &a->q, s->first_row + row, s->head);
    for (size_t first = 0; first < n; first += width)
        job->tile->run(rows, groups, q, a->q.ld * job->size, s->k + first / PANEL * panel, panel, s->scores + first,
                       SCORE_STRIDE, false, (tile_ahead){q, 0});
    if (ahead) ask_for(job, &a->q, s->first_row + row + rows, ahead, s->head);
    if (a->window) hide(job, s, row, rows, key, n);
    softmax_state state = {
        .factor = a->scale * LOG2_E,
        .greatest = s->greatest + row,
        .sums = s->sums + row * job->kernels->lanes,
        .o = s->o + row * job->dh_padded,
        .o_ld = job->dh_padded,
        .o_cols = job->dh_padded,
    };
    job->kernels->softmax(s->scores, rows, n, a->q.type, &state);
    groups = cpu_blocks(n, job->group);
    panel = groups * GROUP_BYTES;
    for (size_t first = 0; first < job->dh_padded; first += width)
        job->tile->run(rows, groups, s->scores, SCORE_STRIDE * sizeof(float), s->v + first / PANEL * panel, panel,
                       state.o + first, job->dh_padded, true, (tile_ahead){q, 0});
}

/* Queries first .. end of the share against the keys that were packed, in tiles of nearly one size. */
static void attend_rows(const attention_job *job, const share *s, size_t first, size_t end, size_t key, size_t n)
{
    size_t count = end - first, n_tiles = cpu_blocks(count, job->tile->rows);
    for (size_t t = 0; t < n_tiles; t++) {
        size_t row = cpu_part(count, n_tiles, t), next = cpu_part(count, n_tiles, t + 1);
        size_t ahead = t + 1 < n_tiles ? cpu_part(count, n_tiles, t + 2) - next : 0;
        attend_tile(job, s, first + row, next - row, ahead, key, n);
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The queries that see keys of the block from `key` are a run of the share's, and the next block's begins no earlier. */
static void attend_in_window(const attention_job *job, const share *s)
{
    size_t window = job->a->window, from = place_of(job, s, 0), last = place_of(job, s, s->n_rows - 1);
    size_t key = from > window ? (from - window) / job->block_keys * job->block_keys : 0, first = 0, end = 0;
    for (; key < least(s->n_keys, last + window + 1); key += job->block_keys) {
        size_t n = least(s->n_keys - key, job->block_keys);
        while (first < s->n_rows && place_of(job, s, first) + window < key) first++;
        if (end < first) end = first;
        while (end < s->n_rows && place_of(job, s, end) < key + n + window) end++;
        if (first == end) continue;
        pack_keys(job, s, key, n);
        attend_rows(job, s, first, end, key, n);
    }
}

static void attend_all(const attention_job *job, const share *s)
{
    for (size_t key = 0; key < s->n_keys; key += job->block_keys) {
        size_t n = least(s->n_keys - key, job->block_keys);
        pack_keys(job, s, key, n);
        attend_rows(job, s, 0, s->n_rows, key, n);
    }
}

static void store_rows(const attention_job *job, const share *s)
{
    const tensor *y = &job->a->y;
    char *out = head_of(job, y, s->first_row, s->head);
    if (s->n_keys == 0) {
        for (size_t i = 0; i < s->n_rows; i++) memset(out + i * y->ld * job->size, 0, job->dh * job->size);
        return;
    }
    softmax_state state = {.sums = s->sums, .o = s->o, .o_ld = job->dh_padded, .o_cols = job->dh};
    job->kernels->softmax_end(&state, s->n_rows, out, y->type, y->ld);
    if (s->head + 1 == job->a->H && y->type == DTYPE_BF16 && y->cols % 2)
        for (size_t i = 0; i < s->n_rows; i++) ((uint16_t *)y->data)[(s->first_row + i) * y->ld + y->cols] = 0;
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
        .n_rows = least(rows - skipped, job->block_rows),
        .skipped = skipped,
        .first_key = (size_t)a->kv_start[b],
        .n_keys = (size_t)a->kv_start[b + 1] - (size_t)a->kv_start[b],
    };
    char *scratch = cpu_scratch_take(job->c, worker, &slot);
    lay_out(job, &s, scratch);
    if (a->window)
        attend_in_window(job, &s);
    else
        attend_all(job, &s);
    store_rows(job, &s);
    cpu_scratch_give(job->c, slot);
}

/* Long blocks of queries spread the packing of K and V over more rows; shorter ones give every thread something to do. */
static size_t choose_rows(const attention_job *job)
{
    size_t unit = job->tile->rows, row = (job->dh_padded + job->kernels->lanes + 1) * sizeof(float);
    size_t room = CPU_SCRATCH_BYTES - 2 * ATTENTION_AREA - unit * SCORE_STRIDE * sizeof(float);
    size_t rows = (ATTENTION_ROWS < room / row ? ATTENTION_ROWS : room / row) / unit * unit;
    size_t total = (size_t)job->a->q_start[job->a->B], threads = cpu_threads(job->c);
    while (threads > 1 && rows > 4 * unit && (total / rows + 1) * job->a->H < 4 * threads) rows = rows / 2 / unit * unit;
    return rows;
}

void cpu_attention(compute *c, const attention_args *a)
{
    const cpu_kernels *kernels = cpu_kernels_of(c);
    attention_job job = {.c = c, .kernels = kernels, .tile = &kernels->tiles[cpu_tile_of(a->q.type)], .a = a};
    if (a->B == 0 || a->H == 0) return;
    job.size = dtype_size(a->q.type);
    job.group = 4 / job.size;
    job.dh = a->q.cols / a->H;
    assert(job.dh * a->H == a->q.cols && a->k.cols == a->q.cols && a->v.cols == a->q.cols && a->y.cols == a->q.cols);
    assert(a->k.type == a->q.type && a->v.type == a->q.type && a->y.type == a->q.type && a->q.type != DTYPE_U8);
    if (job.dh > ATTENTION_WIDEST || job.dh % job.group) { /* half a group would read the next head's first element */
        ref_attention(c, a);
        return;
    }
    job.dh_padded = cpu_blocks(job.dh, tile_width(&job)) * tile_width(&job);
    size_t keys = ATTENTION_AREA / job.size / job.dh_padded / (PANEL * TILE_PANELS_MAX) * (PANEL * TILE_PANELS_MAX);
    job.block_keys = least(keys, a->window ? WINDOW_KEYS : ATTENTION_KEYS);
    job.block_rows = choose_rows(&job);
    pool_run(c->threads, run_share, &job, first_slot(&job, a->B) * a->H);
}
