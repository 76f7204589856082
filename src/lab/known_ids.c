/* SPDX-License-Identifier: Apache-2.0 */
/* known_ids.c — see known_ids.h. Each line is read once; of a corpus only the ids stay, unless its texts were asked for. */
#include "lab/known_ids.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/csv.h"
#include "formats/jsonl.h"
#include "lab/json_pieces.h"
#include "lab/submission_format.h"

void known_ids_init(known_ids *k, bool keep_texts)
{
    memset(k, 0, sizeof *k);
    strmap_init(&k->places);
    strmap_init(&k->text_places);
    arena_init(&k->memory, 0);
    k->keep_texts = keep_texts;
}

void known_ids_drop(known_ids *k)
{
    strmap_drop(&k->places);
    strmap_drop(&k->text_places);
    arena_drop(&k->memory);
    mem_free(k->ids);
    mem_free(k->texts);
    known_ids_init(k, false);
}

static tri_status reserve(known_ids *k, tri_error *err)
{
    if (k->n < k->cap) return TRI_OK;
    size_t cap = k->cap ? 2 * k->cap : 256;
    tri_text *ids = cap < UINT32_MAX ? mem_realloc(k->ids, cap * sizeof *ids) : NULL;
    if (ids) k->ids = ids;
    tri_text *texts = ids && k->keep_texts ? mem_realloc(k->texts, cap * sizeof *texts) : NULL;
    if (texts) k->texts = texts;
    if (!ids || (k->keep_texts && !texts)) return err_memory(err, cap * sizeof *ids);
    k->cap = cap;
    return TRI_OK;
}

static tri_status copy(known_ids *k, tri_text text, tri_text *out, tri_error *err)
{
    char *bytes = arena_copy(&k->memory, text.len ? text.bytes : "", text.len);
    if (!bytes) return err_memory(err, text.len);
    *out = (tri_text){bytes, text.len};
    return TRI_OK;
}

tri_status known_ids_add(known_ids *k, tri_text id, tri_text text, uint32_t *place, bool *added, tri_error *err)
{
    uint32_t at = 0;
    *added = !strmap_find(&k->places, id.len ? id.bytes : "", id.len, &at);
    if (place) *place = *added ? (uint32_t)k->n : at;
    if (!*added) return TRI_OK;
    TRI_TRY(reserve(k, err));
    TRI_TRY(copy(k, id, &k->ids[k->n], err));
    if (k->keep_texts) {
        TRI_TRY(copy(k, text, &k->texts[k->n], err));
        if (!strmap_find(&k->text_places, k->texts[k->n].bytes, text.len, &at) &&
            strmap_put(&k->text_places, k->texts[k->n].bytes, text.len, (uint32_t)k->n, NULL, NULL))
            return err_memory(err, text.len);
    }
    if (strmap_put(&k->places, k->ids[k->n].bytes, id.len, (uint32_t)k->n, NULL, NULL)) return err_memory(err, id.len);
    k->n++;
    return TRI_OK;
}

bool known_ids_find(const known_ids *k, tri_text id, uint32_t *place)
{
    return strmap_find(&k->places, id.len ? id.bytes : "", id.len, place);
}

bool known_ids_find_text(const known_ids *k, tri_text text, uint32_t *place)
{
    return strmap_find(&k->text_places, text.len ? text.bytes : "", text.len, place);
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

typedef struct id_reader {
    known_ids *k;
    const char *path;
    uint64_t line;
    buf id, text, title;
} id_reader;

static tri_status add_record(id_reader *r, tri_text id, tri_text text, tri_error *err)
{
    bool added;
    TRI_TRY(known_ids_add(r->k, id, text, NULL, &added, err));
    if (added) return TRI_OK;
    tri_status st = err_set(err, TRI_ERR_FORMAT, "%s line %llu: the id \"%.*s\" was there before", r->path,
                            (unsigned long long)r->line, (int)(id.len < 100 ? id.len : 100), id.bytes);
    return err_hint(err, st, "give every text an id of its own");
}

/* With a title the text is title, a space, text. */
static tri_status join(id_reader *r, tri_text title, tri_text *text, tri_error *err)
{
    if (!title.len || !r->k->keep_texts) return TRI_OK;
    tri_status st = title.bytes == (const char *)r->title.data ? TRI_OK : buf_append(&r->title, title.bytes, title.len);
    if (!st) st = buf_byte(&r->title, ' ');
    if (!st && text->len) st = buf_append(&r->title, text->bytes, text->len);
    if (st) return err_memory(err, text->len);
    *text = (tri_text){(const char *)r->title.data, r->title.len};
    return TRI_OK;
}

static bool key_is(tri_text key, const char *word)
{
    return key.len == strlen(word) && !memcmp(key.bytes, word, key.len);
}

static bool names_id(tri_text name)
{
    submission_role role = submission_role_of_name(name);
    return submission_name_is_plain_id(name) || ((role == ROLE_QUERY || role == ROLE_DOC) && submission_name_is_id(name));
}

/* "question", "passage", "content": but an id's name. */
static bool names_text(tri_text name)
{
    submission_role role = submission_role_of_name(name);
    return (role == ROLE_QUERY || role == ROLE_QUERY_TEXT || role == ROLE_DOC || role == ROLE_DOC_TEXT) && !names_id(name);
}

static tri_status read_object(id_reader *r, tri_text line, tri_error *err)
{
    json_pieces p;
    tri_text key, value, id = {NULL, 0}, text = {NULL, 0}, title = {NULL, 0};
    bool strong = false;
    char number[24];
    TRI_TRY(json_pieces_open(&p, line, r->path, err));
    tri_status st = TRI_OK;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        bool scalar = json_raw_is_string(value) || json_raw_is_number(value);
        if (!scalar) continue;
        bool best = key_is(key, "_id");
        if (!strong && (best || key_is(key, "id") || (names_id(key) && !id.bytes))) {
            st = json_raw_text(value, &r->id, &id, err);
            strong = best;
        } else if (json_raw_is_string(value) && key_is(key, "title")) {
            st = json_raw_text(value, &r->title, &title, err);
        } else if (json_raw_is_string(value) && (key_is(key, "text") || (names_text(key) && !text.bytes))) {
            st = json_raw_text(value, &r->text, &text, err);
        }
    }
    json_pieces_close(&p);
    if (st) return st;
    if (!id.bytes) id = (tri_text){number, (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)r->line - 1)};
    if (title.bytes != (const char *)r->title.data) buf_clear(&r->title);
    TRI_TRY(join(r, title, &text, err));
    return add_record(r, id, text, err);
}

static tri_status read_lines(id_reader *r, bool json, tri_error *err)
{
    line_reader *lines;
    const char *line;
    size_t len;
    char number[24];
    TRI_TRY(line_reader_open(r->path, 0, &lines, err));
    tri_status st = TRI_OK;
    while (!st && !(st = line_reader_next(lines, &line, &len, &r->line, err)) && line) {
        size_t blank = 0;
        while (blank < len && (line[blank] == ' ' || line[blank] == '\t')) blank++;
        if (json && blank == len) continue;
        if (json) {
            st = read_object(r, (tri_text){line, len}, err);
            if (st == TRI_ERR_FORMAT && err && !strstr(err->text, " was there before"))
                err_prefix(err, st, "line %llu: ", (unsigned long long)r->line);
        } else {
            int n = snprintf(number, sizeof number, "%llu", (unsigned long long)r->line - 1);
            st = add_record(r, (tri_text){number, (size_t)n}, (tri_text){line, len}, err);
        }
    }
    line_reader_close(lines);
    return st;
}

/* Which columns hold the id and the text: by a header's names, else the first two. */
typedef struct id_columns {
    size_t id, text;
} id_columns;

static tri_text cell_at(const csv_reader *rows, size_t column)
{
    if (column >= rows->n) return (tri_text){NULL, 0};
    return (tri_text){rows->fields[column].bytes, rows->fields[column].len};
}

/* Is the first row a header? Its first cell is a known name, or ends as ids' names do; or another cell is a known id's name. */
static bool read_header(const csv_reader *rows, id_columns *columns)
{
    tri_text first = cell_at(rows, 0);
    bool header = submission_name_is_id(first) || submission_role_of_name(first) != ROLE_OTHER, named = false;
    for (size_t i = 0; i < rows->n && !named; i++) {
        named = i ? names_id(cell_at(rows, i)) : submission_name_is_id(first);
        if (named) columns->id = i;
    }
    if (!named && !header) return false;
    columns->text = columns->id ? 0 : 1;
    for (size_t i = rows->n; i-- > 0;)
        if (i != columns->id && names_text(cell_at(rows, i))) columns->text = i;
    for (size_t i = 0; i < rows->n; i++)
        if (key_is(cell_at(rows, i), "text")) columns->text = i;
    return true;
}

static tri_status read_table(id_reader *r, char separator, tri_error *err)
{
    mapped_file file;
    csv_reader rows;
    bool found, first = true;
    id_columns columns = {0, 1};
    TRI_TRY(mapped_file_open(r->path, &file, err));
    csv_init(&rows, file.data, file.len, separator, r->path);
    rows.plain_quotes = separator == '\t'; /* as MS MARCO and BEIR write their texts */
    tri_status st = TRI_OK;
    while (!st && !(st = csv_next(&rows, &found, err)) && found) {
        bool header = first && read_header(&rows, &columns);
        first = false;
        r->line = rows.row_line;
        if (!header) st = add_record(r, cell_at(&rows, columns.id), cell_at(&rows, columns.text), err);
    }
    csv_drop(&rows);
    mapped_file_close(&file);
    return st;
}

/* An array of objects as of JSONL, or an object of texts by id. */
static tri_status read_json(id_reader *r, tri_error *err)
{
    mapped_file file;
    json_pieces p;
    tri_text key, value;
    TRI_TRY(mapped_file_open(r->path, &file, err));
    tri_text all = {(const char *)file.data, file.len};
    if (all.len >= 3 && !memcmp(all.bytes, "\xEF\xBB\xBF", 3)) all = (tri_text){all.bytes + 3, all.len - 3};
    tri_status st = json_pieces_open(&p, all, r->path, err);
    bool opened = !st;
    while (!st && !(st = json_pieces_next(&p, &key, &value, err)) && value.bytes) {
        r->line++;
        if (!p.object) {
            st = read_object(r, value, err);
        } else {
            tri_text text = {NULL, 0};
            if (json_raw_is_string(value)) st = json_raw_text(value, &r->text, &text, err);
            if (!st) st = add_record(r, key, text, err);
        }
    }
    if (opened) json_pieces_close(&p);
    mapped_file_close(&file);
    return st;
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

tri_status known_ids_load(known_ids *k, const char *path, tri_error *err)
{
    id_reader r = {.k = k, .path = path};
    buf_init(&r.id, 0);
    buf_init(&r.text, 0);
    buf_init(&r.title, 0);
    tri_status st;
    if (ends_in(path, ".tsv") || ends_in(path, ".csv"))
        st = read_table(&r, ends_in(path, ".tsv") ? '\t' : ',', err);
    else if (ends_in(path, ".json"))
        st = read_json(&r, err);
    else
        st = read_lines(&r, ends_in(path, ".jsonl") || strcmp(path, "-") == 0, err);
    buf_drop(&r.id);
    buf_drop(&r.text);
    buf_drop(&r.title);
    if (!st && !k->n) st = err_set(err, TRI_ERR_FORMAT, "could not read %s: there are no ids in it", path);
    return st;
}
