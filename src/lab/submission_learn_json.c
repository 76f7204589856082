/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_json.c — where are the records, is the query a key, what keys has a record, how is the text laid out. */
#include <string.h>

#include "base/err.h"
#include "formats/jsonl.h"
#include "lab/json_pieces.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_text.h"

tri_status submission_learn_refuse(const learner *l, const char *words, tri_error *err)
{
    tri_status st = err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: %s", l->source->what, words);
    return err_hint(err, st, "known shapes: an array of objects, an object with a query a key, an object around one of them");
}

/* A record with fields of its own, rather than one whose keys are queries? Known names tell, else values that are no lists. */
static tri_status is_fielded(const learner *l, tri_text object, bool *yes, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    size_t n = 0, n_lists = 0;
    TRI_TRY(submission_learn_holds_query(l, object, yes, err));
    if (*yes) return TRI_OK;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        n++;
        n_lists += json_raw_is_container(value);
    }
    json_pieces_close(&p);
    *yes = n > n_lists;
    return st;
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
    if (i == KEYS_MAX) return submission_learn_refuse(l, "a record has more than 64 keys", err);
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
    if (!json_raw_is_object(record)) return g->n_rows ? TRI_OK : submission_learn_refuse(l, "its records are no objects", err);
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
    return json_raw_is_container(list) && learn_went(l, submission_learn_first(l, list, &first, NULL)) && !first.bytes;
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
            st = submission_learn_refuse(l, "the value of a query is no list of documents", err);
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
    for (size_t i = 1; i < all.len && submission_is_blank(all.bytes[i]); i++) {
        bool breaks = all.bytes[i] == '\n' || all.bytes[i] == '\r';
        f->indent = breaks ? 0 : f->indent + 1;
        if (!breaks) f->indent_by = all.bytes[i];
    }
    if (all.len > 1 && (all.bytes[1] == ' ' || all.bytes[1] == '\t')) f->indent = 0;
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
        if (json_raw_is_object(all)) TRI_TRY(submission_learn_wrappers(l, all, err));
        TRI_TRY(submission_read_payload(f, l->source, &payload, err));
        f->root_object = json_raw_is_object(payload);
        TRI_TRY(f->root_object ? learn_keyed(l, payload, err) : learn_array(l, &g, payload, err));
    }
    if (f->keyed && f->list == LIST_NONE) return submission_learn_refuse(l, "every list in it is empty", err);
    if (f->keyed) return TRI_OK;
    if (!g.n_rows) return submission_learn_refuse(l, "no records in it", err);
    return submission_learn_roles(l, &g, err);
}
