/* SPDX-License-Identifier: Apache-2.0 */
/* rank_dense.c — search and eval in one pass, for a question that is asked once: the corpus is encoded window by window, each
 * is compared with every query and forgotten, and the heads of the rankings are judged.
 *
 * Scores are those of an exact dense search (leg_dense.c), figures those of eval (report.h). */
#include "api/rank_dense.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "eval/report.h"
#include "model/embed.h"
#include "search/topk.h"

enum {
    DEPTH = 100,  /* of a ranking: nDCG@10 looks at ten, equal scores are put in order by the figure's own rule */
    WINDOW = 256, /* documents at once */
    QUERIES = 256 /* at once, against a window */
};

typedef struct ranker {
    const rank_task *task;
    session *s;
    size_t *judged; /* [n] places of the queries that are judged */
    size_t n, dim;
    size_t done, window;  /* texts encoded, and in the window at hand */
    float *queries;       /* [n, dim] */
    float *docs, *scores; /* [WINDOW, dim], [QUERIES, WINDOW] */
    void *on_card[3];     /* the three again, where they are scored; NULL on the host */
    topk *lists;          /* [n] */
    topk_entry *entries;  /* [n, DEPTH] */
} ranker;

static void drop(ranker *r)
{
    for (size_t i = 0; r->s && i < 3; i++) compute_free(r->s->m->c, r->on_card[i]);
    mem_free(r->judged);
    mem_free(r->queries);
    mem_free(r->docs);
    mem_free(r->scores);
    mem_free(r->lists);
    mem_free(r->entries);
    session_free(r->s);
}

static tri_status find_judged(ranker *r, tri_error *err)
{
    const rank_task *t = r->task;
    r->judged = mem_array(t->n_queries, sizeof *r->judged);
    if (!r->judged) return err_memory(err, t->n_queries * sizeof *r->judged);
    for (size_t i = 0; i < t->n_queries; i++)
        if (trec_table_find(&t->qrels->table, t->query_ids[i].bytes, t->query_ids[i].len)) r->judged[r->n++] = i;
    if (r->n) return TRI_OK;
    return err_set(err, TRI_ERR_MISMATCH, "could not rank: none of the %zu queries has judgments", t->n_queries);
}

static tri_status make_room(ranker *r, tri_error *err)
{
    size_t floats, entries;
    if (!mul_size(r->n, r->dim, &floats) || !mul_size(r->n, DEPTH, &entries)) return err_memory(err, SIZE_MAX);
    r->queries = mem_array(floats, sizeof *r->queries);
    r->docs = mem_array(r->dim, WINDOW * sizeof *r->docs);
    r->scores = mem_array(QUERIES, WINDOW * sizeof *r->scores);
    r->lists = mem_array(r->n, sizeof *r->lists);
    r->entries = mem_array(entries, sizeof *r->entries);
    if (!r->queries || !r->docs || !r->scores || !r->lists || !r->entries)
        return err_memory(err, (floats + r->dim * WINDOW) * sizeof(float) + entries * sizeof *r->entries);
    for (size_t i = 0; i < r->n; i++) r->lists[i] = (topk){r->entries + i * DEPTH, 0, DEPTH};
    return TRI_OK;
}

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
    const ranker *r = ctx;
    uint64_t at = r->done + (total ? (uint64_t)((double)r->window * (double)done / (double)total) : 0);
    return r->task->progress ? r->task->progress(r->task->progress_ctx, at, r->n + r->task->n_corpus) : 0;
}

static const char *role_word(int role)
{
    return role == TRI_ROLE_QUERY ? "queries" : "corpus";
}

/* Dense vectors of n <= WINDOW texts. */
static tri_status encode(ranker *r, const tri_input *texts, size_t n, int role, float *out, tri_error *err)
{
    tri_embed_options o = {
        .struct_size = sizeof o, .want = TRI_DENSE, .role = role, .progress = on_progress, .progress_ctx = r};
    tri_embeddings *e;
    r->window = n;
    tri_status st = embed_run(r->s, &o, texts, n, &e, err);
    if (st) return st == TRI_ERR_CANCELLED ? st : err_prefix(err, st, "ranking, %s: ", role_word(role));
    r->done += n;
    for (size_t i = 0; i < n; i++) memcpy(out + i * r->dim, tri_embeddings_dense(e, i).values, r->dim * sizeof *out);
    tri_embeddings_free(e);
    return TRI_OK;
}

static tri_status encode_queries(ranker *r, tri_error *err)
{
    tri_input window[WINDOW];
    for (size_t at = 0; at < r->n; at += WINDOW) {
        size_t n = r->n - at < WINDOW ? r->n - at : WINDOW;
        for (size_t i = 0; i < n; i++) window[i] = r->task->queries[r->judged[at + i]];
        TRI_TRY(encode(r, window, n, TRI_ROLE_QUERY, r->queries + at * r->dim, err));
    }
    return TRI_OK;
}

/* The queries to the card, and room there for a window and its scores. */
static tri_status move_to_card(ranker *r, tri_error *err)
{
    compute *c = r->s->m->c;
    if (!c->memory) return TRI_OK;
    TRI_TRY(compute_alloc(c, r->n * r->dim * sizeof(float), &r->on_card[0], err));
    TRI_TRY(compute_alloc(c, WINDOW * r->dim * sizeof(float), &r->on_card[1], err));
    TRI_TRY(compute_alloc(c, QUERIES * WINDOW * sizeof(float), &r->on_card[2], err));
    compute_upload(c, r->on_card[0], r->queries, r->n * r->dim * sizeof(float));
    return TRI_OK;
}

static tri_status score_window(ranker *r, size_t first, size_t n, tri_error *err)
{
    compute *c = r->s->m->c;
    float *const host[3] = {r->queries, r->docs, r->scores};
    float *at_work[3];
    for (size_t i = 0; i < 3; i++) at_work[i] = r->on_card[i] ? r->on_card[i] : host[i];
    tensor docs = tensor_f32(at_work[1], n, r->dim, r->dim);
    if (c->memory) compute_upload(c, docs.data, r->docs, n * r->dim * sizeof(float));
    for (size_t at = 0; at < r->n; at += QUERIES) {
        size_t rows = r->n - at < QUERIES ? r->n - at : QUERIES;
        tensor q = tensor_f32(at_work[0] + at * r->dim, rows, r->dim, r->dim), y = tensor_f32(at_work[2], rows, n, n);
        c->ops->dots(c, &q, &docs, NULL, &y);
        if (c->memory) compute_download(c, r->scores, y.data, rows * n * sizeof(float));
        TRI_TRY(compute_sync(c, err));
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < n; j++) topk_push(&r->lists[at + i], r->scores[i * n + j], (uint32_t)(first + j));
    }
    return TRI_OK;
}

static tri_status score_corpus(ranker *r, tri_error *err)
{
    TRI_TRY(move_to_card(r, err));
    for (size_t at = 0; at < r->task->n_corpus; at += WINDOW) {
        size_t n = r->task->n_corpus - at < WINDOW ? r->task->n_corpus - at : WINDOW;
        TRI_TRY(encode(r, r->task->corpus + at, n, TRI_ROLE_PASSAGE, r->docs, err));
        TRI_TRY(score_window(r, at, n, err));
    }
    return TRI_OK;
}

static tri_status fill_run(const ranker *r, trec_table *run, tri_error *err)
{
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < r->lists[i].n; j++) {
            topk_entry e = r->lists[i].entries[j];
            TRI_TRY(trec_table_add(run, r->task->query_ids[r->judged[i]], r->task->corpus_ids[e.doc], (double)e.score, 0, err));
        }
    return trec_table_finish(run, err);
}

static tri_status judge(const ranker *r, double *ndcg, tri_error *err)
{
    static const char *const metric = "ndcg@10";
    trec_table run;
    tri_report *report = NULL;
    trec_table_init(&run);
    tri_status st = fill_run(r, &run, err);
    if (!st) st = report_new(&r->task->qrels->table, &run, &metric, 1, true, &report, err);
    trec_table_drop(&run);
    if (st) return st;
    *ndcg = report->overall[0];
    report_free(report);
    return TRI_OK;
}

tri_status rank_dense_ndcg(const rank_task *task, model *m, double *ndcg, tri_error *err)
{
    tri_session_options o = {.struct_size = sizeof o};
    ranker r = {.task = task, .dim = m->dense.dim};
    tri_status st = find_judged(&r, err);
    if (!st) st = make_room(&r, err);
    if (!st) st = session_new(m, &o, &r.s, err);
    if (!st) st = encode_queries(&r, err);
    if (!st) st = score_corpus(&r, err);
    if (!st) st = judge(&r, ndcg, err);
    drop(&r);
    return st;
}
