/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h — a growing run of bytes, born with a maximum. A failed append leaves it as it was. */
#ifndef TRI_BASE_BUF_H
#define TRI_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

typedef struct buf {
    uint8_t *data;
    size_t len, cap, max;
} buf;

void buf_init(buf *b, size_t max); /* max 0 = no maximum but memory */
void buf_drop(buf *b);
void buf_clear(buf *b); /* len 0, memory kept */
/* TRI_ERR_LIMIT past the maximum, TRI_ERR_MEMORY; no words: the caller knows what was being built */
tri_status buf_reserve(buf *b, size_t more);
tri_status buf_append(buf *b, const void *bytes, size_t len);
tri_status buf_byte(buf *b, uint8_t byte);
tri_status buf_str(buf *b, const char *s);
tri_status buf_shell_word(buf *b, const char *word); /* as a shell reads it back: in quotes where it needs them */
tri_status buf_printf(buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
