/* SPDX-License-Identifier: Apache-2.0 */
/* trec_file.c — what do the lines of a judgment file or a run file say?
 *
 * The reader follows trec_eval 9.0.8 where that is strict and is stricter where it is silent: trec_eval reads "1e5x" as 100000
 * and "abc" as 0, takes NaN, whose place in a sort is undefined; here each of them is an error that names the line. The rank
 * column is read past: order is by score alone. Scores are kept in double and must fit a float32, because evaluation and this
 * writer round to that.
 *
 * Does not do: comment lines (trec_eval 10's '#'; an id may begin with '#'), gzip, BEIR's dropping of hits whose id is the
 * query's. */
#include "eval/trec_file.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"

enum {
    LINE_MAX_BYTES = 1 << 20, /* three ids and two numbers; the longest real id is a URL */
    FIELDS_MAX = 7,           /* one more than any form has, to see that there are too many */
    BEIR_FIELDS = 3,
};
#define GRADE_MAX 1e9 /* fits int32_t; real grades stay under 10 */

typedef struct columns {
    const char *what, *shape;
    int n, query, doc, value;
} columns;

static const columns trec_columns[] = {
    [TREC_QRELS] = {"judgments", "query 0 document grade", 4, 0, 2, 3},
    [TREC_RUN] = {"run", "query Q0 document rank score tag", 6, 0, 2, 4},
};
static const columns beir_columns[] = {
    [TREC_QRELS] = {"judgments", "query-id, corpus-id, score", BEIR_FIELDS, 0, 1, 2},
    [TREC_RUN] = {"run", "query-id, corpus-id, score", BEIR_FIELDS, 0, 1, 2},
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Fields found, at most FIELDS_MAX. */
static int split_spaces(const char *line, size_t len, tri_text out[FIELDS_MAX])
{
    int n = 0;
    for (size_t i = 0; n < FIELDS_MAX;) {
        while (i < len && is_space(line[i])) i++;
        if (i == len) break;
        size_t start = i;
        while (i < len && !is_space(line[i])) i++;
        out[n++] = (tri_text){line + start, i - start};
    }
    return n;
}

static int split_tabs(const char *line, size_t len, tri_text out[FIELDS_MAX])
{
    int n = 0;
    for (size_t i = 0; n < FIELDS_MAX;) {
        const char *tab = memchr(line + i, '\t', len - i);
        size_t end = tab ? (size_t)(tab - line) : len;
        out[n++] = (tri_text){line + i, end - i};
        if (!tab) break;
        i = end + 1;
    }
    return n;
}

static bool text_is(tri_text t, const char *word)
{
    return t.len == strlen(word) && !memcmp(t.bytes, word, t.len);
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_space(line[i])) return false;
    return true;
}

static bool is_beir_header(const char *line, size_t len)
{
    tri_text f[FIELDS_MAX];
    return split_tabs(line, len, f) == BEIR_FIELDS && text_is(f[0], "query-id") && text_is(f[1], "corpus-id") &&
           text_is(f[2], "score");
}

static tri_status wrong_columns(trec_kind kind, const columns *c, int found, tri_error *err)
{
    tri_status st = err_set(err, TRI_ERR_FORMAT, "%s%d columns, expected %d (%s)", found == FIELDS_MAX ? "at least " : "",
                            found, c->n, c->shape);
    if (c == &beir_columns[kind]) return st;
    if (found == trec_columns[!kind].n)
        return err_hint(err, st, "it has the columns of %s", kind == TREC_RUN ? "judgments" : "a run");
    if (found == BEIR_FIELDS)
        return err_hint(err, st, "a BEIR file begins with the line query-id, corpus-id, score, separated by tabs");
    return st;
}

static tri_status parse_value(trec_kind kind, tri_text text, double *out, tri_error *err)
{
    int shown = text.len < 40 ? (int)text.len : 40;
    bool number = number_parse_f64(text.bytes, text.len, out);
    if (kind == TREC_QRELS) {
        if (number && *out == floor(*out) && fabs(*out) <= GRADE_MAX) return TRI_OK;
        return err_set(err, TRI_ERR_FORMAT, "grade \"%.*s\" is not a whole number", shown, text.bytes);
    }
    if (number && fabs(*out) <= FLT_MAX) return TRI_OK;
    return err_set(err, TRI_ERR_FORMAT, "score \"%.*s\" is not a finite float32 number", shown, text.bytes);
}

static tri_status add_line(trec_table *t, trec_kind kind, bool beir, const char *line, size_t len, uint64_t number,
                           tri_error *err)
{
    tri_text f[FIELDS_MAX];
    double value;
    const columns *c = beir ? &beir_columns[kind] : &trec_columns[kind];
    int n = beir ? split_tabs(line, len, f) : split_spaces(line, len, f);
    if (n != c->n) return wrong_columns(kind, c, n, err);
    if (memchr(line, 0, len)) return err_set(err, TRI_ERR_FORMAT, "a NUL byte");
    if (!f[c->query].len || !f[c->doc].len) return err_set(err, TRI_ERR_FORMAT, "an empty id");
    TRI_TRY(parse_value(kind, f[c->value], &value, err));
    return trec_table_add(t, f[c->query], f[c->doc], value, number, err);
}

static tri_status read_lines(line_reader *r, const char *path, trec_kind kind, trec_table *t, tri_error *err)
{
    bool first = true, beir = false;
    for (;;) {
        const char *line;
        size_t len;
        uint64_t number;
        TRI_TRY(line_reader_next(r, &line, &len, &number, err));
        if (!line) return TRI_OK;
        if (is_blank(line, len)) continue;
        if (first) {
            first = false;
            beir = is_beir_header(line, len);
            if (beir) continue;
        }
        tri_status st = add_line(t, kind, beir, line, len, number, err);
        if (st) {
            return err_prefix(err, st, "could not read %s %s line %llu: ", trec_columns[kind].what, path,
                              (unsigned long long)number);
        }
    }
}

tri_status trec_file_read(line_reader *r, const char *path, trec_kind kind, trec_table *t, tri_error *err)
{
    const char *what = trec_columns[kind].what;
    TRI_TRY(read_lines(r, path, kind, t, err));
    if (!t->n_rows) return err_set(err, TRI_ERR_FORMAT, "could not read %s %s: no lines in it", what, path);
    tri_status st = trec_table_finish(t, err);
    return st ? err_prefix(err, st, "could not read %s %s: ", what, path) : TRI_OK;
}

tri_status trec_file_load(const char *path, trec_kind kind, trec_table *t, tri_error *err)
{
    line_reader *r;
    TRI_TRY(line_reader_open(path, LINE_MAX_BYTES, &r, err));
    tri_status st = trec_file_read(r, path, kind, t, err);
    line_reader_close(r);
    return st;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

typedef struct placed {
    float score;
    uint32_t row; /* within the query; ascends with the id */
} placed;

static int by_score_then_id(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static tri_status check_word(const char *word, const char *what, tri_error *err)
{
    bool spaced = !*word;
    for (const char *p = word; *p; p++) spaced = spaced || is_space(*p);
    if (!spaced) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "%s \"%s\" is empty or holds white space, which TREC form cannot carry", what,
                   word);
}

static tri_status write_query(out_file *f, const trec_table *t, const trec_query *q, const char *tag, placed *order, buf *line,
                              tri_error *err)
{
    const trec_row *rows = t->rows + q->first;
    TRI_TRY(check_word(q->id, "query id", err));
    for (size_t i = 0; i < q->n; i++) order[i] = (placed){(float)rows[i].value, (uint32_t)i};
    qsort(order, q->n, sizeof *order, by_score_then_id);
    for (size_t i = 0; i < q->n; i++) {
        char score[32];
        const char *doc = rows[order[i].row].doc;
        TRI_TRY(check_word(doc, "document id", err));
        number_format_f32(score, sizeof score, order[i].score);
        buf_clear(line);
        if (buf_printf(line, "%s Q0 %s %zu %s %s\n", q->id, doc, i + 1, score, tag) != TRI_OK)
            return err_memory(err, line->len);
        TRI_TRY(out_file_write(f, line->data, line->len, err));
    }
    return TRI_OK;
}

static tri_status write_queries(out_file *f, const trec_table *t, const char *tag, tri_error *err)
{
    size_t longest = 0;
    for (size_t i = 0; i < t->n_queries; i++) longest = t->queries[i].n > longest ? t->queries[i].n : longest;
    placed *order = mem_array(longest, sizeof *order);
    if (!order) return err_memory(err, longest * sizeof *order);
    buf line;
    buf_init(&line, 0);
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < t->n_queries; i++) st = write_query(f, t, &t->queries[i], tag, order, &line, err);
    buf_drop(&line);
    mem_free(order);
    return st;
}

tri_status trec_file_save(const trec_table *t, const char *path, const char *tag, tri_error *err)
{
    out_file *f;
    TRI_TRY(check_word(tag, "tag", err));
    TRI_TRY(out_file_open(path, &f, err));
    tri_status st = write_queries(f, t, tag, err);
    if (st) {
        out_file_discard(f);
        return st;
    }
    return out_file_commit(f, err);
}
