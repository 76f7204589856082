/* SPDX-License-Identifier: Apache-2.0 */
/* json_pieces.h — JSON values as they are written, taken apart one level at a time: no tree, whatever the size of the file.
 *
 *   json_pieces p;
 *   json_pieces_open(&p, raw, "sample.json", &err);           raw holds an array or an object
 *   while (!(st = json_pieces_next(&p, &key, &value, &err)) && value.bytes) ...
 *   json_pieces_close(&p);
 * NaN and Infinity pass as numbers, so that a score that is none can be told from a file that is none. */
#ifndef TRI_LAB_JSON_PIECES_H
#define TRI_LAB_JSON_PIECES_H

#include <stdbool.h>

#include "base/buf.h"
#include "formats/json_stream.h"
#include "trident/types.h"

typedef struct json_pieces {
    json_stream stream;
    bool object;
    buf key;
} json_pieces;

/* TRI_ERR_FORMAT when raw does not begin as an array or an object. On failure nothing needs closing. */
tri_status json_pieces_open(json_pieces *p, tri_text raw, const char *what, tri_error *err);
/* *value = the next one, as written; bytes NULL at the end, and then nothing follows it in raw. *key (may be NULL) = its key,
 * decoded, until the next call; {NULL, 0} in an array. */
tri_status json_pieces_next(json_pieces *p, tri_text *key, tri_text *value, tri_error *err);
void json_pieces_close(json_pieces *p);

/* What a raw value is. */
static inline bool json_raw_is_string(tri_text raw)
{
    return raw.len && *raw.bytes == '"';
}
static inline bool json_raw_is_array(tri_text raw)
{
    return raw.len && *raw.bytes == '[';
}
static inline bool json_raw_is_object(tri_text raw)
{
    return raw.len && *raw.bytes == '{';
}
static inline bool json_raw_is_container(tri_text raw)
{
    return json_raw_is_array(raw) || json_raw_is_object(raw);
}
static inline bool json_raw_is_null(tri_text raw)
{
    return raw.len == 4 && *raw.bytes == 'n';
}
static inline bool json_raw_is_number(tri_text raw)
{
    return raw.len && (*raw.bytes == '-' || (*raw.bytes >= '0' && *raw.bytes <= '9') || *raw.bytes == 'N' || *raw.bytes == 'I');
}
/* The text of a string (decoded into room where it has escapes), else raw itself. */
tri_status json_raw_text(tri_text raw, buf *room, tri_text *out, tri_error *err);

#endif
