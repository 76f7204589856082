/* SPDX-License-Identifier: Apache-2.0 */
/* object_lines.c — what does this line say, and what if it says nothing usable?
 *
 * Two kinds of failure are kept apart: the line is at fault (ERR_FORMAT, ERR_LIMIT, ERR_ARGUMENT: may be skipped), or the world
 * is (reading failed, no memory: never skipped). Memory: one line, its tree, and the line again where bytes had to be repaired.
 */
#include "cli/object_lines.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/utf8.h"
#include "formats/json.h"

static const char *shown_path(const object_lines *l)
{
    return strcmp(l->path, "-") == 0 ? "standard input" : l->path;
}

uint64_t object_lines_extent(const char *path)
{
    uint64_t bytes = 0;
    return strcmp(path, "-") == 0 || file_size(path, &bytes, NULL) != TRI_OK ? 0 : bytes;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

tri_status object_lines_open(object_lines *l, const char *path, const setup_args *args, tri_error *err)
{
    memset(l, 0, sizeof *l);
    l->path = path;
    l->skip_bad = args->skip_bad;
    l->as_text = args->format == SETUP_FORMAT_TEXT ||
                 (args->format == SETUP_FORMAT_BY_NAME && strcmp(path, "-") != 0 && !ends_with(path, ".jsonl"));
    buf_init(&l->repaired, 0);
    return line_reader_open(path, 0, &l->reader, err);
}

void object_lines_close(object_lines *l)
{
    line_reader_close(l->reader);
    json_decref(l->object);
    buf_drop(&l->repaired);
    l->reader = NULL;
    l->object = NULL;
}

tri_status object_lines_bad(const object_lines *l, uint64_t number, tri_error *err, const char *fmt, ...)
{
    char text[512];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    return err_set(err, TRI_ERR_FORMAT, "%s line %" PRIu64 ": %s", shown_path(l), number, text);
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return false;
    return true;
}

/* Bytes that are no UTF-8 become U+FFFD: *line then points into l->repaired. */
static tri_status repair(object_lines *l, const char **line, size_t *len, tri_error *err)
{
    size_t n_bad = utf8_count_bad((const uint8_t *)*line, *len);
    if (!n_bad) return TRI_OK;
    buf_clear(&l->repaired);
    tri_status st = utf8_repair((const uint8_t *)*line, *len, &l->repaired, &n_bad);
    if (st)
        return err_set(err, st, "could not repair invalid UTF-8 in %s line %" PRIu64 ": no memory", shown_path(l), l->number);
    l->bad_bytes += n_bad;
    *line = (const char *)l->repaired.data;
    *len = l->repaired.len;
    return TRI_OK;
}

/* The JSON reader counts lines inside its text, which is one line: "a.jsonl line 7 line 1: ..." */
static tri_status drop_inner_line(const char *what, tri_status st, tri_error *err)
{
    static const char inner[] = " line 1";
    char *at = err ? strstr(err->text, what) : NULL;
    if (!at || strncmp(at + strlen(what), inner, sizeof inner - 1) != 0) return st;
    at += strlen(what);
    memmove(at, at + sizeof inner - 1, strlen(at) - sizeof inner + 2);
    return st;
}

tri_status object_lines_next(object_lines *l, object_line *line, tri_error *err)
{
    const char *bytes;
    size_t len;
    json_decref(l->object);
    l->object = NULL;
    *line = (object_line){0};
    do {
        TRI_TRY(line_reader_next(l->reader, &bytes, &len, &l->number, err));
        if (!bytes) return TRI_OK;
    } while (!l->as_text && is_blank(bytes, len));
    TRI_TRY(repair(l, &bytes, &len, err));
    if (l->as_text) {
        line->text = (tri_text){bytes, len};
    } else {
        char what[320];
        snprintf(what, sizeof what, "%.280s line %" PRIu64, shown_path(l), l->number);
        tri_status st = json_text_load(bytes, len, what, &l->object, err);
        if (st) return drop_inner_line(what, st, err);
        if (!json_is_object(l->object)) return object_lines_bad(l, l->number, err, "expected a JSON object");
        line->object = l->object;
    }
    line->number = l->number;
    return TRI_OK;
}

tri_status object_lines_refuse(object_lines *l, tri_status st, const tri_error *err)
{
    bool line_at_fault = st == TRI_ERR_FORMAT || st == TRI_ERR_LIMIT || st == TRI_ERR_ARGUMENT;
    if (!l->skip_bad || !line_at_fault) return st;
    if (l->n_bad++ == 0) l->first_bad = *err;
    return TRI_OK;
}

void object_lines_report(const object_lines *l, cli *c)
{
    if (l->n_bad)
        cli_note(c, "skipped %" PRIu64 " broken line%s; the first: %s", l->n_bad, l->n_bad == 1 ? "" : "s", l->first_bad.text);
    if (l->bad_bytes)
        cli_note(c, "%s: %" PRIu64 " byte%s of invalid UTF-8 read as U+FFFD", shown_path(l), l->bad_bytes,
                 l->bad_bytes == 1 ? "" : "s");
}

tri_status object_lines_text(const object_lines *l, const object_line *line, const char *key, tri_text *out, tri_error *err)
{
    const json_t *value = json_object_get(line->object, key);
    *out = (tri_text){NULL, 0};
    if (!value || json_is_null(value)) return TRI_OK;
    if (!json_is_string(value)) return object_lines_bad(l, line->number, err, "\"%s\" is not a string", key);
    *out = (tri_text){json_string_value(value), json_string_length(value)};
    return TRI_OK;
}

/* Element i of an array of whole numbers in 0..max. */
static tri_status whole_number(const object_lines *l, const object_line *line, const char *key, const json_t *array, size_t i,
                               json_int_t max, json_int_t *out, tri_error *err)
{
    const json_t *value = json_array_get(array, i);
    if (!json_is_integer(value)) return object_lines_bad(l, line->number, err, "\"%s\"[%zu] is not a whole number", key, i);
    *out = json_integer_value(value);
    if (*out < 0 || *out > max)
        return object_lines_bad(l, line->number, err,
                                "\"%s\"[%zu] is %" JSON_INTEGER_FORMAT ", outside 0..%" JSON_INTEGER_FORMAT, key, i, *out, max);
    return TRI_OK;
}

static tri_status fill_ids(const object_lines *l, const object_line *line, const json_t *array, const json_t *types,
                           size_t n_vocab, uint32_t *ids, uint8_t *type_ids, tri_error *err)
{
    json_int_t value, last = n_vocab ? (json_int_t)n_vocab - 1 : UINT32_MAX - 1;
    for (size_t i = 0; i < json_array_size(array); i++) {
        TRI_TRY(whole_number(l, line, "ids", array, i, last, &value, err));
        ids[i] = (uint32_t)value;
        if (!type_ids) continue;
        TRI_TRY(whole_number(l, line, "type_ids", types, i, UINT8_MAX, &value, err));
        type_ids[i] = (uint8_t)value;
    }
    return TRI_OK;
}

tri_status object_lines_ids(const object_lines *l, const object_line *line, size_t n_vocab, uint32_t **ids, uint8_t **type_ids,
                            size_t *n, tri_error *err)
{
    const json_t *array = json_object_get(line->object, "ids"), *types = json_object_get(line->object, "type_ids");
    *ids = NULL;
    *type_ids = NULL;
    *n = 0;
    if (!array || json_is_null(array)) return TRI_OK;
    if (!json_is_array(array) || json_array_size(array) == 0)
        return object_lines_bad(l, line->number, err, "\"ids\" is not an array of token ids");
    if (types && json_is_null(types)) types = NULL;
    if (types && json_array_size(types) != json_array_size(array))
        return object_lines_bad(l, line->number, err, "\"type_ids\" is not an array of %zu numbers, as many as \"ids\"",
                                json_array_size(array));
    *ids = mem_array(json_array_size(array), sizeof **ids);
    *type_ids = types ? mem_array(json_array_size(array), 1) : NULL;
    tri_status st = !*ids || (types && !*type_ids) ? err_memory(err, json_array_size(array) * sizeof **ids)
                                                   : fill_ids(l, line, array, types, n_vocab, *ids, *type_ids, err);
    if (st) {
        mem_free(*ids);
        mem_free(*type_ids);
        *ids = NULL;
        *type_ids = NULL;
        return st;
    }
    *n = json_array_size(array);
    return TRI_OK;
}
