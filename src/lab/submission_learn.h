/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn.h — the format of a file, from the file itself: the organiser's sample, a submission, a run of any maker.
 *
 * The shape comes from the first records and from names; then every record is read by what was learnt, which finds the values'
 * types, scales and counts, and the record that contradicts the others: TRI_ERR_FORMAT naming its line. What a sample leaves
 * open is assumed and noted in format.notes. The queries and the corpus, where they are known, tell ids from other columns. */
#ifndef TRI_LAB_SUBMISSION_LEARN_H
#define TRI_LAB_SUBMISSION_LEARN_H

#include "lab/known_ids.h"
#include "lab/submission_read.h"

typedef struct submission_hints {
    const known_ids *queries, *corpus; /* NULL = not known */
    bool lenient;                      /* a submission or a run: scores and ids may be wrong, records may differ */
} submission_hints;

typedef struct submission_sample {
    submission_format format;
    known_ids queries; /* of the file, in its order, as they stand there */
} submission_sample;

/* Fills out; submission_sample_drop on success only. */
tri_status submission_learn(const submission_source *source, const submission_hints *hints, submission_sample *out,
                            tri_error *err);
void submission_sample_drop(submission_sample *s);

#endif
