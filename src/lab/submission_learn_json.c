/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_json.c — where are the records, is the query a key, what keys has a record, how is the text laid out. */
#include <string.h>

#include "base/err.h"
#include "formats/jsonl.h"
#include "lab/json_pieces.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_text.h"

static bool is_container(tri_text raw)
{
    return json_raw_is_array(raw) || json_raw_is_object(raw);
}

static tri_status refuse(const learner *l, tri_error *err, const char *words)
{
    tri_status st = err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: %s", l->source->what, words);
    return err_hint(err, st, "known shapes: an array of objects, an object with a query a key, an object around one of them");
}

/* The first value of an array or object; {NULL, 0} when it is empty. */
static tri_status first_piece(const learner *l, tri_text raw, tri_text *value, tri_error *err)
{
    json_pieces p;
    TRI_TRY(json_pieces_open(&p, raw, l->source->what, err));
    tri_status st = json_pieces_next(&p, NULL, value, err);
    json_pieces_close(&p);
    return st;
}

static tri_status holds_query(const learner *l, tri_text object, bool *yes, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    *yes = false;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        submission_role role = submission_role_of_name(key);
        *yes = *yes || (!is_container(value) && (role == ROLE_QUERY || role == ROLE_QUERY_TEXT)) ||
               (is_container(value) && role == ROLE_LIST);
    }
    json_pieces_close(&p);
    return st;
}

/* A record with fields of its own, rather than one whose keys are queries? Known names tell, else values that are no lists. */
static tri_status is_fielded(const learner *l, tri_text object, bool *yes, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    size_t n = 0, n_lists = 0;
    TRI_TRY(holds_query(l, object, yes, err));
    if (*yes) return TRI_OK;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        n++;
        n_lists += is_container(value);
    }
    json_pieces_close(&p);
    *yes = n > n_lists;
    return st;
}

/* ---- the outer object ----------------------------------------------------------------------------------------------- */

/* Are the records under one key of this object? Then it is a wrapper. */
static tri_status is_wrapper_value(const learner *l, tri_text key, tri_text value, size_t n_members, bool *yes, tri_error *err)
{
    tri_text first = {NULL, 0};
    *yes = false;
    if (!is_container(value)) return TRI_OK;
    TRI_TRY(first_piece(l, value, &first, err));
    if (json_raw_is_array(value)) {
        if (!json_raw_is_object(first)) return TRI_OK;
        return holds_query(l, first, yes, err);
    }
    *yes = submission_name_is_wrapper(key) && is_container(first) && n_members >= 1;
    return TRI_OK;
}

static tri_status find_wrapper(learner *l, tri_text root, tri_error *err)
{
    submission_format *f = l->f;
    json_pieces p;
    tri_text key, value, found = {NULL, 0};
    size_t n = 0, n_containers = 0;
    TRI_TRY(json_pieces_open(&p, root, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        bool yes = false;
        n++;
        n_containers += is_container(value);
        if (!found.bytes) st = is_wrapper_value(l, key, value, n, &yes, err);
        if (!st && yes) {
            st = submission_learn_copy(f, key, &f->wrapper, err);
            found = value;
        }
    }
    json_pieces_close(&p);
    if (!st && found.bytes && n_containers > 1 && json_raw_is_object(found)) found.bytes = NULL;
    if (!found.bytes) f->wrapper = (tri_text){NULL, 0};
    if (st || !found.bytes) return st;
    if (found.len + 65536 < root.len) return refuse(l, err, "more than 64 KiB stand around its records");
    size_t before = (size_t)(found.bytes - root.bytes);
    TRI_TRY(submission_learn_copy(f, (tri_text){root.bytes, before}, &f->before, err));
    return submission_learn_copy(f, (tri_text){found.bytes + found.len, root.len - before - found.len}, &f->after, err);
}

/* ---- records -------------------------------------------------------------------------------------------------------- */

static tri_status add_key(learner *l, learn_grid *g, tri_text key, tri_text value, tri_error *err)
{
    submission_format *f = l->f;
    enum { KEYS_MAX = 64 };
    if (!f->fields) f->fields = arena_calloc(&f->memory, KEYS_MAX, sizeof *f->fields);
    if (!f->fields) return err_memory(err, KEYS_MAX * sizeof *f->fields);
    size_t i = 0;
    while (i < f->n_fields && (f->fields[i].name.len != key.len || memcmp(f->fields[i].name.bytes, key.bytes, key.len))) i++;
    if (i == KEYS_MAX) return refuse(l, err, "a record has more than 64 keys");
    if (i == f->n_fields) {
        if (g->n_rows) return TRI_OK; /* told by the pass over the values, with its line */
        TRI_TRY(submission_learn_copy(f, key, &f->fields[f->n_fields++].name, err));
    }
    g->cells[g->n_rows * KEYS_MAX + i] = value;
    g->n_columns = KEYS_MAX;
    return TRI_OK;
}

static tri_status add_record(learner *l, learn_grid *g, tri_text record, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    if (!json_raw_is_object(record)) return g->n_rows ? TRI_OK : refuse(l, err, "its records are no objects");
    TRI_TRY(json_pieces_open(&p, record, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) st = add_key(l, g, key, value, err);
    json_pieces_close(&p);
    g->n_rows++;
    return st;
}

static bool is_empty(learner *l, tri_text list)
{
    tri_text first = {NULL, 0};
    return is_container(list) && learn_went(l, first_piece(l, list, &first, NULL)) && !first.bytes;
}

/* The list of a keyed record, from the first that is not empty. */
static tri_status learn_keyed(learner *l, tri_text object, tri_error *err)
{
    json_pieces p;
    tri_text value;
    l->f->keyed = true;
    if (l->f->list != LIST_NONE) return TRI_OK;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, NULL, &value, err)) && value.bytes && l->f->list == LIST_NONE)
        if (!submission_learn_list(l, value, true, true) && !is_empty(l, value))
            st = refuse(l, err, "the value of a query is no list of documents");
    json_pieces_close(&p);
    return st;
}

static tri_status learn_record(learner *l, learn_grid *g, tri_text record, tri_error *err)
{
    bool fielded = true;
    if (l->f->keyed) return learn_keyed(l, record, err);
    if (!g->n_rows && json_raw_is_object(record)) TRI_TRY(is_fielded(l, record, &fielded, err));
    return fielded ? add_record(l, g, record, err) : learn_keyed(l, record, err);
}

static tri_status learn_array(learner *l, learn_grid *g, tri_text array, tri_error *err)
{
    json_pieces p;
    tri_text value;
    size_t n = 0;
    TRI_TRY(json_pieces_open(&p, array, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && n++ < LEARN_ROWS && !(st = json_pieces_next(&p, NULL, &value, err)) && value.bytes)
        st = learn_record(l, g, value, err);
    json_pieces_close(&p);
    return st;
}

static tri_status learn_lines(learner *l, learn_grid *g, tri_error *err)
{
    tri_text rest = l->source->bytes;
    if (rest.len >= 3 && !memcmp(rest.bytes, "\xEF\xBB\xBF", 3)) rest = (tri_text){rest.bytes + 3, rest.len - 3};
    for (size_t n = 1; rest.len && n <= LEARN_ROWS; n++) {
        const char *newline = memchr(rest.bytes, '\n', rest.len);
        size_t len = newline ? (size_t)(newline - rest.bytes) : rest.len;
        tri_text line = submission_trim((tri_text){rest.bytes, len});
        if (line.len) {
            tri_status st = learn_record(l, g, line, err);
            if (st == TRI_ERR_FORMAT && err && strstr(err->text, " line 1: "))
                return submission_name_line(l->source->what, n, err);
            TRI_TRY(st);
        }
        rest = newline ? (tri_text){newline + 1, rest.len - len - 1} : (tri_text){NULL, 0};
    }
    return TRI_OK;
}

/* ---- layout --------------------------------------------------------------------------------------------------------- */

static void learn_layout(learner *l, tri_text all)
{
    submission_format *f = l->f;
    bool high = false, escapes = false, in_string = false, seen = false;
    for (size_t i = 0; i + 1 < all.len; i++) {
        unsigned char c = (unsigned char)all.bytes[i];
        high = high || c >= 0x80;
        if (in_string && c == '\\') {
            escapes = escapes || all.bytes[i + 1] == 'u';
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && !seen && (c == ':' || c == ',')) {
            char next = all.bytes[i + 1];
            if (c == ',' && (next == '\n' || next == '\r')) continue;
            f->spaced = next == ' ';
            seen = true;
        }
    }
    f->escaped = escapes && !high;
    if (f->kind != SUBMISSION_JSON) return;
    for (size_t i = 1; i < all.len && (all.bytes[i] == '\n' || all.bytes[i] == '\r' || all.bytes[i] == ' '); i++)
        f->indent = all.bytes[i] == ' ' ? f->indent + 1 : 0;
    if (all.len > 1 && all.bytes[1] == ' ') f->indent = 0;
}

/* JSON when the text is one value; JSONL when a value ends where a line does and another follows. */
static tri_status learn_kind(learner *l, tri_text all, tri_error *err)
{
    const char *newline = memchr(all.bytes, '\n', all.len);
    json_pieces p;
    tri_text value, first = {all.bytes, newline ? (size_t)(newline - all.bytes) : all.len};
    l->f->kind = SUBMISSION_JSON;
    if (!json_raw_is_object(all)) return TRI_OK;
    size_t n = strlen(l->source->what);
    bool named = n >= 6 && strcmp(l->source->what + n - 6, ".jsonl") == 0;
    if (!newline && !named) return TRI_OK;
    tri_status st = json_pieces_open(&p, first, l->source->what, err);
    if (!st) {
        do st = json_pieces_next(&p, NULL, &value, err);
        while (!st && value.bytes);
        json_pieces_close(&p);
    }
    if (st && st != TRI_ERR_FORMAT) return st;
    bool more = newline && submission_trim((tri_text){newline, all.len - first.len}).len > 0;
    if (!st && (more || named)) l->f->kind = SUBMISSION_JSONL;
    return TRI_OK;
}

tri_status submission_learn_json(learner *l, tri_error *err)
{
    submission_format *f = l->f;
    enum { KEYS_MAX = 64 };
    learn_grid g = {.json = true};
    tri_text all = l->source->bytes, payload;
    if (all.len >= 3 && !memcmp(all.bytes, "\xEF\xBB\xBF", 3)) all = (tri_text){all.bytes + 3, all.len - 3};
    all = submission_trim(all);
    TRI_TRY(learn_kind(l, all, err));
    g.cells = arena_calloc(&f->memory, (LEARN_ROWS + 1) * KEYS_MAX, sizeof *g.cells);
    if (!g.cells) return err_memory(err, LEARN_ROWS * KEYS_MAX * sizeof *g.cells);
    learn_layout(l, all.len > 65536 ? (tri_text){all.bytes, 65536} : all);
    if (f->kind == SUBMISSION_JSONL) {
        TRI_TRY(learn_lines(l, &g, err));
    } else {
        if (json_raw_is_object(all)) TRI_TRY(find_wrapper(l, all, err));
        TRI_TRY(submission_read_payload(f, l->source, &payload, err));
        f->root_object = json_raw_is_object(payload);
        TRI_TRY(f->root_object ? learn_keyed(l, payload, err) : learn_array(l, &g, payload, err));
    }
    if (f->keyed && f->list == LIST_NONE) return refuse(l, err, "every list in it is empty");
    if (f->keyed) return TRI_OK;
    if (!g.n_rows) return refuse(l, err, "no records in it");
    return submission_learn_roles(l, &g, err);
}
