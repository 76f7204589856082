/* SPDX-License-Identifier: Apache-2.0 */
/* submission_read.h — the pairs of query and document in a file of a known format, in one pass, in the memory of one record.
 *
 * What the bytes cannot be read as (an open quote, a broken JSON value) is the status of the call; what a record has that the
 * format does not, or lacks, goes to sink->fault and reading goes on. */
#ifndef TRI_LAB_SUBMISSION_READ_H
#define TRI_LAB_SUBMISSION_READ_H

#include "base/file.h"
#include "lab/submission_format.h"

/* A file, or bytes in memory (file NULL). */
typedef struct submission_source {
    const char *what; /* for messages */
    tri_text bytes;   /* a BOM may stand before them */
    const mapped_file *file;
} submission_source;

/* Texts are valid during the call. bytes NULL = not in the record. */
typedef struct submission_entry {
    tri_text query, doc, score, rank, row;
    bool query_number, doc_number, score_string; /* as they are written in JSON */
    uint64_t line;
} submission_entry;

typedef enum { FAULT_OF_FORMAT, FAULT_OF_COLUMNS } submission_fault;

typedef struct submission_sink {
    void *ctx;
    /* A query's own record begins (formats with lists); its entries follow. */
    tri_status (*query)(void *ctx, const submission_entry *e, tri_error *err);
    tri_status (*entry)(void *ctx, const submission_entry *e, tri_error *err);
    tri_status (*fault)(void *ctx, submission_fault fault, uint64_t line, const char *text, tri_error *err);
} submission_sink;

/* The records of a JSON file: its value, or the value inside the wrapper. */
tri_status submission_read_payload(const submission_format *f, const submission_source *source, tri_text *out, tri_error *err);

tri_status submission_read(const submission_format *f, const submission_source *source, const submission_sink *sink,
                           tri_error *err);

#endif
