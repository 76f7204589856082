/* SPDX-License-Identifier: Apache-2.0 */
/* attention.cu — y = softmax(q.k^T * scale).v of ragged sequences, without padding: plain and exact, in f32 on the type that is
 * stored. (Tensor cores come when there is a card to measure them on.)
 *
 * A block has QUERIES queries of one head of one sequence, a warp two of them; keys pass KEYS at a time, a lane a key, with the
 * online softmax of Milakov and Gimelshein 2018. Columns pass WIDE at a time, so that no head is too wide for shared memory.
 * Tiles of keys begin at multiples of KEYS from the sequence's first key whichever queries share the block, and a tile in which
 * a query sees no key leaves it as it was: a query's bits depend on its sequence alone.
 *
 *   shared: q [QUERIES][WIDE], k or v [KEYS][WIDE + 1], shares [QUERIES][KEYS], y so far [QUERIES][dh] */
#include <string.h>

#include "compute/cuda/numbers.h"

enum {
    QUERIES = 8,
    EACH_WARP = 2,
    ATTENTION_WARPS = QUERIES / EACH_WARP,
    ATTENTION_THREADS = ATTENTION_WARPS * WARP,
    KEYS = WARP,
    WIDE = 64
};

/* Which queries a block has. */
typedef struct task {
    int32_t sequence, first; /* its first query, a row of q */
} task;

typedef struct attention_kernel_args {
    view q, k, v, y;
    const int32_t *q_start, *kv_start, *q_rows;
    const task *tasks;
    size_t dh, window;
    float scale;
} attention_kernel_args;

/* Keys first .. end of the sequence that a query sees, counted from its first key. */
typedef struct seen {
    int first, end;
} seen;

DEVICE seen seen_by(const attention_kernel_args *a, int sequence, int query, int n_keys)
{
    seen s = {0, n_keys};
    if (!a->window || query >= a->q_start[sequence + 1]) return s;
    int here = a->q_rows ? a->q_rows[query] - a->kv_start[sequence] : query - a->q_start[sequence], window = (int)a->window;
    if (here > window) s.first = here - window;
    if (here + window + 1 < n_keys) s.end = here + window + 1;
    return s;
}

/* Rows of x from `row`, columns of the head from `col`, into shared memory; zeros where there are none. */
DEVICE void load_tile(float *tile, size_t stride, view x, size_t row, int n_rows, int most_rows, size_t col, int n_cols)
{
    for (int i = (int)threadIdx.x; i < most_rows * WIDE; i += ATTENTION_THREADS) {
        int r = i / WIDE, c = i % WIDE;
        tile[(size_t)r * stride + c] = r < n_rows && c < n_cols ? view_at(x, row + r, col + c) : 0;
    }
}

KERNEL(attention_kernel)
{
    SHARED_REST(float, shared);
    float *qs = shared, *tile = qs + QUERIES * WIDE, *shares = tile + KEYS * (WIDE + 1), *sums = shares + QUERIES * KEYS;
    const int lane = (int)threadIdx.x % WARP, mine = (int)threadIdx.x / WARP * EACH_WARP, dh = (int)a.dh;
    const task job = a.tasks[blockIdx.x];
    const size_t head = (size_t)blockIdx.y * a.dh, key0 = (size_t)a.kv_start[job.sequence];
    const int n_keys = a.kv_start[job.sequence + 1] - (int)key0, left = a.q_start[job.sequence + 1] - job.first;
    const int n_queries = left < QUERIES ? left : QUERIES;
    seen sees[EACH_WARP];
    float most[EACH_WARP], total[EACH_WARP];
    int begin = n_keys, end = 0; /* keys that any query of the block sees */
    for (int i = 0; i < n_queries; i++) {
        seen s = seen_by(&a, job.sequence, job.first + i, n_keys);
        begin = s.first < begin ? s.first : begin;
        end = s.end > end ? s.end : end;
    }
    for (int r = 0; r < EACH_WARP; r++) {
        sees[r] = seen_by(&a, job.sequence, job.first + mine + r, n_keys);
        most[r] = -INFINITY;
        total[r] = 0;
    }
    for (int i = (int)threadIdx.x; i < QUERIES * dh; i += ATTENTION_THREADS) sums[i] = 0;
    for (int tile0 = begin / KEYS * KEYS; tile0 < end; tile0 += KEYS) {
        const int key = tile0 + lane, n_rows = n_keys - tile0 < KEYS ? n_keys - tile0 : KEYS;
        float score[EACH_WARP], shrink[EACH_WARP];
        for (int r = 0; r < EACH_WARP; r++) score[r] = 0;
        for (int c0 = 0; c0 < dh; c0 += WIDE) {
            int n_cols = dh - c0 < WIDE ? dh - c0 : WIDE;
            __syncthreads();
            load_tile(qs, WIDE, a.q, (size_t)job.first, n_queries, QUERIES, head + c0, n_cols);
            load_tile(tile, WIDE + 1, a.k, key0 + tile0, n_rows, KEYS, head + c0, n_cols);
            __syncthreads();
            for (int r = 0; r < EACH_WARP; r++)
                for (int c = 0; c < n_cols; c++)
                    score[r] = fmaf(qs[(mine + r) * WIDE + c], tile[lane * (WIDE + 1) + c], score[r]);
        }
        for (int r = 0; r < EACH_WARP; r++) {
            bool visible = key >= sees[r].first && key < sees[r].end;
            score[r] = score[r] * a.scale;
            float greatest = warp_most(visible ? score[r] : -INFINITY), before = most[r];
            shrink[r] = 1;
            if (sees[r].first >= tile0 + KEYS || sees[r].end <= tile0) { /* the same for the whole warp */
                score[r] = 0;
                continue;
            }
            most[r] = fmaxf(before, greatest);
            shrink[r] = expf(before - most[r]);
            score[r] = visible ? expf(score[r] - most[r]) : 0;
            total[r] = total[r] * shrink[r] + warp_sum(score[r]);
        }
        for (int r = 0; r < EACH_WARP; r++) shares[(mine + r) * KEYS + lane] = score[r]; /* read after the next barrier */
        for (int c0 = 0; c0 < dh; c0 += WIDE) {
            int n_cols = dh - c0 < WIDE ? dh - c0 : WIDE;
            __syncthreads();
            load_tile(tile, WIDE + 1, a.v, key0 + tile0, n_rows, KEYS, head + c0, n_cols);
            __syncthreads();
            for (int r = 0; r < EACH_WARP; r++)
                for (int c = lane; c < n_cols; c += WARP) {
                    float *at = sums + (mine + r) * dh + c0 + c, sum = *at * shrink[r];
                    for (int j = 0; j < n_rows; j++) sum = fmaf(shares[(mine + r) * KEYS + j], tile[j * (WIDE + 1) + c], sum);
                    *at = sum;
                }
        }
    }
    __syncthreads();
    for (int r = 0; r < EACH_WARP; r++)
        for (int c = lane; c < dh && mine + r < n_queries; c += WARP) {
            float y = n_keys ? sums[(mine + r) * dh + c] / total[r] : 0;
            size_t row = (size_t)(job.first + mine + r);
            view_store(a.y, row, head + c, y);
            if (head + c + 1 == a.y.cols) view_fill(a.y, row);
        }
}

/* A task for every QUERIES queries, straight into pinned memory. */
static const task *stage_tasks(card *d, const attention_args *a, size_t *n)
{
    char *pinned;
    *n = 0;
    for (size_t b = 0; b < a->B; b++) *n += (size_t)(a->q_start[b + 1] - a->q_start[b] + QUERIES - 1) / QUERIES;
    void *device = *n ? card_stage_room(d, *n * sizeof(task), &pinned) : NULL;
    if (!device) return NULL;
    task *t = (task *)(void *)pinned;
    for (size_t b = 0; b < a->B; b++)
        for (int32_t first = a->q_start[b]; first < a->q_start[b + 1]; first += QUERIES) {
            t->sequence = (int32_t)b;
            t->first = first;
            t++;
        }
    card_stage_send(d, device, pinned, *n * sizeof(task));
    return (const task *)device;
}

void card_attention(compute *c, const attention_args *args)
{
    card *d = card_of(c);
    attention_kernel_args a;
    size_t n;
    memset(&a, 0, sizeof a);
    card_lock(d);
    a.tasks = stage_tasks(d, args, &n);
    if (n) {
        a.q = view_of(&args->q);
        a.k = view_of(&args->k);
        a.v = view_of(&args->v);
        a.y = view_of(&args->y);
        a.q_start = (const int32_t *)card_stage(d, args->q_start, (args->B + 1) * sizeof *args->q_start);
        a.kv_start = (const int32_t *)card_stage(d, args->kv_start, (args->B + 1) * sizeof *args->kv_start);
        if (args->q_rows) a.q_rows = (const int32_t *)card_stage(d, args->q_rows, args->q.rows * sizeof *args->q_rows);
        a.dh = args->q.cols / args->H;
        a.window = args->window;
        a.scale = args->scale;
        size_t bytes = (QUERIES * WIDE + KEYS * (WIDE + 1) + QUERIES * KEYS + QUERIES * a.dh) * sizeof(float);
        if (bytes > 48 << 10)
            card_check(d, cudaErrorInvalidValue, "attention of heads over 1,000 wide");
        else
            card_launch(d, "attention", KERNEL_OF(attention_kernel), dim3_of(n, args->H), dim3_of(ATTENTION_THREADS, 1), bytes,
                        &a);
    }
    card_unlock(d);
}
