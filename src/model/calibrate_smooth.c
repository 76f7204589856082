/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_smooth.c — SmoothQuant (Xiao et al. 2022, section 4, strength 1/2), on root mean squares instead of maxima; and
 * which input channels are not quantised at all (LLM.int8(), Dettmers et al. 2022).
 *
 *   y = x W^T = (x s)(W / s)^T      s[k] = sqrt(w[k] / a[k]), then divided by the geometric mean of s
 *   a[k] = sqrt(mean of x[k]^2 + 0.1 * mean over k of that)      w[k] = sqrt(mean over the outputs of W[n,k]^2)
 *
 * A channel of x that is much greater than the others spoils the steps of its row; smoothed it does not, and the weights, which
 * have a scale for each output, carry their part of it. The floor under a[k] keeps a channel that the texts hardly used from
 * being blown up when other texts use it.
 *
 * Smoothed, a channel is as great as its weights, sqrt(a[k] w[k]): where that is OUTSTANDING times the geometric mean over k,
 * no factor helps both, and the channel is kept in f32 (smoothing 0), the greatest first, packed_kept_max(K) at most. Layers of
 * BGE-M3's shape with random weights and eight channels thirty times as great lose 8.3e-4 of the dense cosine without that,
 * 2.8e-4 with it, and 1.1e-4 where there are no such channels (bench/JOURNAL.md, "Planted outliers").
 *
 * On small-m3 with texts of 12 languages this loses 1.9e-4 of the dense cosine. Maxima with the strength chosen for each matrix
 * by trial lose 2.1e-4, whether scales are the greatest weights' or searched for the least squares; error feedback between
 * columns (GPTQ) 1.7e-4, for a hundred times the work; inputs centred by their means the same as this. */
#include "model/calibrate_smooth.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

static const double FLOOR = 0.1, OUTSTANDING = 3;

enum { COLUMNS = 64 }; /* of one task */

typedef struct weights_job {
    const bound_matrix *matrices; /* [n] */
    size_t n;
    double *squares; /* [k] */
} weights_job;

/* A column is summed from top to bottom by one worker: threads do not show. */
static void add_columns(void *ctx, size_t task, size_t worker)
{
    const weights_job *job = ctx;
    float values[COLUMNS];
    size_t k = job->matrices->k, first = task * COLUMNS, n = k - first < COLUMNS ? k - first : COLUMNS;
    (void)worker;
    for (size_t i = 0; i < job->n; i++) {
        const bound_matrix *m = &job->matrices[i];
        for (size_t row = 0; row < m->n_parts * m->n_each; row++) {
            const weight *w = m->parts[row / m->n_each];
            const char *at = bound_row(m, row / m->n_each, row % m->n_each);
            dtype_to_f32(values, at + first * dtype_size(w->type), w->type, n);
            for (size_t j = 0; j < n; j++) job->squares[first + j] += (double)values[j] * (double)values[j];
        }
    }
}

static size_t add_weights(pool *threads, const bound_matrix *matrices, size_t n, double *squares)
{
    size_t outputs = 0;
    weights_job job = {matrices, n, squares};
    pool_run(threads, add_columns, &job, (matrices->k + COLUMNS - 1) / COLUMNS);
    for (size_t i = 0; i < n; i++) {
        outputs += matrices[i].n_parts * matrices[i].n_each;
        for (size_t part = 0; part < matrices[i].n_parts; part++) weights_wont_need(matrices[i].w, matrices[i].parts[part]);
    }
    return outputs;
}

static bool is_size(double x)
{
    return x > 0 && isfinite(x);
}

/* Of the values that are sizes; 1 where none is. */
static double geometric_mean(const double *values, size_t n)
{
    double logs = 0;
    size_t counted = 0;
    for (size_t j = 0; j < n; j++) {
        if (!is_size(values[j])) continue;
        logs += log(values[j]);
        counted++;
    }
    return counted ? exp(logs / (double)counted) : 1;
}

/* smoothing 0 for the channels whose sizes stand out. sizes are used up. */
static void keep_outstanding(double *sizes, size_t k, float *smoothing)
{
    double least = OUTSTANDING * geometric_mean(sizes, k);
    for (size_t left = packed_kept_max(k); left > 0; left--) {
        size_t greatest = 0;
        for (size_t j = 1; j < k; j++)
            if (!(sizes[greatest] >= sizes[j])) greatest = j;
        if (!is_size(sizes[greatest]) || sizes[greatest] < least) return;
        smoothing[greatest] = 0;
        sizes[greatest] = 0;
    }
}

/* Channels whose weights are all zero, or no numbers (which packing will say), stay as they are. factors, sizes: room [k]. */
static void find_smoothing(const input_facts *f, const double *w_squares, size_t outputs, double *factors, double *sizes,
                           float *smoothing)
{
    double rows = f->n_rows ? (double)f->n_rows : 1, mean = 0;
    for (size_t j = 0; j < f->k; j++) mean += f->squares[j] / rows / (double)f->k;
    for (size_t j = 0; j < f->k; j++) {
        double a = sqrt(f->squares[j] / rows + FLOOR * mean), w = sqrt(w_squares[j] / (double)outputs);
        factors[j] = sqrt(w / a);
        sizes[j] = isfinite(w) ? sqrt(w * a) : 0;
    }
    double middle = geometric_mean(factors, f->k);
    for (size_t j = 0; j < f->k; j++) {
        float s = is_size(factors[j]) ? (float)(factors[j] / middle) : 1;
        smoothing[j] = is_size((double)s) ? s : 1; /* 0 would mean kept */
    }
    keep_outstanding(sizes, f->k, smoothing);
}

/* Where only some rows of the last layer are wanted, its query sees these, keys and values all. */
static const input_facts *widest(const input_facts *facts, size_t n)
{
    const input_facts *most = facts;
    for (size_t i = 1; i < n; i++)
        if (facts[i].n_rows > most->n_rows) most = &facts[i];
    return most;
}

/* facts [n] of the matrices [n] that read one input */
static tri_status smooth_group(pool *threads, const bound_matrix *matrices, input_facts *facts, size_t n, tri_error *err)
{
    size_t k = matrices->k;
    double *squares = mem_calloc(3 * k, sizeof *squares);
    if (!squares) return err_memory(err, 3 * k * sizeof *squares);
    size_t outputs = add_weights(threads, matrices, n, squares);
    find_smoothing(widest(facts, n), squares, outputs, squares + k, squares + 2 * k, facts->smoothing);
    for (size_t i = 1; i < n; i++) memcpy(facts[i].smoothing, facts->smoothing, k * sizeof *facts->smoothing);
    mem_free(squares);
    return TRI_OK;
}

tri_status calibrate_smooth(const packing *pk, input_table *t, tri_error *err)
{
    for (size_t i = 0, n; i < t->n; i += n) {
        for (n = 1; i + n < t->n && pk->list[t->items[i + n].place].same_input; n++) {
        }
        TRI_TRY(smooth_group(t->threads, &pk->list[t->items[i].place], &t->items[i], n, err));
    }
    return TRI_OK;
}

tri_status calibrate_smooth_of(void *ctx, const bound_matrix *m, const float **smoothing, tri_error *err)
{
    const input_facts *f = input_table_find(ctx, m->key);
    if (!f || f->k != m->k) return err_set(err, TRI_ERR_STATE, "could not calibrate \"%s\": its inputs were not seen", m->key);
    *smoothing = f->smoothing;
    return TRI_OK;
}
