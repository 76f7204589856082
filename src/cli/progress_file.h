/* SPDX-License-Identifier: Apache-2.0 */
/* progress_file.h — how far along is it, for another process?
 *
 * Where TRIDENT_PROGRESS names a file, a command's progress lies in it as one JSON object, replaced as work goes on:
 *   {"what": "index", "unit": "documents", "at": 8192, "extent": 20480, "items": 40, "begun": 80, "there": 0, "tokens": 9000,
 *    "seconds": 2.5}
 * at and extent are bytes of the input; items are done and kept for good, begun counts those of the window at hand too, there
 * what an earlier run had done. `trident run` reads it; the file is for the moment, and losing it costs nothing. */
#ifndef TRI_CLI_PROGRESS_FILE_H
#define TRI_CLI_PROGRESS_FILE_H

#include "cli/progress.h"

/* The file's name, or NULL: nobody asked. */
const char *progress_file_path(void);
void progress_file_write(const progress *p);

#endif
