/* SPDX-License-Identifier: Apache-2.0 */
/* packed_file.c — reading and writing the container of packed matrices; every byte of it drawn in docs/formats/packed.md.
 *
 * Invariants after opening: (1) each blob lies on a page, between the header and the directory; (2) names are not empty, hold
 * no zero byte and ascend strictly, so that a lookup is a binary search in the mapped directory and nothing is allocated; (3)
 * sources' names stay inside the model's folder: no absolute path, no "..". Little-endian numbers; data of any alignment. */
#include "formats/packed_file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "formats/le.h"

static const char magic[8] = {'T', 'R', 'I', 'P', 'A', 'C', 'K', 'D'};

enum {
    VERSION = 1,
    HEADER_BYTES = 64,
    HEADER_HASHED = 48, /* the hash of what comes before it stands here */
    DIRECTORY_HEAD = 32,
    SOURCE_BYTES = 24,
    ENTRY_BYTES = 64,
    NAME_MAX_BYTES = 1024,      /* keys of real models are under 100 */
    RECIPE_MAX_BYTES = 1 << 20, /* real ones are a few kB */
    SOURCES_MAX = 4096,
    VERIFY_STEP = 1 << 20,
};

static size_t page_up(size_t at)
{
    return (at + PACKED_PAGE - 1) / PACKED_PAGE * PACKED_PAGE;
}

static int compare_names(tri_text a, tri_text b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.bytes, b.bytes, n);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static tri_text name_at(const packed_file *f, const uint8_t *record)
{
    return (tri_text){f->names + le_u32(record), le_u32(record + 4)};
}

packed_entry packed_file_entry(const packed_file *f, size_t i)
{
    const uint8_t *r = f->entries + i * ENTRY_BYTES;
    return (packed_entry){.name = name_at(f, r),
                          .precision = le_u32(r + 8),
                          .flags = le_u32(r + 12),
                          .n = le_u64(r + 16),
                          .k = le_u64(r + 24),
                          .blob = f->map.data + le_u64(r + 32),
                          .bytes = le_u64(r + 40),
                          .hash = le_u64(r + 48)};
}

packed_source packed_file_source(const packed_file *f, size_t i)
{
    const uint8_t *r = f->sources + i * SOURCE_BYTES;
    return (packed_source){name_at(f, r), {le_u64(r + 8), (int64_t)le_u64(r + 16)}};
}

bool packed_file_find(const packed_file *f, const char *name, packed_entry *out)
{
    tri_text wanted = {name, strlen(name)};
    size_t low = 0, high = f->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        packed_entry e = packed_file_entry(f, middle);
        int order = compare_names(wanted, e.name);
        if (order == 0) {
            *out = e;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static tri_status check_header(const uint8_t *bytes, size_t len, tri_error *err)
{
    if (len < HEADER_BYTES || memcmp(bytes, magic, sizeof magic) != 0)
        return err_set(err, TRI_ERR_FORMAT, "it is not a packed weight file");
    if (le_u32(bytes + 8) != VERSION)
        return err_set(err, TRI_ERR_UNSUPPORTED, "its format version is %u, this build reads %d", le_u32(bytes + 8), VERSION);
    if (hash64(bytes, HEADER_HASHED) != le_u64(bytes + HEADER_HASHED) || le_u64(bytes + HEADER_HASHED + 8) != 0)
        return err_set(err, TRI_ERR_FORMAT, "its header is damaged");
    if (le_u64(bytes + 16) != len)
        return err_set(err, TRI_ERR_FORMAT, "it has %zu bytes, its header says %llu", len,
                       (unsigned long long)le_u64(bytes + 16));
    return TRI_OK;
}

/* The directory's bytes, of the right length and hash. */
static tri_status find_directory(const uint8_t *bytes, size_t len, const uint8_t **out, size_t *out_len, tri_error *err)
{
    uint64_t at = le_u64(bytes + 24), size = le_u64(bytes + 32);
    if (at % PACKED_PAGE || at < PACKED_PAGE || at > len || size != len - at || size < DIRECTORY_HEAD)
        return err_set(err, TRI_ERR_FORMAT, "its directory is not where the header says");
    if (hash64(bytes + at, size) != le_u64(bytes + 40)) return err_set(err, TRI_ERR_FORMAT, "its directory is damaged");
    *out = bytes + at;
    *out_len = size;
    return TRI_OK;
}

static bool name_fits(const packed_file *f, const uint8_t *record, size_t names_len)
{
    uint64_t at = le_u32(record), len = le_u32(record + 4);
    return len > 0 && len <= NAME_MAX_BYTES && at + len <= names_len && !memchr(f->names + at, 0, len);
}

/* "a/b.safetensors": it is joined to the model's folder, so it must not lead out of it. */
static bool stays_inside(tri_text name)
{
    for (size_t at = 0; at <= name.len;) {
        const char *part = name.bytes + at, *slash = memchr(part, '/', name.len - at);
        size_t len = slash ? (size_t)(slash - part) : name.len - at;
        if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.')) return false;
        at += len + 1;
    }
    return true;
}

static tri_status check_records(const packed_file *f, size_t names_len, size_t blobs_end, tri_error *err)
{
    for (size_t i = 0; i < f->n_sources; i++) {
        const uint8_t *r = f->sources + i * SOURCE_BYTES;
        if (!name_fits(f, r, names_len) || !stays_inside(name_at(f, r)))
            return err_set(err, TRI_ERR_FORMAT, "the name of source %zu is none", i);
    }
    for (size_t i = 0; i < f->n_entries; i++) {
        const uint8_t *r = f->entries + i * ENTRY_BYTES;
        uint64_t at = le_u64(r + 32), bytes = le_u64(r + 40);
        if (!name_fits(f, r, names_len)) return err_set(err, TRI_ERR_FORMAT, "the name of matrix %zu is none", i);
        if (i && compare_names(name_at(f, r - ENTRY_BYTES), name_at(f, r)) >= 0)
            return err_set(err, TRI_ERR_FORMAT, "the name of matrix %zu is out of order", i);
        if (at % PACKED_PAGE || at < PACKED_PAGE || at > blobs_end || bytes == 0 || bytes > blobs_end - at)
            return err_set(err, TRI_ERR_FORMAT, "matrix %zu lies outside the file", i);
    }
    return TRI_OK;
}

tri_status packed_file_parse(const uint8_t *bytes, size_t len, packed_file *out, tri_error *err)
{
    const uint8_t *d;
    size_t size;
    *out = (packed_file){0};
    TRI_TRY(check_header(bytes, len, err));
    TRI_TRY(find_directory(bytes, len, &d, &size, err));
    uint64_t n_sources = le_u32(d), n_entries = le_u32(d + 4), recipe_len = le_u32(d + 8), names_len = le_u32(d + 12);
    if (n_sources > SOURCES_MAX || n_entries > LIMIT_TENSORS || recipe_len > RECIPE_MAX_BYTES)
        return err_set(err, TRI_ERR_LIMIT, "its directory counts %llu sources, %llu matrices, %llu bytes of recipe",
                       (unsigned long long)n_sources, (unsigned long long)n_entries, (unsigned long long)recipe_len);
    if (DIRECTORY_HEAD + n_sources * SOURCE_BYTES + n_entries * ENTRY_BYTES + recipe_len + names_len != size)
        return err_set(err, TRI_ERR_FORMAT, "the parts of its directory do not add up");
    packed_file f = {.map = {.data = bytes, .len = len}, .identity = d + 16, .n_sources = n_sources, .n_entries = n_entries};
    f.sources = d + DIRECTORY_HEAD;
    f.entries = f.sources + n_sources * SOURCE_BYTES;
    f.recipe = (tri_text){(const char *)f.entries + n_entries * ENTRY_BYTES, recipe_len};
    f.names = f.recipe.bytes + recipe_len;
    TRI_TRY(check_records(&f, names_len, len - size, err));
    *out = f;
    return TRI_OK;
}

tri_status packed_file_open(const char *path, packed_file *out, tri_error *err)
{
    mapped_file map;
    *out = (packed_file){0};
    TRI_TRY(mapped_file_open(path, &map, err));
    tri_status st = packed_file_parse(map.data, map.len, out, err);
    if (st) err_prefix(err, st, "could not use %s: ", path);
    char *copy = st ? NULL : mem_strdup(path);
    if (!st && !copy) st = err_memory(err, strlen(path));
    if (st) {
        mapped_file_close(&map);
        *out = (packed_file){0};
        return st;
    }
    out->path = copy;
    return TRI_OK;
}

void packed_file_close(packed_file *f)
{
    if (f->path) mapped_file_close(&f->map);
    mem_free(f->path);
    *f = (packed_file){0};
}

tri_status packed_file_make_private(packed_file *f, const processor_nodes *nodes, tri_error *err)
{
    packed_file copy;
    mapped_file map = f->map;
    tri_status st = mapped_file_make_private(&map, nodes, err);
    if (st) return err_prefix(err, st, "could not copy %s: ", f->path);
    f->map = map;
    TRI_TRY(packed_file_parse(map.data, map.len, &copy, err)); /* fails only when the file was written to meanwhile */
    copy.map = map;
    copy.path = f->path;
    *f = copy;
    return TRI_OK;
}

tri_status packed_file_verify(const packed_file *f, tri_progress_fn progress, void *ctx, tri_error *err)
{
    const char *path = f->path ? f->path : "the packed file";
    hash64_stream *h = NULL;
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < f->n_entries; i++) {
        packed_entry e = packed_file_entry(f, i);
        size_t start = (size_t)((const uint8_t *)e.blob - f->map.data);
        h = hash64_new();
        if (!h) return err_memory(err, VERIFY_STEP);
        for (size_t at = 0; !st && at < e.bytes; at += VERIFY_STEP) {
            size_t n = e.bytes - at < VERIFY_STEP ? e.bytes - at : VERIFY_STEP;
            hash64_update(h, (const char *)e.blob + at, n);
            if (f->path) mapped_file_wont_need(&f->map, start + at, n);
            if (progress && progress(ctx, start + at + n, f->map.len))
                st = err_set(err, TRI_ERR_CANCELLED, "checking %s was stopped", path);
        }
        if (!st && hash64_digest(h) != e.hash)
            st = err_set(err, TRI_ERR_FORMAT, "could not trust %s: matrix \"%.*s\" is damaged (its checksum differs)", path,
                         (int)e.name.len, e.name.bytes);
        hash64_free(h);
    }
    return st;
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

struct packed_writer {
    out_file *file;
    arena names;
    packed_entry *entries; /* ascending by name; hash set, blob NULL */
    uint64_t *places;      /* of their blobs in the file */
    size_t n, cap;
};

tri_status packed_writer_open(const char *path, packed_writer **out, tri_error *err)
{
    static const uint8_t room[HEADER_BYTES];
    *out = NULL;
    packed_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    arena_init(&w->names, 0);
    tri_status st = out_file_open(path, &w->file, err);
    if (!st) st = out_file_write(w->file, room, sizeof room, err);
    if (st) {
        packed_writer_discard(w);
        return st;
    }
    *out = w;
    return TRI_OK;
}

static void free_writer(packed_writer *w)
{
    arena_drop(&w->names);
    mem_free(w->entries);
    mem_free(w->places);
    mem_free(w);
}

void packed_writer_discard(packed_writer *w)
{
    if (!w) return;
    out_file_discard(w->file);
    free_writer(w);
}

static tri_status fill_page(packed_writer *w, tri_error *err)
{
    static const uint8_t zeros[PACKED_PAGE];
    size_t at = (size_t)out_file_written(w->file);
    return out_file_write(w->file, zeros, page_up(at) - at, err);
}

static tri_status grow(packed_writer *w, tri_error *err)
{
    size_t cap = w->cap ? 2 * w->cap : 64;
    if (w->n < w->cap) return TRI_OK;
    packed_entry *entries = mem_realloc(w->entries, cap * sizeof *entries);
    if (entries) w->entries = entries;
    uint64_t *places = entries ? mem_realloc(w->places, cap * sizeof *places) : NULL;
    if (places) w->places = places;
    if (!entries || !places) return err_memory(err, cap * sizeof *entries);
    w->cap = cap;
    return TRI_OK;
}

/* Where the name belongs. */
static tri_status find_place(const packed_writer *w, tri_text name, size_t *place, tri_error *err)
{
    *place = w->n;
    while (*place > 0) {
        int order = compare_names(w->entries[*place - 1].name, name);
        if (order == 0)
            return err_set(err, TRI_ERR_ARGUMENT, "could not write matrix \"%.*s\" twice", (int)name.len, name.bytes);
        if (order < 0) break;
        (*place)--;
    }
    return TRI_OK;
}

tri_status packed_writer_add(packed_writer *w, const packed_entry *entry, tri_error *err)
{
    size_t place;
    if (entry->name.len == 0 || entry->name.len > NAME_MAX_BYTES || w->n >= LIMIT_TENSORS)
        return err_set(err, TRI_ERR_LIMIT, "could not write matrix %zu: its name has %zu bytes", w->n, entry->name.len);
    TRI_TRY(find_place(w, entry->name, &place, err));
    TRI_TRY(grow(w, err));
    packed_entry e = *entry;
    e.name.bytes = arena_copy(&w->names, entry->name.bytes, entry->name.len);
    if (!e.name.bytes) return err_memory(err, entry->name.len);
    e.hash = hash64(entry->blob, entry->bytes);
    e.blob = NULL;
    TRI_TRY(fill_page(w, err));
    uint64_t at = out_file_written(w->file);
    TRI_TRY(out_file_write(w->file, entry->blob, entry->bytes, err));
    memmove(w->entries + place + 1, w->entries + place, (w->n - place) * sizeof *w->entries);
    memmove(w->places + place + 1, w->places + place, (w->n - place) * sizeof *w->places);
    w->entries[place] = e;
    w->places[place] = at;
    w->n++;
    return TRI_OK;
}

static tri_status put_u32(buf *b, uint64_t v)
{
    uint8_t bytes[8];
    le_put_u64(bytes, v);
    return buf_append(b, bytes, 4);
}

static tri_status put_u64(buf *b, uint64_t v)
{
    uint8_t bytes[8];
    le_put_u64(bytes, v);
    return buf_append(b, bytes, sizeof bytes);
}

/* Place and length of a name; the names themselves follow all records in the same order. */
static tri_status put_name(buf *b, tri_text name, size_t *names_len)
{
    TRI_TRY(put_u32(b, *names_len));
    *names_len += name.len;
    return put_u32(b, name.len);
}

static tri_status build_directory(const packed_writer *w, const char *recipe, const packed_source *sources, size_t n_sources,
                                  const uint8_t identity[HASH128_BYTES], buf *b)
{
    size_t names_len = 0, total = 0;
    for (size_t i = 0; i < n_sources; i++) total += sources[i].name.len;
    for (size_t i = 0; i < w->n; i++) total += w->entries[i].name.len;
    TRI_TRY(put_u32(b, n_sources));
    TRI_TRY(put_u32(b, w->n));
    TRI_TRY(put_u32(b, strlen(recipe)));
    TRI_TRY(put_u32(b, total));
    TRI_TRY(buf_append(b, identity, HASH128_BYTES));
    for (size_t i = 0; i < n_sources; i++) {
        TRI_TRY(put_name(b, sources[i].name, &names_len));
        TRI_TRY(put_u64(b, sources[i].stamp.bytes));
        TRI_TRY(put_u64(b, (uint64_t)sources[i].stamp.mtime_ns));
    }
    for (size_t i = 0; i < w->n; i++) {
        const packed_entry *e = &w->entries[i];
        const uint64_t numbers[] = {e->n, e->k, w->places[i], e->bytes, e->hash, 0};
        TRI_TRY(put_name(b, e->name, &names_len));
        TRI_TRY(put_u32(b, e->precision));
        TRI_TRY(put_u32(b, e->flags));
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) TRI_TRY(put_u64(b, numbers[j]));
    }
    TRI_TRY(buf_str(b, recipe));
    for (size_t i = 0; i < n_sources; i++) TRI_TRY(buf_append(b, sources[i].name.bytes, sources[i].name.len));
    for (size_t i = 0; i < w->n; i++) TRI_TRY(buf_append(b, w->entries[i].name.bytes, w->entries[i].name.len));
    return TRI_OK;
}

static tri_status write_directory(packed_writer *w, const buf *directory, tri_error *err)
{
    uint8_t header[HEADER_BYTES] = {0};
    TRI_TRY(fill_page(w, err));
    uint64_t at = out_file_written(w->file);
    TRI_TRY(out_file_write(w->file, directory->data, directory->len, err));
    memcpy(header, magic, sizeof magic);
    le_put_u64(header + 8, VERSION);
    le_put_u64(header + 16, at + directory->len);
    le_put_u64(header + 24, at);
    le_put_u64(header + 32, directory->len);
    le_put_u64(header + 40, hash64(directory->data, directory->len));
    le_put_u64(header + HEADER_HASHED, hash64(header, HEADER_HASHED));
    return out_file_patch(w->file, 0, header, sizeof header, err);
}

static tri_status check_facts(const char *recipe, const packed_source *sources, size_t n_sources, tri_error *err)
{
    if (strlen(recipe) > RECIPE_MAX_BYTES || n_sources > SOURCES_MAX)
        return err_set(err, TRI_ERR_LIMIT, "could not write a packed file: %zu bytes of recipe, %zu sources", strlen(recipe),
                       n_sources);
    for (size_t i = 0; i < n_sources; i++)
        if (sources[i].name.len > NAME_MAX_BYTES || !stays_inside(sources[i].name))
            return err_set(err, TRI_ERR_ARGUMENT, "could not write a packed file: source \"%.*s\" is not inside the folder",
                           (int)sources[i].name.len, sources[i].name.bytes);
    return TRI_OK;
}

tri_status packed_writer_finish(packed_writer *w, const char *recipe, const packed_source *sources, size_t n_sources,
                                const uint8_t identity[HASH128_BYTES], uint64_t *bytes, tri_error *err)
{
    buf directory;
    buf_init(&directory, 0);
    tri_status st = check_facts(recipe, sources, n_sources, err);
    if (!st && build_directory(w, recipe, sources, n_sources, identity, &directory)) st = err_memory(err, directory.len);
    if (!st) st = write_directory(w, &directory, err);
    buf_drop(&directory);
    if (st) {
        packed_writer_discard(w);
        return st;
    }
    *bytes = out_file_written(w->file);
    st = out_file_commit(w->file, err);
    free_writer(w);
    return st;
}
