/* SPDX-License-Identifier: Apache-2.0 */
/* trec_file.h — judgments and runs as files.
 *
 *   judgments  TREC:  query 0 document grade                  BEIR:  query-id <tab> corpus-id <tab> score, that line first
 *   run        TREC:  query Q0 document rank score tag        BEIR:  the same three columns
 *
 * TREC columns are separated by white space (space, tab, VT, FF, CR: isspace in the C locale), BEIR columns by one tab, so that
 * a BEIR id may hold spaces. Which of the two a file is shows in its first line. */
#ifndef TRI_EVAL_TREC_FILE_H
#define TRI_EVAL_TREC_FILE_H

#include "eval/trec_table.h"
#include "formats/jsonl.h"

typedef enum { TREC_QRELS, TREC_RUN } trec_kind;

/* Fills an initialised table; on failure the caller drops it. path "-" is standard input. Refused, with file and line: another
 * number of columns, an id that holds NUL, a score that is not a finite float32, a grade that is not a whole number, a
 * (query, document) pair given twice; and a file without any row. Blank lines are passed over. */
tri_status trec_file_load(const char *path, trec_kind kind, trec_table *t, tri_error *err);
/* The same from an open reader, which stays the caller's; `path` is for messages. */
tri_status trec_file_read(line_reader *r, const char *path, trec_kind kind, trec_table *t, tri_error *err);

/* The run in TREC form: queries in the table's order, documents by score descending as float32, then ascending id; ranks from
 * 1; scores as the shortest decimal that reads back as the same float32. An id or a tag that is empty or holds white space,
 * which TREC form cannot carry, is TRI_ERR_UNSUPPORTED. The file appears whole or not at all; path "-" is standard output. */
tri_status trec_file_save(const trec_table *t, const char *path, const char *tag, tri_error *err);

#endif
