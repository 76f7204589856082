/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_items.c — what the values of a list's objects and arrays are: the document, its score, its rank, its text.
 * In an array the first is the document. */
#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_learn_int.h"

tri_status submission_learn_missing(const learner *l, const char *what, tri_error *err)
{
    tri_status st = err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: nothing in it looks like the %s",
                            l->source->what, what);
    return err_hint(err, st,
                    "name the columns (query_id, document_id, score), or give --queries and --corpus, whose ids tell them");
}

tri_status submission_learn_items(learner *l, const learn_grid *grid, tri_error *err)
{
    submission_format *f = l->f;
    bool has_doc = false;
    for (size_t i = 0; i < f->n_items; i++) {
        submission_field *item = &f->items[i];
        tri_text raw = grid->cells[i];
        submission_role role = submission_role_of_name(item->name);
        bool number = json_raw_is_number(raw);
        if (role == ROLE_LIST || role == ROLE_QUERY || submission_name_is_plain_id(item->name)) role = ROLE_DOC;
        if (role == ROLE_SCORES) role = ROLE_SCORE;
        if ((role == ROLE_SCORE || role == ROLE_RANK) && !number && !json_raw_is_string(raw)) role = ROLE_OTHER;
        if (role == ROLE_DOC && has_doc) role = submission_name_is_id(item->name) ? ROLE_OTHER : ROLE_DOC_TEXT;
        if (role == ROLE_ROW || role == ROLE_CONSTANT) role = ROLE_OTHER;
        has_doc = has_doc || role == ROLE_DOC;
        item->role = role;
    }
    for (size_t i = 0; i < f->n_items && !f->items[0].name.bytes; i++) /* arrays: a document, then a score */
        f->items[i].role = i == 0 ? ROLE_DOC : i == 1 && json_raw_is_number(grid->cells[i]) ? ROLE_SCORE : ROLE_OTHER;
    has_doc = has_doc || (f->n_items && f->items[0].role == ROLE_DOC);
    for (size_t i = 0; i < f->n_items && !has_doc; i++)
        if (f->items[i].role == ROLE_OTHER && (json_raw_is_string(grid->cells[i]) || json_raw_is_number(grid->cells[i]))) {
            f->items[i].role = ROLE_DOC;
            has_doc = true;
        }
    return has_doc ? TRI_OK : submission_learn_missing(l, "document of a list", err);
}
