/* SPDX-License-Identifier: Apache-2.0 */
/* check_view.h — a check-list for people and for programs. */
#ifndef TRI_CLI_CHECK_VIEW_H
#define TRI_CLI_CHECK_VIEW_H

#include "cli/cli.h"
#include "lab/submission_check.h"

/* A line an item, green or red, a red one with its fix below; colours when asked. */
tri_status check_view_text(const check_sheet *sheet, bool colour, buf *out);
/* {"ok", "format": {...}, "items": [...], "notes": [...], "forced": reason or null} and a line end. */
tri_status check_view_json(const check_sheet *sheet, const char *forced, buf *out);
/* The lines as notes on standard error. */
void check_view_notes(cli *c, const buf *lines);

#endif
