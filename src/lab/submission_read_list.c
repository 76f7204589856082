/* SPDX-License-Identifier: Apache-2.0 */
/* submission_read_list.c — the documents of one query, in each of the forms of a list. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_read_int.h"

static tri_status emit(submission_reader *r, size_t place, tri_error *err)
{
    r->n_listed = place + 1;
    if (r->has_scores) {
        r->entry.score = place < r->n_scores ? r->scores[place] : (tri_text){NULL, 0};
        r->entry.score_string = json_raw_is_string(r->entry.score);
        TRI_TRY(json_raw_text(r->entry.score, &r->score, &r->entry.score, err));
    }
    return r->sink->entry(r->sink->ctx, &r->entry, err);
}

/* ---- texts ---------------------------------------------------------------------------------------------------------- */

/* The next item of a text of items; false at the end. Blanks as separators may be several. */
static bool split_item(const submission_format *f, tri_text *rest, tri_text *item)
{
    char separator = f->list_separator;
    if (separator == ' ') *rest = submission_trim(*rest);
    if (!rest->bytes || (!rest->len && !item->bytes)) return false;
    if (!rest->len && separator == ' ') return false;
    const char *at = memchr(rest->bytes, separator, rest->len);
    size_t len = at ? (size_t)(at - rest->bytes) : rest->len;
    *item = submission_trim((tri_text){rest->bytes, len});
    *rest = at ? (tri_text){at + 1, rest->len - len - 1} : (tri_text){NULL, 0};
    return true;
}

static tri_status read_split(submission_reader *r, tri_text text, tri_error *err)
{
    tri_text rest = submission_trim(text), item = {NULL, 0};
    size_t place = 0;
    if (!rest.len) return TRI_OK;
    while (split_item(r->f, &rest, &item)) {
        r->entry.doc = item;
        TRI_TRY(emit(r, place++, err));
        if (!rest.bytes) break;
    }
    return TRI_OK;
}

static tri_status read_python(submission_reader *r, tri_text text, tri_error *err)
{
    tri_text rest = submission_trim(text), item;
    bool bad = !rest.len || (*rest.bytes != '[' && *rest.bytes != '(');
    for (size_t place = 0; !bad && submission_python_item(&rest, &item, &bad); place++) {
        r->entry.doc = item;
        TRI_TRY(emit(r, place, err));
    }
    if (!bad) return TRI_OK;
    return submission_read_fault(r, FAULT_OF_FORMAT, err, "the list is not written as the sample's: ['a', 'b']");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static tri_status set_doc(submission_reader *r, tri_text raw, tri_error *err)
{
    r->entry.doc_number = json_raw_is_number(raw);
    if (json_raw_is_null(raw)) {
        r->entry.doc = (tri_text){"", 0};
        return TRI_OK;
    }
    return json_raw_text(raw, &r->doc, &r->entry.doc, err);
}

static bool is_scalar(tri_text raw)
{
    return json_raw_is_string(raw) || json_raw_is_number(raw);
}

static tri_status set_item(submission_reader *r, submission_role role, tri_text raw, tri_error *err)
{
    submission_entry *e = &r->entry;
    if (role == ROLE_DOC) return set_doc(r, raw, err);
    if (json_raw_is_null(raw) && role != ROLE_SCORE) return TRI_OK;
    if (role == ROLE_RANK) return json_raw_text(raw, &r->rank, &e->rank, err);
    if (role != ROLE_SCORE) return TRI_OK;
    e->score_string = json_raw_is_string(raw);
    return json_raw_text(raw, &r->score, &e->score, err);
}

/* An object or an array as an item. */
static tri_status read_item(submission_reader *r, tri_text raw, size_t place, tri_error *err)
{
    const submission_format *f = r->f;
    bool arrays = f->items_form == ITEMS_ARRAYS;
    json_pieces p;
    tri_text key, value;
    size_t n = 0, n_known = 0;
    if (arrays ? !json_raw_is_array(raw) : !json_raw_is_object(raw))
        return submission_read_fault(r, FAULT_OF_FORMAT, err, "an item of the list is not an %s as in the sample",
                                     arrays ? "array" : "object");
    r->entry.doc = r->entry.score = r->entry.rank = (tri_text){NULL, 0};
    TRI_TRY(json_pieces_open(&p, raw, r->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        size_t i = arrays ? n : 0;
        while (!arrays && i < f->n_items &&
               (f->items[i].name.len != key.len || memcmp(f->items[i].name.bytes, key.bytes, key.len)))
            i++;
        if (i < f->n_items) {
            st = set_item(r, f->items[i].role, value, err);
            n_known++;
        } else if (!arrays) {
            st = submission_read_fault(r, FAULT_OF_COLUMNS, err, "key \"%.*s\" of an item is not in the sample",
                                       (int)(key.len < 60 ? key.len : 60), key.bytes);
        }
        n++;
    }
    json_pieces_close(&p);
    if (!st && (arrays ? n != f->n_items : n_known < f->n_items))
        st = submission_read_fault(r, FAULT_OF_COLUMNS, err, "an item of the list has %zu of the sample's %zu values", n_known,
                                   f->n_items);
    if (!st && r->entry.doc.bytes) st = emit(r, place, err);
    return st;
}

static tri_status read_json_item(submission_reader *r, tri_text key, tri_text value, size_t place, tri_error *err)
{
    submission_items form = r->f->items_form;
    if (form == ITEMS_OBJECTS || form == ITEMS_ARRAYS) return read_item(r, value, place, err);
    if (!is_scalar(value) && !json_raw_is_null(value))
        return submission_read_fault(r, FAULT_OF_FORMAT, err, "an item of the list is neither text nor a number");
    if (form == ITEMS_IDS) {
        TRI_TRY(set_doc(r, value, err));
    } else {
        r->entry.doc = key;
        r->entry.doc_number = false;
        TRI_TRY(set_item(r, ROLE_SCORE, value, err));
    }
    return emit(r, place, err);
}

static tri_status read_json(submission_reader *r, tri_text raw, tri_error *err)
{
    bool map = r->f->items_form == ITEMS_MAP;
    json_pieces p;
    tri_text key, value;
    raw = submission_trim(raw);
    if (map ? !json_raw_is_object(raw) : !json_raw_is_array(raw))
        return submission_read_fault(r, FAULT_OF_FORMAT, err, "the list of documents is not %s as in the sample",
                                     map ? "an object" : "an array");
    TRI_TRY(json_pieces_open(&p, raw, r->source->what, err));
    tri_status st = TRI_OK;
    for (size_t place = 0; !st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes; place++)
        st = read_json_item(r, key, value, place, err);
    json_pieces_close(&p);
    return st;
}

/* ---- the face ------------------------------------------------------------------------------------------------------- */

static tri_status read_documents(submission_reader *r, tri_text list, bool json, tri_error *err)
{
    const submission_format *f = r->f;
    if (f->list == LIST_JSON) return read_json(r, list, err);
    if (json) {
        if (!json_raw_is_string(list))
            return submission_read_fault(r, FAULT_OF_FORMAT, err, "the list of documents is not one text as in the sample");
        TRI_TRY(json_raw_text(list, &r->cell, &list, err));
    }
    return f->list == LIST_PYTHON ? read_python(r, list, err) : read_split(r, list, err);
}

tri_status submission_read_list(submission_reader *r, tri_text list, bool json, tri_error *err)
{
    r->entry.doc_number = false;
    r->n_listed = 0;
    TRI_TRY(read_documents(r, list, json, err));
    if (!r->has_scores || r->n_listed == r->n_scores) return TRI_OK;
    return submission_read_fault(r, FAULT_OF_COLUMNS, err, "%zu scores beside %zu documents", r->n_scores, r->n_listed);
}

static tri_status add_score(submission_reader *r, tri_text score, tri_error *err)
{
    if (r->n_scores == r->scores_cap) {
        size_t cap = r->scores_cap ? 2 * r->scores_cap : 64;
        tri_text *scores = mem_realloc(r->scores, cap * sizeof *scores);
        if (!scores) return err_memory(err, cap * sizeof *scores);
        r->scores = scores;
        r->scores_cap = cap;
    }
    r->scores[r->n_scores++] = score;
    return TRI_OK;
}

tri_status submission_read_scores(submission_reader *r, tri_text list, bool json, tri_error *err)
{
    tri_text rest = submission_trim(list), item = {NULL, 0}, value;
    r->n_scores = 0;
    if (json_raw_is_array(rest)) {
        json_pieces p;
        TRI_TRY(json_pieces_open(&p, rest, r->source->what, err));
        tri_status st = TRI_OK;
        while (!st && !(st = json_pieces_next(&p, NULL, &value, err)) && value.bytes) st = add_score(r, value, err);
        json_pieces_close(&p);
        return st;
    }
    if (json && json_raw_is_string(rest)) TRI_TRY(json_raw_text(rest, &r->text, &rest, err));
    if (!rest.len) return TRI_OK;
    while (split_item(r->f, &rest, &item)) {
        TRI_TRY(add_score(r, item, err));
        if (!rest.bytes) break;
    }
    return TRI_OK;
}
