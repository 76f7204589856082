/* SPDX-License-Identifier: Apache-2.0 */
/* submission_folds.h — is the metric stable over the queries, or does a part of them stand apart?
 *
 * The queries of metrics.json (trident eval --json --per-query) are laid out in five folds: the i-th id in byte order goes to
 * fold i mod 5. A fold is odd when its mean is more than 3.5 standard errors from the mean of the other four's queries; the
 * error comes from the standard deviation over all queries, so chance alone does that to one set of five in 400. */
#ifndef TRI_LAB_SUBMISSION_FOLDS_H
#define TRI_LAB_SUBMISSION_FOLDS_H

#include "lab/submission_check.h"

enum { FOLDS = 5, FOLD_QUERIES_MIN = 20 };

typedef struct fold_figures {
    double mean;         /* over queries */
    double folds[FOLDS]; /* means */
    double sd;           /* of the five */
    size_t odd;          /* the fold farthest from the others, from 1 */
    double distance;     /* its own, in standard errors */
} fold_figures;
/* values[n] in the byte order of their query ids; n >= FOLD_QUERIES_MIN. */
void fold_figures_of(const double *values, size_t n, fold_figures *out);
bool fold_is_odd(const fold_figures *f);

/* The findings over the versions of a run folder. */
typedef struct fold_check {
    size_t n_versions, n_odd, n_small, n_without;
    char first_odd[300], last[300];
} fold_check;
/* A metrics.json that is not there, or holds no single queries, is counted. */
tri_status submission_folds_read(const char *path, const char *version, fold_check *check, tri_error *err);
/* The item "stability", or a note that it could not be judged. */
tri_status submission_folds_report(const fold_check *check, check_sheet *sheet, tri_error *err);

#endif
