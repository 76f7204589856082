/* SPDX-License-Identifier: Apache-2.0 */
/* segment_file.c — how is one numbered file of an index written, and when is it believed?
 *
 * The writer streams: data as it comes, then the tables that it kept in memory (8 bytes a document), then the trailer; the
 * checksum runs along. Nothing is patched, so one pass over the bytes suffices for writing and for checking.
 *
 * The reader believes nothing: from kind, n and data_bytes it computes where each part must lie and how long the file must be,
 * with every product checked, and compares. Offsets are read once from end to end: ascending, first 0, last = items. After
 * that, offsets[i]..offsets[i+1] needs no further check for i < n. The checksum is not computed here: that would read every
 * byte at each open; `trident index --check` does it. */
#include "index/segment_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "trident/index.h"

typedef struct kind_facts {
    const char *name;
    size_t unit;
    bool offsets, ids;
} kind_facts;

static const kind_facts kinds[INDEX_KINDS] = {
#define INDEX_X(kind, name, unit, offsets, ids) [INDEX_##kind] = {name, unit, offsets, ids},
    INDEX_KIND_MAP(INDEX_X)
#undef INDEX_X
};

const char *segment_file_kind_name(index_kind kind)
{
    return kind > INDEX_NONE && kind < INDEX_KINDS ? kinds[kind].name : "?";
}

void segment_file_name(char out[32], uint32_t id, index_kind kind)
{
    snprintf(out, 32, "%08" PRIu32 ".%s", id, segment_file_kind_name(kind));
}

size_t segment_file_row_bytes(int element, size_t columns)
{
    size_t bytes = 0;
    size_t each = element == TRI_STORE_F32 ? 4 : element == TRI_STORE_F16 ? 2 : element == TRI_STORE_INT8 ? 1 : 0;
    return mul_size(columns, each, &bytes) ? bytes : 0;
}

/* Where the parts of a file lie; false when the numbers cannot belong to any file. */
typedef struct layout {
    size_t offsets, ids, trailer, end;
} layout;

static bool align_up(size_t x, size_t *out)
{
    size_t sum;
    if (!add_size(x, INDEX_ALIGN - 1, &sum)) return false;
    *out = sum & ~(size_t)(INDEX_ALIGN - 1);
    return true;
}

static bool lay_out(index_kind kind, uint64_t n, uint64_t data_bytes, layout *out)
{
    if (n >= SIZE_MAX || data_bytes > SIZE_MAX) return false;
    size_t at = (size_t)data_bytes, bytes;
    if (!align_up(at, &out->offsets)) return false;
    at = out->offsets;
    if (kinds[kind].offsets && (!mul_size((size_t)n + 1, 8, &bytes) || !add_size(at, bytes, &at))) return false;
    if (!align_up(at, &out->ids)) return false;
    at = out->ids;
    if (kinds[kind].ids && (!mul_size((size_t)n, 4, &bytes) || !add_size(at, bytes, &at))) return false;
    return align_up(at, &out->trailer) && add_size(out->trailer, INDEX_ALIGN, &out->end);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static tri_status check_offsets(const char *path, const segment_file *f, tri_error *err)
{
    uint64_t before = 0;
    for (uint64_t i = 0; i <= f->n; i++) {
        uint64_t here = f->offsets[i];
        if (here < before || (i == 0 && here != 0))
            return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: offset %" PRIu64 " is %" PRIu64 " after %" PRIu64, path,
                           i, here, before);
        before = here;
    }
    if (before != f->items)
        return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: offsets end at %" PRIu64 ", the data at %" PRIu64, path,
                       before, f->items);
    return TRI_OK;
}

static tri_status read_trailer(const char *path, index_kind kind, segment_file *f, tri_error *err)
{
    index_trailer t;
    layout at;
    if (f->map.len < sizeof t)
        return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: %zu bytes, at least %zu expected", path, f->map.len,
                       sizeof t);
    memcpy(&t, f->map.data + f->map.len - sizeof t, sizeof t);
    if (memcmp(t.magic, INDEX_MAGIC, sizeof t.magic) != 0)
        return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: its last 64 bytes are no trailer", path);
    if (t.version != INDEX_VERSION)
        return err_set(err, TRI_ERR_UNSUPPORTED, "index file %s has format version %" PRIu32 ", this build reads %d", path,
                       t.version, INDEX_VERSION);
    if (t.kind != (uint32_t)kind)
        return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: holds kind %" PRIu32 ", expected %d (%s)", path, t.kind,
                       (int)kind, kinds[kind].name);
    if (!lay_out(kind, t.n, t.data_bytes, &at) || at.end != f->map.len)
        return err_set(err, TRI_ERR_FORMAT,
                       "damaged index file %s: n %" PRIu64 " and %" PRIu64 " bytes of data do not make %zu bytes", path, t.n,
                       t.data_bytes, f->map.len);
    size_t unit = kinds[kind].unit ? kinds[kind].unit : segment_file_row_bytes((int)t.element, t.columns);
    if (unit == 0 || t.data_bytes % unit != 0)
        return err_set(err, TRI_ERR_FORMAT,
                       "damaged index file %s: %" PRIu64 " bytes of data do not divide into rows of %" PRIu32
                       " elements of type %" PRIu32,
                       path, t.data_bytes, t.columns, t.element);
    f->n = t.n;
    f->data_bytes = t.data_bytes;
    f->items = t.data_bytes / unit;
    f->element = t.element;
    f->columns = t.columns;
    f->data = f->map.data;
    f->offsets = kinds[kind].offsets ? (const uint64_t *)(const void *)(f->map.data + at.offsets) : NULL;
    f->ids = kinds[kind].ids ? (const uint32_t *)(const void *)(f->map.data + at.ids) : NULL;
    if (f->offsets) return check_offsets(path, f, err);
    if (f->items != f->n)
        return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: %" PRIu64 " rows, its trailer says %" PRIu64, path,
                       f->items, f->n);
    return TRI_OK;
}

tri_status segment_file_open(const char *path, index_kind kind, segment_file *out, tri_error *err)
{
    segment_file f = {0};
    TRI_TRY(mapped_file_open(path, &f.map, err));
    tri_status st = read_trailer(path, kind, &f, err);
    if (st != TRI_OK) {
        mapped_file_close(&f.map);
        return st;
    }
    *out = f;
    return TRI_OK;
}

void segment_file_close(segment_file *f)
{
    mapped_file_close(&f->map);
    memset(f, 0, sizeof *f);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static tri_status put(segment_file_writer *w, const void *bytes, size_t len, tri_error *err)
{
    if (len == 0) return TRI_OK;
    hash64_update(w->hash, bytes, len);
    return out_file_write(w->file, bytes, len, err);
}

static tri_status pad_to(segment_file_writer *w, size_t offset, tri_error *err)
{
    static const uint8_t zeros[INDEX_ALIGN];
    return put(w, zeros, offset - (size_t)out_file_written(w->file), err);
}

tri_status segment_file_writer_begin(segment_file_writer *w, const char *path, index_kind kind, int element, size_t columns,
                                     tri_error *err)
{
    memset(w, 0, sizeof *w);
    w->kind = kind;
    w->element = (uint32_t)element;
    w->columns = (uint32_t)columns;
    w->unit = kinds[kind].unit ? kinds[kind].unit : segment_file_row_bytes(element, columns);
    buf_init(&w->offsets, 0);
    w->hash = hash64_new();
    if (!w->hash) return err_memory(err, 576); /* the state of XXH3 */
    tri_status st = out_file_open(path, &w->file, err);
    if (st != TRI_OK) segment_file_writer_drop(w);
    return st;
}

tri_status segment_file_writer_data(segment_file_writer *w, const void *bytes, size_t len, tri_error *err)
{
    TRI_TRY(put(w, bytes, len, err));
    w->data_bytes += len;
    return TRI_OK;
}

tri_status segment_file_writer_mark(segment_file_writer *w, tri_error *err)
{
    uint64_t at = w->data_bytes / w->unit;
    return buf_append(&w->offsets, &at, sizeof at) == TRI_OK ? TRI_OK : err_memory(err, w->offsets.len + sizeof at);
}

static tri_status write_tables(segment_file_writer *w, uint64_t n, const uint32_t *ids, tri_error *err)
{
    layout at;
    if (!lay_out(w->kind, n, w->data_bytes, &at))
        return err_set(err, TRI_ERR_LIMIT, "could not write index file: %" PRIu64 " bytes of data", w->data_bytes);
    if (kinds[w->kind].offsets) {
        TRI_TRY(segment_file_writer_mark(w, err));
        TRI_TRY(pad_to(w, at.offsets, err));
        TRI_TRY(put(w, w->offsets.data, w->offsets.len, err));
    }
    if (kinds[w->kind].ids) {
        TRI_TRY(pad_to(w, at.ids, err));
        TRI_TRY(put(w, ids, (size_t)n * sizeof *ids, err));
    }
    TRI_TRY(pad_to(w, at.trailer, err));
    index_trailer t = {.version = INDEX_VERSION,
                       .kind = (uint32_t)w->kind,
                       .element = w->element,
                       .columns = w->columns,
                       .n = n,
                       .data_bytes = w->data_bytes};
    memcpy(t.magic, INDEX_MAGIC, sizeof t.magic);
    return put(w, &t, sizeof t, err);
}

tri_status segment_file_writer_finish(segment_file_writer *w, uint64_t n, const uint32_t *ids, file_record *out, tri_error *err)
{
    tri_status st = write_tables(w, n, ids, err);
    if (st == TRI_OK) {
        file_record record = {out_file_written(w->file), hash64_digest(w->hash)};
        st = out_file_commit(w->file, err);
        w->file = NULL; /* gone either way */
        if (st == TRI_OK) *out = record;
    }
    segment_file_writer_drop(w);
    return st;
}

void segment_file_writer_drop(segment_file_writer *w)
{
    out_file_discard(w->file);
    hash64_free(w->hash);
    buf_drop(&w->offsets);
    memset(w, 0, sizeof *w);
}
