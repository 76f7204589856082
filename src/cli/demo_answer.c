/* SPDX-License-Identifier: Apache-2.0 */
/* demo_answer.c — why does each representation answer as it does? See demo_answer.h.
 *
 * The four columns come out of one search over every document. Below them stand the best fused hit and, where the top has one,
 * the best in another language: the same words in another script are what a multilingual model is for. Matching tokens are
 * those of tri_explain; tokens that say nothing alone (the bare word mark, punctuation, specials) are left out of the picture,
 * not of the scores. */
#include "cli/demo_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/question_words.h"
#include "cli/ways.h"
#include "formats/jsonl.h"

enum { SHOWN_MATCHES = 5, MAX_TOP = 20, MAX_MATCHES = 256, COLUMN = 21 };

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
    for (way w = 0; w < WAYS; w++) TRI_TRY(view_printf(v, VIEW_DIM, "%-*s", w + 1 < WAYS ? COLUMN : 0, ways_name(w)));
    TRI_TRY(buf_str(v->out, "\n"));
    for (size_t r = 0; r < top; r++) {
        TRI_TRY(view_printf(v, VIEW_DIM, "  %zu  ", r + 1));
        for (way w = 0; w < WAYS; w++) {
            if (r >= n[w]) {
                TRI_TRY(buf_printf(v->out, "%-*s", w + 1 < WAYS ? COLUMN : 0, "-"));
                continue;
            }
            const tri_hit *hit = ranked[w][r];
            bool right = is_judged(hit->key, judged);
            TRI_TRY(view_printf(v, right ? VIEW_GOOD : VIEW_PLAIN, "%-8.*s %6.3f", (int)(hit->key.len > 8 ? 8 : hit->key.len),
                                hit->key.bytes, (double)ways_score(hit, w)));
            TRI_TRY(view_printf(v, right ? VIEW_GOOD : VIEW_DIM, "%s", right ? " \xe2\x97\x8f" : ""));
            if (w + 1 < WAYS) TRI_TRY(buf_str(v->out, right ? "    " : "      "));
        }
        TRI_TRY(buf_str(v->out, "\n"));
    }
    return TRI_OK;
}

/* ---- why a hit -------------------------------------------------------------------------------------------------------- */

/* What one word of the question found in a passage. */
typedef struct finding {
    size_t word;
    tri_text piece; /* of the passage, for multi; the word itself otherwise */
    float weight;
} finding;

static int compare_findings(const void *a, const void *b)
{
    const finding *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return (x->word > y->word) - (x->word < y->word);
}

/* Sparse: a word's weight is the sum over its tokens that the passage has. Multi: a word stands where its best row does. */
static size_t find_words(const demo_source *s, const question_words *q, int leg, const tri_match *matches, size_t n,
                         finding found[QUESTION_WORDS_MAX])
{
    size_t n_found = 0, place[QUESTION_WORDS_MAX];
    for (size_t w = 0; w < QUESTION_WORDS_MAX; w++) place[w] = QUESTION_NO_WORD;
    for (size_t i = 0; i < n; i++) {
        const tri_match *m = &matches[i];
        if (m->leg != leg) continue;
        size_t token = (size_t)m->query_row + 1; /* multi rows begin after the first token */
        size_t w = leg == TRI_SPARSE     ? question_words_find(q, m->query_id)
                   : token < q->n_tokens ? q->of_token[token]
                                         : QUESTION_NO_WORD;
        tri_text piece = leg == TRI_MULTI ? tri_token_piece(s->tokenizer, m->passage_id) : (tri_text){NULL, 0};
        if (w == QUESTION_NO_WORD || (leg == TRI_MULTI && !question_words_is_telling(piece))) continue;
        if (place[w] == QUESTION_NO_WORD) {
            place[w] = n_found;
            found[n_found++] = (finding){w, piece, m->weight};
        } else if (leg == TRI_SPARSE) {
            found[place[w]].weight += m->weight;
        } else if (m->weight > found[place[w]].weight) {
            found[place[w]] = (finding){w, piece, m->weight};
        }
    }
    qsort(found, n_found, sizeof *found, compare_findings);
    return n_found;
}

/* Is the passage's token a part of the question's word? Then saying both says nothing new. */
static bool is_within(tri_text piece, const question_word *word)
{
    if (piece.len >= 3 && memcmp(piece.bytes, "\xe2\x96\x81", 3) == 0) piece = (tri_text){piece.bytes + 3, piece.len - 3};
    return piece.len <= word->len && memmem(word->bytes, word->len, piece.bytes, piece.len) != NULL;
}

/* "sparse  Panthers 0.29   defense 0.11"; multi "Panthers = \xe9\xbb\x91\xe8\xb1\xb9 0.83" where the two differ */
static tri_status show_findings(const view *v, const question_words *q, int leg, const finding *found, size_t n)
{
    size_t width = 15, shown = 0;
    TRI_TRY(view_printf(v, VIEW_DIM, "       %-8s", leg == TRI_SPARSE ? "sparse" : "multi"));
    for (size_t i = 0; i < n && shown < SHOWN_MATCHES; i++) {
        const question_word *word = &q->words[found[i].word];
        bool both = leg == TRI_MULTI && !is_within(found[i].piece, word);
        width += view_width(word->bytes, word->len) + 8 + (both ? view_width(found[i].piece.bytes, found[i].piece.len) + 3 : 0);
        if (width > v->columns) break;
        if (shown) TRI_TRY(buf_str(v->out, "   "));
        TRI_TRY(view_piece(v, VIEW_BOLD, (tri_text){word->bytes, word->len}));
        if (both) TRI_TRY(view_text(v, VIEW_DIM, " = ", 3));
        if (both) TRI_TRY(view_piece(v, VIEW_BOLD, found[i].piece));
        TRI_TRY(view_printf(v, VIEW_DIM, " %.2f", (double)found[i].weight));
        shown++;
    }
    return buf_str(v->out, shown ? "\n" : "no word in common\n");
}

/* The passage with the matched words marked, then what each leg found. */
static tri_status show_hit(const view *v, const demo_source *s, const demo_question *question, const question_words *q,
                           const tri_hit *hit, tri_error *err)
{
    tri_match matches[MAX_MATCHES];
    finding sparse[QUESTION_WORDS_MAX], multi[QUESTION_WORDS_MAX];
    view_match marks[2 * SHOWN_MATCHES];
    size_t n = 0, n_marks = 0;
    TRI_TRY(tri_explain(s->index, &question->query, hit->ordinal, matches, MAX_MATCHES, &n, err));
    if (n > MAX_MATCHES) n = MAX_MATCHES;
    size_t n_sparse = find_words(s, q, TRI_SPARSE, matches, n, sparse),
           n_multi = find_words(s, q, TRI_MULTI, matches, n, multi);
    for (size_t i = 0; i < n_sparse && i < SHOWN_MATCHES; i++) {
        const question_word *word = &q->words[sparse[i].word];
        marks[n_marks++] = (view_match){{word->bytes, word->len}, sparse[i].weight};
    }
    /* a multi weight says how alike, not how much it matters: a hundredth of it decides only where sparse has nothing to say */
    for (size_t i = 0; i < n_multi && i < SHOWN_MATCHES; i++)
        marks[n_marks++] = (view_match){multi[i].piece, multi[i].weight / 100};
    tri_status st = view_printf(v, VIEW_DIM, "     %.*s\n", (int)(hit->key.len > 64 ? 64 : hit->key.len), hit->key.bytes);
    if (st == TRI_OK) st = view_passage(v, hit->text, marks, n_marks, 2, 7);
    if (st == TRI_OK) st = show_findings(v, q, TRI_SPARSE, sparse, n_sparse);
    if (st == TRI_OK) st = show_findings(v, q, TRI_MULTI, multi, n_multi);
    return st == TRI_OK ? TRI_OK : err_set(err, st, "could not draw a hit");
}

/* The best hit, and the best of another language where the top has one: the same words in another script. */
static tri_status show_reasons(const view *v, const demo_source *s, const demo_question *question, const tri_hit *const *ranked,
                               size_t n, tri_error *err)
{
    question_words q;
    if (n == 0) return TRI_OK;
    question_words_init(&q, s->tokenizer, question->ids, question->n_ids, question->n_before);
    TRI_TRY(show_hit(v, s, question, &q, ranked[0], err));
    const char *colon = memchr(ranked[0]->key.bytes, ':', ranked[0]->key.len);
    size_t prefix = colon ? (size_t)(colon - ranked[0]->key.bytes) + 1 : 0;
    for (size_t i = 1; prefix && i < n && i < s->top; i++) {
        tri_text key = ranked[i]->key;
        if (key.len > prefix && memcmp(key.bytes, ranked[0]->key.bytes, prefix) != 0)
            return show_hit(v, s, question, &q, ranked[i], err);
    }
    return TRI_OK;
}

static tri_status draw_answer(const view *v, const demo_source *s, const demo_question *question,
                              const tri_hit *const *const ranked[WAYS], const size_t n[WAYS], const buf *judged)
{
    TRI_TRY(view_printf(v, VIEW_TITLE, "\n %-3s ", question->label));
    TRI_TRY(view_text(v, VIEW_TITLE, question->text.bytes, question->text.len));
    TRI_TRY(buf_str(v->out, "\n"));
    return show_columns(v, ranked, n, s->top < MAX_TOP ? s->top : MAX_TOP, judged);
}

tri_status demo_answer_show(const view *v, const demo_source *s, const demo_question *question, tri_error *err)
{
    tri_hits *hits = NULL;
    buf judged;
    size_t n_hits = 0, n[WAYS] = {0};
    const tri_hit **ranked[WAYS] = {NULL};
    buf_init(&judged, LIMIT_PATH);
    tri_status st = ways_search(s->index, s->threads, &question->query, 1, &hits, err);
    const tri_hit *all = st == TRI_OK ? tri_hits_get(hits, 0, &n_hits) : NULL;
    for (way w = 0; st == TRI_OK && w < WAYS; w++) {
        ranked[w] = mem_array(n_hits, sizeof **ranked);
        if (!ranked[w]) st = err_memory(err, n_hits * sizeof **ranked);
        if (st == TRI_OK) n[w] = ways_rank(all, n_hits, w, NULL, ranked[w]);
    }
    if (st == TRI_OK && question->id.len) st = judged_document(s, question->id, &judged, err);
    if (st == TRI_OK && draw_answer(v, s, question, (const tri_hit *const *const *)ranked, n, &judged) != TRI_OK)
        st = err_set(err, TRI_ERR_MEMORY, "could not draw an answer");
    if (st == TRI_OK) st = show_reasons(v, s, question, (const tri_hit *const *)ranked[WAY_FUSED], n[WAY_FUSED], err);
    for (way w = 0; w < WAYS; w++) mem_free(ranked[w]);
    tri_hits_free(hits);
    buf_drop(&judged);
    return st;
}
