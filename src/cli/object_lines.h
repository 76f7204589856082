/* SPDX-License-Identifier: Apache-2.0 */
/* object_lines.h — input lines: a JSON object each (JSONL), or a text each, with one rule for broken ones.
 *
 *   object_lines_open(&l, path, args, &err);
 *   while ((st = object_lines_next(&l, &line, &err)) == TRI_OK && line.number) ... line.object or line.text ...
 *   object_lines_close(&l);
 * A line that cannot be used is an error naming file and line; the next call goes on after it. object_lines_refuse turns such
 * an error into a count under --skip-bad. Blank lines of JSONL are no lines; in text files they are empty texts. Invalid UTF-8
 * is read as U+FFFD and counted. */
#ifndef TRI_CLI_OBJECT_LINES_H
#define TRI_CLI_OBJECT_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "formats/jsonl.h"
#include "trident/types.h"

typedef struct object_lines {
    line_reader *reader;
    const char *path; /* borrowed; for messages "standard input" stands for "-" */
    bool as_text, skip_bad;
    uint64_t number, n_bad, bad_bytes;
    tri_error first_bad;
    json_t *object; /* of the last line */
    buf repaired;
} object_lines;

typedef struct object_line {
    uint64_t number; /* from 1; 0 = the end of the input */
    json_t *object;  /* borrowed until the next call; NULL in text files */
    tri_text text;   /* the line of a text file */
} object_line;

tri_status object_lines_open(object_lines *l, const char *path, const setup_args *args, tri_error *err);
tri_status object_lines_next(object_lines *l, object_line *line, tri_error *err);
/* For a line that failed with `st`, here or at the caller: TRI_OK when it is to be skipped (counted), else st unchanged. */
tri_status object_lines_refuse(object_lines *l, tri_status st, const tri_error *err);
/* "FILE line N: " + the text that follows; TRI_ERR_FORMAT. */
tri_status object_lines_bad(const object_lines *l, uint64_t number, tri_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Notes on skipped lines and bad bytes, once at the end. */
void object_lines_report(const object_lines *l, cli *c);
void object_lines_close(object_lines *l);

/* Bytes of the input, for the progress bar; 0 when they cannot be known (standard input). */
uint64_t object_lines_extent(const char *path);

/* A member that must be a string: absent or null gives {NULL, 0}. */
tri_status object_lines_text(const object_lines *l, const object_line *line, const char *key, tri_text *out, tri_error *err);
/* {"ids": [...], "type_ids": [...]}: the numbers, checked against the vocabulary; mem_free both. *ids NULL when absent. */
tri_status object_lines_ids(const object_lines *l, const object_line *line, size_t n_vocab, uint32_t **ids, uint8_t **type_ids,
                            size_t *n, tri_error *err);

#endif
