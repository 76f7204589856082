/* SPDX-License-Identifier: Apache-2.0 */
/* jsonl.h — lines of a text file, one at a time, of any length up to a bound. Takes off a BOM at the start of the file and CR
 * LF line ends; a last line without a line end counts; U+0000 inside a line is kept. */
#ifndef TRI_FORMATS_JSONL_H
#define TRI_FORMATS_JSONL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

typedef struct line_reader line_reader;
/* path "-" is standard input; max_line 0 = LIMIT_JSONL_LINE */
tri_status line_reader_open(const char *path, size_t max_line, line_reader **out, tri_error *err);
/* The same over bytes in memory, which are borrowed until line_reader_close; `what` names them in messages. */
tri_status line_reader_open_bytes(const void *bytes, size_t len, const char *what, size_t max_line, line_reader **out,
                                  tri_error *err);
/* *line is NULL at the end of the file; else borrowed until the next call. *number counts from 1. A line over the bound is
 * TRI_ERR_LIMIT naming file and line number; the next call goes on after it. */
tri_status line_reader_next(line_reader *r, const char **line, size_t *len, uint64_t *number, tri_error *err);
uint64_t line_reader_bytes(const line_reader *r); /* consumed so far, for progress */
void line_reader_close(line_reader *r);

#endif
