/* SPDX-License-Identifier: Apache-2.0 */
/* json_out.h — JSON text appended to a buffer, value by value; no tree is built for a million vectors.
 *
 * Non-ASCII is written as it is; control characters and invalid UTF-8 (as U+FFFD) are escaped or replaced, so that a line is
 * always one line of valid JSON. Floats are the shortest that read back the same; a value that is no finite number is null. */
#ifndef TRI_CLI_JSON_OUT_H
#define TRI_CLI_JSON_OUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "trident/types.h"

tri_status json_out_text(buf *b, const char *bytes, size_t len); /* with the quotes */
tri_status json_out_str(buf *b, const char *s);                  /* NULL gives null */
tri_status json_out_f32(buf *b, float value);
tri_status json_out_f64(buf *b, double value);
tri_status json_out_f32_array(buf *b, const float *values, size_t n);
tri_status json_out_u32_array(buf *b, const uint32_t *values, size_t n);
tri_status json_out_sparse(buf *b, tri_sparse_view sparse); /* {"id": weight, ...} */
tri_status json_out_multi(buf *b, tri_multi_view multi);    /* [[...], ...] */
/* A string, number, boolean or null as it came in. */
tri_status json_out_scalar(buf *b, const json_t *value);

#endif
