/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check_records.c — one pass over the file. Memory: its queries, and the documents of one query. Where the pairs of
 * a query lie apart, a second pass keeps eight bytes a pair: the hash of query and document, so two pairs are taken for one
 * with a chance of 1e-4 in a file of 70 million. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/sort.h"
#include "lab/submission_check_int.h"
#include "lab/submission_number.h"
#include "lab/submission_text.h"

static int shown(tri_text t)
{
    return (int)(t.len < 60 ? t.len : 60);
}

void judge_find(judge *j, judged_item item, uint64_t line, const char *fmt, ...)
{
    finding *f = &j->findings[item];
    va_list list;
    if (f->n++) return;
    int n = line ? snprintf(f->first, sizeof f->first, "line %llu: ", (unsigned long long)line) : 0;
    va_start(list, fmt);
    vsnprintf(f->first + n, sizeof f->first - (size_t)n, fmt, list);
    va_end(list);
}

/* ---- queries -------------------------------------------------------------------------------------------------------- */

bool judge_expected(const judge *j, tri_text query, uint32_t *place)
{
    if (!j->queries) return known_ids_find(&j->sample->queries, query, place);
    return j->by_text ? known_ids_find_text(j->queries, query, place) : known_ids_find(j->queries, query, place);
}

static tri_status enter_query(judge *j, const submission_entry *e, bool *added, tri_error *err)
{
    uint32_t place;
    TRI_TRY(known_ids_add(&j->found, e->query, (tri_text){NULL, 0}, &place, added, err));
    if (place >= j->cap) {
        size_t cap = j->cap ? 2 * j->cap : 256;
        query_state *states = mem_realloc(j->states, cap * sizeof *states);
        if (!states) return err_memory(err, cap * sizeof *states);
        j->states = states;
        j->cap = cap;
    }
    if (*added) j->states[place] = (query_state){.line = e->line, .last_score = (double)NAN};
    if (*added || place != j->current) {
        strmap_drop(&j->docs);
        if (!*added && j->f->list == LIST_NONE) j->scattered = true;
    }
    j->current = place;
    if (e->query_number != j->sample->format.query_number && j->f->kind != SUBMISSION_TABLE && !j->f->keyed)
        judge_find(j, JUDGED_QUERIES, e->line, "the query \"%.*s\" is %s, the sample's are %s", shown(e->query), e->query.bytes,
                   e->query_number ? "a number" : "text", e->query_number ? "text" : "numbers");
    return TRI_OK;
}

/* A number that counts the records, where the sample's does. */
static void judge_row(judge *j, const submission_entry *e)
{
    submission_number n;
    double due = (double)j->sample->format.row_base + (double)j->n_records - 1;
    if (!j->sample->format.rows_count || !e->row.bytes) return;
    if (submission_number_parse(e->row, &n) && n.whole && n.value == due) return;
    judge_find(j, JUDGED_IDS, e->line, "the row is numbered \"%.*s\" where %.0f is due", shown(e->row), e->row.bytes, due);
}

static tri_status on_query(void *ctx, const submission_entry *e, tri_error *err)
{
    judge *j = ctx;
    bool added;
    j->n_records++;
    judge_row(j, e);
    TRI_TRY(enter_query(j, e, &added, err));
    query_state *q = &j->states[j->current];
    if (!added)
        judge_find(j, JUDGED_QUERIES, e->line, "the query \"%.*s\" was there before, on line %llu", shown(e->query),
                   e->query.bytes, (unsigned long long)q->line);
    if (!added) *q = (query_state){.line = q->line, .last_score = (double)NAN};
    strmap_drop(&j->docs);
    return TRI_OK;
}

/* ---- pairs ---------------------------------------------------------------------------------------------------------- */

/* Without a corpus an id can only be held against the sample's: digits, as many of them, no blanks around it. */
static void judge_form_of_id(judge *j, const submission_entry *e)
{
    const submission_format *s = &j->sample->format;
    if (!s->doc_padded && submission_trim(e->doc).len != e->doc.len)
        judge_find(j, JUDGED_IDS, e->line, "the document \"%.*s\" has blanks around it", shown(e->doc), e->doc.bytes);
    else if (s->doc_integer && !submission_is_digits(e->doc))
        judge_find(j, JUDGED_IDS, e->line, "the document \"%.*s\" is no whole number, the sample's are", shown(e->doc),
                   e->doc.bytes);
    else if (s->doc_width && e->doc.len != s->doc_width)
        judge_find(j, JUDGED_IDS, e->line, "the document \"%.*s\" has %zu digits, the sample's have %zu, zeros first",
                   shown(e->doc), e->doc.bytes, e->doc.len, s->doc_width);
}

static void judge_id(judge *j, const submission_entry *e)
{
    const submission_format *s = &j->sample->format;
    uint32_t place;
    if (!e->doc.len)
        judge_find(j, JUDGED_IDS, e->line, "an empty document id");
    else if (j->f->kind != SUBMISSION_TABLE && s->n_entries && e->doc_number != s->doc_number && j->f->list != LIST_SPLIT)
        judge_find(j, JUDGED_IDS, e->line, "the document \"%.*s\" is %s, the sample's are %s", shown(e->doc), e->doc.bytes,
                   e->doc_number ? "a number" : "text", e->doc_number ? "text" : "numbers");
    else if (j->corpus && !known_ids_find(j->corpus, e->doc, &place))
        judge_find(j, JUDGED_IDS, e->line, "the document \"%.*s\" is not in the corpus", shown(e->doc), e->doc.bytes);
    else if (!j->corpus)
        judge_form_of_id(j, e);
}

static tri_status judge_double(judge *j, const submission_entry *e, tri_error *err)
{
    bool found = false;
    if (strmap_put(&j->docs, e->doc.len ? e->doc.bytes : "", e->doc.len, 0, NULL, &found)) return err_memory(err, e->doc.len);
    if (found)
        judge_find(j, JUDGED_DUPLICATES, e->line, "the document \"%.*s\" twice for the query \"%.*s\"", shown(e->doc),
                   e->doc.bytes, shown(e->query), e->query.bytes);
    return TRI_OK;
}

static void judge_order(judge *j, const submission_entry *e, double score, query_state *q)
{
    bool lower = j->sample->format.lower_is_better;
    if (lower ? score < q->last_score : score > q->last_score)
        judge_find(j, JUDGED_ORDER, e->line, "the score %.*s of \"%.*s\" %s after %g, in the query \"%.*s\"", shown(e->score),
                   e->score.bytes, shown(e->doc), e->doc.bytes, lower ? "falls" : "rises", q->last_score, shown(e->query),
                   e->query.bytes);
    q->last_score = score;
}

static void judge_score(judge *j, const submission_entry *e, query_state *q)
{
    const submission_format *s = &j->sample->format;
    submission_number n;
    if (!submission_number_parse(e->score, &n))
        judge_find(j, JUDGED_SCORES, e->line, e->score.len ? "the score \"%.*s\" is no number" : "the score is empty%.*s",
                   shown(e->score), e->score.bytes);
    else if (!isfinite(n.value))
        judge_find(j, JUDGED_SCORES, e->line, "the score %.*s is not finite", shown(e->score), e->score.bytes);
    else if (n.value < s->score_min || n.value > s->score_max)
        judge_find(j, JUDGED_SCORES, e->line, "the score %.*s is outside %g to %g, where the sample's lie", shown(e->score),
                   e->score.bytes, s->score_min, s->score_max);
    else if (n.percent != s->score_percent && s->score_varies)
        judge_find(j, JUDGED_SCORES, e->line, "the score %.*s is written %s", shown(e->score), e->score.bytes,
                   n.percent ? "with %, the sample's are not" : "without the % of the sample's");
    else if (n.comma != s->decimal_comma && !n.whole)
        judge_find(j, JUDGED_SCORES, e->line, "the score %.*s has a decimal %s, the sample's a %s", shown(e->score),
                   e->score.bytes, n.comma ? "comma" : "point", n.comma ? "point" : "comma");
    else if (e->score_string != s->score_string && j->f->kind != SUBMISSION_TABLE && s->n_entries)
        judge_find(j, JUDGED_SCORES, e->line, "the score %.*s is %s, the sample's are %s", shown(e->score), e->score.bytes,
                   e->score_string ? "text" : "a number", e->score_string ? "numbers" : "text");
    if (!submission_number_parse(e->score, &n) || !isfinite(n.value)) return;
    if (!j->n_entries || n.value < j->least) j->least = n.value;
    if (!j->n_entries || n.value > j->most) j->most = n.value;
    judge_order(j, e, n.value, q);
}

static void judge_rank(judge *j, const submission_entry *e, query_state *q)
{
    submission_number n;
    double expected = q->ranked ? (double)q->last_rank + 1 : j->sample->format.rank_base;
    bool whole = submission_number_parse(e->rank, &n) && n.whole && n.value >= 0 && n.value < UINT32_MAX;
    if (!whole || n.value != expected)
        judge_find(j, JUDGED_ORDER, e->line, "rank %.*s where %.0f is due, in the query \"%.*s\"", shown(e->rank),
                   e->rank.bytes, expected, shown(e->query), e->query.bytes);
    q->ranked = true;
    q->last_rank = whole ? (uint32_t)n.value : q->last_rank + 1;
}

static tri_status on_entry(void *ctx, const submission_entry *e, tri_error *err)
{
    judge *j = ctx;
    bool added = false;
    if (j->f->list == LIST_NONE) {
        j->n_records++;
        judge_row(j, e);
        TRI_TRY(enter_query(j, e, &added, err));
    }
    query_state *q = &j->states[j->current];
    judge_id(j, e);
    TRI_TRY(judge_double(j, e, err));
    if (e->score.bytes) judge_score(j, e, q);
    if (e->rank.bytes) judge_rank(j, e, q);
    q->n++;
    j->n_entries++;
    return TRI_OK;
}

static tri_status on_fault(void *ctx, submission_fault fault, uint64_t line, const char *text, tri_error *err)
{
    (void)err;
    judge_find(ctx, fault == FAULT_OF_FORMAT ? JUDGED_FORMAT : JUDGED_COLUMNS, line, "%s", text);
    return TRI_OK;
}

tri_status judge_records(judge *j, const submission_source *file, tri_error *err)
{
    submission_sink sink = {.ctx = j, .query = on_query, .entry = on_entry, .fault = on_fault};
    return submission_read(j->f, file, &sink, err);
}

/* ---- the second pass ------------------------------------------------------------------------------------------------ */

typedef struct pair_hashes {
    uint64_t *hashes, n;
} pair_hashes;

static tri_status keep_hash(void *ctx, const submission_entry *e, tri_error *err)
{
    pair_hashes *p = ctx;
    (void)err;
    p->hashes[p->n++] = hash64_seed(e->doc.bytes, e->doc.len, hash64(e->query.bytes, e->query.len));
    return TRI_OK;
}

tri_status judge_scattered(judge *j, const submission_source *file, tri_error *err)
{
    pair_hashes p = {0};
    submission_sink sink = {.ctx = &p, .query = keep_hash, .entry = keep_hash};
    if (!j->scattered || !j->n_entries) return TRI_OK;
    p.hashes = mem_array(j->n_entries, sizeof *p.hashes);
    if (!p.hashes) return err_memory(err, j->n_entries * sizeof *p.hashes);
    tri_status st = submission_read(j->f, file, &sink, err);
    sort_u64(p.hashes, p.n);
    uint64_t n = 0;
    for (uint64_t i = 1; i < p.n; i++) n += p.hashes[i] == p.hashes[i - 1];
    mem_free(p.hashes);
    if (!st && n > j->findings[JUDGED_DUPLICATES].n) {
        bool named = j->findings[JUDGED_DUPLICATES].n > 0;
        if (!named)
            judge_find(j, JUDGED_DUPLICATES, 0, "the same document lies twice among the pairs of a query that are apart");
        j->findings[JUDGED_DUPLICATES].n = n;
    }
    return st;
}
