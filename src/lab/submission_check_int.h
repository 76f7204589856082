/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check_int.h — what the judges of bytes, records and queries share. */
#ifndef TRI_LAB_SUBMISSION_CHECK_INT_H
#define TRI_LAB_SUBMISSION_CHECK_INT_H

#include "lab/submission_check.h"

typedef enum {
    JUDGED_FORMAT,
    JUDGED_COLUMNS,
    JUDGED_QUERIES,
    JUDGED_IDS,
    JUDGED_DUPLICATES,
    JUDGED_SCORES,
    JUDGED_ORDER,
    JUDGED_COUNTS,
    JUDGED
} judged_item;

/* What was found against an item: how often, and the first in words. */
typedef struct finding {
    uint64_t n;
    char first[240];
} finding;

/* A query of the file. */
typedef struct query_state {
    uint32_t n, last_rank;
    uint64_t line;
    double last_score;
    bool ranked, listed;
} query_state;

typedef struct judge {
    const check_options *options;
    const submission_sample *sample;
    const submission_format *f; /* what the file is read by: the sample's, or its own where that differs */
    const known_ids *queries, *corpus;
    known_ids found; /* the file's queries; */
    query_state *states;
    size_t cap;
    strmap docs; /* of the query that is being read */
    uint32_t current;
    bool scattered; /* a query's pairs are not all together */
    bool by_text;
    uint64_t n_entries, n_records;
    double least, most;
    finding findings[JUDGED];
} judge;

void judge_find(judge *j, judged_item item, uint64_t line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The whole file, record by record. TRI_ERR_FORMAT where it cannot be read to its end. */
tri_status judge_records(judge *j, const submission_source *file, tri_error *err);
/* The keys of the objects around a JSON file's records. */
tri_status judge_outer(judge *j, const submission_source *file, tri_error *err);
/* Documents twice for a query, when pairs are scattered. */
tri_status judge_scattered(judge *j, const submission_source *file, tri_error *err);
/* Is a query of the file known? Its place among the expected. */
bool judge_expected(const judge *j, tri_text query, uint32_t *place);
/* After the records: queries, counts; then the items' lines. */
tri_status judge_queries(judge *j, check_sheet *sheet, tri_error *err);
void judge_counts(judge *j);
void judge_report(const judge *j, check_sheet *sheet);

/* The file's bytes against the sample's: the item "encoding". */
void submission_check_bytes(const submission_format *f, const submission_source *file, check_sheet *sheet);
/* Which scripts have the queries, and has each results? The item "languages". */
tri_status submission_check_scripts(const judge *j, check_sheet *sheet, tri_error *err);

#endif
