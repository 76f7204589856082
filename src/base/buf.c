/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c — growth by half again, bounded by the maximum the buffer was born with. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum { FIRST_CAP = 64 };

void buf_init(buf *b, size_t max)
{
    memset(b, 0, sizeof *b);
    b->max = max ? max : SIZE_MAX;
}

void buf_drop(buf *b)
{
    mem_free(b->data);
    buf_init(b, b->max);
}

void buf_clear(buf *b)
{
    b->len = 0;
}

tri_status buf_reserve(buf *b, size_t more)
{
    size_t need;
    if (!add_size(b->len, more, &need) || need > b->max) return TRI_ERR_LIMIT;
    if (need <= b->cap) return TRI_OK;
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap + b->cap / 2;
    if (cap < need) cap = need;
    if (cap > b->max) cap = b->max;
    uint8_t *data = mem_realloc(b->data, cap);
    if (!data) return TRI_ERR_MEMORY;
    b->data = data;
    b->cap = cap;
    return TRI_OK;
}

tri_status buf_append(buf *b, const void *bytes, size_t len)
{
    if (!len) return TRI_OK;
    tri_status st = buf_reserve(b, len);
    if (st) return st;
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
    return TRI_OK;
}

tri_status buf_byte(buf *b, uint8_t byte)
{
    return buf_append(b, &byte, 1);
}

tri_status buf_str(buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

tri_status buf_printf(buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    tri_status st = n < 0 ? TRI_ERR_ARGUMENT : buf_reserve(b, (size_t)n + 1);
    if (!st) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return st;
}

tri_status buf_shell_word(buf *b, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=+@%";
    if (word[0] && strspn(word, plain) == strlen(word)) return buf_str(b, word);
    TRI_TRY(buf_byte(b, '\''));
    for (const char *p = word; *p; p++) TRI_TRY(*p == '\'' ? buf_str(b, "'\\''") : buf_byte(b, (uint8_t)*p));
    return buf_byte(b, '\'');
}
