/* SPDX-License-Identifier: Apache-2.0 */
/* report_page.h — the page: one HTML file with its style and drawings inside, readable without network and without script. */
#ifndef TRI_CLI_REPORT_PAGE_H
#define TRI_CLI_REPORT_PAGE_H

#include "cli/report_data.h"

/* Statuses of all of these come without words, as buf's do. */
tri_status report_page_write(const report_data *d, const char *title, buf *out);

/* report_scores.c */
tri_status report_scores_table(const report_data *d, buf *out);     /* versions x metrics */
tri_status report_scores_languages(const report_data *d, buf *out); /* bars of each language */
tri_status report_scores_fusion(const report_data *d, buf *out);    /* blends against their members */
tri_status report_scores_bar(buf *out, const char *label, double value, double most, bool strong, const char *note);
/* report_queries.c */
tri_status report_queries_outcomes(const report_data *d, buf *out); /* wins, ties and losses of each version */
tri_status report_queries_changes(const report_data *d, buf *out);  /* the queries that moved most */
/* report_histogram.c */
tri_status report_histogram_all(const report_data *d, buf *out);
/* report_costs.c */
tri_status report_costs_table(const report_data *d, buf *out);
tri_status report_costs_sources(const report_data *d, buf *out); /* files and hashes */

#endif
