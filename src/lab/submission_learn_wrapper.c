/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_wrapper.c — under which keys of an outer object are the records?
 *
 *   {"team": "us", "results": [{"query_id": ...}]}     an array whose objects name the query or its list
 *   {"data": {"results": ...}}                         the same, deeper
 *   {"default": {"test": {"q1": {"d1": 0.9}}}}         scores by document by query, deeper than the root
 *   {"results": {"q1": ["d1"]}}                        an object under a name that wrappers have
 * Where two members of an object could be it, none is: the object is then taken for a map from queries. */
#include <string.h>

#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_learn_int.h"

tri_status submission_learn_first(const learner *l, tri_text raw, tri_text *value, tri_error *err)
{
    json_pieces p;
    TRI_TRY(json_pieces_open(&p, raw, l->source->what, err));
    tri_status st = json_pieces_next(&p, NULL, value, err);
    json_pieces_close(&p);
    return st;
}

tri_status submission_learn_holds_query(const learner *l, tri_text object, bool *yes, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    *yes = false;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        submission_role role = submission_role_of_name(key);
        bool container = json_raw_is_container(value);
        *yes = *yes || (container ? role == ROLE_LIST : role == ROLE_QUERY || role == ROLE_QUERY_TEXT);
    }
    json_pieces_close(&p);
    return st;
}

static tri_status holds_records(const learner *l, tri_text value, bool *yes, tri_error *err)
{
    tri_text first = {NULL, 0};
    *yes = false;
    if (!json_raw_is_array(value)) return TRI_OK;
    TRI_TRY(submission_learn_first(l, value, &first, err));
    return json_raw_is_object(first) ? submission_learn_holds_query(l, first, yes, err) : TRI_OK;
}

/* {"d1": 0.9, ...}, but not {"score": 0.9}. */
static tri_status is_score_map(const learner *l, tri_text object, bool *yes, bool *empty, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    *yes = *empty = true;
    while (!st && *yes && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        *empty = false;
        *yes = json_raw_is_number(value) && submission_role_of_name(key) == ROLE_OTHER;
    }
    json_pieces_close(&p);
    return st;
}

/* Is every member an object of scores? */
static tri_status holds_score_maps(const learner *l, tri_text object, bool *yes, tri_error *err)
{
    json_pieces p;
    tri_text value;
    size_t n = 0;
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    *yes = true;
    while (!st && *yes && !(st = json_pieces_next(&p, NULL, &value, err)) && value.bytes) {
        bool empty = false;
        *yes = json_raw_is_object(value);
        if (*yes) st = is_score_map(l, value, yes, &empty, err);
        n += !empty;
    }
    json_pieces_close(&p);
    *yes = *yes && n > 0;
    return st;
}

static tri_status find_records(learner *l, tri_text object, size_t depth, tri_text *found, tri_error *err);

/* The records in or below this member of an object; found->bytes NULL when there are none. `deeper` is the member's depth. */
static tri_status find_in_member(learner *l, tri_text key, tri_text value, size_t deeper, tri_text *found, tri_error *err)
{
    bool yes;
    tri_text first = {NULL, 0};
    *found = (tri_text){NULL, 0};
    TRI_TRY(holds_records(l, value, &yes, err));
    if (!yes && json_raw_is_object(value)) {
        TRI_TRY(holds_score_maps(l, value, &yes, err));
        if (!yes && deeper < WRAPPERS_MAX) TRI_TRY(find_records(l, value, deeper, found, err));
        if (!yes && !found->bytes && submission_name_is_wrapper(key)) {
            TRI_TRY(submission_learn_first(l, value, &first, err));
            yes = json_raw_is_container(first);
        }
    }
    if (yes) {
        *found = value;
        l->f->n_wrappers = deeper;
    }
    return TRI_OK;
}

/* Fills wrappers[depth ..] and *found; found->bytes NULL when no single member holds the records. */
static tri_status find_records(learner *l, tri_text object, size_t depth, tri_text *found, tri_error *err)
{
    json_pieces p;
    tri_text key, value, path[WRAPPERS_MAX];
    size_t n_found = 0, n_wrappers = 0;
    bool sure = false;
    *found = (tri_text){NULL, 0};
    TRI_TRY(json_pieces_open(&p, object, l->source->what, err));
    tri_status st = TRI_OK;
    while (!st && !sure && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        tri_text inner;
        st = find_in_member(l, key, value, depth + 1, &inner, err);
        if (st || !inner.bytes) continue;
        sure = json_raw_is_array(inner); /* nothing says it more clearly */
        n_found++;
        *found = inner;
        n_wrappers = l->f->n_wrappers;
        memcpy(path, l->f->wrappers, sizeof path);
        st = submission_learn_copy(l->f, key, &path[depth], err);
    }
    json_pieces_close(&p);
    if (n_found > 1 && !sure) *found = (tri_text){NULL, 0};
    l->f->n_wrappers = found->bytes ? n_wrappers : 0;
    if (found->bytes) memcpy(l->f->wrappers, path, sizeof path);
    return st;
}

tri_status submission_learn_wrappers(learner *l, tri_text root, tri_error *err)
{
    submission_format *f = l->f;
    tri_text found = {NULL, 0};
    bool map;
    TRI_TRY(holds_score_maps(l, root, &map, err));
    if (!map) TRI_TRY(find_records(l, root, 0, &found, err));
    if (!found.bytes) return TRI_OK;
    if (found.len + 65536 < root.len) return submission_learn_refuse(l, "more than 64 KiB stand around its records", err);
    size_t before = (size_t)(found.bytes - root.bytes);
    TRI_TRY(submission_learn_copy(f, (tri_text){root.bytes, before}, &f->before, err));
    return submission_learn_copy(f, (tri_text){found.bytes + found.len, root.len - before - found.len}, &f->after, err);
}
