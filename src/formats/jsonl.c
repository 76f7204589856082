/* SPDX-License-Identifier: Apache-2.0 */
/* jsonl.c — lines of any length out of a stream, in time linear in its bytes.
 *
 *   window:  [ given out | scanned, no line end | not scanned | free ]
 *              0        start               scanned          len
 * A line is looked for from `scanned` on, so a long line is not searched again after each read. When the window is full its
 * front is dropped; it grows, doubling, only when one line fills it. A line over the bound is dropped as it is read, so memory
 * stays under twice the bound and one read, whatever the file holds. */
#include "formats/jsonl.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"

enum { READ_BYTES = 256 << 10, LINE_END_BYTES = 2, BOM_BYTES = 3 };

struct line_reader {
    in_file *file; /* NULL over bytes in memory */
    const uint8_t *bytes;
    size_t bytes_left;
    char *path; /* for messages */
    buf window;
    size_t start, scanned;
    size_t max_line;
    uint64_t lines, consumed;
    bool at_end, dropping; /* dropping: the rest of a line that was too long */
};

static tri_status new_reader(const char *what, size_t max_line, line_reader **out, tri_error *err)
{
    line_reader *r = mem_calloc(1, sizeof *r);
    char *path = mem_strdup(strcmp(what, "-") == 0 ? "standard input" : what);
    if (!r || !path) {
        mem_free(r);
        mem_free(path);
        return err_memory(err, sizeof *r + strlen(what));
    }
    r->path = path;
    r->max_line = max_line ? max_line : LIMIT_JSONL_LINE;
    buf_init(&r->window, 0);
    *out = r;
    return TRI_OK;
}

tri_status line_reader_open(const char *path, size_t max_line, line_reader **out, tri_error *err)
{
    line_reader *r;
    *out = NULL;
    TRI_TRY(new_reader(path, max_line, &r, err));
    tri_status st = in_file_open(path, &r->file, err);
    if (st) {
        line_reader_close(r);
        return st;
    }
    *out = r;
    return TRI_OK;
}

tri_status line_reader_open_bytes(const void *bytes, size_t len, const char *what, size_t max_line, line_reader **out,
                                  tri_error *err)
{
    *out = NULL;
    TRI_TRY(new_reader(what, max_line, out, err));
    (*out)->bytes = bytes;
    (*out)->bytes_left = len;
    return TRI_OK;
}

void line_reader_close(line_reader *r)
{
    if (!r) return;
    in_file_close(r->file);
    buf_drop(&r->window);
    mem_free(r->path);
    mem_free(r);
}

uint64_t line_reader_bytes(const line_reader *r)
{
    return r->consumed;
}

static tri_status read_more(line_reader *r, tri_error *err)
{
    size_t room, n = 0;
    if (r->start > 0) {
        memmove(r->window.data, r->window.data + r->start, r->window.len - r->start);
        r->window.len -= r->start;
        r->scanned -= r->start;
        r->start = 0;
    }
    if (r->window.cap - r->window.len < READ_BYTES) {
        size_t more = r->window.len > READ_BYTES ? r->window.len : READ_BYTES;
        if (buf_reserve(&r->window, more) != TRI_OK) return err_memory(err, r->window.len + more);
    }
    room = r->window.cap - r->window.len;
    if (r->file) {
        TRI_TRY(in_file_read(r->file, r->window.data + r->window.len, room, &n, err));
    } else {
        n = r->bytes_left < room ? r->bytes_left : room;
        if (n) memcpy(r->window.data + r->window.len, r->bytes, n);
        r->bytes = n ? r->bytes + n : r->bytes;
        r->bytes_left -= n;
    }
    r->window.len += n;
    r->at_end = n == 0;
    return TRI_OK;
}

static void skip_bom(line_reader *r)
{
    if (r->window.len - r->start >= BOM_BYTES && memcmp(r->window.data + r->start, "\xEF\xBB\xBF", BOM_BYTES) == 0) {
        r->start += BOM_BYTES;
        r->consumed += BOM_BYTES;
        if (r->scanned < r->start) r->scanned = r->start;
    }
}

/* Makes [start, *end) the next line, without its '\n'; *found is false at the end of the stream. While it is over the bound
 * its bytes are dropped, and r->dropping stays set. */
static tri_status find_line(line_reader *r, size_t *end, bool *found, tri_error *err)
{
    for (;;) {
        size_t len = r->window.len;
        const uint8_t *newline = len > r->scanned ? memchr(r->window.data + r->scanned, '\n', len - r->scanned) : NULL;
        if (newline) {
            *end = (size_t)(newline - r->window.data);
            r->scanned = *end + 1;
            *found = true;
            return TRI_OK;
        }
        r->scanned = len;
        if (len - r->start > r->max_line + LINE_END_BYTES + BOM_BYTES) r->dropping = true;
        if (r->dropping) {
            r->consumed += len - r->start;
            r->start = len;
        }
        if (r->at_end) {
            *end = len;
            *found = len > r->start || r->dropping;
            return TRI_OK;
        }
        TRI_TRY(read_more(r, err));
    }
}

tri_status line_reader_next(line_reader *r, const char **line, size_t *len, uint64_t *number, tri_error *err)
{
    size_t end = 0;
    bool found = false;
    *line = NULL;
    *len = 0;
    TRI_TRY(find_line(r, &end, &found, err));
    if (!found) return TRI_OK;
    if (r->lines == 0 && !r->dropping) skip_bom(r);
    if (r->start == end && r->scanned == end && !r->dropping) return TRI_OK; /* nothing but a BOM */
    bool too_long = r->dropping;
    const uint8_t *data = r->window.data + r->start;
    size_t bytes = end - r->start;
    r->consumed += r->scanned - r->start;
    r->start = r->scanned;
    r->dropping = false;
    r->lines++;
    if (number) *number = r->lines;
    if (bytes > 0 && data[bytes - 1] == '\r') bytes--;
    if (too_long || bytes > r->max_line)
        return err_set(err, TRI_ERR_LIMIT, "%s line %llu is longer than %zu bytes", r->path, (unsigned long long)r->lines,
                       r->max_line);
    *line = (const char *)data;
    *len = bytes;
    return TRI_OK;
}
