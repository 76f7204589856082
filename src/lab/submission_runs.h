/* SPDX-License-Identifier: Apache-2.0 */
/* submission_runs.h — the items of a check-list that a run folder proves (what `trident run` leaves: DIR/vN/ with status.json,
 * log.txt, metrics.json and run.trec; DIR may also be one such version).
 *
 *   finished      every version's state is "done"
 *   truncation    no log tells of texts that were cut, unless the options or the version's plan allow that
 *   stability     five folds of the queries of metrics.json: the i-th query id in byte order is in fold i mod 5. A fold is odd
 *                 whose mean is more than 3.5 standard errors from the others'
 *   backup        every raw run, and the submission, stand in a manifest.sha256 with the hash that they have */
#ifndef TRI_LAB_SUBMISSION_RUNS_H
#define TRI_LAB_SUBMISSION_RUNS_H

#include "lab/submission_check.h"

tri_status submission_check_runs(const check_options *options, check_sheet *sheet, tri_error *err);

#endif
