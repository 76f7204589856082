/* SPDX-License-Identifier: Apache-2.0 */
/* trec_table.h — (query, document, value) rows grouped by query: what judgments and runs have in common.
 *
 * Filled row by row, then finished once: queries keep the order of their first row, the rows of a query lie together in
 * ascending byte order of the document id. That order turns the join of judgments and run into one merge, and a document's
 * place in it into a number that compares as the id does. */
#ifndef TRI_EVAL_TREC_TABLE_H
#define TRI_EVAL_TREC_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"
#include "base/arena.h"
#include "base/strmap.h"

typedef struct trec_row {
    const char *doc; /* NUL-terminated too; holds no NUL */
    uint32_t doc_len;
    uint32_t query; /* index into queries */
    double value;   /* score or grade, finite */
    uint64_t line;  /* where it was read, for messages; 0 = not read */
} trec_row;

typedef struct trec_query {
    const char *id; /* NUL-terminated */
    size_t id_len;
    size_t first, n; /* its rows, once finished */
} trec_query;

typedef struct trec_table {
    arena text;
    strmap by_id;
    trec_query *queries;
    size_t n_queries, cap_queries;
    trec_row *rows;
    size_t n_rows, cap_rows;
} trec_table;

/* The two opaque types of the treaty are tables with different meanings of `value`. */
struct tri_qrels {
    trec_table table; /* value: grade, a whole number */
};
struct tri_run {
    trec_table table; /* value: score */
};

void trec_table_init(trec_table *t);
void trec_table_drop(trec_table *t);
/* Both ids are copied; neither may hold a NUL. `value` must be finite. */
tri_status trec_table_add(trec_table *t, tri_text query, tri_text doc, double value, uint64_t line, tri_error *err);
/* Groups and sorts. A (query, document) pair that occurs twice is TRI_ERR_FORMAT naming both lines. On failure drop the table.
 */
tri_status trec_table_finish(trec_table *t, tri_error *err);
/* NULL when the table has no such query. */
const trec_query *trec_table_find(const trec_table *t, const char *id, size_t id_len);
/* Byte order of two ids, a prefix first: strcmp's, as trec_eval has it. */
int trec_row_order(const trec_row *a, const trec_row *b);

#endif
