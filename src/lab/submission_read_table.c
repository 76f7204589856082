/* SPDX-License-Identifier: Apache-2.0 */
/* submission_read_table.c — rows of a table as entries. A row with another number of columns is a fault and is passed over. */
#include <string.h>

#include "base/err.h"
#include "formats/csv.h"
#include "lab/submission_read_int.h"

static tri_text cell_of(const csv_field *field)
{
    return (tri_text){field->bytes ? field->bytes : "", field->len};
}

static tri_text no_text(void)
{
    return (tri_text){NULL, 0};
}

/* A column an id: the n-th column of scores, where there are any, belongs to the n-th of documents. */
static tri_status read_columns(submission_reader *r, const csv_reader *row, tri_error *err)
{
    size_t score = 0;
    bool scored = submission_field_find(r->f->fields, r->f->n_fields, ROLE_SCORE) != NULL;
    for (size_t i = 0; i < row->n; i++) {
        if (r->f->fields[i].role != ROLE_DOC) continue;
        while (scored && score < row->n && r->f->fields[score].role != ROLE_SCORE) score++;
        r->entry.score = scored && score < row->n ? cell_of(&row->fields[score++]) : no_text();
        if (!row->fields[i].len) continue;
        r->entry.doc = cell_of(&row->fields[i]);
        TRI_TRY(r->sink->entry(r->sink->ctx, &r->entry, err));
    }
    return TRI_OK;
}

static tri_status read_row(submission_reader *r, const csv_reader *row, tri_error *err)
{
    const submission_format *f = r->f;
    submission_entry *e = &r->entry;
    tri_text list = no_text(), scores = no_text();
    e->query = e->doc = e->score = e->rank = e->row = no_text();
    e->line = row->row_line;
    if (row->n != f->n_fields)
        return submission_read_fault(r, FAULT_OF_COLUMNS, err, "%zu columns, expected %zu", row->n, f->n_fields);
    for (size_t i = 0; i < row->n; i++) {
        tri_text cell = cell_of(&row->fields[i]);
        submission_role role = f->fields[i].role;
        if (role == ROLE_QUERY) e->query = cell;
        if (role == ROLE_DOC) e->doc = cell;
        if (role == ROLE_SCORE) e->score = cell;
        if (role == ROLE_RANK) e->rank = cell;
        if (role == ROLE_ROW) e->row = cell;
        if (role == ROLE_LIST) list = cell;
        if (role == ROLE_SCORES) scores = cell;
    }
    if (f->list == LIST_NONE) return r->sink->entry(r->sink->ctx, e, err);
    e->doc = no_text();
    TRI_TRY(r->sink->query(r->sink->ctx, e, err));
    if (f->list == LIST_COLUMNS) return read_columns(r, row, err);
    r->has_scores = scores.bytes != NULL;
    if (scores.bytes) TRI_TRY(submission_read_scores(r, scores, false, err));
    return submission_read_list(r, list, false, err);
}

tri_status submission_read_table(submission_reader *r, tri_error *err)
{
    csv_reader row;
    bool found, first = r->f->header;
    csv_init(&row, r->source->bytes.bytes, r->source->bytes.len, r->f->separator, r->source->what);
    tri_status st = TRI_OK;
    while (!(st = csv_next(&row, &found, err)) && found) {
        if (!first && (st = read_row(r, &row, err))) break;
        first = false;
        submission_read_release(r, row.p);
    }
    csv_drop(&row);
    return st;
}
