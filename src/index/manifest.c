/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c — what does an index hold, as of its last commit?
 *
 *   {
 *     "xxh3": "91f0c3...",                    XXH3-64 of this file's bytes with these 16 digits read as zeros
 *     "format": "trident-index", "version": 1,
 *     "generation": 3, "next_id": 9,
 *     "want": 7, "dense_dim": 384, "multi_dim": 384, "store_dense": 0, "store_multi": 1,
 *     "docs": 1190, "deleted": 2,
 *     "dead": ["00000008.dead", bytes, "xxh3"],                          absent when nothing is deleted
 *     "segments": [
 *       {"id": 1, "docs": 1190, "rows": 201234, "postings": 98765, "files": {"keys": [bytes, "xxh3"], ...}}
 *     ],
 *     "meta": "{\"model\": ...}"                                          the caller's text, as a string: word for word
 *   }
 *
 * Invariants after a successful parse: every segment has exactly the files that `want` and the stores call for; docs is the sum
 * over the segments and at most index_max_docs; ids ascend, are below next_id and so no file is named twice; deleted <= docs.
 * What the files themselves hold is segment.c's to check. */
#include "index/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "formats/json.h"

static const char digest_opening[] = "{\n\"xxh3\": \"";
enum { DIGEST_AT = sizeof digest_opening - 1, DIGEST_LEN = 16 };

void manifest_drop(manifest *m)
{
    mem_free(m->meta);
    mem_free(m->segments);
    memset(m, 0, sizeof *m);
}

tri_status manifest_append(manifest *m, const manifest_segment *segment, tri_error *err)
{
    if (m->n_segments == m->cap_segments) {
        size_t cap = m->cap_segments ? m->cap_segments * 2 : 4, bytes;
        manifest_segment *more = mul_size(cap, sizeof *more, &bytes) ? mem_realloc(m->segments, bytes) : NULL;
        if (!more) return err_memory(err, cap * sizeof *more);
        m->segments = more;
        m->cap_segments = cap;
    }
    m->segments[m->n_segments++] = *segment;
    m->docs += segment->docs;
    return TRI_OK;
}

tri_status manifest_copy(manifest *out, const manifest *from, tri_error *err)
{
    manifest m = *from;
    m.meta = NULL;
    m.segments = NULL;
    m.n_segments = m.cap_segments = 0;
    m.docs = 0;
    m.meta = mem_strdup(from->meta);
    tri_status st = m.meta ? TRI_OK : err_memory(err, strlen(from->meta) + 1);
    for (size_t i = 0; st == TRI_OK && i < from->n_segments; i++) st = manifest_append(&m, &from->segments[i], err);
    if (st != TRI_OK) {
        manifest_drop(&m);
        return st;
    }
    *out = m;
    return TRI_OK;
}

bool manifest_wants(const manifest *m, index_kind kind)
{
    switch (kind) {
    case INDEX_KEYS:
    case INDEX_TEXTS:
        return true;
    case INDEX_DENSE:
        return m->want & TRI_DENSE;
    case INDEX_FORWARD:
    case INDEX_POSTINGS:
        return m->want & TRI_SPARSE;
    case INDEX_MULTI:
    case INDEX_TOKENS:
        return m->want & TRI_MULTI;
    case INDEX_SCALES:
        return (m->want & TRI_MULTI) && m->store_multi == TRI_STORE_INT8;
    default:
        return false;
    }
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

static tri_status print_segment(buf *out, const manifest_segment *s, const char *before)
{
    TRI_TRY(buf_printf(
        out, "%s\n{\"id\": %" PRIu32 ", \"docs\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"postings\": %" PRIu64 ", \"files\": {",
        before, s->id, s->docs, s->rows, s->postings));
    const char *comma = "";
    for (int kind = 1; kind < INDEX_KINDS; kind++) {
        const file_record *f = &s->files[kind];
        if (f->bytes == 0) continue;
        TRI_TRY(buf_printf(out, "%s\"%s\": [%" PRIu64 ", \"%016" PRIx64 "\"]", comma, segment_file_kind_name((index_kind)kind),
                           f->bytes, f->xxh3));
        comma = ", ";
    }
    return buf_str(out, "}}");
}

/* As a JSON string; the text is valid UTF-8, so only quotes, backslashes and control characters are escaped. */
static tri_status print_meta(buf *out, const char *meta)
{
    TRI_TRY(buf_str(out, "],\n\"meta\": \""));
    for (const char *c = meta; *c; c++) {
        if (*c == '"' || *c == '\\') TRI_TRY(buf_byte(out, '\\'));
        if ((unsigned char)*c < 0x20)
            TRI_TRY(buf_printf(out, "\\u%04x", (unsigned)*c));
        else
            TRI_TRY(buf_byte(out, (uint8_t)*c));
    }
    return buf_str(out, "\"\n}\n");
}

static tri_status print_all(const manifest *m, buf *out)
{
    TRI_TRY(buf_printf(out, "%s0000000000000000\",\n\"format\": \"trident-index\", \"version\": %d,\n", digest_opening,
                       INDEX_VERSION));
    TRI_TRY(buf_printf(out, "\"generation\": %" PRIu64 ", \"next_id\": %" PRIu32 ",\n", m->generation, m->next_id));
    TRI_TRY(buf_printf(out, "\"want\": %u, \"dense_dim\": %zu, \"multi_dim\": %zu, \"store_dense\": %d, \"store_multi\": %d,\n",
                       m->want, m->dense_dim, m->multi_dim, m->store_dense, m->store_multi));
    TRI_TRY(buf_printf(out, "\"docs\": %" PRIu64 ", \"deleted\": %" PRIu64 ",\n", m->docs, m->deleted));
    if (m->dead_id)
        TRI_TRY(buf_printf(out, "\"dead\": [%" PRIu32 ", %" PRIu64 ", \"%016" PRIx64 "\"],\n", m->dead_id, m->dead.bytes,
                           m->dead.xxh3));
    TRI_TRY(buf_str(out, "\"segments\": ["));
    for (size_t i = 0; i < m->n_segments; i++) TRI_TRY(print_segment(out, &m->segments[i], i ? "," : ""));
    return print_meta(out, m->meta);
}

tri_status manifest_print(const manifest *m, buf *out, tri_error *err)
{
    tri_status st = print_all(m, out);
    if (st == TRI_ERR_LIMIT) return err_set(err, st, "manifest passes its limit of %u bytes", (unsigned)LIMIT_JSON_CONFIG);
    if (st != TRI_OK) return err_memory(err, out->len);
    char digits[DIGEST_LEN + 1];
    snprintf(digits, sizeof digits, "%016" PRIx64, hash64(out->data, out->len));
    memcpy(out->data + DIGEST_AT, digits, DIGEST_LEN);
    return TRI_OK;
}

/* ---- parsing ---------------------------------------------------------------------------------------------------- */

static bool parse_hex(const json_t *value, uint64_t *out)
{
    const char *s = json_string_value(value);
    if (!s || json_string_length(value) != 16) return false;
    uint64_t x = 0;
    for (int i = 0; i < 16; i++) {
        int digit = s[i] >= '0' && s[i] <= '9' ? s[i] - '0' : s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10 : -1;
        if (digit < 0) return false;
        x = x << 4 | (uint64_t)digit;
    }
    *out = x;
    return true;
}

static tri_status get_u64(const json_t *object, const char *key, const char *name, uint64_t max, uint64_t *out, tri_error *err)
{
    size_t value;
    TRI_TRY(json_get_size(object, key, name, SIZE_MAX, 0, max, &value, err));
    if (value == SIZE_MAX) return err_set(err, TRI_ERR_FORMAT, "%s lacks \"%s\"", name, key);
    *out = value;
    return TRI_OK;
}

/* [bytes, "xxh3"] */
static bool parse_record(const json_t *array, size_t first, file_record *out)
{
    if (json_array_size(array) != first + 2) return false;
    const json_t *bytes = json_array_get(array, first);
    if (!json_is_integer(bytes) || json_integer_value(bytes) < INDEX_ALIGN) return false;
    out->bytes = (uint64_t)json_integer_value(bytes);
    return parse_hex(json_array_get(array, first + 1), &out->xxh3);
}

static tri_status parse_segment(const json_t *object, const char *name, manifest *m, tri_error *err)
{
    manifest_segment s = {0};
    uint64_t id;
    if (!json_is_object(object)) return err_set(err, TRI_ERR_FORMAT, "%s: a segment is not an object", name);
    TRI_TRY(get_u64(object, "id", name, index_max_id, &id, err));
    TRI_TRY(get_u64(object, "docs", name, index_max_docs, &s.docs, err));
    TRI_TRY(get_u64(object, "rows", name, INT64_MAX, &s.rows, err));
    TRI_TRY(get_u64(object, "postings", name, INT64_MAX, &s.postings, err));
    s.id = (uint32_t)id;
    uint32_t last = m->n_segments ? m->segments[m->n_segments - 1].id : 0;
    if (s.id <= last || s.id >= m->next_id)
        return err_set(err, TRI_ERR_FORMAT, "%s: segment id %" PRIu32 " is not between %" PRIu32 " and %" PRIu32, name, s.id,
                       last, m->next_id);
    if (s.docs > index_max_docs - m->docs)
        return err_set(err, TRI_ERR_FORMAT, "%s: more than %" PRIu64 " documents", name, index_max_docs);
    const json_t *files = json_object_get(object, "files");
    for (int kind = 1; kind < INDEX_KINDS; kind++) {
        const char *what = segment_file_kind_name((index_kind)kind);
        const json_t *record = json_object_get(files, what);
        if ((record != NULL) != manifest_wants(m, (index_kind)kind))
            return err_set(err, TRI_ERR_FORMAT, "%s: segment %" PRIu32 " %s a file \"%s\"", name, s.id,
                           record ? "has" : "lacks", what);
        if (record && !parse_record(record, 0, &s.files[kind]))
            return err_set(err, TRI_ERR_FORMAT, "%s: segment %" PRIu32 ": \"%s\" is not [bytes, xxh3]", name, s.id, what);
    }
    return manifest_append(m, &s, err);
}

static tri_status parse_dead(const json_t *root, const char *name, manifest *m, tri_error *err)
{
    const json_t *dead = json_object_get(root, "dead");
    if (!dead) {
        if (m->deleted == 0) return TRI_OK;
        return err_set(err, TRI_ERR_FORMAT, "%s: %" PRIu64 " documents are deleted, but no file says which", name, m->deleted);
    }
    const json_t *id = json_array_get(dead, 0);
    if (!json_is_integer(id) || json_integer_value(id) < 1 || json_integer_value(id) >= (json_int_t)m->next_id ||
        !parse_record(dead, 1, &m->dead))
        return err_set(err, TRI_ERR_FORMAT, "%s: \"dead\" is not [id, bytes, xxh3]", name);
    m->dead_id = (uint32_t)json_integer_value(id);
    return TRI_OK;
}

static tri_status parse_head(const json_t *root, const char *name, manifest *m, tri_error *err)
{
    const char *format;
    uint64_t version, next_id, want, dense_dim, multi_dim, store_dense, store_multi;
    TRI_TRY(json_get_str(root, "format", name, "", &format, err));
    if (strcmp(format, "trident-index") != 0)
        return err_set(err, TRI_ERR_FORMAT, "%s: format is \"%s\", expected \"trident-index\"", name, format);
    TRI_TRY(get_u64(root, "version", name, INT32_MAX, &version, err));
    if (version != INDEX_VERSION)
        return err_set(err, TRI_ERR_UNSUPPORTED, "%s: format version %" PRIu64 ", this build reads %d", name, version,
                       INDEX_VERSION);
    TRI_TRY(get_u64(root, "generation", name, INT64_MAX, &m->generation, err));
    TRI_TRY(get_u64(root, "next_id", name, (uint64_t)index_max_id + 1, &next_id, err));
    TRI_TRY(get_u64(root, "want", name, TRI_ALL, &want, err));
    TRI_TRY(get_u64(root, "dense_dim", name, LIMIT_WIDTH, &dense_dim, err));
    TRI_TRY(get_u64(root, "multi_dim", name, LIMIT_WIDTH, &multi_dim, err));
    TRI_TRY(get_u64(root, "store_dense", name, TRI_STORE_F16, &store_dense, err));
    TRI_TRY(get_u64(root, "store_multi", name, TRI_STORE_INT8, &store_multi, err));
    TRI_TRY(get_u64(root, "deleted", name, index_max_docs, &m->deleted, err));
    if (want == 0 || ((want & TRI_DENSE) && dense_dim == 0) || ((want & TRI_MULTI) && multi_dim == 0))
        return err_set(err, TRI_ERR_FORMAT, "%s: want %" PRIu64 " with dense_dim %" PRIu64 " and multi_dim %" PRIu64, name,
                       want, dense_dim, multi_dim);
    m->next_id = (uint32_t)next_id;
    m->want = (unsigned)want;
    m->dense_dim = (size_t)dense_dim;
    m->multi_dim = (size_t)multi_dim;
    m->store_dense = (int)store_dense;
    m->store_multi = (int)store_multi;
    return TRI_OK;
}

static tri_status parse_root(const json_t *root, const char *name, manifest *m, tri_error *err)
{
    uint64_t docs;
    const char *meta;
    if (!json_is_object(root)) return err_set(err, TRI_ERR_FORMAT, "%s is not a JSON object", name);
    TRI_TRY(parse_head(root, name, m, err));
    const json_t *segments = json_object_get(root, "segments");
    if (!json_is_array(segments)) return err_set(err, TRI_ERR_FORMAT, "%s lacks the array \"segments\"", name);
    for (size_t i = 0; i < json_array_size(segments); i++) TRI_TRY(parse_segment(json_array_get(segments, i), name, m, err));
    TRI_TRY(get_u64(root, "docs", name, index_max_docs, &docs, err));
    if (docs != m->docs || m->deleted > docs)
        return err_set(err, TRI_ERR_FORMAT,
                       "%s: %" PRIu64 " documents, %" PRIu64 " of them deleted, but the segments hold %" PRIu64, name, docs,
                       m->deleted, m->docs);
    TRI_TRY(parse_dead(root, name, m, err));
    TRI_TRY(json_get_str(root, "meta", name, "{}", &meta, err));
    m->meta = mem_strdup(meta);
    return m->meta ? TRI_OK : err_memory(err, strlen(meta) + 1);
}

static tri_status check_digest(const uint8_t *bytes, size_t len, const char *name, tri_error *err)
{
    static const char zeros[DIGEST_LEN + 1] = "0000000000000000";
    hash64_stream *h = hash64_new();
    if (!h) return err_memory(err, 576); /* the state of XXH3 */
    char digits[DIGEST_LEN + 1] = "";
    bool good = len > DIGEST_AT + DIGEST_LEN && memcmp(bytes, digest_opening, DIGEST_AT) == 0;
    if (good) {
        hash64_update(h, bytes, DIGEST_AT);
        hash64_update(h, zeros, DIGEST_LEN);
        hash64_update(h, bytes + DIGEST_AT + DIGEST_LEN, len - DIGEST_AT - DIGEST_LEN);
        snprintf(digits, sizeof digits, "%016" PRIx64, hash64_digest(h));
        good = memcmp(bytes + DIGEST_AT, digits, DIGEST_LEN) == 0;
    }
    hash64_free(h);
    return good ? TRI_OK : err_set(err, TRI_ERR_FORMAT, "%s does not match its own checksum: damaged, or edited by hand", name);
}

tri_status manifest_parse(const void *bytes, size_t len, const char *name, bool verify, manifest *out, tri_error *err)
{
    if (verify) TRI_TRY(check_digest(bytes, len, name, err));
    json_t *root = NULL;
    manifest m = {0};
    TRI_TRY(json_text_load(bytes, len, name, &root, err));
    tri_status st = parse_root(root, name, &m, err);
    json_decref(root);
    if (st != TRI_OK) {
        manifest_drop(&m);
        return st;
    }
    *out = m;
    return TRI_OK;
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

tri_status manifest_load(const char *dir, manifest *out, tri_error *err)
{
    char path[LIMIT_PATH];
    buf bytes;
    if (file_join(path, sizeof path, dir, INDEX_MANIFEST) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    if (!file_exists(path)) return err_set(err, TRI_ERR_NOT_FOUND, "no index in %s: there is no " INDEX_MANIFEST, dir);
    buf_init(&bytes, 0);
    tri_status st = file_read_all(path, LIMIT_JSON_CONFIG, &bytes, err);
    if (st == TRI_OK) st = manifest_parse(bytes.data, bytes.len, path, true, out, err);
    buf_drop(&bytes);
    return st;
}

tri_status manifest_save(const char *dir, const manifest *m, tri_error *err)
{
    char path[LIMIT_PATH];
    out_file *file = NULL;
    buf text;
    if (file_join(path, sizeof path, dir, INDEX_MANIFEST) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    buf_init(&text, LIMIT_JSON_CONFIG);
    tri_status st = manifest_print(m, &text, err);
    if (st == TRI_OK) st = out_file_open(path, &file, err);
    if (st == TRI_OK) {
        st = out_file_write(file, text.data, text.len, err);
        if (st != TRI_OK) out_file_discard(file);
    }
    buf_drop(&text);
    if (st != TRI_OK) return st;
    TRI_TRY(out_file_commit(file, err));
    return file_sync_dir(dir, err);
}
