/* SPDX-License-Identifier: Apache-2.0 */
/* submission_read_int.h — what the readers of tables, of JSON and of lists share. */
#ifndef TRI_LAB_SUBMISSION_READ_INT_H
#define TRI_LAB_SUBMISSION_READ_INT_H

#include "lab/submission_read.h"
#include "lab/submission_text.h"

typedef struct submission_reader {
    const submission_format *f;
    const submission_source *source;
    const submission_sink *sink;
    submission_entry entry;
    buf query, doc, score, rank, cell, text; /* room for decoded texts */
    tri_text *scores;                        /* of ROLE_SCORES: views of the record */
    size_t n_scores, scores_cap, n_listed;   /* n_listed: documents of the list */
    bool has_scores;
    tri_text *values;    /* [n_fields] raw values of a JSON record */
    const char *counted; /* lines up to here are counted */
    uint64_t line;
    size_t released; /* bytes of the file given back to the system */
} submission_reader;

tri_status submission_read_table(submission_reader *r, tri_error *err);
tri_status submission_read_json(submission_reader *r, tri_error *err);
/* The documents of a list, as entries after r->entry's query. json: `list` is raw JSON, else the text of a cell. */
tri_status submission_read_list(submission_reader *r, tri_text list, bool json, tri_error *err);
/* r->scores from a ROLE_SCORES value. */
tri_status submission_read_scores(submission_reader *r, tri_text list, bool json, tri_error *err);
tri_status submission_read_fault(submission_reader *r, submission_fault fault, tri_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Pages of the file before `at` are not needed again in this pass. */
void submission_read_release(submission_reader *r, const char *at);
uint64_t submission_read_line(submission_reader *r, const char *at);

#endif
