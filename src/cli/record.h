/* SPDX-License-Identifier: Apache-2.0 */
/* record.h — texts with ids, read in windows of bounded memory: what encode, index and search take in.
 *
 *   {"_id" | "id": ..., "title": "...", "text": "..."}   or   {"ids": [...], "type_ids": [...]}   or a line of a text file
 * A missing id is the line's number from 0. With a non-empty title the text is title + one space + text, stripped of white
 * space at both ends (Python's str.strip, as BEIR's loaders do); without one it is used as it is. */
#ifndef TRI_CLI_RECORD_H
#define TRI_CLI_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/object_lines.h"
#include "trident/embed.h"

typedef struct record {
    uint64_t line;    /* from 1 */
    tri_text id_json; /* the id as JSON, in its own type: "\"d1\"", "17" */
    tri_text key;     /* the id as bare text: d1, 17 */
    tri_input input;
} record;

typedef struct record_reader {
    object_lines lines;
    size_t n_vocab; /* bound of token ids given as they are; 0 = none */
    bool at_end;
    arena memory; /* of the window */
    record *records;
    size_t n, cap;
} record_reader;

tri_status record_reader_open(record_reader *r, const char *path, const setup_args *args, size_t n_vocab, tri_error *err);
/* The next window: r->records[0..r->n), valid until the next call; n = 0 at the end. It ends at max_records, or when the texts
 * pass max_bytes (one text may be longer). Broken lines: object_lines.h. */
tri_status record_reader_fill(record_reader *r, size_t max_records, size_t max_bytes, tri_error *err);
uint64_t record_reader_bytes(const record_reader *r); /* of the input consumed so far */
void record_reader_close(record_reader *r);

#endif
