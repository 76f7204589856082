/* SPDX-License-Identifier: Apache-2.0 */
/* submission_count.h — does the number of documents a query in a sample bind a submission? One answer for the check and the
 * writer. */
#ifndef TRI_LAB_SUBMISSION_COUNT_H
#define TRI_LAB_SUBMISSION_COUNT_H

#include "lab/submission_learn.h"

/* The same number for every one of its queries, two queries at least. */
bool submission_count_uniform(const submission_format *f);
/* Uniform, and no excerpt: every known query is in it (its own, when queries is NULL), three at least, five documents or more
 * each. */
bool submission_count_whole(const submission_sample *sample, const known_ids *queries);

#endif
