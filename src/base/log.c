/* SPDX-License-Identifier: Apache-2.0 */
/* log.c — formats one line for the hook. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_say(const log_hook *log, int level, const char *fmt, ...)
{
    if (!log || !log->fn) return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    log->fn(log->ctx, level, line);
}
