/* SPDX-License-Identifier: Apache-2.0 */
/* submission_write_records.c — rows of a table, records of JSON, and what stands before and after them. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "formats/csv.h"
#include "lab/submission_number.h"
#include "lab/submission_write_int.h"

enum { FLUSH_BYTES = 1 << 20 };

static tri_status flush(submission_writer *w, size_t keep, tri_error *err)
{
    if (w->text.len <= keep) return TRI_OK;
    tri_status st = out_file_write(w->file, w->text.data, w->text.len, err);
    buf_clear(&w->text);
    return st;
}

static tri_status put_line_end(submission_writer *w)
{
    return buf_str(&w->text, w->f->crlf ? "\r\n" : "\n");
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

static tri_status put_separator(submission_writer *w)
{
    return buf_byte(&w->text, (uint8_t)(w->f->separator == CSV_BLANKS ? w->f->blank : w->f->separator));
}

static tri_status put_cell(submission_writer *w, tri_text cell, bool quoted, tri_error *err)
{
    if (w->f->separator == CSV_BLANKS) {
        bool blank = !cell.len;
        for (size_t i = 0; i < cell.len; i++)
            blank = blank || cell.bytes[i] == ' ' || (cell.bytes[i] >= '\t' && cell.bytes[i] <= '\r');
        if (blank) return submission_refuse_id(cell, "TREC form carries no empty id and no white space in one", err);
        return buf_append(&w->text, cell.bytes, cell.len) ? err_memory(err, cell.len) : TRI_OK;
    }
    return csv_put(&w->text, cell.bytes, cell.len, w->f->separator, quoted) ? err_memory(err, cell.len) : TRI_OK;
}

static tri_text of_buf(const buf *b)
{
    return (tri_text){b->data ? (const char *)b->data : "", b->len};
}

static tri_status list_cell(submission_writer *w, const planned_query *q, bool scores, tri_error *err)
{
    buf_clear(&w->cell);
    if (w->f->list == LIST_JSON) return submission_write_list(w, q, -1, scores, &w->cell, err);
    return submission_write_split(w, q, scores, &w->cell, err);
}

/* The text of a field for the i-th document of q; of LIST_COLUMNS i is the place among the columns of the field's role, of
 * other rows with lists 0. */
static tri_status cell_of(submission_writer *w, const planned_query *q, const submission_field *field, size_t i, tri_text *out,
                          tri_error *err)
{
    const run_pair *pairs = planned_pairs(w, q);
    uint32_t place;
    tri_text doc = i < q->n ? w->run->docs.ids[pairs[i].doc] : (tri_text){"", 0};
    *out = (tri_text){"", 0};
    switch (field->role) {
    case ROLE_QUERY:
        *out = q->name;
        return TRI_OK;
    case ROLE_QUERY_TEXT:
        *out = q->text;
        return TRI_OK;
    case ROLE_DOC:
        *out = doc;
        return TRI_OK;
    case ROLE_DOC_TEXT:
        if (w->corpus && w->corpus->texts && known_ids_find(w->corpus, doc, &place)) *out = w->corpus->texts[place];
        return TRI_OK;
    case ROLE_SCORE:
        if (i >= q->n) return TRI_OK;
        if (submission_write_score(w, &pairs[i], i, q->n)) return err_memory(err, 64);
        *out = of_buf(&w->score);
        return TRI_OK;
    case ROLE_LIST:
    case ROLE_SCORES:
        TRI_TRY(list_cell(w, q, field->role == ROLE_SCORES, err));
        *out = of_buf(&w->cell);
        return TRI_OK;
    case ROLE_RANK:
    case ROLE_ROW:
        buf_clear(&w->cell);
        if (buf_printf(&w->cell, "%lld",
                       field->role == ROLE_RANK ? (long long)w->f->rank_base + (long long)i
                                                : (long long)w->f->row_base + (long long)w->n_records))
            return err_memory(err, 64);
        *out = of_buf(&w->cell);
        return TRI_OK;
    default:
        *out = field->constant;
        return TRI_OK;
    }
}

static tri_status write_row(submission_writer *w, const planned_query *q, size_t i, tri_error *err)
{
    size_t n_of_role[ROLES] = {0};
    bool columns = w->f->list == LIST_COLUMNS;
    for (size_t c = 0; c < w->f->n_fields; c++) {
        tri_text cell;
        const submission_field *field = &w->f->fields[c];
        bool counted = columns && (field->role == ROLE_DOC || field->role == ROLE_SCORE);
        if (c && put_separator(w)) return err_memory(err, 1);
        TRI_TRY(cell_of(w, q, field, counted ? n_of_role[field->role]++ : i, &cell, err));
        if (!cell.bytes) cell.bytes = "";
        TRI_TRY(put_cell(w, cell, field->quoted, err));
    }
    w->n_records++;
    return put_line_end(w) ? err_memory(err, 2) : TRI_OK;
}

static tri_status write_rows(submission_writer *w, const planned_query *q, tri_error *err)
{
    if (w->f->list != LIST_NONE) return write_row(w, q, 0, err);
    for (size_t i = 0; i < q->n; i++) TRI_TRY(write_row(w, q, i, err));
    return TRI_OK;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static int base_level(const submission_format *f)
{
    return (int)f->n_wrappers;
}

static tri_status put_between(submission_writer *w, tri_error *err)
{
    const submission_format *f = w->f;
    tri_status st = TRI_OK;
    if (f->kind == SUBMISSION_JSONL) return TRI_OK;
    if (w->n_records) st = buf_str(&w->text, f->indent || !f->spaced ? "," : ", ");
    submission_put_gap(&w->text, f, base_level(f) + 1, &st);
    return st ? err_memory(err, 2) : TRI_OK;
}

static tri_status put_query(submission_writer *w, tri_text name, tri_error *err)
{
    if (!w->f->query_number) return submission_put_text(&w->text, name, w->f->escaped) ? err_memory(err, name.len) : TRI_OK;
    if (!submission_is_digits(name)) return submission_refuse_id(name, "the sample's query ids are numbers", err);
    return buf_append(&w->text, name.bytes, name.len) ? err_memory(err, name.len) : TRI_OK;
}

static tri_status put_json_list(submission_writer *w, const planned_query *q, int level, bool scores, tri_error *err)
{
    if (w->f->list == LIST_JSON) return submission_write_list(w, q, level, scores, &w->text, err);
    buf_clear(&w->cell);
    TRI_TRY(submission_write_split(w, q, scores, &w->cell, err));
    return submission_put_text(&w->text, of_buf(&w->cell), w->f->escaped) ? err_memory(err, w->cell.len) : TRI_OK;
}

static tri_status put_field(submission_writer *w, const planned_query *q, const submission_field *field, size_t i, int level,
                            tri_error *err)
{
    const submission_format *f = w->f;
    tri_text cell;
    if (field->role == ROLE_QUERY) return put_query(w, q->name, err);
    if (field->role == ROLE_LIST || field->role == ROLE_SCORES)
        return put_json_list(w, q, level, field->role == ROLE_SCORES, err);
    TRI_TRY(cell_of(w, q, field, i, &cell, err));
    if (field->role == ROLE_DOC && f->doc_number && !submission_is_digits(cell))
        return submission_refuse_id(cell, "the sample's document ids are numbers", err);
    bool raw = field->role == ROLE_CONSTANT || field->role == ROLE_RANK || field->role == ROLE_ROW ||
               (field->role == ROLE_SCORE && !f->score_string) || (field->role == ROLE_DOC && f->doc_number);
    tri_status st = raw ? buf_append(&w->text, cell.bytes, cell.len) : submission_put_text(&w->text, cell, f->escaped);
    return st ? err_memory(err, cell.len) : TRI_OK;
}

static tri_status put_record(submission_writer *w, const planned_query *q, size_t i, tri_error *err)
{
    const submission_format *f = w->f;
    int level = base_level(f) + 1;
    TRI_TRY(put_between(w, err));
    tri_status st = buf_byte(&w->text, '{');
    submission_put_gap(&w->text, f, level + 1, &st);
    for (size_t k = 0; k < f->n_fields && !st; k++) {
        if (k) {
            st = buf_str(&w->text, (f->indent && f->kind == SUBMISSION_JSON) || !f->spaced ? "," : ", ");
            submission_put_gap(&w->text, f, level + 1, &st);
        }
        if (!st) st = submission_put_text(&w->text, f->fields[k].name, f->escaped);
        if (!st) st = buf_str(&w->text, f->spaced || f->indent ? ": " : ":");
        if (!st) TRI_TRY(put_field(w, q, &f->fields[k], i, level + 1, err));
    }
    submission_put_gap(&w->text, f, level, &st);
    if (!st) st = buf_byte(&w->text, '}');
    if (!st && f->kind == SUBMISSION_JSONL) st = put_line_end(w);
    w->n_records++;
    return st ? err_memory(err, w->text.len) : TRI_OK;
}

static tri_status put_keyed(submission_writer *w, const planned_query *q, tri_error *err)
{
    const submission_format *f = w->f;
    bool braces = !f->root_object;
    int level = base_level(f) + 1;
    TRI_TRY(put_between(w, err));
    tri_status st = braces ? buf_byte(&w->text, '{') : TRI_OK;
    if (braces) submission_put_gap(&w->text, f, ++level, &st);
    if (!st) st = submission_put_text(&w->text, q->name, f->escaped);
    if (!st) st = buf_str(&w->text, f->spaced || f->indent ? ": " : ":");
    if (st) return err_memory(err, q->name.len);
    TRI_TRY(put_json_list(w, q, level, false, err));
    if (braces) submission_put_gap(&w->text, f, level - 1, &st);
    if (!st && braces) st = buf_byte(&w->text, '}');
    if (!st && f->kind == SUBMISSION_JSONL) st = put_line_end(w);
    w->n_records++;
    return st ? err_memory(err, w->text.len) : TRI_OK;
}

static tri_status write_json(submission_writer *w, const planned_query *q, tri_error *err)
{
    if (w->f->keyed) return put_keyed(w, q, err);
    if (w->f->list != LIST_NONE) return put_record(w, q, 0, err);
    for (size_t i = 0; i < q->n; i++) TRI_TRY(put_record(w, q, i, err));
    return TRI_OK;
}

/* ---- the face ------------------------------------------------------------------------------------------------------- */

tri_status submission_write_begin(submission_writer *w, tri_error *err)
{
    const submission_format *f = w->f;
    tri_status st = f->bom ? buf_str(&w->text, "\xEF\xBB\xBF") : TRI_OK;
    if (!st && f->kind == SUBMISSION_JSON && f->before.len) st = buf_append(&w->text, f->before.bytes, f->before.len);
    if (!st && f->kind == SUBMISSION_JSON) st = buf_byte(&w->text, f->root_object ? '{' : '[');
    for (size_t i = 0; f->kind == SUBMISSION_TABLE && f->header && i < f->n_fields && !st; i++) {
        if (i) st = put_separator(w);
        if (!st) st = csv_put(&w->text, f->fields[i].name.bytes, f->fields[i].name.len, f->separator, f->fields[i].name_quoted);
    }
    if (!st && f->kind == SUBMISSION_TABLE && f->header) st = put_line_end(w);
    return st ? err_memory(err, w->text.len) : TRI_OK;
}

tri_status submission_write_query(submission_writer *w, const planned_query *q, tri_error *err)
{
    TRI_TRY(w->f->kind == SUBMISSION_TABLE ? write_rows(w, q, err) : write_json(w, q, err));
    return flush(w, FLUSH_BYTES, err);
}

tri_status submission_write_end(submission_writer *w, tri_error *err)
{
    const submission_format *f = w->f;
    tri_status st = TRI_OK;
    if (f->kind == SUBMISSION_JSON) {
        submission_put_gap(&w->text, f, base_level(f), &st);
        if (!st) st = buf_byte(&w->text, f->root_object ? '}' : ']');
        if (!st && f->after.len) st = buf_append(&w->text, f->after.bytes, f->after.len);
        if (!st && f->ends_in_newline) st = put_line_end(w);
    }
    if (st) return err_memory(err, w->text.len);
    return flush(w, 0, err);
}
