/* SPDX-License-Identifier: Apache-2.0 */
/* run_view.h — a run's folder for reading: a table of its versions, time, money and devices, or the same as JSON.
 *
 * Everything is read from the folder's files, so it works while a runner is up, after it, and on a copy on another machine. */
#ifndef TRI_CLI_RUN_VIEW_H
#define TRI_CLI_RUN_VIEW_H

#include "cli/cli.h"

/* To standard output, as a table or, under --json, as an object. */
tri_status run_view_print(cli *c, const char *dir, tri_error *err);
/* The same, again every `seconds` until the run is over; NaN: once. */
tri_status run_view_status(cli *c, const char *dir, double seconds, tri_error *err);

#endif
