/* SPDX-License-Identifier: Apache-2.0 */
/* status.h — what a call can answer.
 *
 * Every function that can fail returns a tri_status; 0 is success. A caller that wants words passes a tri_error: `text` says
 * in one line what was attempted and the offending value, `hint` (may be empty) what to do about it. Numbers are pinned
 * forever: new codes are appended. The table below is the only list; names, exit codes and pages are generated from it. */
#ifndef TRIDENT_STATUS_H
#define TRIDENT_STATUS_H

#if defined(__GNUC__)
#define TRI_API __attribute__((visibility("default")))
#else
#define TRI_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* X(number, name, meaning) */
#define TRI_STATUS_MAP(X)                                                                                                    \
    X(0, OK, "success")                                                                                                      \
    X(1, ERR_ARGUMENT, "an argument is out of range or missing")                                                             \
    X(2, ERR_MEMORY, "memory could not be had")                                                                              \
    X(3, ERR_IO, "the operating system refused to read or write")                                                            \
    X(4, ERR_FORMAT, "the bytes do not follow the format they claim")                                                        \
    X(5, ERR_NOT_FOUND, "a file, model, tensor or document is not there")                                                    \
    X(6, ERR_UNSUPPORTED, "valid, but not something this build can do")                                                      \
    X(7, ERR_LIMIT, "a stated limit would be passed")                                                                        \
    X(8, ERR_NUMERIC, "an output is not a finite number")                                                                    \
    X(9, ERR_CANCELLED, "the caller asked to stop")                                                                          \
    X(10, ERR_STATE, "the handle is closed, failed or in use")                                                               \
    X(11, ERR_MISMATCH, "two things that must agree do not")                                                                 \
    X(12, ERR_NETWORK, "the other side did not answer as it should")

typedef enum tri_status {
#define TRI_X(number, name, meaning) TRI_##name = number,
    TRI_STATUS_MAP(TRI_X)
#undef TRI_X
} tri_status;

typedef struct tri_error {
    tri_status status;
    char text[1024]; /* one line, lower case, no full stop; NUL-terminated, valid UTF-8 */
    char hint[512];  /* the remedy, or empty */
} tri_error;

/* "ERR_FORMAT" for TRI_ERR_FORMAT; "?" for a number that is not in the table. Never NULL. */
TRI_API const char *tri_status_name(tri_status status);
/* The meaning column of the table. Never NULL. */
TRI_API const char *tri_status_meaning(tri_status status);

#ifdef __cplusplus
}
#endif
#endif
