/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_pairs.c — the doctor's experiments on a cross-encoder: its kernels against the plain reference, a pair alone against
 * the same in company, what the order of the two texts does, and what becomes of its logits. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "model/doctor_int.h"
#include "model/precision_word.h"
#include "model/rerank.h"

enum { N_PAIRS = DOCTOR_PROBES };

/* Each probe as the passage of the next one; where there are no texts, the fixed ids. */
static void make_pairs(const visit *v, bool swapped, tri_pair pairs[N_PAIRS])
{
    for (size_t i = 0; i < N_PAIRS; i++) {
        const tri_input *a = &v->inputs[i], *b = &v->inputs[(i + 1) % N_PAIRS];
        pairs[i] = a->ids ? (tri_pair){.ids = a->ids, .n_ids = a->n_ids}
                          : (tri_pair){.query = swapped ? b->text : a->text, .passage = swapped ? a->text : b->text};
    }
}

static tri_status score(session *s, const tri_pair *pairs, size_t n, tri_pair_score *out, tri_error *err)
{
    tri_rerank_options o = {.struct_size = sizeof o};
    return rerank_run(s, &o, pairs, n, out, err);
}

static double largest_gap(const tri_pair_score *a, const tri_pair_score *b)
{
    double gap = 0;
    for (size_t i = 0; i < N_PAIRS; i++) gap = fmax(gap, fabs((double)a[i].logit - (double)b[i].logit));
    return gap;
}

static tri_status check_kernels(visit *v, const tri_pair *pairs, const tri_pair_score *base, tri_error *err)
{
    compute *ref;
    model *m = NULL;
    session *s = NULL;
    tri_pair_score got[N_PAIRS];
    tri_model_options mo = {.struct_size = sizeof mo, .no_tokenizer = v->m->tok == NULL};
    tri_session_options so = {.struct_size = sizeof so, .batch_tokens = 1, .max_length = v->s->max_length};
    TRI_TRY(compute_open("ref", v->c->threads, &ref, err));
    const model_how how = {.p = v->m->pk.p};
    tri_status st = model_open(ref, &how, v->m->log, v->m->config.dir, &mo, &m, err);
    if (!st) st = session_new(m, &so, &s, err);
    if (!st) st = score(s, pairs, N_PAIRS, got, err);
    if (!st) {
        /* f32: two orders of summation over twelve or twenty-four layers; a narrow type rounds an operand to its neighbour now
         * and then, which logits of a spread of ten show in the second decimal */
        double gap = largest_gap(base, got), limit = how.p == PRECISION_F32 ? 1e-4 : 0.3;
        doctor_report(v, "kernels", gap < limit ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                      "%s against the plain C reference, both in %s: largest difference of a logit %.1e (limit %g)",
                      v->c->ops->name, precision_word(how.p), gap, limit);
    }
    session_free(s);
    if (m) model_close(m);
    compute_close(ref);
    return st;
}

static tri_status check_company(visit *v, const tri_pair *pairs, const tri_pair_score *base, tri_error *err)
{
    size_t n_same = 0;
    for (size_t i = 0; i < N_PAIRS; i++) {
        tri_pair_score alone;
        TRI_TRY(score(v->s, &pairs[i], 1, &alone, err));
        n_same += memcmp(&alone.logit, &base[i].logit, sizeof alone.logit) == 0;
    }
    doctor_report(v, "company", n_same == N_PAIRS ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                  "%zu of %d pairs have the same bits alone and in a batch", n_same, N_PAIRS);
    return TRI_OK;
}

static tri_status check_order(visit *v, const tri_pair_score *base, tri_error *err)
{
    tri_pair pairs[N_PAIRS];
    tri_pair_score got[N_PAIRS];
    if (!v->m->tok) return TRI_OK;
    make_pairs(v, true, pairs);
    TRI_TRY(score(v->s, pairs, N_PAIRS, got, err));
    doctor_report(v, "order of texts", TRI_DOCTOR_OK, "the query comes first; the other way round moves a logit by up to %.2f",
                  largest_gap(base, got));
    return TRI_OK;
}

static void check_outputs(visit *v, const tri_pair_score *base)
{
    double least = INFINITY, greatest = -INFINITY;
    for (size_t i = 0; i < N_PAIRS; i++) {
        least = fmin(least, (double)base[i].logit);
        greatest = fmax(greatest, (double)base[i].logit);
    }
    doctor_report(v, "outputs", greatest - least > 1e-3 ? TRI_DOCTOR_OK : TRI_DOCTOR_NOTE,
                  "all finite; logits from %.3f to %.3f on %d probes; a score is %s", least, greatest, N_PAIRS,
                  v->m->config.score == SCORE_IDENTITY ? "the logit, as the folder says" : "its sigmoid");
}

tri_status doctor_pairs(visit *v, tri_error *err)
{
    tri_pair pairs[N_PAIRS];
    tri_pair_score base[N_PAIRS];
    make_pairs(v, false, pairs);
    TRI_TRY(score(v->s, pairs, N_PAIRS, base, err));
    TRI_TRY(check_kernels(v, pairs, base, err));
    check_outputs(v, base);
    TRI_TRY(check_company(v, pairs, base, err));
    TRI_TRY(check_order(v, base, err));
    doctor_report(v, "length", TRI_DOCTOR_OK, "%zu tokens by the positions; pairs are cut at %zu, %s, counted and reported",
                  v->m->max_tokens, v->m->max_text,
                  v->m->config.from_st ? "the longer text first (sentence-transformers)" : "from the passage (FlagEmbedding)");
    return TRI_OK;
}
