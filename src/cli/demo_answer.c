/* SPDX-License-Identifier: Apache-2.0 */
/* demo_answer.c — why does each representation answer as it does? See demo_answer.h.
 *
 * The four columns come out of one search over every document. Below them stand the best fused hit and, where the top has one,
 * the best in another language: the same words in another script are what a multilingual model is for. Matching tokens are
 * those of tri_explain; tokens that say nothing alone (the bare word mark, punctuation, specials) are left out of the picture,
 * not of the scores. */
#include "cli/demo_answer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/ways.h"
#include "formats/jsonl.h"

enum { SHOWN_MATCHES = 6, MAX_TOP = 20, MAX_MATCHES = 256 };

/* Does qrels.tsv judge this document for this question? The file is small and this is asked for a few questions. */
static tri_status judged_document(const demo_source *s, tri_text question, buf *out, tri_error *err)
{
    line_reader *reader;
    const char *line;
    size_t len;
    uint64_t number;
    tri_status st;
    buf_clear(out);
    TRI_TRY(line_reader_open(s->qrels_path, 0, &reader, err));
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
    tri_text id = ways_bare_id(key);
    return judged->len && id.len == judged->len && memcmp(id.bytes, judged->data, id.len) == 0;
}

static tri_status show_columns(const view *v, const tri_hit *const *const ranked[WAYS], const size_t n[WAYS], size_t top,
                               const buf *judged)
{
    TRI_TRY(buf_str(v->out, "     "));
    for (way w = 0; w < WAYS; w++) TRI_TRY(view_printf(v, VIEW_DIM, "%-21s", ways_name(w)));
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
                                hit->key.bytes, (double)ways_score(hit, w)));
            TRI_TRY(view_printf(v, right ? VIEW_GOOD : VIEW_DIM, " %s   ", right ? "\xe2\x97\x8f" : " "));
        }
        TRI_TRY(buf_str(v->out, "\n"));
    }
    return TRI_OK;
}

static tri_text piece_of(const demo_source *s, uint32_t id)
{
    tri_text piece = tri_token_piece(s->tokenizer, id);
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
static tri_status show_matches(const view *v, const demo_source *s, int leg, const tri_match *matches, size_t n)
{
    size_t shown = 0, width = 15;
    TRI_TRY(view_printf(v, VIEW_DIM, "       %-8s", leg == TRI_SPARSE ? "sparse" : "multi"));
    for (size_t i = 0; i < n && shown < SHOWN_MATCHES; i++) {
        const tri_match *m = &matches[i];
        tri_text from = piece_of(s, m->query_id), to = piece_of(s, m->passage_id);
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
static tri_status show_hit(const view *v, const demo_source *s, const tri_query *query, const tri_hit *hit, tri_error *err)
{
    tri_match matches[MAX_MATCHES];
    view_match marks[2 * SHOWN_MATCHES];
    size_t n = 0, n_marks = 0, per_leg[2] = {0, 0};
    TRI_TRY(tri_explain(s->index, query, hit->ordinal, matches, MAX_MATCHES, &n, err));
    if (n > MAX_MATCHES) n = MAX_MATCHES;
    for (size_t i = 0; i < n; i++) {
        size_t *count = &per_leg[matches[i].leg == TRI_MULTI];
        tri_text piece = piece_of(s, matches[i].passage_id);
        if (is_empty_piece(piece) || *count == SHOWN_MATCHES) continue;
        marks[n_marks++] = (view_match){piece, matches[i].weight};
        ++*count;
    }
    tri_status st = view_printf(v, VIEW_DIM, "     %.*s\n", (int)(hit->key.len > 64 ? 64 : hit->key.len), hit->key.bytes);
    if (st == TRI_OK) st = view_passage(v, hit->text, marks, n_marks, 2, 7);
    if (st == TRI_OK) st = show_matches(v, s, TRI_SPARSE, matches, n);
    if (st == TRI_OK) st = show_matches(v, s, TRI_MULTI, matches, n);
    return st == TRI_OK ? TRI_OK : err_set(err, st, "could not draw a hit");
}

/* The best hit, and the best of another language where the top has one: the same words in another script. */
static tri_status show_reasons(const view *v, const demo_source *s, const tri_query *query, const tri_hit *const *ranked,
                               size_t n, tri_error *err)
{
    if (n == 0) return TRI_OK;
    TRI_TRY(show_hit(v, s, query, ranked[0], err));
    const char *colon = memchr(ranked[0]->key.bytes, ':', ranked[0]->key.len);
    size_t prefix = colon ? (size_t)(colon - ranked[0]->key.bytes) + 1 : 0;
    for (size_t i = 1; prefix && i < n && i < s->top; i++) {
        tri_text key = ranked[i]->key;
        if (key.len > prefix && memcmp(key.bytes, ranked[0]->key.bytes, prefix) != 0)
            return show_hit(v, s, query, ranked[i], err);
    }
    return TRI_OK;
}

static tri_status draw_answer(const view *v, const demo_source *s, const char *label, tri_text question,
                              const tri_hit *const *const ranked[WAYS], const size_t n[WAYS], const buf *judged)
{
    TRI_TRY(view_printf(v, VIEW_TITLE, "\n %-3s ", label));
    TRI_TRY(view_text(v, VIEW_TITLE, question.bytes, question.len));
    TRI_TRY(buf_str(v->out, "\n"));
    return show_columns(v, ranked, n, s->top < MAX_TOP ? s->top : MAX_TOP, judged);
}

tri_status demo_answer_show(const view *v, const demo_source *s, const char *label, tri_text question, tri_text id,
                            const tri_query *query, tri_error *err)
{
    tri_hits *hits = NULL;
    buf judged;
    size_t n_hits = 0, n[WAYS] = {0};
    const tri_hit **ranked[WAYS] = {NULL};
    buf_init(&judged, LIMIT_PATH);
    tri_status st = ways_search(s->index, s->threads, query, 1, &hits, err);
    const tri_hit *all = st == TRI_OK ? tri_hits_get(hits, 0, &n_hits) : NULL;
    for (way w = 0; st == TRI_OK && w < WAYS; w++) {
        ranked[w] = mem_array(n_hits, sizeof **ranked);
        if (!ranked[w]) st = err_memory(err, n_hits * sizeof **ranked);
        if (st == TRI_OK) n[w] = ways_rank(all, n_hits, w, NULL, ranked[w]);
    }
    if (st == TRI_OK && id.len) st = judged_document(s, id, &judged, err);
    if (st == TRI_OK && draw_answer(v, s, label, question, (const tri_hit *const *const *)ranked, n, &judged) != TRI_OK)
        st = err_set(err, TRI_ERR_MEMORY, "could not draw an answer");
    if (st == TRI_OK) st = show_reasons(v, s, query, (const tri_hit *const *)ranked[WAY_FUSED], n[WAY_FUSED], err);
    for (way w = 0; w < WAYS; w++) mem_free(ranked[w]);
    tri_hits_free(hits);
    buf_drop(&judged);
    return st;
}
