/* SPDX-License-Identifier: Apache-2.0 */
/* json.h — configuration files as a tree (jansson's), bounded in size and depth, errors naming the file and the line.
 *
 * Duplicate keys are refused, U+0000 in strings is allowed. Getters: an absent key or null gives the fallback; a present key of
 * another type, or out of [min, max], is TRI_ERR_FORMAT naming file and key. */
#ifndef TRI_FORMATS_JSON_H
#define TRI_FORMATS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

/* Makes jansson take its memory from base/alloc.h, once for the process. Loading does it; whoever makes values by hand first
 * (to write them) calls it before. */
void json_route_memory(void);
tri_status json_file_load(const char *path, json_t **out, tri_error *err); /* json_decref when done */
/* `what` names the text in messages, e.g. "corpus.jsonl line 17" */
tri_status json_text_load(const void *text, size_t len, const char *what, json_t **out, tri_error *err);

tri_status json_get_size(const json_t *object, const char *key, const char *what, size_t fallback, size_t min, size_t max,
                         size_t *out, tri_error *err);
tri_status json_get_f64(const json_t *object, const char *key, const char *what, double fallback, double *out, tri_error *err);
tri_status json_get_bool(const json_t *object, const char *key, const char *what, bool fallback, bool *out, tri_error *err);
/* *out is borrowed from the object; NULL fallback is fine */
tri_status json_get_str(const json_t *object, const char *key, const char *what, const char *fallback, const char **out,
                        tri_error *err);

#endif
