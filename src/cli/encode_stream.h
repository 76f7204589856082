/* SPDX-License-Identifier: Apache-2.0 */
/* encode_stream.h — a file of texts through the encoder in windows, handed on in input order.
 *
 * The library sorts by length inside a window, so a window is several batches; memory is bounded by it, whatever the length of
 * the file. What was cut, skipped or repaired is counted and told once at the end. */
#ifndef TRI_CLI_ENCODE_STREAM_H
#define TRI_CLI_ENCODE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/record.h"
#include "cli/setup.h"

typedef struct encode_stream {
    cli *c;
    setup_model *model;
    tri_embed_options options; /* want, role, prompt, dim; the rest is filled here */
    const char *path;          /* input; "-" is standard input */
    const char *what;          /* of the progress bar: "encode" */
    const char *unit;          /* "texts" */
    /* NULL: every record is wanted. Else false leaves it out before encoding. */
    bool (*wanted)(void *ctx, const record *r);
    /* records[i] belongs to embedding i of e */
    tri_status (*put)(void *ctx, const record *records, size_t n, const tri_embeddings *e, tri_error *err);
    void *ctx;
    size_t window_records;                               /* most texts of a window; 0 = as many as pay */
    uint64_t n_texts, n_tokens, n_truncated, n_left_out; /* results */
} encode_stream;

tri_status encode_stream_run(encode_stream *s, tri_error *err);
/* Which of `count` inputs does tri_embed's error speak of ("input 3: ...")? *text is the rest of its words. */
bool encode_stream_failed_input(const tri_error *err, size_t count, size_t *failed, const char **text);

/* The words of --role, shared by encode, index and search. ORDER TRI_ROLE_* */
#define ENCODE_STREAM_ROLES "none|query|passage"

#endif
