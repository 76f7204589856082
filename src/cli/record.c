/* SPDX-License-Identifier: Apache-2.0 */
/* record.c — see record.h. Everything of a window lies in one arena that the next window reuses, so a corpus of any length is
 * read in the memory of its largest window. */
#include "cli/record.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"
#include "cli/json_out.h"

enum { KEPT_BYTES = 64 << 20 }; /* room for any ordinary window (encode_stream.c) several times over */

tri_status record_reader_open(record_reader *r, const char *path, const setup_args *args, size_t n_vocab, tri_error *err)
{
    memset(r, 0, sizeof *r);
    r->n_vocab = n_vocab;
    arena_init(&r->memory, 0);
    return object_lines_open(&r->lines, path, args, err);
}

void record_reader_close(record_reader *r)
{
    object_lines_close(&r->lines);
    arena_drop(&r->memory);
    mem_free(r->records);
    r->records = NULL;
}

uint64_t record_reader_bytes(const record_reader *r)
{
    return line_reader_bytes(r->lines.reader);
}

/* What Python's str.isspace says, which str.strip goes by. */
static bool is_space(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x20) || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

static tri_text strip(const char *bytes, size_t len)
{
    const uint8_t *p = (const uint8_t *)bytes;
    uint32_t cp;
    while (len) {
        size_t n = utf8_next(p, len, &cp, NULL);
        if (!is_space(cp)) break;
        p += n;
        len -= n;
    }
    while (len) {
        size_t start = len - 1;
        while (start > 0 && (p[start] & 0xC0) == 0x80) start--;
        utf8_next(p + start, len - start, &cp, NULL);
        if (!is_space(cp)) break;
        len = start;
    }
    return (tri_text){(const char *)p, len};
}

static tri_status keep(arena *memory, const void *bytes, size_t len, tri_text *out, tri_error *err)
{
    char *copy = arena_copy(memory, bytes, len);
    if (!copy) return err_memory(err, len);
    *out = (tri_text){copy, len};
    return TRI_OK;
}

static tri_status keep_titled(arena *memory, tri_text title, tri_text text, tri_text *out, tri_error *err)
{
    if (!title.len) return keep(memory, text.bytes ? text.bytes : "", text.len, out, err);
    size_t len = title.len + 1 + text.len;
    char *joined = arena_alloc(memory, len);
    if (!joined) return err_memory(err, len);
    memcpy(joined, title.bytes, title.len);
    joined[title.len] = ' ';
    if (text.len) memcpy(joined + title.len + 1, text.bytes, text.len);
    *out = strip(joined, len);
    return TRI_OK;
}

static tri_status read_id(record_reader *r, const object_line *line, record *out, tri_error *err)
{
    buf text;
    const json_t *id = json_object_get(line->object, "_id");
    if (!id || json_is_null(id)) id = json_object_get(line->object, "id");
    if (id && !json_is_null(id) && !json_is_string(id) && !json_is_number(id))
        return object_lines_bad(&r->lines, line->number, err, "\"_id\" is neither a string nor a number");
    buf_init(&text, 0);
    tri_status st = id && !json_is_null(id) ? json_out_scalar(&text, id) : buf_printf(&text, "%" PRIu64, line->number - 1);
    st = st ? err_memory(err, 64) : keep(&r->memory, text.data, text.len, &out->id_json, err);
    buf_drop(&text);
    if (st) return st;
    out->key = out->id_json;
    return json_is_string(id) ? keep(&r->memory, json_string_value(id), json_string_length(id), &out->key, err) : TRI_OK;
}

static tri_status read_ids(record_reader *r, const object_line *line, record *out, tri_error *err)
{
    uint32_t *ids;
    uint8_t *types;
    size_t n;
    TRI_TRY(object_lines_ids(&r->lines, line, r->n_vocab, &ids, &types, &n, err));
    if (!ids) return TRI_OK;
    out->input.ids = (const uint32_t *)(const void *)arena_copy(&r->memory, ids, n * sizeof *ids);
    out->input.type_ids = types ? (const uint8_t *)arena_copy(&r->memory, types, n) : NULL;
    out->input.n_ids = n;
    bool kept = out->input.ids && (out->input.type_ids || !types);
    mem_free(ids);
    mem_free(types);
    return kept ? TRI_OK : err_memory(err, n * sizeof *ids);
}

static tri_status read_one(record_reader *r, const object_line *line, record *out, tri_error *err)
{
    *out = (record){.line = line->number};
    TRI_TRY(read_id(r, line, out, err));
    if (!line->object) return keep(&r->memory, line->text.bytes, line->text.len, &out->input.text, err);
    tri_text title, text;
    TRI_TRY(read_ids(r, line, out, err));
    TRI_TRY(object_lines_text(&r->lines, line, "title", &title, err));
    TRI_TRY(object_lines_text(&r->lines, line, "text", &text, err));
    if (!text.bytes && !out->input.ids)
        return object_lines_bad(&r->lines, line->number, err, "there is neither \"text\" nor \"ids\"");
    return keep_titled(&r->memory, title, text, &out->input.text, err);
}

static tri_status reserve(record_reader *r, tri_error *err)
{
    if (r->n < r->cap) return TRI_OK;
    size_t cap = r->cap ? r->cap * 2 : 64, bytes;
    record *grown = mul_size(cap, sizeof *grown, &bytes) ? mem_realloc(r->records, bytes) : NULL;
    if (!grown) return err_memory(err, cap * sizeof *grown);
    r->records = grown;
    r->cap = cap;
    return TRI_OK;
}

tri_status record_reader_fill(record_reader *r, size_t max_records, size_t max_bytes, tri_error *err)
{
    if (r->memory.total > KEPT_BYTES)
        arena_drop(&r->memory); /* one huge text must not hold its memory to the end */
    else
        arena_restore(&r->memory, (arena_mark){NULL, 0});
    r->n = 0;
    for (size_t bytes = 0; !r->at_end && r->n < max_records && bytes < max_bytes;) {
        object_line line;
        TRI_TRY(cli_check_stop(err));
        TRI_TRY(reserve(r, err));
        tri_status st = object_lines_next(&r->lines, &line, err);
        if (st == TRI_OK && !line.number) {
            r->at_end = true;
            break;
        }
        if (st == TRI_OK) st = read_one(r, &line, &r->records[r->n], err);
        if (st) {
            TRI_TRY(object_lines_refuse(&r->lines, st, err));
            continue;
        }
        bytes += r->records[r->n].input.text.len + r->records[r->n].input.n_ids * sizeof(uint32_t);
        r->n++;
    }
    return TRI_OK;
}
