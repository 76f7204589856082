/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h — rows of fields out of bytes in memory: RFC 4180 with any separator, or fields between runs of blanks.
 *
 *   csv_reader r; bool found;
 *   csv_init(&r, bytes, len, ',', "sample.csv");
 *   while (!(st = csv_next(&r, &found, err)) && found) ... r.fields[0..r.n), r.row_line ...
 *   csv_drop(&r);
 * A field that begins with a quote ends at the next single quote; a doubled one inside stands for itself, and separators and
 * line ends inside are text. A quote elsewhere is a character like any other. LF and CR LF end a row; blank lines are no rows;
 * a BOM at the start is passed over. Fields are views of the bytes, or of the reader where quotes were doubled, until the next
 * call. */
#ifndef TRI_FORMATS_CSV_H
#define TRI_FORMATS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "trident/status.h"

enum { CSV_BLANKS = 0 }; /* as the separator: fields lie between runs of spaces and tabs, and quotes mean nothing */

typedef struct csv_field {
    const char *bytes;
    size_t len;
    bool quoted;
    size_t decoded_at; /* the reader's own */
} csv_field;

typedef struct csv_reader {
    csv_field *fields; /* of the last row */
    size_t n;
    uint64_t row_line; /* on which it began, from 1 */
    const char *start, *p, *end, *what;
    char separator;
    bool plain_quotes; /* set after init: a quote that does not enclose a field of one line is a character like any other */
    uint64_t line;
    size_t cap;
    buf decoded;
} csv_reader;

void csv_init(csv_reader *r, const void *bytes, size_t len, char separator, const char *what);
/* *found = false at the end. A quote that is never closed, text after a closing quote, and more than LIMIT_CSV_FIELDS fields
 * are errors that name the line; reading cannot go on after the first. */
tri_status csv_next(csv_reader *r, bool *found, tri_error *err);
void csv_drop(csv_reader *r);

/* Appends a field, with quotes where it needs them or always. */
tri_status csv_put(buf *out, const char *bytes, size_t len, char separator, bool quote);

#endif
