/* SPDX-License-Identifier: Apache-2.0 */
/* progress_file.c — see progress_file.h. A write that fails is no reason to stop the work that it tells of. */
#include "cli/progress_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

const char *progress_file_path(void)
{
    const char *path = getenv("TRIDENT_PROGRESS");
    return path && path[0] ? path : NULL;
}

void progress_file_write(const progress *p)
{
    char text[512];
    uint64_t at = p->from + (uint64_t)(p->share * (double)(p->to - p->from));
    int n = snprintf(text, sizeof text,
                     "{\"what\": \"%s\", \"unit\": \"%s\", \"at\": %" PRIu64 ", \"extent\": %" PRIu64 ", \"items\": %" PRIu64
                     ", \"begun\": %" PRIu64 ", \"there\": %" PRIu64 ", \"tokens\": %" PRIu64 ", \"seconds\": %.3f}\n",
                     p->what, p->unit, at < p->extent ? at : p->extent, p->extent, p->items, p->items + p->span_items, p->there,
                     p->tokens + p->span_tokens, progress_seconds(p));
    file_replace(p->file, text, (size_t)n, NULL);
}
