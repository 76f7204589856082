/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_wide.c — tables whose rows hold an id a column: query_id, doc_1, score_1, doc_2, score_2. */
#include <string.h>

#include "base/err.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_number.h"

/* Of "doc_2", "score2", "top3": what one of several columns holds; ROLE_OTHER for names without a number. */
static submission_role numbered_role(tri_text name)
{
    tri_text stem = name;
    while (stem.len && stem.bytes[stem.len - 1] >= '0' && stem.bytes[stem.len - 1] <= '9') stem.len--;
    if (stem.len == name.len) return ROLE_OTHER;
    while (stem.len && (stem.bytes[stem.len - 1] == '_' || stem.bytes[stem.len - 1] == '-')) stem.len--;
    submission_role role = submission_role_of_name(stem);
    bool top = stem.len == 3 && !memcmp(stem.bytes, "top", 3);
    if (role == ROLE_DOC || role == ROLE_LIST || role == ROLE_RANK || top) return ROLE_DOC;
    return role == ROLE_SCORE ? ROLE_SCORE : ROLE_OTHER;
}

bool submission_learn_wide(learner *l, const learn_grid *g)
{
    size_t n_docs = 0;
    if (g->json || submission_field_find(l->f->fields, l->f->n_fields, ROLE_LIST)) return false;
    for (size_t i = 0; i < l->f->n_fields; i++) {
        if (numbered_role(l->f->fields[i].name) != ROLE_DOC) continue;
        if (learn_column_all(g, i, submission_is_number) && !learn_column_all(g, i, submission_is_digits)) return false;
        n_docs++;
    }
    if (n_docs < 2) return false;
    for (size_t i = 0; i < l->f->n_fields; i++) {
        submission_role role = numbered_role(l->f->fields[i].name);
        if (role != ROLE_OTHER) l->f->fields[i].role = role;
    }
    return true;
}

static size_t count_role(const learner *l, submission_role role)
{
    size_t n = 0;
    for (size_t i = 0; i < l->f->n_fields; i++) n += l->f->fields[i].role == role;
    return n;
}

tri_status submission_learn_check_wide(const learner *l, tri_error *err)
{
    size_t n_docs = count_role(l, ROLE_DOC), n_scores = count_role(l, ROLE_SCORE);
    if (!n_scores || n_scores == n_docs) return TRI_OK;
    tri_status st = err_set(err, TRI_ERR_FORMAT, "%s: its header names %zu columns of documents and %zu of scores",
                            l->source->what, n_docs, n_scores);
    return err_hint(err, st, "ask the organiser which score belongs to which document");
}
