/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_values.c — one pass over all records: are they alike, and what do ids, ranks and scores say of scales and
 * counts?
 *
 * Scores that all lie in 0 to 1, and are not all whole, say that scores lie there; those written with % or under a name with
 * "percent" lie in 0 to 100. Scores that rise within queries and never fall say that lower is better. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_number.h"
#include "lab/submission_text.h"

typedef struct query_count {
    uint32_t n;
    double last;
} query_count;

typedef struct value_pass {
    learner *l;
    submission_sample *sample;
    query_count *counts;
    size_t cap;
    size_t n_by_id, n_by_text, n_docs_by_id, n_docs_by_text; /* against the known */
    size_t n_query_number, n_query_text, n_doc_number, n_doc_text, n_query_integer, n_doc_integer, n_query_values, n_doc_values;
    size_t doc_width, n_other_width, n_zeros;
    size_t n_odd_ranks, n_scores, n_whole, n_percent, n_comma, n_strings, n_rising, n_falling, n_ranks, n_rows, n_rows_in_order;
    double least, most;
} value_pass;

static tri_status contradiction(value_pass *v, uint64_t line, tri_error *err, const char *text)
{
    tri_status st = err_set(err, TRI_ERR_FORMAT, "%s line %llu: %s", v->l->source->what, (unsigned long long)line, text);
    return err_hint(err, st, "the sample contradicts itself there: mend it, or ask the organiser what is meant");
}

/* what: "query"; is: "is a number, others are text". */
static tri_status odd_value(value_pass *v, uint64_t line, tri_error *err, const char *what, tri_text value, const char *is)
{
    char text[256];
    snprintf(text, sizeof text, "the %s \"%.*s\" %s", what, (int)(value.len < 60 ? value.len : 60), value.bytes, is);
    return contradiction(v, line, err, text);
}

static tri_status count_for(value_pass *v, const submission_entry *e, query_count **out, bool *added, tri_error *err)
{
    uint32_t place;
    TRI_TRY(known_ids_add(&v->sample->queries, e->query, (tri_text){NULL, 0}, &place, added, err));
    if (place >= v->cap) {
        size_t cap = v->cap ? 2 * v->cap : 256;
        query_count *counts = mem_realloc(v->counts, cap * sizeof *counts);
        if (!counts) return err_memory(err, cap * sizeof *counts);
        v->counts = counts;
        v->cap = cap;
    }
    *out = &v->counts[place];
    if (!*added) return TRI_OK;
    **out = (query_count){.last = (double)NAN};
    const known_ids *known = v->l->hints->queries;
    v->n_by_id += known && known_ids_find(known, e->query, &place);
    v->n_by_text += known && known_ids_find_text(known, e->query, &place);
    return TRI_OK;
}

static tri_status see_query(value_pass *v, const submission_entry *e, tri_error *err)
{
    v->n_query_values++;
    v->n_query_integer += submission_is_digits(e->query);
    *(e->query_number ? &v->n_query_number : &v->n_query_text) += 1;
    if (!v->l->hints->lenient && !e->query.len) return contradiction(v, e->line, err, "the query is empty");
    if (v->l->hints->lenient || !v->n_query_number || !v->n_query_text) return TRI_OK;
    return odd_value(v, e->line, err, "query", e->query,
                     e->query_number ? "is a number, others are text" : "is text, others are numbers");
}

static tri_status see_doc(value_pass *v, const submission_entry *e, tri_error *err)
{
    uint32_t place;
    const known_ids *known = v->l->hints->corpus;
    if (!e->doc.len) return TRI_OK; /* a place-holder */
    if (!v->n_doc_values++) v->doc_width = e->doc.len;
    v->n_doc_integer += submission_is_digits(e->doc);
    v->n_other_width += e->doc.len != v->doc_width;
    v->n_zeros += *e->doc.bytes == '0';
    v->l->f->doc_padded = v->l->f->doc_padded || submission_trim(e->doc).len != e->doc.len;
    v->n_docs_by_id += known && known_ids_find(known, e->doc, &place);
    v->n_docs_by_text += known && known_ids_find_text(known, e->doc, &place);
    *(e->doc_number ? &v->n_doc_number : &v->n_doc_text) += 1;
    if (v->l->hints->lenient || !v->n_doc_number || !v->n_doc_text) return TRI_OK;
    return odd_value(v, e->line, err, "document", e->doc,
                     e->doc_number ? "is a number, others are text" : "is text, others are numbers");
}

static tri_status see_score(value_pass *v, const submission_entry *e, query_count *count, tri_error *err)
{
    submission_number s;
    if (!submission_number_parse(e->score, &s)) {
        if (v->l->hints->lenient || !e->score.len) return TRI_OK; /* an empty place-holder */
        return odd_value(v, e->line, err, "score", e->score, "is no number");
    }
    if (!isfinite(s.value)) return TRI_OK;
    bool unlike_percent = v->n_scores && s.percent != (v->n_percent > 0),
         unlike_comma = v->n_scores > v->n_whole && !s.whole && s.comma != (v->n_comma > 0);
    if (!v->l->hints->lenient && (unlike_percent || unlike_comma))
        return odd_value(v, e->line, err, "score", e->score,
                         unlike_percent ? "is written with a % or without, unlike the others"
                                        : "is written with a comma or a point, unlike the others");
    if (!v->n_scores++) v->least = v->most = s.value;
    v->least = fmin(v->least, s.value);
    v->most = fmax(v->most, s.value);
    v->n_whole += s.whole;
    v->n_percent += s.percent;
    v->n_comma += s.comma;
    v->n_strings += e->score_string;
    v->n_rising += s.value > count->last;
    v->n_falling += s.value < count->last;
    count->last = s.value;
    return TRI_OK;
}

static tri_status see_rank(value_pass *v, const submission_entry *e, const query_count *count, tri_error *err)
{
    submission_number s;
    submission_format *f = v->l->f;
    bool ok = submission_number_parse(e->rank, &s) && s.whole && fabs(s.value) < 1e9;
    if (!ok && v->l->hints->lenient) return TRI_OK;
    if (!ok) return odd_value(v, e->line, err, "rank", e->rank, "is no whole number");
    if (!v->n_ranks++) f->rank_base = (int)s.value;
    if (count->n == 0 && s.value < f->rank_base) f->rank_base = (int)s.value;
    v->n_odd_ranks += s.value != (double)f->rank_base + count->n;
    return TRI_OK;
}

static tri_status see_row(value_pass *v, const submission_entry *e)
{
    submission_number s;
    if (!e->row.bytes) return TRI_OK;
    bool whole = submission_number_parse(e->row, &s) && s.whole && fabs(s.value) < 1e9;
    if (whole && !v->n_rows) v->l->f->row_base = (int)s.value;
    v->n_rows_in_order += whole && s.value == (double)v->l->f->row_base + (double)v->n_rows;
    v->n_rows++;
    return TRI_OK;
}

/* ---- the pass ------------------------------------------------------------------------------------------------------- */

static tri_status on_query(void *ctx, const submission_entry *e, tri_error *err)
{
    value_pass *v = ctx;
    query_count *count;
    bool added;
    TRI_TRY(see_query(v, e, err));
    TRI_TRY(see_row(v, e));
    TRI_TRY(count_for(v, e, &count, &added, err));
    if (added || v->l->hints->lenient) return TRI_OK;
    return odd_value(v, e->line, err, "query", e->query, "was there before");
}

static tri_status on_entry(void *ctx, const submission_entry *e, tri_error *err)
{
    value_pass *v = ctx;
    query_count *count;
    bool added;
    if (v->l->f->list == LIST_NONE) {
        TRI_TRY(see_query(v, e, err));
        TRI_TRY(see_row(v, e));
    }
    TRI_TRY(count_for(v, e, &count, &added, err));
    TRI_TRY(see_doc(v, e, err));
    if (e->score.bytes) TRI_TRY(see_score(v, e, count, err));
    if (e->rank.bytes) TRI_TRY(see_rank(v, e, count, err));
    count->n++;
    v->l->f->n_entries++;
    return TRI_OK;
}

static tri_status on_fault(void *ctx, submission_fault fault, uint64_t line, const char *text, tri_error *err)
{
    value_pass *v = ctx;
    (void)fault;
    if (v->l->hints->lenient) return TRI_OK;
    return contradiction(v, line, err, text);
}

/* ---- what it says --------------------------------------------------------------------------------------------------- */

static bool name_holds(const submission_format *f, const char *word)
{
    const submission_field *sets[] = {f->fields, f->items};
    size_t n[] = {f->n_fields, f->n_items}, len = strlen(word);
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < n[s]; i++) {
            tri_text name = sets[s][i].name;
            if (sets[s][i].role != ROLE_SCORE && sets[s][i].role != ROLE_SCORES) continue;
            for (size_t at = 0; at + len <= name.len; at++) {
                size_t k = 0;
                while (k < len && (name.bytes[at + k] | 0x20) == word[k]) k++;
                if (k == len) return true;
            }
        }
    return false;
}

/* Is lower better? A name with "dist" or scores that rise say so; under a name of what is good ("score") only when ranks agree:
 * pairs of an example stand in any order. */
static tri_status settle_order(value_pass *v)
{
    submission_format *f = v->l->f;
    bool distance = name_holds(f, "dist"), good = false, strict = !v->l->hints->lenient;
    static const char *const names[] = {"score", "sim", "prob", "rel", "conf", "logit", "cos", "weight", "\xE5\x88\x86"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) good = good || name_holds(f, names[i]);
    bool rise = v->n_falling == 0 && v->n_rising >= 3, believed = !good || submission_has(f, ROLE_RANK);
    f->lower_is_better = distance && v->n_falling == 0;
    if (rise && believed) f->lower_is_better = true;
    if (strict && f->lower_is_better && !distance)
        return submission_note(f, "the sample's scores rise within each query: lower is taken for better");
    if (strict && v->n_rising && !f->lower_is_better)
        return submission_note(f, "the sample's scores %s within a query: falling ones are asked for",
                               v->n_falling ? "rise and fall" : "rise");
    return TRI_OK;
}

static tri_status settle_scores(value_pass *v)
{
    submission_format *f = v->l->f;
    bool percent = v->n_scores && v->n_percent == v->n_scores;
    if (!v->n_scores) return TRI_OK;
    f->score_varies = v->most > v->least;
    f->score_percent = percent;
    f->decimal_comma = v->n_comma > 0 && v->n_comma + v->n_whole >= v->n_scores;
    f->score_string = f->kind != SUBMISSION_TABLE && v->n_strings == v->n_scores;
    f->score_integer = v->n_whole == v->n_scores && f->score_varies && !percent;
    bool hundred = percent || name_holds(f, "percent") || name_holds(f, "pct"), ones = v->most <= 1 && v->n_whole < v->n_scores;
    if (v->least >= 0 && ((hundred && v->most <= 100) || (!hundred && ones && f->score_varies))) {
        f->score_min = 0;
        f->score_max = hundred ? 100 : 1;
    }
    return settle_order(v);
}

static tri_status settle(value_pass *v)
{
    submission_format *f = v->l->f;
    f->n_queries = v->sample->queries.n;
    for (size_t i = 0; i < f->n_queries; i++) {
        size_t n = v->counts[i].n;
        if (!i || n < f->list_min) f->list_min = n;
        if (n > f->list_max) f->list_max = n;
    }
    if (v->n_odd_ranks && !v->l->hints->lenient)
        TRI_TRY(submission_note(f, "the sample's ranks do not count up by one within each query: ranks that do are asked for"));
    f->query_number = v->n_query_number > v->n_query_text;
    f->doc_number = v->n_doc_number > v->n_doc_text;
    f->query_integer = v->n_query_values && v->n_query_integer == v->n_query_values;
    f->doc_integer = v->n_doc_values && v->n_doc_integer == v->n_doc_values;
    if (f->doc_integer && v->n_zeros && !v->n_other_width && v->doc_width > 1) f->doc_width = v->doc_width;
    f->rows_count = v->n_rows > 1 && v->n_rows_in_order == v->n_rows;
    f->query_by_text = v->n_by_text > v->n_by_id;
    f->doc_by_text = v->n_docs_by_text > v->n_docs_by_id;
    return settle_scores(v);
}

tri_status submission_learn_values(learner *l, submission_sample *sample, tri_error *err)
{
    value_pass v = {.l = l, .sample = sample};
    submission_sink sink = {.ctx = &v, .query = on_query, .entry = on_entry, .fault = on_fault};
    tri_status st = submission_read(l->f, l->source, &sink, err);
    if (!st && settle(&v)) st = err_memory(err, l->f->notes.len);
    mem_free(v.counts);
    return st;
}
