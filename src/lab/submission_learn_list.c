/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_list.c — is this a list, and how is it written? An array or an object of JSON, a Python list, or ids between
 * separators. Where names do not say so (sure = false), words of a sentence must not pass for ids: the parts of a list are
 * alike, and hold digits or are known documents. */
#include <string.h>

#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_number.h"
#include "lab/submission_text.h"

enum { ITEMS_MAX = 64 };

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static bool add_item(learner *l, tri_text key, tri_text value, tri_text *values)
{
    submission_format *f = l->f;
    if (f->n_items == ITEMS_MAX) return false;
    values[f->n_items] = value;
    submission_field *item = &f->items[f->n_items++];
    if (!key.bytes) return true;
    return learn_went(l, submission_learn_copy(f, key, &item->name, NULL));
}

static bool learn_item(learner *l, tri_text first)
{
    submission_format *f = l->f;
    json_pieces p;
    tri_text key, value, values[ITEMS_MAX] = {{NULL, 0}};
    f->items_form = json_raw_is_object(first) ? ITEMS_OBJECTS : ITEMS_ARRAYS;
    f->items = arena_calloc(&f->memory, ITEMS_MAX, sizeof *f->items);
    f->n_items = 0;
    if (!f->items) return learn_went(l, TRI_ERR_MEMORY);
    if (!learn_went(l, json_pieces_open(&p, first, l->source->what, NULL))) return false;
    bool ok = true;
    while (ok && (ok = learn_went(l, json_pieces_next(&p, &key, &value, NULL))) && value.bytes)
        ok = add_item(l, key, value, values);
    json_pieces_close(&p);
    learn_grid g = {.cells = values, .n_rows = 1, .n_columns = ITEMS_MAX, .json = true};
    return ok && f->n_items && learn_went(l, submission_learn_items(l, &g, NULL));
}

/* An empty array or object is a list of an unknown form: false, so that the next record is asked. */
static bool learn_json(learner *l, tri_text raw)
{
    submission_format *f = l->f;
    json_pieces p;
    tri_text key, first;
    if (!learn_went(l, json_pieces_open(&p, raw, l->source->what, NULL))) return false;
    bool ok = learn_went(l, json_pieces_next(&p, &key, &first, NULL)) && first.bytes;
    tri_text rest = first;
    while (ok && rest.bytes) ok = learn_went(l, json_pieces_next(&p, &key, &rest, NULL));
    json_pieces_close(&p);
    if (!ok) return false;
    f->list = LIST_JSON;
    if (json_raw_is_object(raw)) {
        f->items_form = ITEMS_MAP;
        tri_text inner = json_raw_is_string(first) ? (tri_text){first.bytes + 1, first.len - 2} : first;
        return json_raw_is_number(first) || json_raw_is_null(first) || submission_is_number(inner);
    }
    f->items_form = ITEMS_IDS;
    if (json_raw_is_object(first) || json_raw_is_array(first)) return learn_item(l, first);
    return json_raw_is_number(first) || json_raw_is_string(first);
}

/* ---- text ----------------------------------------------------------------------------------------------------------- */

static void outline_of(tri_text t, char out[8])
{
    size_t n = 0;
    for (size_t i = 0; i < t.len && n < 7; i++) {
        unsigned char c = (unsigned char)t.bytes[i];
        char kind = c >= '0' && c <= '9' ? '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? 'a' : (char)c;
        if (!n || out[n - 1] != kind) out[n++] = kind;
    }
    out[n] = 0;
}

static bool looks_like_ids(const learner *l, tri_text text, char separator)
{
    char first[8] = "", other[8];
    size_t n_alike = 0, n_known = 0, n = 0, n_digits = 0;
    uint32_t place;
    while (text.len) {
        const char *at = memchr(text.bytes, separator, text.len);
        size_t len = at ? (size_t)(at - text.bytes) : text.len;
        tri_text item = submission_trim((tri_text){text.bytes, len});
        if (!n) outline_of(item, first);
        outline_of(item, other);
        n_alike += strcmp(first, other) == 0;
        n_known += l->hints->corpus && known_ids_find(l->hints->corpus, item, &place);
        n_digits += strchr(other, '0') != NULL;
        n++;
        text = at ? (tri_text){at + 1, text.len - len - 1} : (tri_text){NULL, 0};
    }
    return n > 1 && (n_known * 2 > n || (n_alike * 2 > n && n_digits * 2 > n));
}

static bool learn_split(learner *l, tri_text text, bool sure)
{
    static const char candidates[] = {'|', ';', ',', '\t', ' '};
    submission_format *f = l->f;
    uint32_t place;
    if (!sure && submission_is_number(text)) return false;                                /* 0,93 */
    if (l->hints->corpus && known_ids_find(l->hints->corpus, text, &place)) return false; /* one id with a separator in it */
    for (size_t i = 0; i < sizeof candidates; i++) {
        const char *at = memchr(text.bytes, candidates[i], text.len);
        if (!at || (!sure && !looks_like_ids(l, text, candidates[i]))) continue;
        f->list = LIST_SPLIT;
        f->list_separator = candidates[i];
        f->list_spaced = candidates[i] != ' ' && at + 1 < text.bytes + text.len && at[1] == ' ';
        return true;
    }
    return false;
}

bool submission_learn_list(learner *l, tri_text cell, bool json, bool sure)
{
    tri_text text = submission_trim(cell), item;
    if (json && (json_raw_is_array(text) || json_raw_is_object(text))) return learn_json(l, text);
    if (json && !json_raw_is_string(text)) return false;
    if (json) text = submission_trim((tri_text){text.bytes + 1, text.len - 2});
    if (!text.len) return false;
    if (*text.bytes == '[' || *text.bytes == '{') {
        bool bad = false;
        if (learn_json(l, text)) {
            const char *comma = memchr(text.bytes, ',', text.len);
            l->f->spaced = comma && comma + 1 < text.bytes + text.len && comma[1] == ' ';
            return true;
        }
        l->f->list = LIST_NONE;
        tri_text rest = text;
        if (*text.bytes != '[' || text.len < 3 || !submission_python_item(&rest, &item, &bad)) return false;
        l->f->list = LIST_PYTHON;
        l->f->list_separator = ',';
        l->f->list_spaced = true;
        return true;
    }
    return learn_split(l, text, sure);
}

/* ---- columns -------------------------------------------------------------------------------------------------------- */

/* What submission_learn_list writes. */
typedef struct list_form {
    submission_list list;
    submission_items items_form;
    submission_field *items;
    size_t n_items;
    char separator;
    bool list_spaced, spaced;
} list_form;

static list_form form_of(const submission_format *f)
{
    return (list_form){f->list, f->items_form, f->items, f->n_items, f->list_separator, f->list_spaced, f->spaced};
}

static void restore(submission_format *f, const list_form *form)
{
    f->list = form->list;
    f->items_form = form->items_form;
    f->items = form->items;
    f->n_items = form->n_items;
    f->list_separator = form->separator;
    f->list_spaced = form->list_spaced;
    f->spaced = form->spaced;
}

bool submission_learn_is_list(learner *l, const learn_grid *g, size_t column, bool sure)
{
    list_form before = form_of(l->f);
    size_t n = 0, n_lists = 0;
    for (size_t r = 0; r < g->n_rows; r++) {
        tri_text raw = g->cells[r * g->n_columns + column];
        if (!raw.len || json_raw_is_null(raw)) continue;
        n++;
        n_lists += submission_learn_list(l, raw, g->json, sure);
    }
    restore(l->f, &before);
    return n_lists > 0 && n_lists * 2 >= n;
}

/* The separator of this row's list; 0 where it is no text of ids. */
static char separator_of(learner *l, tri_text raw, bool json)
{
    list_form before = form_of(l->f);
    bool is_text = raw.len && submission_learn_list(l, raw, json, false) && l->f->list == LIST_SPLIT;
    char separator = is_text ? l->f->list_separator : 0;
    restore(l->f, &before);
    return separator;
}

/* The texts of ids after row `first`, from which l->f has its form, are cut like that one. */
static tri_status check_alike(learner *l, const learn_grid *g, size_t column, size_t first, tri_error *err)
{
    tri_text a = g->cells[first * g->n_columns + column];
    for (size_t r = first + 1; r < g->n_rows && l->f->list == LIST_SPLIT && !l->hints->lenient; r++) {
        tri_text b = g->cells[r * g->n_columns + column];
        char separator = separator_of(l, b, g->json);
        if (!separator || separator == l->f->list_separator) continue;
        tri_status st = err_set(err, TRI_ERR_FORMAT, "%s writes its lists in two ways: \"%.*s\" and \"%.*s\"", l->source->what,
                                (int)(a.len < 60 ? a.len : 60), a.bytes, (int)(b.len < 60 ? b.len : 60), b.bytes);
        return err_hint(err, st, "the sample contradicts itself there: mend it, or ask the organiser what is meant");
    }
    return TRI_OK;
}

tri_status submission_learn_settle_list(learner *l, const learn_grid *g, tri_error *err)
{
    const submission_field *list = submission_field_find(l->f->fields, l->f->n_fields, ROLE_LIST);
    if (!list) return TRI_OK;
    size_t column = (size_t)(list - l->f->fields);
    for (size_t r = 0; r < g->n_rows; r++) {
        tri_text raw = g->cells[r * g->n_columns + column];
        if (!raw.len || !submission_learn_list(l, raw, g->json, true)) continue;
        return check_alike(l, g, column, r, err);
    }
    if (g->json)
        return err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: every list in it is empty", l->source->what);
    l->f->list = LIST_SPLIT;
    l->f->list_separator = l->f->separator == ' ' ? ',' : ' ';
    if (submission_note(l->f, "no row of \"%.*s\" holds two ids: a %s between them was assumed", (int)list->name.len,
                        list->name.bytes ? list->name.bytes : "", l->f->list_separator == ' ' ? "space" : "comma"))
        return err_memory(err, 100);
    return TRI_OK;
}
