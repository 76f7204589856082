/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_round.c — a scale for each output channel that loses least on the inputs seen.
 *
 * The greatest weight of a row need not be reached: with a smaller scale it is cut, and all others are rounded finer. Of a
 * short list of scales the one is taken whose squared differences, each times the mean square of the input that it meets, sum
 * to the least. (Inputs are taken as uncorrelated: that is what the mean squares alone can say.) A row depends on itself alone,
 * so threads do not show. */
#include "model/calibrate_round.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

/* Shares of a row's greatest magnitude. Below 0.7 the least was never found: a cut weight costs by the square. */
static const float shares[] = {1.0f, 0.97f, 0.94f, 0.91f, 0.88f, 0.85f, 0.82f, 0.79f, 0.76f, 0.73f, 0.7f};
enum { N_SHARES = sizeof shares / sizeof *shares };

typedef struct round_job {
    rounder *r;
    const bound_matrix *m;
    const float *smoothing;
} round_job;

void rounder_init(rounder *r, compute *c, const input_table *inputs)
{
    *r = (rounder){.c = c, .inputs = inputs};
}

void rounder_drop(rounder *r)
{
    mem_free(r->rows);
    mem_free(r->scales);
    mem_free(r->columns);
    mem_free(r->scratch);
    r->rows = NULL;
    r->scales = r->columns = r->scratch = NULL;
}

static tri_status make_room(rounder *r, size_t n, size_t k, tri_error *err)
{
    size_t workers = (size_t)pool_size(r->c->threads), cells, scratch;
    rounder_drop(r);
    if (!mul_size(n, k, &cells) || !mul_size(workers, k, &scratch)) return err_memory(err, SIZE_MAX);
    r->rows = mem_alloc(cells);
    r->scales = mem_array(n, sizeof *r->scales);
    r->columns = mem_array(k, sizeof *r->columns);
    r->scratch = mem_array(scratch, sizeof *r->scratch);
    return r->rows && r->scales && r->columns && r->scratch ? TRI_OK : err_memory(err, cells + scratch * sizeof(float));
}

static float round_to_s8(float value)
{
    float v = rintf(value);
    return v > 127 ? 127 : v > -127 ? v : -127;
}

static float loss_of(const float *row, const float *columns, size_t k, float scale)
{
    float inverse = 1 / scale, loss = 0;
    for (size_t j = 0; j < k; j++) {
        float off = row[j] - round_to_s8(row[j] * inverse) * scale;
        loss += columns[j] * off * off;
    }
    return loss;
}

static float choose_scale(const float *row, const float *columns, size_t k)
{
    float greatest = 0, least = INFINITY, chosen = 0;
    for (size_t j = 0; j < k; j++) greatest = fmaxf(greatest, fabsf(row[j]));
    for (size_t i = 0; i < N_SHARES && greatest > 0; i++) {
        float scale = greatest * shares[i] / 127, loss = loss_of(row, columns, k, scale);
        if (!(loss < least)) continue;
        least = loss;
        chosen = scale;
    }
    return chosen;
}

static void round_row(void *ctx, size_t task, size_t worker)
{
    const round_job *job = ctx;
    rounder *r = job->r;
    size_t k = job->m->k;
    const weight *part = job->m->parts[task / job->m->n_each];
    const char *from = (const char *)part->data + task % job->m->n_each * k * dtype_size(part->type);
    float *row = r->scratch + worker * k;
    int8_t *to = r->rows + task * k;
    dtype_to_f32(row, from, part->type, k);
    for (size_t j = 0; job->smoothing && j < k; j++) row[j] /= job->smoothing[j];
    float scale = choose_scale(row, r->columns, k), inverse = scale > 0 ? 1 / scale : 0;
    r->scales[task] = scale;
    for (size_t j = 0; j < k; j++) to[j] = (int8_t)round_to_s8(row[j] * inverse);
}

static void weigh_columns(const input_facts *f, float *columns)
{
    double rows = f->n_rows ? (double)f->n_rows : 1;
    for (size_t j = 0; j < f->k; j++) {
        double s = f->smoothing ? (double)f->smoothing[j] : 1;
        columns[j] = (float)(f->squares[j] / rows * s * s);
    }
}

tri_status rounder_recipe(void *ctx, const bound_matrix *m, matrix_recipe *out, tri_error *err)
{
    rounder *r = ctx;
    const input_facts *f = input_table_find(r->inputs, m->key);
    if (!f || f->k != m->k) return err_set(err, TRI_ERR_STATE, "could not calibrate \"%s\": its inputs were not seen", m->key);
    size_t n = m->n_parts * m->n_each;
    TRI_TRY(make_room(r, n, m->k, err));
    weigh_columns(f, r->columns);
    round_job job = {r, m, f->smoothing};
    pool_run(r->c->threads, round_row, &job, n);
    *out = (matrix_recipe){f->smoothing, r->rows, r->scales};
    return TRI_OK;
}
