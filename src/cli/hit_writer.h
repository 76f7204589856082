/* SPDX-License-Identifier: Apache-2.0 */
/* hit_writer.h — hits of a search as lines: a TREC run, or a JSON object each. */
#ifndef TRI_CLI_HIT_WRITER_H
#define TRI_CLI_HIT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/record.h"
#include "trident/search.h"

#define HIT_WRITER_NAMES "trec|jsonl" /* ORDER HIT_WRITER_* */
enum { HIT_WRITER_TREC, HIT_WRITER_JSONL };

/* By --to (may be NULL), else by suffix; standard output is JSONL. -1 when neither tells. */
int hit_writer_find(const char *to, const char *path);

typedef struct hit_writer_plan {
    const char *path;
    buf *into; /* lines go here instead of to a file at path; NULL = to the file */
    int format;
    bool explain;             /* adds the matching tokens; JSONL only */
    const tri_index *index;   /* for explain */
    tri_tokenizer *tokenizer; /* for explain; NULL gives null pieces */
} hit_writer_plan;

/* The query that hits belong to. */
typedef struct hit_writer_query {
    const record *record;
    const tri_query *vectors;
    const uint32_t *ids; /* its tokens; row r of multi is ids[r + 1] */
    size_t n_ids;
} hit_writer_query;

typedef struct hit_writer hit_writer;
tri_status hit_writer_open(const hit_writer_plan *plan, hit_writer **out, tri_error *err);
/* An id with white space cannot stand in a TREC run: TRI_ERR_ARGUMENT names it. rank from 1. */
tri_status hit_writer_put(hit_writer *w, const hit_writer_query *query, size_t rank, const tri_hit *hit, tri_error *err);
tri_status hit_writer_commit(hit_writer *w, tri_error *err); /* w is gone */
void hit_writer_discard(hit_writer *w);                      /* NULL is fine */

#endif
