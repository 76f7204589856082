/* SPDX-License-Identifier: Apache-2.0 */
/* advise_view.h — advice as a table, or as JSON. */
#ifndef TRI_CLI_ADVISE_VIEW_H
#define TRI_CLI_ADVISE_VIEW_H

#include "cli/advise_machine.h"

typedef struct advise_view {
    const advice_job *job;
    const advise_model *encoder, *reranker; /* either may be NULL */
    const advice_line *lines;
    size_t n;
    int chosen; /* of lines, or -1 */
    double share;
    bool priced;
    size_t max_length;
} advise_view;

/* Statuses come without words, as buf's do. */
tri_status advise_view_text(const advise_view *v, buf *out);
tri_status advise_view_json(const advise_view *v, buf *out);

#endif
