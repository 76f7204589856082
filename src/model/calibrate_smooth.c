/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_smooth.c — SmoothQuant (Xiao et al. 2022, section 4) with its strength chosen by trial.
 *
 *   y = x W^T = (x s)(W / s)^T      s[k] = max|w[.,k]|^(1-a) / max|x[.,k]|^a
 *
 * A channel of x that is much greater than the others spoils the steps of its row; divided by its size it does not, and the
 * weights, which have a scale for each output, carry it. How much of it they can carry differs from matrix to matrix: each
 * strength a of a short list, and no smoothing at all, is packed and run by the kernels that will run it, on the sample of
 * rows, and the least sum of squared differences from the f32 result wins. */
#include "model/calibrate_smooth.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

static const float strengths[] = {0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f};
enum { N_STRENGTHS = sizeof strengths / sizeof *strengths };

/* A group of matrices that read the same input, and room to try them out one after the other. */
typedef struct trial {
    const packing *pk;
    const bound_matrix *matrices; /* [n] */
    input_facts *facts;           /* [n] */
    size_t n;
    float *greatest_w;       /* [k] over all outputs of the group */
    float *smoothing, *best; /* [k] */
    float *row;              /* [k] */
    char *narrow;            /* u8 rows of the sample */
    row_scale *scales;
    float *y, *truth; /* [n_kept, most outputs] */
} trial;

static void drop_trial(trial *t)
{
    mem_free(t->greatest_w);
    mem_free(t->smoothing);
    mem_free(t->best);
    mem_free(t->row);
    mem_free_aligned(t->narrow);
    mem_free(t->scales);
    mem_free(t->y);
    mem_free(t->truth);
}

static size_t outputs_of(const bound_matrix *m)
{
    return m->n_parts * m->n_each;
}

static tri_status make_trial(trial *t, tri_error *err)
{
    size_t k = t->matrices->k, rows = 1, outputs = 0, cells, bytes;
    for (size_t i = 0; i < t->n; i++) {
        if (t->facts[i].n_kept > rows) rows = t->facts[i].n_kept;
        if (outputs_of(&t->matrices[i]) > outputs) outputs = outputs_of(&t->matrices[i]);
    }
    if (!mul_size(rows, outputs, &cells) || !mul_size(rows, compute_ld(DTYPE_U8, k), &bytes)) return err_memory(err, SIZE_MAX);
    t->greatest_w = mem_calloc(k, sizeof *t->greatest_w);
    t->smoothing = mem_array(k, sizeof *t->smoothing);
    t->best = mem_array(k, sizeof *t->best);
    t->row = mem_array(k, sizeof *t->row);
    t->narrow = mem_alloc_aligned(bytes, 64);
    t->scales = mem_array(rows, sizeof *t->scales);
    t->y = mem_array(cells, sizeof *t->y);
    t->truth = mem_array(cells, sizeof *t->truth);
    bool ok = t->greatest_w && t->smoothing && t->best && t->row && t->narrow && t->scales && t->y && t->truth;
    return ok ? TRI_OK : err_memory(err, bytes + 2 * cells * sizeof(float));
}

static void measure_weights(trial *t)
{
    size_t k = t->matrices->k;
    for (size_t i = 0; i < t->n; i++) {
        const bound_matrix *m = &t->matrices[i];
        for (size_t part = 0; part < m->n_parts; part++) {
            const weight *w = m->parts[part];
            for (size_t n = 0; n < m->n_each; n++) {
                dtype_to_f32(t->row, (const char *)w->data + n * k * dtype_size(w->type), w->type, k);
                for (size_t j = 0; j < k; j++) t->greatest_w[j] = fmaxf(t->greatest_w[j], fabsf(t->row[j]));
            }
        }
    }
}

/* Channels that are all zero on one side stay as they are. */
static void smooth_by(trial *t, float strength)
{
    for (size_t j = 0; j < t->matrices->k; j++) {
        float x = t->facts->greatest[j], w = t->greatest_w[j];
        float s = x > 0 && w > 0 ? powf(w, 1 - strength) / powf(x, strength) : 1;
        t->smoothing[j] = s > 0 && isfinite(s) ? s : 1;
    }
}

/* What one matrix is off by on its sample: sum of squares, f32 against int8. */
static tri_status try_matrix(trial *t, size_t i, const float *smoothing, double *loss, tri_error *err)
{
    compute *c = t->pk->c;
    const input_facts *f = &t->facts[i];
    bound_matrix m = t->matrices[i];
    size_t n = outputs_of(&m);
    packed_matrix *packed;
    epilogue plain = {NULL, ACT_NONE, NULL};
    tensor x = tensor_f32(f->kept, f->n_kept, m.k, m.k), y = tensor_f32(t->y, f->n_kept, n, n), truth = y;
    tensor in = {t->narrow, DTYPE_U8, f->n_kept, m.k, compute_ld(DTYPE_U8, m.k), t->scales};
    truth.data = t->truth;
    m.p = PRECISION_INT8;
    TRI_TRY(bind_pack(t->pk, &m, smoothing, NULL, NULL, &packed, err));
    c->ops->linear(c, &x, m.matrix, &plain, &truth);
    c->ops->narrow(c, &x, smoothing, &in);
    c->ops->linear(c, &in, packed, &plain, &y);
    compute_sync(c);
    c->ops->packed_free(packed);
    for (size_t j = 0; j < f->n_kept * n; j++) {
        double off = (double)t->y[j] - (double)t->truth[j];
        *loss += off * off;
    }
    return TRI_OK;
}

static tri_status try_all(trial *t, const float *smoothing, double *least, bool *better, tri_error *err)
{
    double loss = 0;
    for (size_t i = 0; i < t->n; i++) TRI_TRY(try_matrix(t, i, smoothing, &loss, err));
    *better = loss < *least;
    if (*better) *least = loss;
    return TRI_OK;
}

static tri_status choose(trial *t, arena *memory, tri_error *err)
{
    size_t bytes = t->matrices->k * sizeof(float);
    double least = INFINITY;
    bool better, smoothed = false;
    measure_weights(t);
    TRI_TRY(try_all(t, NULL, &least, &better, err));
    for (size_t i = 0; i < N_STRENGTHS; i++) {
        smooth_by(t, strengths[i]);
        TRI_TRY(try_all(t, t->smoothing, &least, &better, err));
        if (better) memcpy(t->best, t->smoothing, bytes);
        smoothed |= better;
    }
    if (!smoothed) return TRI_OK;
    float *chosen = arena_alloc(memory, bytes);
    if (!chosen) return err_memory(err, bytes);
    memcpy(chosen, t->best, bytes);
    for (size_t i = 0; i < t->n; i++) t->facts[i].smoothing = chosen;
    return TRI_OK;
}

static size_t group_size(const packing *pk, size_t first)
{
    size_t n = 1;
    while (first + n < pk->n_list && pk->list[first + n].same_input) n++;
    return n;
}

tri_status calibrate_smooth(const packing *pk, input_table *t, tri_progress_fn progress, void *progress_ctx, tri_error *err)
{
    for (size_t i = 0; i < t->n;) {
        trial group = {.pk = pk, .matrices = &pk->list[t->items[i].place], .facts = &t->items[i]};
        group.n = group_size(pk, t->items[i].place);
        tri_status st = make_trial(&group, err);
        if (!st) st = choose(&group, &t->memory, err);
        drop_trial(&group);
        if (st) return st;
        i += group.n;
        if (progress && progress(progress_ctx, i, t->n)) return err_set(err, TRI_ERR_CANCELLED, "calibration was stopped");
    }
    return TRI_OK;
}
