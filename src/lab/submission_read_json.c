/* SPDX-License-Identifier: Apache-2.0 */
/* submission_read_json.c — records of JSON and of JSONL as entries. A record's values are found first and read after, so that
 * the query may stand behind its list. */
#include <string.h>

#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_read_int.h"

static tri_status read_keyed(submission_reader *r, tri_text record, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    submission_entry *e = &r->entry;
    TRI_TRY(json_pieces_open(&p, record, r->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        *e = (submission_entry){.query = key, .line = submission_read_line(r, value.bytes)};
        st = r->sink->query(r->sink->ctx, e, err);
        if (!st) st = submission_read_list(r, value, true, err);
        submission_read_release(r, value.bytes);
    }
    json_pieces_close(&p);
    return st;
}

/* Puts the raw values of an object into r->values, by field. */
static tri_status find_values(submission_reader *r, tri_text record, tri_error *err)
{
    const submission_format *f = r->f;
    json_pieces p;
    tri_text key, value;
    memset(r->values, 0, f->n_fields * sizeof *r->values);
    TRI_TRY(json_pieces_open(&p, record, r->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        size_t i = 0;
        while (i < f->n_fields && (f->fields[i].name.len != key.len || memcmp(f->fields[i].name.bytes, key.bytes, key.len)))
            i++;
        int shown = (int)(key.len < 60 ? key.len : 60);
        if (i == f->n_fields)
            st = submission_read_fault(r, FAULT_OF_COLUMNS, err, "key \"%.*s\" is not in the sample", shown, key.bytes);
        else if (r->values[i].bytes)
            st = submission_read_fault(r, FAULT_OF_COLUMNS, err, "key \"%.*s\" is there twice", shown, key.bytes);
        else
            r->values[i] = value;
    }
    json_pieces_close(&p);
    for (size_t i = 0; !st && i < f->n_fields; i++)
        if (!r->values[i].bytes)
            st = submission_read_fault(r, FAULT_OF_COLUMNS, err, "key \"%.*s\" is missing", (int)f->fields[i].name.len,
                                       f->fields[i].name.bytes);
    return st;
}

static tri_status read_object(submission_reader *r, tri_text record, tri_error *err)
{
    const submission_format *f = r->f;
    submission_entry *e = &r->entry;
    tri_text list = {NULL, 0}, scores = {NULL, 0};
    *e = (submission_entry){.line = submission_read_line(r, record.bytes)};
    if (!json_raw_is_object(record)) return submission_read_fault(r, FAULT_OF_FORMAT, err, "a record is not an object");
    TRI_TRY(find_values(r, record, err));
    for (size_t i = 0; i < f->n_fields; i++) {
        tri_text raw = r->values[i];
        submission_role role = f->fields[i].role;
        if (!raw.bytes) continue;
        if (json_raw_is_null(raw)) { /* no id, and as a score no number */
            if (role == ROLE_QUERY) e->query = (tri_text){"", 0};
            if (role == ROLE_DOC) e->doc = (tri_text){"", 0};
            if (role == ROLE_SCORE) e->score = raw;
        } else if (role == ROLE_QUERY) {
            e->query_number = json_raw_is_number(raw);
            TRI_TRY(json_raw_text(raw, &r->query, &e->query, err));
        } else if (role == ROLE_DOC) {
            e->doc_number = json_raw_is_number(raw);
            TRI_TRY(json_raw_text(raw, &r->doc, &e->doc, err));
        } else if (role == ROLE_SCORE) {
            e->score_string = json_raw_is_string(raw);
            TRI_TRY(json_raw_text(raw, &r->score, &e->score, err));
        } else if (role == ROLE_RANK) {
            TRI_TRY(json_raw_text(raw, &r->rank, &e->rank, err));
        } else if (role == ROLE_ROW) {
            e->row = raw;
        } else if (role == ROLE_LIST) {
            list = raw;
        } else if (role == ROLE_SCORES) {
            scores = raw;
        }
    }
    if (!e->query.bytes) return TRI_OK; /* told above */
    if (f->list == LIST_NONE) return e->doc.bytes ? r->sink->entry(r->sink->ctx, e, err) : TRI_OK;
    TRI_TRY(r->sink->query(r->sink->ctx, e, err));
    r->has_scores = scores.bytes != NULL;
    if (scores.bytes) TRI_TRY(submission_read_scores(r, scores, true, err));
    return list.bytes ? submission_read_list(r, list, true, err) : TRI_OK;
}

static tri_status read_record(submission_reader *r, tri_text record, tri_error *err)
{
    if (!r->f->keyed || !json_raw_is_object(record)) return read_object(r, record, err);
    return read_keyed(r, record, err);
}

static tri_status read_member(tri_text object, tri_text name, const char *what, tri_text *out, tri_error *err)
{
    json_pieces p;
    tri_text key, value, found = {NULL, 0};
    TRI_TRY(json_pieces_open(&p, object, what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes)
        if (p.object && key.len == name.len && !memcmp(key.bytes, name.bytes, key.len)) found = value;
    json_pieces_close(&p);
    if (!st && !found.bytes)
        st = err_set(err, TRI_ERR_FORMAT, "%s: the key \"%.*s\" of the sample is missing", what, (int)name.len, name.bytes);
    if (!st) *out = found;
    return st;
}

tri_status submission_read_payload(const submission_format *f, const submission_source *source, tri_text *out, tri_error *err)
{
    tri_text all = source->bytes;
    if (all.len >= 3 && !memcmp(all.bytes, "\xEF\xBB\xBF", 3)) all = (tri_text){all.bytes + 3, all.len - 3};
    *out = submission_trim(all);
    for (size_t i = 0; i < f->n_wrappers; i++) TRI_TRY(read_member(*out, f->wrappers[i], source->what, out, err));
    return TRI_OK;
}

static tri_status read_whole(submission_reader *r, tri_error *err)
{
    tri_text payload, value;
    json_pieces p;
    TRI_TRY(submission_read_payload(r->f, r->source, &payload, err));
    bool object = json_raw_is_object(payload);
    if (object != r->f->root_object)
        return err_set(err, TRI_ERR_FORMAT, "%s: the records are not %s as in the sample", r->source->what,
                       r->f->root_object ? "an object" : "an array");
    if (object) return read_keyed(r, payload, err);
    TRI_TRY(json_pieces_open(&p, payload, r->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, NULL, &value, err)) && value.bytes) {
        st = read_record(r, value, err);
        submission_read_release(r, value.bytes);
    }
    json_pieces_close(&p);
    return st;
}

static tri_status read_lines(submission_reader *r, tri_error *err)
{
    const char *p = r->source->bytes.bytes, *end = p + r->source->bytes.len;
    if (r->source->bytes.len >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) p += 3;
    for (uint64_t number = 1; p < end; number++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        tri_text line = submission_trim((tri_text){p, (size_t)((newline ? newline : end) - p)});
        json_pieces check;
        if (line.len) {
            tri_status st = json_pieces_open(&check, line, r->source->what, err);
            if (!st) {
                json_pieces_close(&check);
                st = read_record(r, line, err);
            }
            if (st == TRI_ERR_FORMAT) return submission_name_line(r->source->what, number, err);
            TRI_TRY(st);
        }
        p = newline ? newline + 1 : end;
        submission_read_release(r, p);
    }
    return TRI_OK;
}

tri_status submission_read_json(submission_reader *r, tri_error *err)
{
    return r->f->kind == SUBMISSION_JSONL ? read_lines(r, err) : read_whole(r, err);
}
