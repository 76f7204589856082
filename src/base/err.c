/* SPDX-License-Identifier: Apache-2.0 */
/* err.c — one line of words for a failure.
 *
 * Messages quote names from hostile files. What is written here is therefore made safe once: control characters become '?',
 * invalid UTF-8 becomes '?', and a cut at the end of the field never splits a character. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static void make_safe(char *text, size_t cap)
{
    size_t len = strnlen(text, cap - 1);
    text[len] = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        bool bad = false;
        size_t n = utf8_next((const uint8_t *)text + i, len - i, &cp, &bad);
        if (bad || cp < 0x20 || cp == 0x7F) text[i] = '?';
        i += n;
    }
}

tri_status err_set(tri_error *err, tri_status status, const char *fmt, ...)
{
    if (!err) return status;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    make_safe(err->text, sizeof err->text);
    err->status = status;
    err->hint[0] = 0;
    return status;
}

tri_status err_hint(tri_error *err, tri_status status, const char *fmt, ...)
{
    if (!err) return status;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    make_safe(err->hint, sizeof err->hint);
    return status;
}

tri_status err_prefix(tri_error *err, tri_status status, const char *fmt, ...)
{
    if (!err) return status;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof err->text ? (size_t)n : sizeof err->text - 1;
    size_t room = sizeof err->text - used - 1, len = strlen(old);
    if (len > room) len = room;
    memcpy(err->text + used, old, len);
    err->text[used + len] = 0;
    make_safe(err->text, sizeof err->text);
    return status;
}

tri_status err_memory(tri_error *err, size_t bytes)
{
    return err_set(err, TRI_ERR_MEMORY, "could not allocate %zu bytes", bytes);
}
