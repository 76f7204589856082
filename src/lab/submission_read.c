/* SPDX-License-Identifier: Apache-2.0 */
/* submission_read.c — the frame of a pass: memory, lines, pages. The file is mapped, and what lies behind is given back every
 * 64 MiB, so the resident part of a file of any size stays small. */
#include "lab/submission_read_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum { RELEASE_BYTES = 64 << 20 };

void submission_read_release(submission_reader *r, const char *at)
{
    size_t done = (size_t)(at - r->source->bytes.bytes);
    if (!r->source->file || done < r->released + RELEASE_BYTES) return;
    mapped_file_wont_need(r->source->file, r->released, done - r->released);
    r->released = done;
}

uint64_t submission_read_line(submission_reader *r, const char *at)
{
    while (r->counted < at) {
        const char *newline = memchr(r->counted, '\n', (size_t)(at - r->counted));
        if (!newline) break;
        r->line++;
        r->counted = newline + 1;
    }
    return r->line;
}

tri_status submission_read_fault(submission_reader *r, submission_fault fault, tri_error *err, const char *fmt, ...)
{
    char text[256];
    va_list list;
    if (!r->sink->fault) return TRI_OK;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    return r->sink->fault(r->sink->ctx, fault, r->entry.line, text, err);
}

tri_status submission_read(const submission_format *f, const submission_source *source, const submission_sink *sink,
                           tri_error *err)
{
    submission_reader r = {.f = f, .source = source, .sink = sink, .counted = source->bytes.bytes, .line = 1};
    buf *rooms[] = {&r.query, &r.doc, &r.score, &r.rank, &r.cell, &r.text};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) buf_init(rooms[i], 0);
    r.values = mem_calloc(f->n_fields + f->n_items + 1, sizeof *r.values);
    tri_status st = r.values ? TRI_OK : err_memory(err, f->n_fields * sizeof *r.values);
    if (!st) st = f->kind == SUBMISSION_TABLE ? submission_read_table(&r, err) : submission_read_json(&r, err);
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) buf_drop(rooms[i]);
    mem_free(r.values);
    mem_free(r.scores);
    return st;
}
