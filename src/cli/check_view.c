/* SPDX-License-Identifier: Apache-2.0 */
/* check_view.c — see check_view.h. The words "green" and "RED" stand in both forms of the terminal, so that colours only help.
 * */
#include "cli/check_view.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "cli/json_out.h"
#include "formats/csv.h"

/* Without what would break a line or a terminal. */
static tri_status put_clean(buf *out, const char *text)
{
    tri_error clean;
    err_set(&clean, TRI_OK, "%s", text);
    return buf_str(out, clean.text);
}

static tri_status put_item(const check_item *item, bool colour, buf *out)
{
    TRI_TRY(buf_printf(out, "%s%s%s %-12s", colour ? (item->ok ? "\033[32m" : "\033[1;31m") : "", item->ok ? "green" : "RED  ",
                       colour ? "\033[0m" : "", item->name));
    TRI_TRY(put_clean(out, item->detail));
    TRI_TRY(buf_byte(out, '\n'));
    if (item->ok) return TRI_OK;
    TRI_TRY(buf_str(out, "                  fix: "));
    TRI_TRY(put_clean(out, item->fix));
    return buf_byte(out, '\n');
}

tri_status check_view_text(const check_sheet *sheet, bool colour, buf *out)
{
    for (size_t i = 0; i < sheet->n_items; i++) TRI_TRY(put_item(&sheet->items[i], colour, out));
    return TRI_OK;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static tri_status put_fields(const submission_field *fields, size_t n, buf *out)
{
    TRI_TRY(buf_byte(out, '['));
    for (size_t i = 0; i < n; i++) {
        TRI_TRY(buf_str(out, i ? ", {\"name\": " : "{\"name\": "));
        if (fields[i].name.bytes)
            TRI_TRY(json_out_text(out, fields[i].name.bytes, fields[i].name.len));
        else
            TRI_TRY(buf_str(out, "null"));
        TRI_TRY(buf_printf(out, ", \"role\": \"%s\"}", submission_role_name(fields[i].role)));
    }
    return buf_byte(out, ']');
}

static const char *list_name(const submission_format *f)
{
    static const char *const items[] = {[ITEMS_IDS] = "array of ids",
                                        [ITEMS_OBJECTS] = "array of objects",
                                        [ITEMS_ARRAYS] = "array of arrays",
                                        [ITEMS_MAP] = "object id: score"};
    switch (f->list) {
    case LIST_NONE:
        return "none: a record is a pair";
    case LIST_SPLIT:
        return "ids in one text";
    case LIST_JSON:
        return items[f->items_form];
    case LIST_PYTHON:
        return "Python list";
    case LIST_COLUMNS:
        break;
    }
    return "a column an id";
}

static tri_status put_table(const submission_format *f, buf *out)
{
    if (f->kind != SUBMISSION_TABLE) return TRI_OK;
    TRI_TRY(buf_str(out, ", \"separator\": "));
    const char *separator = f->separator == CSV_BLANKS ? "blanks" : NULL;
    TRI_TRY(separator ? json_out_str(out, separator) : json_out_text(out, &f->separator, 1));
    return buf_printf(out, ", \"header\": %s", f->header ? "true" : "false");
}

static tri_status put_bound(buf *out, const char *name, double value)
{
    TRI_TRY(buf_printf(out, ", \"%s\": ", name));
    return json_out_f64(out, value);
}

static tri_status put_format(const submission_format *f, buf *out)
{
    const char *const line_end = f->crlf ? "crlf" : "lf";
    TRI_TRY(buf_printf(out, "{\"kind\": \"%s\", \"bom\": %s, \"line_end\": \"%s\"", submission_kind_name(f),
                       f->bom ? "true" : "false", line_end));
    TRI_TRY(put_table(f, out));
    for (size_t i = 0; i < f->n_wrappers; i++) {
        TRI_TRY(buf_str(out, i ? ", " : ", \"wrapper\": ["));
        TRI_TRY(json_out_text(out, f->wrappers[i].bytes, f->wrappers[i].len));
        if (i + 1 == f->n_wrappers) TRI_TRY(buf_byte(out, ']'));
    }
    TRI_TRY(buf_printf(out, ", \"keyed\": %s, \"columns\": ", f->keyed ? "true" : "false"));
    TRI_TRY(put_fields(f->fields, f->n_fields, out));
    TRI_TRY(buf_printf(out, ", \"list\": \"%s\"", list_name(f)));
    if (f->list == LIST_SPLIT || f->list == LIST_PYTHON) {
        TRI_TRY(buf_str(out, ", \"list_separator\": "));
        TRI_TRY(json_out_text(out, &f->list_separator, 1));
    }
    if (f->n_items) {
        TRI_TRY(buf_str(out, ", \"items\": "));
        TRI_TRY(put_fields(f->items, f->n_items, out));
    }
    TRI_TRY(buf_printf(out, ", \"query_by\": \"%s\", \"query_type\": \"%s\", \"document_type\": \"%s\"",
                       f->query_by_text ? "text" : "id",
                       f->query_number    ? "number"
                       : f->query_integer ? "digits"
                                          : "text",
                       f->doc_number    ? "number"
                       : f->doc_integer ? "digits"
                                        : "text"));
    if (submission_has(f, ROLE_RANK)) TRI_TRY(buf_printf(out, ", \"rank_from\": %d", f->rank_base));
    TRI_TRY(put_bound(out, "score_min", f->score_min));
    TRI_TRY(put_bound(out, "score_max", f->score_max));
    return buf_printf(out, ", \"lower_is_better\": %s, \"queries\": %zu, \"documents\": %zu, \"per_query\": [%zu, %zu]}",
                      f->lower_is_better ? "true" : "false", f->n_queries, f->n_entries, f->list_min, f->list_max);
}

static tri_status put_lines(const buf *lines, bool *first, buf *out)
{
    for (size_t at = 0; at < lines->len;) {
        const char *line = (const char *)lines->data + at, *end = memchr(line, '\n', lines->len - at);
        size_t len = end ? (size_t)(end - line) : lines->len - at;
        if (!*first) TRI_TRY(buf_str(out, ", "));
        *first = false;
        TRI_TRY(json_out_text(out, line, len));
        at += len + 1;
    }
    return TRI_OK;
}

tri_status check_view_json(const check_sheet *sheet, const char *forced, buf *out)
{
    bool first = true;
    TRI_TRY(buf_printf(out, "{\"ok\": %s, \"format\": ", check_sheet_ok(sheet) ? "true" : "false"));
    TRI_TRY(put_format(&sheet->sample.format, out));
    TRI_TRY(buf_str(out, ", \"items\": ["));
    for (size_t i = 0; i < sheet->n_items; i++) {
        const check_item *item = &sheet->items[i];
        TRI_TRY(buf_printf(out, "%s{\"name\": \"%s\", \"ok\": %s, \"detail\": ", i ? ", " : "", item->name,
                           item->ok ? "true" : "false"));
        TRI_TRY(json_out_str(out, item->detail));
        TRI_TRY(buf_str(out, ", \"fix\": "));
        TRI_TRY(json_out_str(out, item->ok ? NULL : item->fix));
        TRI_TRY(buf_byte(out, '}'));
    }
    TRI_TRY(buf_str(out, "], \"notes\": ["));
    TRI_TRY(put_lines(&sheet->sample.format.notes, &first, out));
    TRI_TRY(put_lines(&sheet->notes, &first, out));
    TRI_TRY(buf_str(out, "], \"forced\": "));
    TRI_TRY(json_out_str(out, forced));
    return buf_str(out, "}\n");
}

void check_view_notes(cli *c, const buf *lines)
{
    for (size_t at = 0; at < lines->len;) {
        const char *line = (const char *)lines->data + at, *end = memchr(line, '\n', lines->len - at);
        size_t len = end ? (size_t)(end - line) : lines->len - at;
        cli_note(c, "%.*s", (int)len, line);
        at += len + 1;
    }
}
