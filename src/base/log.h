/* SPDX-License-Identifier: Apache-2.0 */
/* log.h — the log hook, carried by value; no hook, no talk. */
#ifndef TRI_BASE_LOG_H
#define TRI_BASE_LOG_H

#include "trident/types.h"

typedef struct log_hook {
    tri_log_fn fn;
    void *ctx;
} log_hook;

void log_say(const log_hook *log, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
