/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c — one pass over the bytes; only fields with doubled quotes are copied. The decoded copies of a row share one buffer,
 * which may move while the row is read, so they are kept as offsets and become pointers when the row is whole. */
#include "formats/csv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"

static const size_t not_decoded = SIZE_MAX;

void csv_init(csv_reader *r, const void *bytes, size_t len, char separator, const char *what)
{
    memset(r, 0, sizeof *r);
    r->start = r->p = bytes;
    r->end = len ? r->p + len : r->p;
    r->what = what;
    r->separator = separator;
    r->line = 1;
    buf_init(&r->decoded, 0);
    if (len >= 3 && memcmp(r->p, "\xEF\xBB\xBF", 3) == 0) r->p += 3;
}

void csv_drop(csv_reader *r)
{
    mem_free(r->fields);
    buf_drop(&r->decoded);
    r->fields = NULL;
    r->n = r->cap = 0;
}

static tri_status add_field(csv_reader *r, const char *bytes, size_t len, bool quoted, size_t decoded_at, tri_error *err)
{
    if (r->n == LIMIT_CSV_FIELDS)
        return err_set(err, TRI_ERR_LIMIT, "%s line %llu: more than %u fields", r->what, (unsigned long long)r->row_line,
                       LIMIT_CSV_FIELDS);
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 16;
        csv_field *fields = mem_realloc(r->fields, cap * sizeof *fields);
        if (!fields) return err_memory(err, cap * sizeof *fields);
        r->fields = fields;
        r->cap = cap;
    }
    r->fields[r->n++] = (csv_field){.bytes = bytes, .len = len, .quoted = quoted, .decoded_at = decoded_at};
    return TRI_OK;
}

static bool at_line_end(const csv_reader *r)
{
    return r->p == r->end || *r->p == '\n' || (*r->p == '\r' && r->p + 1 < r->end && r->p[1] == '\n') ||
           (*r->p == '\r' && r->p + 1 == r->end);
}

static tri_status read_plain(csv_reader *r, tri_error *err)
{
    const char *from = r->p;
    while (!at_line_end(r) && *r->p != r->separator) r->p++;
    return add_field(r, from, (size_t)(r->p - from), false, not_decoded, err);
}

/* r->p stands on the opening quote. */
static tri_status read_quoted(csv_reader *r, tri_error *err)
{
    uint64_t opened = r->line;
    size_t at = r->decoded.len;
    bool doubled = false;
    const char *from = ++r->p, *first = from;
    for (;;) {
        const char *quote = r->p < r->end ? memchr(r->p, '"', (size_t)(r->end - r->p)) : NULL;
        if (!quote) {
            tri_status st =
                err_set(err, TRI_ERR_FORMAT, "%s line %llu: a quote is never closed", r->what, (unsigned long long)opened);
            return err_hint(err, st, "close it, or double it if it is part of the text");
        }
        for (const char *q = r->p; q < quote; q++) r->line += *q == '\n';
        r->p = quote + 1;
        if (r->p == r->end || *r->p != '"') break;
        if (buf_append(&r->decoded, from, (size_t)(r->p - from))) return err_memory(err, r->decoded.len);
        doubled = true;
        from = ++r->p;
    }
    if (!at_line_end(r) && *r->p != r->separator) {
        tri_status st =
            err_set(err, TRI_ERR_FORMAT, "%s line %llu: text after a closing quote", r->what, (unsigned long long)r->line);
        return err_hint(err, st, "double a quote that is part of the text");
    }
    size_t rest = (size_t)(r->p - 1 - from);
    if (!doubled) return add_field(r, first, rest, true, not_decoded, err);
    if (buf_append(&r->decoded, from, rest)) return err_memory(err, r->decoded.len);
    return add_field(r, NULL, r->decoded.len - at, true, at, err);
}

/* Does the field at r->p end in a quote of its own, on its line? */
static bool is_enclosed(const csv_reader *r)
{
    for (const char *p = r->p + 1; p < r->end && *p != '\n'; p++) {
        if (*p != '"') continue;
        if (p + 1 < r->end && p[1] == '"')
            p++;
        else
            return p + 1 == r->end || p[1] == r->separator || p[1] == '\n' ||
                   (p[1] == '\r' && (p + 2 == r->end || p[2] == '\n'));
    }
    return false;
}

static tri_status read_separated(csv_reader *r, tri_error *err)
{
    for (;;) {
        bool quoted = r->p < r->end && *r->p == '"' && (!r->plain_quotes || is_enclosed(r));
        TRI_TRY(quoted ? read_quoted(r, err) : read_plain(r, err));
        if (at_line_end(r)) return TRI_OK;
        r->p++;
    }
}

static tri_status read_blanks(csv_reader *r, tri_error *err)
{
    for (;;) {
        while (!at_line_end(r) && (*r->p == ' ' || *r->p == '\t')) r->p++;
        if (at_line_end(r)) return TRI_OK;
        const char *from = r->p;
        while (!at_line_end(r) && *r->p != ' ' && *r->p != '\t') r->p++;
        TRI_TRY(add_field(r, from, (size_t)(r->p - from), false, not_decoded, err));
    }
}

static void pass_line_end(csv_reader *r)
{
    if (r->p < r->end && *r->p == '\r') r->p++;
    if (r->p < r->end && *r->p == '\n') r->p++;
    r->line++;
}

tri_status csv_next(csv_reader *r, bool *found, tri_error *err)
{
    *found = false;
    r->n = 0;
    buf_clear(&r->decoded);
    while (!r->n) { /* a line of blanks alone has no fields */
        while (r->p < r->end && at_line_end(r)) pass_line_end(r);
        if (r->p == r->end) return TRI_OK;
        r->row_line = r->line;
        TRI_TRY(r->separator == CSV_BLANKS ? read_blanks(r, err) : read_separated(r, err));
        pass_line_end(r);
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].decoded_at != not_decoded)
            r->fields[i].bytes = (const char *)r->decoded.data + r->fields[i].decoded_at;
    *found = true;
    return TRI_OK;
}

tri_status csv_put(buf *out, const char *bytes, size_t len, char separator, bool quote)
{
    for (size_t i = 0; i < len && !quote; i++)
        quote = bytes[i] == separator || bytes[i] == '\n' || bytes[i] == '\r' || (bytes[i] == '"');
    if (!quote) return len ? buf_append(out, bytes, len) : TRI_OK;
    TRI_TRY(buf_byte(out, '"'));
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '"') TRI_TRY(buf_byte(out, '"'));
        TRI_TRY(buf_byte(out, (uint8_t)bytes[i]));
    }
    return buf_byte(out, '"');
}
