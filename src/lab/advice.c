/* SPDX-License-Identifier: Apache-2.0 */
/* advice.c — the arithmetic. Estimates are for choosing between cards before one is rented; the share of the peak that they
 * rest on is the caller's to say, and to print beside them.
 *
 * Bytes of a row: the residual in f32 (4 D); in 16 bits its narrow copy, queries, keys, values and the attention's result
 * (10 D) and the feed-forward's middle (2 F, gated 4 F); one more row in f32 for the heads (4 D). Attention keeps no S x S
 * table. */
#include "lab/advice.h"

#include <math.h>

static const double gib = 1024.0 * 1024 * 1024;
static const double context_bytes = 0.6 * 1024 * 1024 * 1024; /* what a driver's context and library workspaces take */
static const double usable = 0.95;                            /* the rest is lost to fragments */
static const double bandwidth_share = 0.7;                    /* of the data sheet's, in a long read */

double advice_ops(const advice_work *w)
{
    if (!w->model) return 0;
    double d = (double)w->model->width, f = (double)w->model->ffn;
    double row = 2 * (4 * d * d + (w->model->gated ? 3 : 2) * d * f);
    return w->texts * (double)w->model->layers * (w->length * row + 4 * w->squares * d);
}

static double tokens_of(const advice_work *w)
{
    return w->model ? w->texts * w->length : 0;
}

double advice_tokens(const advice_job *job)
{
    return (double)job->versions * (tokens_of(&job->documents) + tokens_of(&job->queries)) + tokens_of(&job->pairs);
}

static double row_bytes(const model_shape *m)
{
    return 18 * (double)m->width + (m->gated ? 4 : 2) * (double)m->ffn;
}

static double memory_of(const advice_work *w, size_t budget, double weight_bytes)
{
    return w->model ? w->model->parameters * weight_bytes + (double)budget * row_bytes(w->model) : 0;
}

/* The works run one after the other: the greatest counts. */
double advice_memory(const advice_job *job, size_t budget, double weight_bytes)
{
    return fmax(fmax(memory_of(&job->documents, budget, weight_bytes), memory_of(&job->queries, budget, weight_bytes)),
                memory_of(&job->pairs, budget, weight_bytes));
}

static size_t longest_of(const advice_job *job)
{
    size_t longest = job->documents.model ? job->documents.longest : 1;
    if (job->queries.model && job->queries.longest > longest) longest = job->queries.longest;
    if (job->pairs.model && job->pairs.longest > longest) longest = job->pairs.longest;
    return longest;
}

static double time_of(const advice_work *w, size_t budget, double ops_per_s, double bytes_per_s)
{
    if (!w->model || w->texts == 0) return 0;
    double batches = ceil(tokens_of(w) / (double)budget);
    return fmax(advice_ops(w) / ops_per_s, batches * w->model->parameters * 2 / bytes_per_s);
}

static double bill_seconds(double seconds, advice_bill bill)
{
    double unit = bill == ADVICE_BILL_HOUR ? 3600 : bill == ADVICE_BILL_MINUTE ? 60 : 1;
    return ceil(seconds / unit) * unit;
}

/* The rule of thumb: single use 12 GB, bulk encoding or many versions 32 (an A100); rerankers 16, 12 for a few pairs. */
static double rule_memory(const advice_job *job)
{
    double rule = 0;
    if (job->documents.model) rule = job->documents.texts >= 10000 || job->versions > 1 ? 32 : 12;
    if (job->pairs.model) rule = fmax(rule, job->pairs.texts < 100 ? 12 : 16);
    return rule;
}

static void settle(const advice_job *job, double rate, advice_line *out)
{
    out->tokens_per_s = out->fits && out->seconds > 0 ? advice_tokens(job) / out->seconds : 0;
    out->price = out->fits ? bill_seconds(out->seconds, job->bill) / 3600 * rate : NAN;
    out->holds = out->fits && (job->deadline == 0 || out->seconds <= job->deadline);
}

void advice_for_card(const advice_job *job, const card *c, double share, double rate, advice_line *out)
{
    double peak = c->tflops * 1e12 * share, bandwidth = c->bandwidth_gbs * 1e9 * bandwidth_share;
    size_t longest = longest_of(job);
    *out = (advice_line){.name = c->name, .title = c->title, .precision = c->precision, .memory = c->memory_gib * gib};
    double room = out->memory * usable - context_bytes;
    for (size_t budget = ADVICE_BUDGET_MOST; budget >= ADVICE_BUDGET_LEAST && !out->budget; budget /= 2)
        if (budget >= longest && advice_memory(job, budget, 2) <= room) out->budget = budget;
    if (!out->budget && longest > ADVICE_BUDGET_MOST && advice_memory(job, longest, 2) <= room) out->budget = longest;
    out->fits = out->budget > 0;
    out->needs = advice_memory(job, out->fits ? out->budget : longest, 2) + context_bytes;
    out->rule_gib = rule_memory(job);
    if (out->fits)
        out->seconds = (double)job->versions * (time_of(&job->documents, out->budget, peak, bandwidth) +
                                                time_of(&job->queries, out->budget, peak, bandwidth)) +
                       time_of(&job->pairs, out->budget, peak, bandwidth);
    settle(job, rate, out);
}

void advice_for_speeds(const advice_job *job, double encode_ops, double rerank_ops, double rate, advice_line *out)
{
    double encode = advice_ops(&job->documents) + advice_ops(&job->queries), rerank = advice_ops(&job->pairs);
    out->seconds = 0;
    if (encode > 0) out->seconds += (double)job->versions * encode / encode_ops;
    if (rerank > 0) out->seconds += rerank / rerank_ops;
    settle(job, rate, out);
}

size_t advice_rule_batch(double length)
{
    return length < 512 ? 32 : length < 2048 ? 16 : 8;
}

int advice_choose(const advice_line *lines, size_t n)
{
    int best = -1;
    bool priced = false;
    for (size_t i = 0; i < n; i++) priced = priced || (lines[i].holds && !isnan(lines[i].price));
    for (size_t i = 0; i < n; i++) {
        const advice_line *l = &lines[i];
        if (!l->holds || (priced && isnan(l->price))) continue;
        if (best < 0) {
            best = (int)i;
            continue;
        }
        const advice_line *b = &lines[best];
        bool better =
            priced ? l->price < b->price || (l->price == b->price && l->seconds < b->seconds) : l->seconds > b->seconds;
        if (better) best = (int)i;
    }
    return best;
}
