/* SPDX-License-Identifier: Apache-2.0 */
/* err.h — filling a tri_error at the lowest place that knows the value, and passing it up unchanged. */
#ifndef TRI_BASE_ERR_H
#define TRI_BASE_ERR_H

#include <stddef.h>

#include "trident/status.h"

#if defined(__GNUC__)
#define ERR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define ERR_PRINTF(fmt, args)
#endif

/* Returns the status unchanged to the caller when it is not TRI_OK. */
#define TRI_TRY(call)                                                                                                        \
    do {                                                                                                                     \
        tri_status tri_try_st = (call);                                                                                      \
        if (tri_try_st != TRI_OK) return tri_try_st;                                                                         \
    } while (0)

/* Writes status and text (err may be NULL), clears the hint, and returns `status`: `return err_set(err, TRI_ERR_IO, ...)`.
 * Control characters and invalid UTF-8 in the result are replaced, so that hostile names cannot break a terminal. */
tri_status err_set(tri_error *err, tri_status status, const char *fmt, ...) ERR_PRINTF(3, 4);
/* Adds the remedy sentence; returns err's status so it can end a return statement. */
tri_status err_hint(tri_error *err, tri_status status, const char *fmt, ...) ERR_PRINTF(3, 4);
/* Puts words before the text that is there: "could not open model X: " + text. Returns `status`. */
tri_status err_prefix(tri_error *err, tri_status status, const char *fmt, ...) ERR_PRINTF(3, 4);
/* TRI_ERR_MEMORY with the number of bytes that could not be had. */
tri_status err_memory(tri_error *err, size_t bytes);

#endif
