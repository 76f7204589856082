/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check_outer.c — the keys beside the records, in the objects around them, against the sample's. Their values are
 * the contestant's own. */
#include <string.h>

#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_check_int.h"
#include "lab/submission_text.h"

/* The member's value; bytes NULL when there is none. */
static tri_status find_member(tri_text object, tri_text name, const char *what, tri_text *out, tri_error *err)
{
    json_pieces p;
    tri_text key, value;
    *out = (tri_text){NULL, 0};
    TRI_TRY(json_pieces_open(&p, object, what, err));
    tri_status st = TRI_OK;
    while (!st && !out->bytes && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes)
        if (key.len == name.len && !memcmp(key.bytes, name.bytes, key.len)) *out = value;
    json_pieces_close(&p);
    return st;
}

/* Each key of `object` that `other` lacks. */
static tri_status find_lacking(judge *j, tri_text object, tri_text other, const char *what, const char *words, tri_error *err)
{
    json_pieces p;
    tri_text key, value, there;
    TRI_TRY(json_pieces_open(&p, object, what, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        st = find_member(other, key, what, &there, err);
        if (!st && !there.bytes)
            judge_find(j, JUDGED_COLUMNS, 0, "key \"%.*s\" beside the records %s", (int)(key.len < 60 ? key.len : 60),
                       key.bytes, words);
    }
    json_pieces_close(&p);
    return st;
}

/* The sample's outer object with null for its records. */
static tri_status outer_of_sample(const submission_format *s, buf *out, tri_error *err)
{
    if (buf_append(out, s->before.bytes, s->before.len) || buf_str(out, "null") ||
        buf_append(out, s->after.bytes, s->after.len))
        return err_memory(err, s->before.len + s->after.len);
    return TRI_OK;
}

tri_status judge_outer(judge *j, const submission_source *file, tri_error *err)
{
    const submission_format *s = &j->sample->format;
    tri_text mine = file->bytes;
    buf text;
    if (!s->n_wrappers) return TRI_OK;
    buf_init(&text, 0);
    if (mine.len >= 3 && !memcmp(mine.bytes, "\xEF\xBB\xBF", 3)) mine = (tri_text){mine.bytes + 3, mine.len - 3};
    mine = submission_trim(mine);
    tri_status st = outer_of_sample(s, &text, err);
    tri_text its = {(const char *)text.data, text.len};
    for (size_t i = 0; i < s->n_wrappers && !st && json_raw_is_object(mine); i++) {
        st = find_lacking(j, its, mine, j->options->sample, "is missing", err);
        if (!st) st = find_lacking(j, mine, its, file->what, "is not in the sample", err);
        if (!st) st = find_member(its, s->wrappers[i], j->options->sample, &its, err);
        if (!st) st = find_member(mine, s->wrappers[i], file->what, &mine, err);
    }
    buf_drop(&text);
    return st;
}
