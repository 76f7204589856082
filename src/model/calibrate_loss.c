/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate_loss.c — the figures that decide whether an int8 file may be used, and their bars.
 *
 *   dense   cosine of a text's two vectors: the mean and the least over the texts
 *   multi   cosine of a token's two vectors: the 5th percentile over all tokens of all texts
 *   sparse  of a text's five heaviest tokens, how many are still among the five heaviest: the mean over the texts. A text with
 *           fewer counts what share of them is left, times five; one without any says nothing
 *   order   of a reranker: of all two pairs whose f32 logits lie further apart than 0.05, how many are ranked as in f32
 *   score   of a reranker: the mean difference of the sigmoids
 *   ndcg    100 * (f32 - int8) / f32 of nDCG@10, dense
 *
 * All in double, in the texts' order: the same vectors give the same figures. */
#include "model/calibrate_loss.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"
#include "base/sort.h"

enum { HEAVIEST = 5 };
static const double NEAR_LOGITS = 0.05; /* a score of 0.5 against 0.5125 */

static void note(tri_calibration *figures, const char *name, double value, double bar, int at_most)
{
    enum { ROOM = sizeof figures->losses / sizeof *figures->losses };
    if (figures->n_losses < ROOM) figures->losses[figures->n_losses++] = (tri_loss){name, value, bar, at_most};
}

/* Of two zero vectors 1, of a zero and another one 0. */
static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    if (aa == 0 || bb == 0) return aa == bb;
    return ab / sqrt(aa * bb);
}

static void compare_dense(const tri_embeddings *truth, const tri_embeddings *rounded, tri_calibration *figures)
{
    double sum = 0, least = 1;
    size_t n = tri_embeddings_count(truth);
    for (size_t i = 0; i < n; i++) {
        tri_dense_view a = tri_embeddings_dense(truth, i), b = tri_embeddings_dense(rounded, i);
        if (!a.dim) return;
        double c = cosine(a.values, b.values, a.dim);
        sum += c;
        if (c < least) least = c;
    }
    if (!n) return;
    note(figures, "dense_mean", sum / (double)n, 0.9997, 0);
    note(figures, "dense_min", least, 0.998, 0);
}

/* Cosines as whole numbers, so that they can be sorted: steps of 2^-40. */
static const double cosine_steps = 1099511627776.0;

static tri_status compare_multi(const tri_embeddings *truth, const tri_embeddings *rounded, tri_calibration *figures,
                                tri_error *err)
{
    size_t rows = 0, at = 0;
    for (size_t i = 0; i < tri_embeddings_count(truth); i++) rows += tri_embeddings_multi(truth, i).n_rows;
    if (!rows) return TRI_OK;
    uint64_t *keys = mem_array(rows, sizeof *keys);
    if (!keys) return err_memory(err, rows * sizeof *keys);
    for (size_t i = 0; i < tri_embeddings_count(truth); i++) {
        tri_multi_view a = tri_embeddings_multi(truth, i), b = tri_embeddings_multi(rounded, i);
        for (size_t j = 0; j < a.n_rows; j++)
            keys[at++] = (uint64_t)((cosine(a.rows + j * a.dim, b.rows + j * a.dim, a.dim) + 2) * cosine_steps);
    }
    sort_u64(keys, rows);
    note(figures, "multi_p5", (double)keys[rows / 20] / cosine_steps - 2, 0.9985, 0);
    mem_free(keys);
    return TRI_OK;
}

/* The ids of the heaviest tokens, at most HEAVIEST; of equal weights the lower id. */
static size_t heaviest(tri_sparse_view s, uint32_t ids[HEAVIEST])
{
    size_t n = 0, places[HEAVIEST];
    for (size_t i = 0; i < s.count; i++) {
        size_t at = n;
        while (at > 0 && s.weights[i] > s.weights[places[at - 1]]) at--;
        if (at == HEAVIEST) continue;
        if (n < HEAVIEST) n++;
        memmove(places + at + 1, places + at, (n - at - 1) * sizeof *places);
        places[at] = i;
    }
    for (size_t i = 0; i < n; i++) ids[i] = s.ids[places[i]];
    return n;
}

static void compare_sparse(const tri_embeddings *truth, const tri_embeddings *rounded, tri_calibration *figures)
{
    double sum = 0;
    size_t texts = 0;
    for (size_t i = 0; i < tri_embeddings_count(truth); i++) {
        uint32_t a[HEAVIEST], b[HEAVIEST];
        size_t n = heaviest(tri_embeddings_sparse(truth, i), a), m = heaviest(tri_embeddings_sparse(rounded, i), b), left = 0;
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < m && k < n; k++) left += a[j] == b[k];
        if (!n) continue;
        sum += HEAVIEST * (double)left / (double)n;
        texts++;
    }
    if (texts) note(figures, "sparse_top5", sum / (double)texts, 4.8, 0);
}

tri_status calibrate_loss_vectors(const tri_embeddings *truth, const tri_embeddings *rounded, tri_calibration *figures,
                                  tri_error *err)
{
    compare_dense(truth, rounded, figures);
    compare_sparse(truth, rounded, figures);
    return compare_multi(truth, rounded, figures, err);
}

void calibrate_loss_scores(const tri_pair_score *truth, const tri_pair_score *rounded, size_t n, tri_calibration *figures)
{
    size_t kept = 0, all = 0;
    double moved = 0;
    for (size_t i = 0; i < n; i++) {
        moved += fabs(1 / (1 + exp(-(double)truth[i].logit)) - 1 / (1 + exp(-(double)rounded[i].logit)));
        for (size_t j = 0; j < i; j++) {
            if (fabs((double)truth[i].logit - (double)truth[j].logit) <= NEAR_LOGITS) continue;
            all++;
            kept += (truth[i].logit > truth[j].logit) == (rounded[i].logit > rounded[j].logit);
        }
    }
    if (all) note(figures, "order_kept", (double)kept / (double)all, 0.99, 0);
    if (n) note(figures, "score_moved", moved / (double)n, 0.02, 1);
}

void calibrate_loss_ranking(double truth, double rounded, tri_calibration *figures)
{
    figures->ndcg10_f32 = truth;
    figures->ndcg10_int8 = rounded;
    note(figures, "ndcg10_loss_percent", truth > 0 ? 100 * (truth - rounded) / truth : 0, 0.5, 1);
}

bool calibrate_loss_judge(const tri_calibration *figures, buf *missed)
{
    bool all = true;
    char value[32], bar[32];
    for (size_t i = 0; i < figures->n_losses; i++) {
        const tri_loss *l = &figures->losses[i];
        if (l->at_most ? l->value <= l->bar : l->value >= l->bar) continue;
        number_format_f64(value, sizeof value, round(l->value * 1e6) / 1e6);
        number_format_f64(bar, sizeof bar, l->bar);
        buf_printf(missed, "%s%s %s (at %s %s)", all ? "" : ", ", l->name, value, l->at_most ? "most" : "least", bar);
        all = false;
    }
    return all;
}
