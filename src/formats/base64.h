/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h — binary fields inside JSON (RFC 4648 section 4, padded, nothing between the letters). */
#ifndef TRI_FORMATS_BASE64_H
#define TRI_FORMATS_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"

/* Bytes that `len` letters can give at most. */
size_t base64_bound(size_t len);
/* out has room for base64_bound(len); *n = bytes written. `what` names the field in messages. */
tri_status base64_decode(const char *text, size_t len, const char *what, uint8_t *out, size_t *n, tri_error *err);
/* Appends the letters; no words: the caller knows what was being built. */
tri_status base64_encode(const uint8_t *bytes, size_t len, buf *out);

#endif
