/* SPDX-License-Identifier: Apache-2.0 */
/* submission_write_int.h — between the plan of a submission and the text of its records. */
#ifndef TRI_LAB_SUBMISSION_WRITE_INT_H
#define TRI_LAB_SUBMISSION_WRITE_INT_H

#include "lab/submission_write.h"

/* A query as it will stand in the file. */
typedef struct planned_query {
    tri_text name, text; /* what stands for it; its text for ROLE_QUERY_TEXT */
    uint32_t in_run;     /* place among the run's queries; UINT32_MAX with n = 0: it is not there */
    size_t n;            /* documents of it that are written */
} planned_query;

typedef struct submission_writer {
    const submission_format *f;
    const submission_run *run;
    const known_ids *corpus; /* NULL = not given */
    double scale, shift;     /* of scores */
    bool is_mapped;
    bool by_place; /* scores are places from the end */
    out_file *file;
    buf text, cell, score;
    size_t n_records; /* written; ROLE_ROW counts them */
} submission_writer;

typedef struct write_job {
    const write_options *o;
    write_result *result;
    known_ids queries, corpus;
    submission_sample sample;
    submission_run run;
    planned_query *plan;
    size_t n_plan;
    submission_writer writer;
} write_job;

/* A line of the result's notes. */
tri_status submission_write_note(write_job *job, tri_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Fills plan; refused where a query is unknown, or has no documents. */
tri_status submission_write_plan_queries(write_job *job, tri_error *err);
/* The documents of q, best first; none of a query that the run lacks. */
static inline const run_pair *planned_pairs(const submission_writer *w, const planned_query *q)
{
    return w->run->pairs + (q->n ? w->run->first[q->in_run] : 0);
}

tri_status submission_write_begin(submission_writer *w, tri_error *err);
tri_status submission_write_query(submission_writer *w, const planned_query *q, tri_error *err);
tri_status submission_write_end(submission_writer *w, tri_error *err);
/* The score of the i-th document of n, into w->score. */
tri_status submission_write_score(submission_writer *w, const run_pair *pair, size_t i, size_t n);
/* The list of documents as JSON, with line ends and indents at this level, or on one line (level < 0); or of their scores. */
tri_status submission_write_list(submission_writer *w, const planned_query *q, int level, bool scores, buf *out,
                                 tri_error *err);
/* A list as the text of a cell. */
tri_status submission_write_split(submission_writer *w, const planned_query *q, bool scores, buf *out, tri_error *err);
tri_status submission_write_json(submission_writer *w, const planned_query *q, tri_error *err);
tri_status submission_put_text(buf *out, tri_text text, bool escaped); /* a JSON string */
void submission_put_gap(buf *out, const submission_format *f, int level, tri_status *st);
tri_status submission_refuse_id(tri_text id, const char *why, tri_error *err);

#endif
