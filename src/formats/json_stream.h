/* SPDX-License-Identifier: Apache-2.0 */
/* json_stream.h — JSON read once, front to back, for files where a tree of objects would cost more than the reading.
 *
 *   json_stream s; json_stream_init(&s, bytes, len, "tokenizer.json");
 *   json_event e;
 *   while (!(st = json_stream_next(&s, &e, err)) && e != JSON_EVENT_END) ... s.text, s.len ...
 *   json_stream_drop(&s);
 *
 * RFC 8259 to the letter: no comments, no trailing commas, strings are valid UTF-8 without raw control characters, escaped
 * surrogates come in pairs. Nesting is bounded by LIMIT_JSON_DEPTH and costs no stack. Duplicate keys are the caller's affair.
 * Errors name `what` and the line. The bytes must outlive the stream; strings without escapes are views of them. */
#ifndef TRI_FORMATS_JSON_STREAM_H
#define TRI_FORMATS_JSON_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"

typedef enum json_event {
    JSON_EVENT_END, /* after the one value of the text */
    JSON_EVENT_OBJECT,
    JSON_EVENT_OBJECT_END,
    JSON_EVENT_ARRAY,
    JSON_EVENT_ARRAY_END,
    JSON_EVENT_KEY,
    JSON_EVENT_STRING,
    JSON_EVENT_NUMBER,
    JSON_EVENT_TRUE,
    JSON_EVENT_FALSE,
    JSON_EVENT_NULL
} json_event;

typedef struct json_stream {
    const char *text; /* of the last KEY, STRING (decoded) or NUMBER (as written); until the next call */
    size_t len;
    const uint8_t *start, *p, *end;
    const char *what;
    uint64_t in_object; /* one bit a level, lowest = innermost */
    unsigned depth;
    int expect;
    bool words_for_numbers; /* set after init: NaN, Infinity and -Infinity, as Python writes them, are numbers too */
    buf decoded;
} json_stream;

void json_stream_init(json_stream *s, const void *bytes, size_t len, const char *what);
void json_stream_drop(json_stream *s);
tri_status json_stream_next(json_stream *s, json_event *event, tri_error *err);
/* The next value as it is written, checked and passed over. Only after a KEY. */
tri_status json_stream_slice(json_stream *s, const char **bytes, size_t *len, tri_error *err);
/* A TRI_ERR_FORMAT that names the file and the line the stream stands on. */
tri_status json_stream_error(const json_stream *s, tri_error *err, const char *message);

#endif
