/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn_roles.c — which field is the query, the document, the score?
 *
 *   1. names (submission_names.c); a second field of a role that has an id is that role's text
 *   2. known ids: a column of queries, a column of documents
 *   3. values, for what is still missing: the leftmost column that is no fraction and no list is the query; a list, else the
 * next
 *      such column the documents; fractions are scores; whole numbers that count within a query are ranks
 *   4. what is left is a constant, where its value never changes, or not understood */
#include <string.h>

#include "base/err.h"
#include "lab/json_pieces.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_number.h"

static tri_text cell_at(const learn_grid *g, size_t row, size_t column)
{
    tri_text t = g->cells[row * g->n_columns + column];
    if (g->json && json_raw_is_string(t)) return (tri_text){t.bytes + 1, t.len - 2};
    return t;
}

bool learn_column_all(const learn_grid *g, size_t column, bool (*test)(tri_text t))
{
    size_t n = 0;
    for (size_t r = 0; r < g->n_rows; r++) {
        tri_text t = cell_at(g, r, column);
        if (!t.len) continue;
        if (!test(t)) return false;
        n++;
    }
    return n > 0;
}

/* Half of the cells at least: what else stands there contradicts them, and is told with its line. */
static bool mostly_numbers(const learn_grid *g, size_t column)
{
    size_t n = 0;
    for (size_t r = 0; r < g->n_rows; r++) n += submission_is_number(cell_at(g, r, column));
    return n > 0 && n * 2 >= g->n_rows;
}

/* A place-holder: the name alone says what it holds. */
static bool is_empty(const learn_grid *g, size_t column)
{
    for (size_t r = 0; r < g->n_rows; r++)
        if (cell_at(g, r, column).len) return false;
    return true;
}

static bool is_constant(const learn_grid *g, size_t column)
{
    for (size_t r = 1; r < g->n_rows; r++) {
        tri_text a = g->cells[column], b = g->cells[r * g->n_columns + column];
        if (a.len != b.len || (a.len && memcmp(a.bytes, b.bytes, a.len))) return false;
    }
    return g->n_rows > 0;
}

static bool same(tri_text a, tri_text b)
{
    return a.len == b.len && !memcmp(a.bytes, b.bytes, a.len);
}

/* Whole numbers that count up by one while the query stays the same, and start again at the least with the next. */
static bool counts_ranks(const learn_grid *g, size_t column, size_t query)
{
    double value, last = 0;
    size_t n_steps = 0;
    for (size_t r = 0; r < g->n_rows; r++) {
        tri_text t = cell_at(g, r, column);
        if (!submission_is_digits(t) || t.len > 9) return false;
        value = 0;
        for (size_t i = 0; i < t.len; i++) value = value * 10 + (t.bytes[i] - '0');
        bool starts = !r || !same(cell_at(g, r, query), cell_at(g, r - 1, query));
        if (starts ? value > 1 : value != last + 1) return false;
        n_steps += !starts;
        last = value;
    }
    return n_steps > 0;
}

static submission_field *field_of(learner *l, submission_role role)
{
    for (size_t i = 0; i < l->f->n_fields; i++)
        if (l->f->fields[i].role == role) return &l->f->fields[i];
    return NULL;
}

/* ---- 1: names ------------------------------------------------------------------------------------------------------- */

static tri_status two_alike(learner *l, const submission_field *a, const submission_field *b, tri_error *err)
{
    tri_status st = err_set(err, TRI_ERR_FORMAT, "%s: \"%.*s\" and \"%.*s\" both name the %s", l->source->what,
                            (int)a->name.len, a->name.bytes, (int)b->name.len, b->name.bytes, submission_role_name(a->role));
    return err_hint(err, st, "ask the organiser which one counts, and rename the other");
}

static tri_status settle_twice(learner *l, submission_role role, submission_role text_role, tri_error *err)
{
    submission_field *first = NULL;
    for (size_t i = 0; i < l->f->n_fields; i++) {
        submission_field *field = &l->f->fields[i];
        if (field->role != role) continue;
        if (!first) {
            first = field;
            continue;
        }
        bool a = submission_name_is_id(first->name), b = submission_name_is_id(field->name);
        if (a == b) return two_alike(l, first, field, err);
        (a ? field : first)->role = text_role;
        if (b) first = field;
    }
    return TRI_OK;
}

static bool names_document(const learner *l)
{
    for (size_t i = 0; i < l->f->n_fields; i++)
        if (submission_role_of_name(l->f->fields[i].name) == ROLE_DOC) return true;
    return false;
}

static void name_roles(learner *l, const learn_grid *g)
{
    for (size_t i = 0; i < l->f->n_fields; i++) {
        submission_field *field = &l->f->fields[i];
        submission_role role = submission_role_of_name(field->name);
        bool numbers = learn_column_all(g, i, submission_is_number),
             listed = submission_learn_is_list(l, g, i, role != ROLE_DOC), mostly = mostly_numbers(g, i);
        if (role != ROLE_CONSTANT && is_empty(g, i)) {
            field->role = role;
            continue;
        }
        if (role == ROLE_DOC && listed) role = ROLE_LIST;
        if (role == ROLE_LIST && numbers && !listed && learn_column_all(g, i, submission_is_digits))
            role = names_document(l) ? ROLE_SCORE : ROLE_OTHER; /* a label, a target */
        if (role == ROLE_LIST && numbers && !listed) role = ROLE_SCORE;
        if (role == ROLE_SCORE && listed && !numbers) role = ROLE_SCORES; /* 0,93 is no list */
        if (role == ROLE_SCORES && (!listed || numbers)) role = ROLE_SCORE;
        if (role == ROLE_SCORE && !mostly) role = ROLE_OTHER;
        if (role == ROLE_RANK && !mostly) role = listed ? ROLE_LIST : ROLE_OTHER;
        if (role == ROLE_ROW && !numbers) role = ROLE_OTHER;
        if (role == ROLE_CONSTANT && g->n_rows && !is_constant(g, i)) role = ROLE_OTHER;
        field->role = role;
    }
}

/* ---- 2 and 3: values ------------------------------------------------------------------------------------------------ */

static size_t count_known(const learn_grid *g, size_t column, const known_ids *known, bool texts)
{
    size_t n = 0;
    uint32_t place;
    for (size_t r = 0; known && r < g->n_rows; r++) {
        tri_text t = cell_at(g, r, column);
        n += t.len && (texts ? known_ids_find_text(known, t, &place) : known_ids_find(known, t, &place));
    }
    return n;
}

/* The field without a role whose values are known; else NULL. */
static submission_field *known_field(learner *l, const learn_grid *g, const known_ids *known)
{
    submission_field *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < l->f->n_fields; i++) {
        size_t ids = count_known(g, i, known, false), texts = count_known(g, i, known, true);
        size_t n = ids > texts ? ids : texts;
        if (l->f->fields[i].role != ROLE_OTHER || n <= most) continue;
        most = n;
        best = &l->f->fields[i];
    }
    return best;
}

static bool has_fraction(const learn_grid *g, size_t column)
{
    return learn_column_all(g, column, submission_is_number) && !learn_column_all(g, column, submission_is_digits);
}

static submission_field *leftmost(learner *l, const learn_grid *g, bool plain_id_only)
{
    for (size_t i = 0; i < l->f->n_fields; i++) {
        submission_field *field = &l->f->fields[i];
        if (field->role != ROLE_OTHER || has_fraction(g, i) || submission_learn_is_list(l, g, i, false)) continue;
        if (g->json && g->n_rows && (json_raw_is_array(g->cells[i]) || json_raw_is_object(g->cells[i]))) continue;
        if (!plain_id_only || submission_name_is_plain_id(field->name)) return field;
    }
    return NULL;
}

/* Whole numbers that count the rows. */
static bool counts_rows(const learn_grid *g, size_t column)
{
    double last = 0;
    submission_number n;
    for (size_t r = 0; r < g->n_rows; r++) {
        tri_text t = cell_at(g, r, column);
        if (!submission_is_digits(t) || !submission_number_parse(t, &n) || (r && n.value != last + 1)) return false;
        last = n.value;
    }
    return g->n_rows > 1;
}

/* "id" beside "query": the query's id, unless it counts rows of which a query has several, or whose numbers are no
 * known ids. */
static void prefer_id(learner *l, const learn_grid *g, submission_field *query)
{
    submission_field *id = leftmost(l, g, true);
    if (!id || submission_name_is_id(query->name) || !query->name.len) return;
    size_t column = (size_t)(id - l->f->fields), text = (size_t)(query - l->f->fields);
    bool repeated = false;
    for (size_t r = 1; r < g->n_rows; r++)
        repeated = repeated ||
                   same(cell_at(g, r, text), cell_at(g, r - 1, text)) != same(cell_at(g, r, column), cell_at(g, r - 1, column));
    bool unknown = l->hints->queries && !count_known(g, column, l->hints->queries, false);
    if (repeated || (unknown && counts_rows(g, column))) return;
    query->role = ROLE_QUERY_TEXT;
    id->role = ROLE_QUERY;
}

static void find_query(learner *l, const learn_grid *g)
{
    submission_field *field = field_of(l, ROLE_QUERY);
    if (field && (field_of(l, ROLE_DOC) || field_of(l, ROLE_LIST))) prefer_id(l, g, field);
    if (field) return;
    if (!field) field = known_field(l, g, l->hints->queries);
    if (!field && !(field = field_of(l, ROLE_QUERY_TEXT))) {
        bool doc_named = field_of(l, ROLE_DOC) || field_of(l, ROLE_LIST);
        field = doc_named ? leftmost(l, g, true) : NULL;
        if (!field) field = leftmost(l, g, false);
    }
    if (field) field->role = ROLE_QUERY;
}

/* May a column without a name for documents hold them, though none of its values is in the corpus? A place-holder does. */
static bool may_be_document(const learner *l, const learn_grid *g, const submission_field *field)
{
    size_t column = (size_t)(field - l->f->fields);
    if (!l->hints->corpus || count_known(g, column, l->hints->corpus, false)) return true;
    return submission_role_of_name(field->name) != ROLE_LIST || !learn_column_all(g, column, submission_is_digits);
}

static void find_documents(learner *l, const learn_grid *g)
{
    submission_field *query = field_of(l, ROLE_QUERY);
    if (field_of(l, ROLE_LIST) || field_of(l, ROLE_DOC) || !query) return;
    size_t q = (size_t)(query - l->f->fields);
    size_t n_open = 0;
    for (size_t i = 0; i < l->f->n_fields; i++) n_open += l->f->fields[i].role == ROLE_OTHER && !has_fraction(g, i);
    for (size_t i = 0; n_open > 1 && i < l->f->n_fields && !field_of(l, ROLE_RANK); i++)
        if (l->f->fields[i].role == ROLE_OTHER && counts_ranks(g, i, q)) l->f->fields[i].role = ROLE_RANK;
    submission_field *field = known_field(l, g, l->hints->corpus);
    for (size_t i = 0; !field && i < l->f->n_fields; i++)
        if (l->f->fields[i].role == ROLE_OTHER && submission_learn_is_list(l, g, i, false)) {
            l->f->fields[i].role = ROLE_LIST;
            return;
        }
    if (!field) field = leftmost(l, g, true);
    if (!field) field = leftmost(l, g, false);
    if (field && may_be_document(l, g, field))
        field->role = submission_learn_is_list(l, g, (size_t)(field - l->f->fields), true) ? ROLE_LIST : ROLE_DOC;
}

static tri_status find_rest(learner *l, const learn_grid *g, tri_error *err)
{
    submission_field *query = field_of(l, ROLE_QUERY);
    for (size_t i = 0; i < l->f->n_fields; i++) {
        submission_field *field = &l->f->fields[i];
        if (field->role != ROLE_OTHER) continue;
        bool constant = is_constant(g, i) && g->n_rows > 1;
        bool nameless = l->f->header && !field->name.len; /* the index column of a pandas table */
        if ((nameless || submission_name_is_plain_id(field->name)) && counts_rows(g, i))
            field->role = ROLE_ROW;
        else if (query && !field_of(l, ROLE_RANK) && counts_ranks(g, i, (size_t)(query - l->f->fields)))
            field->role = ROLE_RANK;
        else if (!field_of(l, ROLE_SCORE) && !field_of(l, ROLE_SCORES) && learn_column_all(g, i, submission_is_number) &&
                 !constant && (!l->f->header || has_fraction(g, i)))
            field->role = ROLE_SCORE;
        else if (is_constant(g, i))
            field->role = ROLE_CONSTANT;
    }
    for (size_t i = 0; i < l->f->n_fields; i++)
        if (l->f->fields[i].role == ROLE_CONSTANT && g->n_rows)
            TRI_TRY(submission_learn_copy(l->f, g->cells[i], &l->f->fields[i].constant, err));
    return TRI_OK;
}

/* ---- 4: the whole --------------------------------------------------------------------------------------------------- */

tri_status submission_learn_roles(learner *l, const learn_grid *grid, tri_error *err)
{
    name_roles(l, grid);
    bool wide = submission_learn_wide(l, grid);
    TRI_TRY(settle_twice(l, ROLE_QUERY, ROLE_QUERY_TEXT, err));
    if (!wide) TRI_TRY(settle_twice(l, ROLE_DOC, ROLE_DOC_TEXT, err));
    if (!wide) TRI_TRY(settle_twice(l, ROLE_SCORE, ROLE_OTHER, err));
    TRI_TRY(settle_twice(l, ROLE_RANK, ROLE_OTHER, err));
    find_query(l, grid);
    find_documents(l, grid);
    if (field_of(l, ROLE_LIST) && field_of(l, ROLE_DOC)) {
        submission_field *doc = field_of(l, ROLE_DOC);
        if (!grid->json) return two_alike(l, doc, field_of(l, ROLE_LIST), err);
        doc->role = ROLE_OTHER;
    }
    TRI_TRY(settle_twice(l, ROLE_LIST, ROLE_OTHER, err));
    TRI_TRY(find_rest(l, grid, err));
    if (!field_of(l, ROLE_QUERY)) return submission_learn_missing(l, "query", err);
    if (!field_of(l, ROLE_LIST) && !field_of(l, ROLE_DOC)) return submission_learn_missing(l, "document", err);
    if (wide) {
        l->f->list = LIST_COLUMNS;
        TRI_TRY(submission_learn_check_wide(l, err));
    }
    return submission_learn_settle_list(l, grid, err);
}
