/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check.h — may this file be handed in? The items of a check-list, each proven or red with its fix.
 *
 *   encoding      UTF-8, no BOM where the sample has none, line ends as in the sample
 *   format        the same kind of file, separator and list form; it can be read to its end
 *   columns       the sample's columns or keys, in its order, in every record
 *   queries       each known one there, none unknown, none doubled (lists)
 *   ids           documents of the sample's type, and of the corpus where that is given
 *   duplicates    no document twice for a query
 *   scores        finite numbers in the sample's range and notation
 *   order         scores fall (or rise, as in the sample); ranks count up from the sample's first
 *   counts        as many documents for each query as the sample has, where it has the same number for all
 *   languages     every script among the queries has results         (with --queries)
 *   finished, truncation, stability, backup                          (with --runs; submission_runs.h)
 * Items that cannot be judged for want of an option are absent; notes name the option. Nothing is written. */
#ifndef TRI_LAB_SUBMISSION_CHECK_H
#define TRI_LAB_SUBMISSION_CHECK_H

#include "lab/submission_learn.h"

typedef struct check_options {
    const char *file, *sample;
    const char *queries, *corpus, *runs; /* NULL = not given */
    bool allow_truncation;
} check_options;

typedef struct check_item {
    const char *name;
    bool ok;
    char detail[480], fix[240];
} check_item;

enum { CHECK_ITEMS_MAX = 16 };

typedef struct check_sheet {
    submission_sample sample;
    check_item items[CHECK_ITEMS_MAX];
    size_t n_items;
    buf notes; /* lines */
} check_sheet;

/* TRI_OK when the items were judged, whatever they say. */
tri_status submission_check(const check_options *options, check_sheet *out, tri_error *err);
bool check_sheet_ok(const check_sheet *s);
void check_sheet_drop(check_sheet *s);
/* For those who judge: a green item (fix NULL) or a red one. */
void check_sheet_add(check_sheet *s, const char *name, const char *fix, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
tri_status check_sheet_note(check_sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
