/* SPDX-License-Identifier: Apache-2.0 */
/* vector_sink.h — where encode's vectors go. A kind is one file, sink_<name>.c, and one line of vector_sink.c; it is chosen by
 * --to or by the output's suffix, which is ".<name>". */
#ifndef TRI_CLI_VECTOR_SINK_H
#define TRI_CLI_VECTOR_SINK_H

#include "cli/record.h"
#include "trident/embed.h"

/* What is asked of a sink before the first vector comes. */
typedef struct vector_sink_plan {
    const char *path;
    unsigned want;
    size_t dense_dim, multi_dim; /* after --dim; 0 where not wanted */
} vector_sink_plan;

typedef struct vector_sink_kind {
    const char *name;
    unsigned can;        /* representations that it holds */
    bool writes_streams; /* standard output will do */
    tri_status (*open)(const vector_sink_plan *plan, void **sink, tri_error *err);
    tri_status (*put)(void *sink, const record *records, size_t n, const tri_embeddings *e, tri_error *err);
    tri_status (*commit)(void *sink, tri_error *err); /* the output appears, whole; the sink is gone */
    void (*discard)(void *sink);                      /* nothing appears; NULL is fine */
} vector_sink_kind;

/* `to` may be NULL. NULL when neither names a kind. Standard output without --to is JSONL. */
const vector_sink_kind *vector_sink_find(const char *to, const char *path);
#define VECTOR_SINK_NAMES "jsonl|npy|safetensors" /* ORDER vector_sink.c */

extern const vector_sink_kind sink_jsonl, sink_npy, sink_safetensors;

#endif
