/* SPDX-License-Identifier: Apache-2.0 */
/* submission_format.h — what a competition's file looks like: learnt from a sample (submission_learn.h), followed by the reader
 * (submission_read.h) and by the writer (submission_write.h).
 *
 *   table   records are rows, fields are columns; TREC form is a table between blanks with fixed columns
 *   JSON    records are the objects of the array at the root, or the members of the object at the root ("keyed": the key is the
 *           query), alone or under a key of an outer object, or of several in one another
 *   JSONL   records are lines; an object each, or keyed
 * A record is one pair of query and document, or one query with a list of documents. */
#ifndef TRI_LAB_SUBMISSION_FORMAT_H
#define TRI_LAB_SUBMISSION_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "trident/types.h"

typedef enum { SUBMISSION_TABLE, SUBMISSION_JSON, SUBMISSION_JSONL } submission_kind;

typedef enum {
    ROLE_OTHER, /* not understood: read past; cannot be written unless it is constant */
    ROLE_QUERY,
    ROLE_QUERY_TEXT, /* beside an id */
    ROLE_DOC,
    ROLE_DOC_TEXT,
    ROLE_LIST, /* documents of the query */
    ROLE_SCORE,
    ROLE_SCORES, /* a list as long as ROLE_LIST's */
    ROLE_RANK,
    ROLE_ROW, /* a number that counts the rows */
    ROLE_CONSTANT,
    ROLES
} submission_role;
const char *submission_role_name(submission_role role);

typedef enum {
    LIST_NONE,    /* a record is a pair */
    LIST_SPLIT,   /* ids in one text, between list_separator */
    LIST_JSON,    /* an array: of ids, of objects (items), of arrays (items in order), or an object id: score */
    LIST_PYTHON,  /* ['a', 'b'] in a cell of a table */
    LIST_COLUMNS, /* a column an id */
} submission_list;

typedef enum { ITEMS_IDS, ITEMS_OBJECTS, ITEMS_ARRAYS, ITEMS_MAP } submission_items;

enum { WRAPPERS_MAX = 4 };

typedef struct submission_field {
    tri_text name; /* header or key; {NULL, 0} without a header */
    submission_role role;
    bool quoted, name_quoted; /* always, in a table */
    tri_text constant;        /* of ROLE_CONSTANT: as written (JSON: with its quotes) */
} submission_field;

typedef struct submission_format {
    arena memory;
    submission_kind kind;
    bool bom, crlf, ends_in_newline;
    submission_field *fields;
    size_t n_fields;
    char separator; /* of a table; CSV_BLANKS = TREC form, then blank is what lies between fields */
    char blank;
    bool header, list_spaced; /* list_spaced: a space follows the list's separator */
    submission_list list;
    char list_separator;
    submission_items items_form;
    submission_field *items;
    size_t n_items;
    bool keyed, root_object;         /* JSON: the records are the members of an object, not of an array */
    tri_text wrappers[WRAPPERS_MAX]; /* the keys over the records, the outermost first */
    size_t n_wrappers;
    tri_text before, after; /* the outer object's text around the records */
    int indent;             /* of JSON; 0 = on one line */
    char indent_by;         /* a space or a tab */
    bool spaced, escaped;   /* spaces after , and : ; non-ASCII written as \u escapes */
    /* from the values */
    bool query_number, doc_number;   /* JSON numbers */
    bool query_integer, doc_integer; /* every id of the sample is a whole number */
    size_t doc_width;                /* their digits, where all have as many and some begin with 0; else 0 */
    bool doc_padded;                 /* blanks lie around some documents' ids */
    bool query_by_text;              /* what stands for the query is its text */
    bool doc_by_text;
    bool score_string; /* JSON: scores in quotes */
    bool score_integer, score_percent, decimal_comma, lower_is_better, score_varies;
    double score_min, score_max; /* what the sample's scores say is allowed; NaN = no bound */
    int rank_base, row_base;
    bool rows_count; /* ROLE_ROW counts up by one, record by record */
    size_t n_queries, n_entries, list_min, list_max;
    buf notes; /* assumptions, a line each */
} submission_format;

void submission_format_init(submission_format *f);
void submission_format_drop(submission_format *f);
/* The first field of the role; NULL when there is none. */
const submission_field *submission_field_find(const submission_field *fields, size_t n, submission_role role);
bool submission_has(const submission_format *f, submission_role role); /* among fields or items */
/* A line for notes. */
tri_status submission_note(submission_format *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "CSV", "TSV", "TREC", "JSON", ... */
const char *submission_kind_name(const submission_format *f);

/* What a column or key of this name holds, by the names that competitions use; ROLE_OTHER for "id" and unknown ones. */
submission_role submission_role_of_name(tri_text name);
bool submission_name_is_id(tri_text name);       /* ends in id, no or key: an id rather than a text */
bool submission_name_is_wrapper(tri_text name);  /* "results", "predictions", ...: holds the records */
bool submission_name_is_plain_id(tri_text name); /* "id" alone, "_id" */

#endif
