/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_int.h — the steps of learning: the shape of tables and of JSON, the roles of fields, the values. */
#ifndef TRI_LAB_SUBMISSION_LEARN_INT_H
#define TRI_LAB_SUBMISSION_LEARN_INT_H

#include "lab/submission_learn.h"

enum { LEARN_ROWS = 200 }; /* records that the shape is learnt from */

/* The cells of the first records: cells[row * n_columns + column]; bytes NULL = absent. JSON values are as written. */
typedef struct learn_grid {
    tri_text *cells;
    size_t n_rows, n_columns;
    bool json;
} learn_grid;

typedef struct learner {
    submission_format *f;
    const submission_source *source;
    const submission_hints *hints;
    bool no_memory; /* a question about a value could not be answered for want of memory */
} learner;

/* st is TRI_OK; remembers that memory ran out. */
static inline bool learn_went(learner *l, tri_status st)
{
    l->no_memory = l->no_memory || st == TRI_ERR_MEMORY;
    return st == TRI_OK;
}

tri_status submission_learn_table(learner *l, tri_error *err);
tri_status submission_learn_json(learner *l, tri_error *err);
/* The keys over the records, from the outer object, and the text around them. */
tri_status submission_learn_wrappers(learner *l, tri_text root, tri_error *err);
tri_status submission_learn_refuse(const learner *l, const char *words, tri_error *err);
/* The first value of an array or object; {NULL, 0} when it is empty. */
tri_status submission_learn_first(const learner *l, tri_text raw, tri_text *value, tri_error *err);
/* Has the object a key that names the query, or a list of documents? */
tri_status submission_learn_holds_query(const learner *l, tri_text object, bool *yes, tri_error *err);
/* Gives each field its role, and f its list form. */
tri_status submission_learn_roles(learner *l, const learn_grid *grid, tri_error *err);
/* The roles of an item's fields. */
tri_status submission_learn_items(learner *l, const learn_grid *grid, tri_error *err);
/* Is the table one whose rows hold an id a column, each perhaps with its score? Then its fields have their roles. */
bool submission_learn_wide(learner *l, const learn_grid *grid);
/* As many scores as documents, or none. */
tri_status submission_learn_check_wide(const learner *l, tri_error *err);
/* The refusal of a file in which nothing looks like the query, or the document. */
tri_status submission_learn_missing(const learner *l, const char *what, tri_error *err);
/* How one list is written: `cell` is a text, or raw JSON. False where it is no list. */
bool submission_learn_list(learner *l, tri_text cell, bool json, bool sure);
/* Are half of the column's values lists? Nothing of f changes. */
bool submission_learn_is_list(learner *l, const learn_grid *g, size_t column, bool sure);
/* f's form of lists, from the first one of the ROLE_LIST column; the others are alike. */
tri_status submission_learn_settle_list(learner *l, const learn_grid *g, tri_error *err);
tri_status submission_learn_values(learner *l, submission_sample *sample, tri_error *err);
tri_status submission_learn_copy(submission_format *f, tri_text text, tri_text *out, tri_error *err);

/* Questions to a column of a grid. */
bool learn_column_all(const learn_grid *g, size_t column, bool (*test)(tri_text t)); /* of cells that are not empty; some are */

#endif
