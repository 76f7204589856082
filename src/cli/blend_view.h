/* SPDX-License-Identifier: Apache-2.0 */
/* blend_view.h — the choice of a fusion as tables for reading, or as JSON. */
#ifndef TRI_CLI_BLEND_VIEW_H
#define TRI_CLI_BLEND_VIEW_H

#include "lab/blend.h"

typedef struct blend_view {
    const blend *b;
    const char *metric;
    const char *const *paths, *const *names; /* of all runs */
    const char *output, *plan;               /* files written, or NULL */
    size_t n_answered;                       /* judged queries that a run has */
    double seconds;
} blend_view;

/* Statuses come without words, as buf's do. */
tri_status blend_view_tables(const blend_view *v, buf *out);
tri_status blend_view_json(const blend_view *v, buf *out);

#endif
