/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_demo.c — what do three representations give that one does not? Shown on a corpus in several languages.
 *
 *   INDEX   documents with keys LANG:ID (`en:p0042`), the same ID in every language being the same document translated
 *   DATA    a folder with queries.LANG.jsonl and one qrels.tsv that judges ID without a language (tools/demo.sh makes both)
 *
 * First some questions: the top hits of dense, sparse, multi and fused side by side, judged ones marked, with the tokens that
 * matched. Then the figures: every pair of a question's language and a document's, four ways. Each question is encoded once and
 * searched once over every document (exact); the other rankings are the same hits in the order of their own leg, and a pair's
 * ranking is those hits that are in its language. The rankings are written as run files and measured by tri_eval, so that
 * `trident eval` on the same files prints the same figures; a run holds the first 100, and sparse hits that share no token with
 * the question (score 0) are left out of the sparse run. */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "cli/demo_view.h"
#include "cli/record.h"
#include "trident/eval.h"
#include "trident/search.h"

enum { MAX_LANGUAGES = 16, LANGUAGE_CAP = 16, RUN_DEPTH = 100, SHOWN_MATCHES = 6, MAX_TOP = 20, MAX_MATCHES = 256 };

struct demo_args {
    const char *languages, *show, *ask, *runs;
    size_t questions, top;
    int color;
};

typedef enum { WAY_DENSE, WAY_SPARSE, WAY_MULTI, WAY_FUSED, WAYS } way;
static const char *const way_names[WAYS] = {"dense", "sparse", "multi", "fused"};

/* One language's questions. */
typedef struct language {
    char name[LANGUAGE_CAP];
    record_reader reader;
    bool open;
    tri_embeddings *embeddings;
} language;

typedef struct demo {
    cli *c;
    setup_model m;
    tri_index *index;
    uint64_t n_documents;
    language languages[MAX_LANGUAGES];
    size_t n_languages;
    tri_qrels *qrels;
    char qrels_path[LIMIT_PATH], runs_path[LIMIT_PATH];
    buf out;
    view view;
    double encode_seconds, search_seconds;
    size_t n_questions, n_tokens;
} demo;

/* ---- rankings --------------------------------------------------------------------------------------------------------- */

static float way_score(const tri_hit *hit, way w)
{
    const float scores[WAYS] = {hit->dense, hit->sparse, hit->multi, hit->score};
    return scores[w];
}

static bool hit_ranks(const tri_hit *hit, way w)
{
    float score = way_score(hit, w);
    return !isnan(score) && (w != WAY_SPARSE || score > 0);
}

static int compare_hits(const void *a, const void *b, void *ctx)
{
    const tri_hit *x = *(const tri_hit *const *)a, *y = *(const tri_hit *const *)b;
    float sx = way_score(x, *(const way *)ctx), sy = way_score(y, *(const way *)ctx);
    if (sx != sy) return sx < sy ? 1 : -1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* "en:p0042" is in "en" */
static bool in_language(tri_text key, const char *name)
{
    size_t len = strlen(name);
    return key.len > len && key.bytes[len] == ':' && memcmp(key.bytes, name, len) == 0;
}

static tri_text key_without_language(tri_text key)
{
    const char *colon = memchr(key.bytes, ':', key.len);
    return colon ? (tri_text){colon + 1, key.len - (size_t)(colon + 1 - key.bytes)} : key;
}

/* The hits in this way's order; `name` NULL keeps every language. out: room for n. */
static size_t rank_hits(const tri_hit *hits, size_t n, way w, const char *name, const tri_hit **out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (hit_ranks(&hits[i], w) && (!name || in_language(hits[i].key, name))) out[kept++] = &hits[i];
    qsort_r(out, kept, sizeof *out, compare_hits, &w);
    return kept;
}

static tri_query query_at(const tri_embeddings *e, size_t i)
{
    return (tri_query){tri_embeddings_dense(e, i), tri_embeddings_sparse(e, i), tri_embeddings_multi(e, i)};
}

static tri_status search_all(demo *d, const tri_query *queries, size_t n, tri_hits **out, tri_error *err)
{
    tri_search_options options;
    tri_search_options_init(&options);
    options.k = d->n_documents ? (size_t)d->n_documents : 1; /* every document: all rankings come out of one search */
    options.threads = (int)d->c->shared.threads;
    return tri_search(d->index, &options, queries, n, out, err);
}

/* ---- one question, side by side --------------------------------------------------------------------------------------------
 */

/* Does qrels.tsv judge this document for this question? The file is small and this is asked for a few questions. */
static tri_status judged_document(const demo *d, tri_text question, buf *out, tri_error *err)
{
    line_reader *reader;
    const char *line;
    size_t len;
    uint64_t number;
    tri_status st;
    buf_clear(out);
    TRI_TRY(line_reader_open(d->qrels_path, 0, &reader, err));
    while ((st = line_reader_next(reader, &line, &len, &number, err)) == TRI_OK && line) {
        if (len <= question.len || line[question.len] != '\t' || memcmp(line, question.bytes, question.len) != 0) continue;
        const char *from = line + question.len + 1, *tab = memchr(from, '\t', len - question.len - 1);
        if (tab) st = buf_append(out, from, (size_t)(tab - from));
        break;
    }
    line_reader_close(reader);
    return st;
}

static bool is_judged(tri_text key, const buf *judged)
{
    tri_text id = key_without_language(key);
    return judged->len && id.len == judged->len && memcmp(id.bytes, judged->data, id.len) == 0;
}

static tri_status show_columns(const demo *d, const tri_hit *const *ranked[WAYS], const size_t n[WAYS], size_t top,
                               const buf *judged)
{
    const view *v = &d->view;
    TRI_TRY(buf_str(d->view.out, "     "));
    for (way w = 0; w < WAYS; w++) TRI_TRY(view_printf(v, VIEW_DIM, "%-21s", way_names[w]));
    TRI_TRY(buf_str(v->out, "\n"));
    for (size_t r = 0; r < top; r++) {
        TRI_TRY(view_printf(v, VIEW_DIM, "  %zu  ", r + 1));
        for (way w = 0; w < WAYS; w++) {
            if (r >= n[w]) {
                TRI_TRY(buf_printf(v->out, "%-21s", "-"));
                continue;
            }
            const tri_hit *hit = ranked[w][r];
            bool right = is_judged(hit->key, judged);
            TRI_TRY(view_printf(v, right ? VIEW_GOOD : VIEW_PLAIN, "%-8.*s %6.3f", (int)(hit->key.len > 8 ? 8 : hit->key.len),
                                hit->key.bytes, (double)way_score(hit, w)));
            TRI_TRY(view_printf(v, right ? VIEW_GOOD : VIEW_DIM, " %s   ", right ? "\xe2\x97\x8f" : " "));
        }
        TRI_TRY(buf_str(v->out, "\n"));
    }
    return TRI_OK;
}

static tri_text piece_of(const demo *d, uint32_t id)
{
    tri_text piece = tri_token_piece(tri_model_tokenizer(d->m.model), id);
    return piece.bytes ? piece : (tri_text){"?", 1};
}

/* A token that says nothing by itself: the bare word mark, one punctuation character. */
static bool is_empty_piece(tri_text piece)
{
    bool word_mark = piece.len == 3 && memcmp(piece.bytes, "\xe2\x96\x81", 3) == 0;
    bool special = piece.len > 2 && piece.bytes[0] == '<' && piece.bytes[piece.len - 1] == '>';
    bool ascii = piece.len == 1 && !((piece.bytes[0] | 32) >= 'a' && (piece.bytes[0] | 32) <= 'z') &&
                 !(piece.bytes[0] >= '0' && piece.bytes[0] <= '9');
    return word_mark || special || ascii;
}

/* "sparse  Panthers 0.21  308 0.17"; for multi "Panthers = 黑豹 0.83" where the two differ */
static tri_status show_matches(const demo *d, int leg, const tri_match *matches, size_t n)
{
    const view *v = &d->view;
    size_t shown = 0, width = 15;
    TRI_TRY(view_printf(v, VIEW_DIM, "       %-8s", leg == TRI_SPARSE ? "sparse" : "multi"));
    for (size_t i = 0; i < n && shown < SHOWN_MATCHES; i++) {
        const tri_match *m = &matches[i];
        tri_text from = piece_of(d, m->query_id), to = piece_of(d, m->passage_id);
        size_t more = view_width(from.bytes, from.len) + view_width(to.bytes, to.len) + 10;
        if (m->leg != leg || is_empty_piece(from) || is_empty_piece(to) || width + more > v->columns) continue;
        TRI_TRY(view_piece(v, VIEW_BOLD, from));
        if (leg == TRI_MULTI && m->query_id != m->passage_id) {
            TRI_TRY(view_text(v, VIEW_DIM, " = ", 3));
            TRI_TRY(view_piece(v, VIEW_BOLD, to));
        }
        TRI_TRY(view_printf(v, VIEW_DIM, " %.2f   ", (double)m->weight));
        width += more;
        shown++;
    }
    return buf_str(v->out, shown ? "\n" : "no token\n");
}

/* Why this hit: the passage with the matched words marked, then the tokens of both legs. */
static tri_status show_hit(const demo *d, const tri_query *query, const tri_hit *hit, tri_error *err)
{
    tri_match matches[MAX_MATCHES];
    view_match marks[2 * SHOWN_MATCHES];
    size_t n = 0, n_marks = 0, per_leg[2] = {0, 0};
    TRI_TRY(tri_explain(d->index, query, hit->ordinal, matches, MAX_MATCHES, &n, err));
    if (n > MAX_MATCHES) n = MAX_MATCHES;
    for (size_t i = 0; i < n; i++) {
        size_t *count = &per_leg[matches[i].leg == TRI_MULTI];
        tri_text piece = piece_of(d, matches[i].passage_id);
        if (is_empty_piece(piece) || *count == SHOWN_MATCHES) continue;
        marks[n_marks++] = (view_match){piece, matches[i].weight};
        ++*count;
    }
    tri_status st =
        view_printf(&d->view, VIEW_DIM, "     %.*s\n", (int)(hit->key.len > 64 ? 64 : hit->key.len), hit->key.bytes);
    if (st == TRI_OK) st = view_passage(&d->view, hit->text, marks, n_marks, 2, 7);
    if (st == TRI_OK) st = show_matches(d, TRI_SPARSE, matches, n);
    if (st == TRI_OK) st = show_matches(d, TRI_MULTI, matches, n);
    return st == TRI_OK ? TRI_OK : err_set(err, st, "could not draw a hit");
}

/* The best hit, and the best of another language where the top has one: the same words in another script. */
static tri_status show_reasons(const demo *d, const tri_query *query, const tri_hit *const *ranked, size_t n, size_t top,
                               tri_error *err)
{
    if (n == 0) return TRI_OK;
    TRI_TRY(show_hit(d, query, ranked[0], err));
    const char *colon = memchr(ranked[0]->key.bytes, ':', ranked[0]->key.len);
    size_t prefix = colon ? (size_t)(colon - ranked[0]->key.bytes) + 1 : 0;
    for (size_t i = 1; prefix && i < n && i < top; i++) {
        tri_text key = ranked[i]->key;
        if (key.len > prefix && memcmp(key.bytes, ranked[0]->key.bytes, prefix) != 0) return show_hit(d, query, ranked[i], err);
    }
    return TRI_OK;
}

static tri_status show_answer(demo *d, const char *name, tri_text question, tri_text id, const tri_query *query, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    tri_hits *hits = NULL;
    buf judged;
    buf_init(&judged, LIMIT_PATH);
    size_t n_hits = 0, n[WAYS] = {0}, top = args->top < MAX_TOP ? args->top : MAX_TOP;
    const tri_hit **ranked[WAYS] = {NULL};
    tri_status st = search_all(d, query, 1, &hits, err);
    const tri_hit *all = st == TRI_OK ? tri_hits_get(hits, 0, &n_hits) : NULL;
    for (way w = 0; st == TRI_OK && w < WAYS; w++) {
        ranked[w] = mem_array(n_hits, sizeof **ranked);
        if (!ranked[w]) st = err_memory(err, n_hits * sizeof **ranked);
        if (st == TRI_OK) n[w] = rank_hits(all, n_hits, w, NULL, ranked[w]);
    }
    if (st == TRI_OK && id.len) st = judged_document(d, id, &judged, err);
    if (st == TRI_OK) {
        tri_status drawn = view_printf(&d->view, VIEW_TITLE, "\n %-3s ", name);
        if (drawn == TRI_OK) drawn = view_text(&d->view, VIEW_TITLE, question.bytes, question.len);
        if (drawn == TRI_OK) drawn = buf_str(d->view.out, "\n");
        if (drawn == TRI_OK) drawn = show_columns(d, (const tri_hit *const **)ranked, n, top, &judged);
        if (drawn != TRI_OK) st = err_set(err, drawn, "could not draw an answer");
    }
    if (st == TRI_OK) st = show_reasons(d, query, (const tri_hit *const *)ranked[WAY_FUSED], n[WAY_FUSED], top, err);
    for (way w = 0; w < WAYS; w++) mem_free(ranked[w]);
    tri_hits_free(hits);
    buf_drop(&judged);
    return st;
}

/* ---- the questions ------------------------------------------------------------------------------------------------------- */

static tri_status embed_questions(demo *d, const tri_input *inputs, size_t n, tri_embeddings **out, tri_error *err)
{
    tri_embed_options options;
    tri_embed_options_init(&options);
    options.role = TRI_ROLE_QUERY;
    options.on_long = d->c->shared.on_long;
    double begin = progress_seconds(&d->c->bar);
    TRI_TRY(tri_embed(d->m.session, &options, inputs, n, out, err));
    d->encode_seconds += progress_seconds(&d->c->bar) - begin;
    d->n_questions += n;
    for (size_t i = 0; i < n; i++) d->n_tokens += tri_embeddings_tokens(*out, i);
    return cli_check_stop(err);
}

static tri_status open_language(demo *d, const char *name, size_t len, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    if (d->n_languages == MAX_LANGUAGES || len == 0 || len >= LANGUAGE_CAP)
        return cli_usage(d->c, err, "--languages takes up to %d names such as zh,en,ar, got \"%s\"", MAX_LANGUAGES,
                         args->languages);
    language *l = &d->languages[d->n_languages];
    char file[LANGUAGE_CAP + 32], path[LIMIT_PATH];
    memcpy(l->name, name, len);
    snprintf(file, sizeof file, "queries.%s.jsonl", l->name);
    if (file_join(path, sizeof path, d->c->args[2], file) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path too long: %s", d->c->args[2]);
    TRI_TRY(record_reader_open(&l->reader, path, &d->c->shared, 0, err));
    l->open = true;
    d->n_languages++;
    TRI_TRY(record_reader_fill(&l->reader, args->questions, SIZE_MAX, err));
    if (l->reader.n == 0) return err_set(err, TRI_ERR_FORMAT, "%s has no questions", path);
    tri_input *inputs = mem_array(l->reader.n, sizeof *inputs);
    if (!inputs) return err_memory(err, l->reader.n * sizeof *inputs);
    for (size_t i = 0; i < l->reader.n; i++) inputs[i] = l->reader.records[i].input;
    tri_status st = embed_questions(d, inputs, l->reader.n, &l->embeddings, err);
    mem_free(inputs);
    return st;
}

static tri_status open_languages(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    for (const char *p = args->languages; *p;) {
        size_t len = strcspn(p, ",");
        TRI_TRY(open_language(d, p, len, err));
        p += len + (p[len] == ',');
    }
    return d->n_languages ? TRI_OK : cli_usage(d->c, err, "--languages is empty");
}

/* --show en:ID,zh:ID; a name that is not among the questions read is an error. */
static tri_status show_questions(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    for (const char *p = args->show; p && *p;) {
        size_t len = strcspn(p, ",");
        tri_text wanted = {p, len};
        bool found = false;
        for (size_t i = 0; i < d->n_languages && !found; i++) {
            language *l = &d->languages[i];
            tri_text id = key_without_language(wanted);
            for (size_t q = 0; in_language(wanted, l->name) && q < l->reader.n && !found; q++) {
                const record *r = &l->reader.records[q];
                if (r->key.len != id.len || memcmp(r->key.bytes, id.bytes, id.len) != 0) continue;
                tri_query query = query_at(l->embeddings, q);
                TRI_TRY(show_answer(d, l->name, r->input.text, r->key, &query, err));
                found = true;
            }
        }
        if (!found)
            return err_set(err, TRI_ERR_NOT_FOUND, "--show: no question \"%.*s\" among the first %zu", (int)len, p,
                           args->questions);
        p += len + (p[len] == ',');
    }
    return TRI_OK;
}

static tri_status ask(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    tri_input input = {.text = {args->ask, strlen(args->ask)}};
    tri_embeddings *e;
    TRI_TRY(embed_questions(d, &input, 1, &e, err));
    tri_query query = query_at(e, 0);
    tri_status st = show_answer(d, "?", input.text, (tri_text){NULL, 0}, &query, err);
    tri_embeddings_free(e);
    return st;
}

/* ---- the figures ----------------------------------------------------------------------------------------------------------
 */

static const char *const metrics[] = {"ndcg@10", "recall@100", "mrr"};
enum { METRICS = 3 };
static const char *const metric_titles[METRICS] = {"nDCG@10", "Recall@100", "MRR"};

static tri_status write_ranking(out_file *file, tri_text question, const tri_hit *const *ranked, size_t n, way w,
                                tri_error *err)
{
    buf line;
    buf_init(&line, 0);
    tri_status st = TRI_OK;
    for (size_t i = 0; st == TRI_OK && i < n && i < RUN_DEPTH; i++) {
        char score[32];
        tri_text id = key_without_language(ranked[i]->key);
        number_format_f32(score, sizeof score, way_score(ranked[i], w));
        st = buf_printf(&line, "%.*s Q0 %.*s %zu %s %s\n", (int)question.len, question.bytes, (int)id.len, id.bytes, i + 1,
                        score, way_names[w]);
    }
    st = st == TRI_OK ? out_file_write(file, line.data, line.len, err) : err_set(err, st, "could not write a ranking");
    buf_drop(&line);
    return st;
}

static tri_status run_path(const demo *d, const language *from, const char *to, way w, char *out, tri_error *err)
{
    char name[3 * LANGUAGE_CAP];
    snprintf(name, sizeof name, "%s-%s.%s.trec", from->name, to, way_names[w]);
    if (file_join(out, LIMIT_PATH, d->runs_path, name) == TRI_OK) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "path too long: %s", d->runs_path);
}

/* One run file: the questions of `from` against the documents of `to`, one way; then its three figures. */
static tri_status measure_run(demo *d, const language *from, const char *to, way w, const tri_hits *hits,
                              double values[METRICS], tri_error *err)
{
    char path[LIMIT_PATH];
    out_file *file;
    const tri_hit **ranked = mem_array((size_t)d->n_documents + 1, sizeof *ranked);
    if (!ranked) return err_memory(err, (size_t)d->n_documents * sizeof *ranked);
    tri_status st = run_path(d, from, to, w, path, err);
    if (st == TRI_OK && (st = out_file_open(path, &file, err)) == TRI_OK) {
        for (size_t q = 0; st == TRI_OK && q < from->reader.n; q++) {
            size_t n_hits;
            const tri_hit *all = tri_hits_get(hits, q, &n_hits);
            size_t n = rank_hits(all, n_hits, w, to, ranked);
            st = write_ranking(file, from->reader.records[q].key, (const tri_hit *const *)ranked, n, w, err);
        }
        if (st == TRI_OK)
            st = out_file_commit(file, err);
        else
            out_file_discard(file);
    }
    mem_free(ranked);
    if (st != TRI_OK) return st;

    tri_run *ranking;
    tri_report *report = NULL;
    tri_eval_options options;
    tri_eval_options_init(&options);
    options.metrics = metrics;
    options.n_metrics = METRICS;
    options.only_present = 1; /* the demonstration asks the first --questions of each language only */
    TRI_TRY(tri_run_load(path, &ranking, err));
    st = tri_eval(d->qrels, ranking, &options, &report, err);
    for (size_t i = 0; st == TRI_OK && i < METRICS; i++) values[i] = tri_report_overall(report, i);
    tri_report_free(report);
    tri_run_free(ranking);
    return st;
}

static tri_status draw_row(const demo *d, const char *from, const char *to, double values[WAYS][METRICS])
{
    const view *v = &d->view;
    TRI_TRY(view_printf(v, strcmp(from, to) == 0 ? VIEW_BOLD : VIEW_PLAIN, "  %-3s \xe2\x86\x92 %-3s ", from, to));
    for (size_t m = 0; m < METRICS; m++) {
        double best = 0;
        for (way w = 0; w < WAYS; w++) best = fmax(best, values[w][m]);
        TRI_TRY(buf_str(v->out, "  "));
        for (way w = 0; w < WAYS; w++)
            TRI_TRY(view_printf(v, values[w][m] == best ? VIEW_GOOD : VIEW_PLAIN, " %6.3f", values[w][m]));
    }
    return buf_str(v->out, "\n");
}

static tri_status draw_head(const demo *d)
{
    const view *v = &d->view;
    TRI_TRY(buf_str(v->out, "\n           "));
    for (size_t m = 0; m < METRICS; m++) TRI_TRY(view_printf(v, VIEW_TITLE, "   %-27s", metric_titles[m]));
    TRI_TRY(buf_str(v->out, "\n            "));
    for (size_t m = 0; m < METRICS; m++) {
        TRI_TRY(buf_str(v->out, "  "));
        for (way w = 0; w < WAYS; w++) TRI_TRY(view_printf(v, VIEW_DIM, " %6s", way_names[w]));
    }
    return buf_str(v->out, "\n");
}

static tri_status measure_language(demo *d, const language *from, tri_error *err)
{
    tri_hits *hits;
    tri_query *queries = mem_array(from->reader.n, sizeof *queries);
    if (!queries) return err_memory(err, from->reader.n * sizeof *queries);
    for (size_t q = 0; q < from->reader.n; q++) queries[q] = query_at(from->embeddings, q);
    double begin = progress_seconds(&d->c->bar);
    tri_status st = search_all(d, queries, from->reader.n, &hits, err);
    d->search_seconds += progress_seconds(&d->c->bar) - begin;
    mem_free(queries);
    TRI_TRY(st);
    for (size_t to = 0; st == TRI_OK && to < d->n_languages; to++) {
        double values[WAYS][METRICS] = {{0}};
        for (way w = 0; st == TRI_OK && w < WAYS; w++)
            st = measure_run(d, from, d->languages[to].name, w, hits, values[w], err);
        if (st == TRI_OK && draw_row(d, from->name, d->languages[to].name, values) != TRI_OK)
            st = err_set(err, TRI_ERR_MEMORY, "could not draw the table");
    }
    tri_hits_free(hits);
    return st;
}

static tri_status flush(demo *d, tri_error *err)
{
    progress_hide(&d->c->bar);
    TRI_TRY(cli_print(&d->out, err));
    buf_clear(&d->out);
    return cli_check_stop(err);
}

static tri_status show_figures(demo *d, tri_error *err)
{
    TRI_TRY(file_make_dirs(d->runs_path, err));
    tri_status st = draw_head(d);
    if (st != TRI_OK) return err_set(err, st, "could not draw the table");
    for (size_t i = 0; i < d->n_languages; i++) {
        TRI_TRY(measure_language(d, &d->languages[i], err));
        TRI_TRY(flush(d, err));
    }
    st = view_printf(&d->view, VIEW_DIM,
                     "\n  %zu questions encoded in %.1f s (%.0f tokens/s), %.1f s to search %llu documents exactly with each\n"
                     "  runs: %s; the same figures: trident eval %s RUN... --metrics ndcg@10,recall@100,mrr --no-complete\n",
                     d->n_questions, d->encode_seconds, (double)d->n_tokens / fmax(d->encode_seconds, 1e-9), d->search_seconds,
                     (unsigned long long)d->n_documents, d->runs_path, d->qrels_path);
    return st == TRI_OK ? flush(d, err) : err_set(err, st, "could not draw the table");
}

/* ---- the command -----------------------------------------------------------------------------------------------------------
 */

static tri_status open_all(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    tri_index_info info = {.struct_size = sizeof info};
    if (args->questions == 0) return cli_usage(d->c, err, "--questions is 1 or more");
    if (file_join(d->qrels_path, sizeof d->qrels_path, d->c->args[2], "qrels.tsv") != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path too long: %s", d->c->args[2]);
    const char *runs = args->runs ? args->runs : "demo-runs";
    if (strlen(runs) >= sizeof d->runs_path) return err_set(err, TRI_ERR_LIMIT, "path too long: %s", runs);
    memcpy(d->runs_path, runs, strlen(runs) + 1);
    TRI_TRY(setup_open(&d->c->shared, d->c->args[0], TRI_ALL, &d->m, err));
    TRI_TRY(tri_index_open(d->c->args[1], TRI_INDEX_READ, &d->index, err));
    tri_index_info_get(d->index, &info);
    d->n_documents = info.n_live;
    tri_status st = view_printf(&d->view, VIEW_BOLD, " %llu documents", (unsigned long long)info.n_live);
    if (st == TRI_OK)
        st = view_printf(&d->view, VIEW_DIM, "  %s, %s, dense %zu, multi %zu; green and \xe2\x97\x8f: the judged answer\n",
                         d->c->args[0], tri_engine_describe(d->m.engine), info.dense_dim, info.multi_dim);
    return st == TRI_OK ? TRI_OK : err_set(err, st, "could not draw the heading");
}

static tri_status show_all(demo *d, tri_error *err)
{
    const struct demo_args *args = d->c->options;
    TRI_TRY(open_all(d, err));
    if (args->ask) {
        TRI_TRY(ask(d, err));
        return flush(d, err);
    }
    TRI_TRY(tri_qrels_load(d->qrels_path, &d->qrels, err));
    TRI_TRY(open_languages(d, err));
    TRI_TRY(show_questions(d, err));
    TRI_TRY(flush(d, err));
    return show_figures(d, err);
}

static tri_status run(cli *c, tri_error *err)
{
    const struct demo_args *args = c->options;
    demo d = {.c = c};
    buf_init(&d.out, 0);
    view_init(&d.view, &d.out, args->color);
    progress_begin(&c->bar, "demo", "questions", 0, true); /* for the clock; the demonstration draws by itself */
    tri_status st = show_all(&d, err);
    for (size_t i = 0; i < MAX_LANGUAGES; i++) {
        tri_embeddings_free(d.languages[i].embeddings);
        if (d.languages[i].open) record_reader_close(&d.languages[i].reader);
    }
    tri_qrels_free(d.qrels);
    tri_index_close(d.index);
    setup_close(&d.m);
    buf_drop(&d.out);
    return st;
}

#define FIELD(name) offsetof(struct demo_args, name)
static const flag flags[] = {
    {"languages", 0, FLAG_TEXT, "LIST", "zh,en,ar", "languages of the questions and the documents", FIELD(languages)},
    {"questions", 0, FLAG_COUNT, "N", "200", "the first N questions of each language", FIELD(questions)},
    {"show", 0, FLAG_TEXT, "LIST", NULL, "questions to show side by side, LANG:ID, comma between", FIELD(show)},
    {"top", 0, FLAG_COUNT, "N", "3", "hits of a shown question", FIELD(top)},
    {"ask", 0, FLAG_TEXT, "TEXT", NULL, "answer this question instead of those of the data", FIELD(ask)},
    {"runs", 0, FLAG_TEXT, "DIR", "demo-runs", "where the run files go", FIELD(runs)},
    {"color", 0, FLAG_CHOICE, "auto|always|never", "auto", "colours; auto: when standard output is a terminal", FIELD(color)},
    FLAG_END};

const cli_command cmd_demo = {
    .name = "demo",
    .summary = "show three-way retrieval on a corpus in several languages",
    .usage = "MODEL INDEX DATA [--show LANG:ID,...]\nMODEL INDEX DATA --ask TEXT",
    .notes = "INDEX holds documents with keys LANG:ID; DATA has queries.LANG.jsonl and qrels.tsv. `make demo` prepares both.",
    .examples = {"trident demo small-m3 build/demo/index data/xquad-demo",
                 "trident demo small-m3 build/demo/index data/xquad-demo --ask \"Who won the Super Bowl?\""},
    .flags = flags,
    .options_size = sizeof(struct demo_args),
    .shared = SETUP_MACHINE | SETUP_LENGTH | SETUP_RULES,
    .min_args = 3,
    .max_args = 3,
    .run = run,
};
