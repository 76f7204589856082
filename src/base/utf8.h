/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h — decoding text from outside. Strict: overlong forms, surrogates and values past U+10FFFF are invalid; each byte
 * that cannot start or continue a character counts as one bad byte and reads as U+FFFD. */
#ifndef TRI_BASE_UTF8_H
#define TRI_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"

#define UTF8_REPLACEMENT 0xFFFDu

/* Decodes the character at p[0..len), len > 0. Returns its length in bytes (1..4); *cp = the code point. An invalid byte
 * returns 1 with *cp = UTF8_REPLACEMENT and *bad = true (bad may be NULL). */
size_t utf8_next(const uint8_t *p, size_t len, uint32_t *cp, bool *bad);
/* Length of the character starting at valid UTF-8 byte b. */
static inline size_t utf8_len(uint8_t b) { return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4; }
/* Writes 1..4 bytes. cp must be a scalar value. */
size_t utf8_put(uint8_t out[4], uint32_t cp);
/* Number of bytes that are not part of a valid character; 0 = valid. Fast on ASCII. */
size_t utf8_count_bad(const uint8_t *p, size_t len);
/* Appends text with each bad byte replaced by U+FFFD; returns the number replaced through *n_bad. */
tri_status utf8_repair(const uint8_t *p, size_t len, buf *out, size_t *n_bad);

#endif
