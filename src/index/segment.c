/* SPDX-License-Identifier: Apache-2.0 */
/* segment.c — what does one segment hold, and do its files fit together?
 *
 * segment_file.c has checked each file by itself; here the counts are compared: n documents everywhere, as many scales and
 * tokens as multi rows, as many postings as forward pairs, widths and element types as the manifest has them. After that the
 * accessors index without further checks, except for ids that only the file's checksum vouches for (the order of keys): those
 * are bounded where they are used, so a damaged file gives wrong answers at worst, never a read outside the map. */
#include "index/segment.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"

static tri_status check_size(const char *path, index_kind kind, const manifest *m, const manifest_segment *r,
                             const segment_file *f, tri_error *err)
{
    uint64_t n = r->docs, items = f->items;
    uint32_t element = 0, columns = 0;
    switch (kind) {
    case INDEX_DENSE:
        element = (uint32_t)m->store_dense;
        columns = (uint32_t)m->dense_dim;
        break;
    case INDEX_MULTI:
        element = (uint32_t)m->store_multi;
        columns = (uint32_t)m->multi_dim;
        items = r->rows;
        break;
    case INDEX_FORWARD:
        items = r->postings;
        break;
    case INDEX_POSTINGS:
        n = f->n; /* terms: any number */
        items = r->postings;
        break;
    case INDEX_TOKENS:
    case INDEX_SCALES:
        n = r->rows;
        break;
    default:
        break;
    }
    if (f->map.len != r->files[kind].bytes)
        return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: %zu bytes, the manifest says %" PRIu64, path, f->map.len,
                       r->files[kind].bytes);
    if (f->n != n || f->items != items || f->element != element || f->columns != columns)
        return err_set(err, TRI_ERR_FORMAT,
                       "damaged index file %s: n %" PRIu64 ", items %" PRIu64 ", element %" PRIu32 ", columns %" PRIu32
                       " do not fit the manifest",
                       path, f->n, f->items, f->element, f->columns);
    return TRI_OK;
}

static tri_status open_file(const char *dir, const manifest *m, const manifest_segment *r, index_kind kind, segment_file *out,
                            tri_error *err)
{
    char name[32], path[LIMIT_PATH];
    segment_file_name(name, r->id, kind);
    if (file_join(path, sizeof path, dir, name) != TRI_OK) return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    TRI_TRY(segment_file_open(path, kind, out, err));
    return check_size(path, kind, m, r, out, err);
}

tri_status segment_open(const char *dir, const manifest *m, const manifest_segment *record, uint64_t first, segment *out,
                        tri_error *err)
{
    segment s = {.id = record->id, .first = first, .n_docs = (uint32_t)record->docs};
    tri_status st = TRI_OK;
    for (int kind = 1; kind < INDEX_KINDS && st == TRI_OK; kind++)
        if (manifest_wants(m, (index_kind)kind)) st = open_file(dir, m, record, (index_kind)kind, &s.files[kind], err);
    if (st != TRI_OK) {
        segment_close(&s);
        return st;
    }
    *out = s;
    return TRI_OK;
}

void segment_close(segment *s)
{
    for (int kind = 1; kind < INDEX_KINDS; kind++) segment_file_close(&s->files[kind]);
    memset(s, 0, sizeof *s);
}

static tri_text view_text(const segment_file *f, uint64_t i)
{
    tri_text t = {(const char *)f->data + f->offsets[i], (size_t)(f->offsets[i + 1] - f->offsets[i])};
    if (t.len == 0) t.bytes = "";
    return t;
}

tri_text segment_key(const segment *s, uint32_t doc)
{
    return view_text(&s->files[INDEX_KEYS], doc);
}

tri_text segment_text(const segment *s, uint32_t doc)
{
    return view_text(&s->files[INDEX_TEXTS], doc);
}

static const index_pair *view_pairs(const segment_file *f, uint64_t i, size_t *n)
{
    *n = (size_t)(f->offsets[i + 1] - f->offsets[i]);
    return *n ? (const index_pair *)(const void *)f->data + f->offsets[i] : NULL;
}

const index_pair *segment_forward(const segment *s, uint32_t doc, size_t *n)
{
    return view_pairs(&s->files[INDEX_FORWARD], doc, n);
}

const index_pair *segment_postings(const segment *s, uint32_t token_id, size_t *n)
{
    const segment_file *f = &s->files[INDEX_POSTINGS];
    uint64_t low = 0, high = f->n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (f->ids[middle] < token_id)
            low = middle + 1;
        else
            high = middle;
    }
    *n = 0;
    return low < f->n && f->ids[low] == token_id ? view_pairs(f, low, n) : NULL;
}

/* The document that comes i-th in order of keys; false for an id that no document has (damaged file). */
static bool sorted_doc(const segment *s, uint64_t i, uint32_t *doc)
{
    *doc = s->files[INDEX_KEYS].ids[i];
    return *doc < s->n_docs;
}

tri_text segment_key_in_order(const segment *s, uint32_t i)
{
    uint32_t doc;
    tri_text none = {"", 0};
    return sorted_doc(s, i, &doc) ? segment_key(s, doc) : none;
}

int segment_compare_keys(tri_text a, tri_text b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int c = len ? memcmp(a.bytes, b.bytes, len) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool segment_find_key(const segment *s, tri_text key, uint32_t i, uint32_t *doc)
{
    uint64_t low = 0, high = s->n_docs;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (!sorted_doc(s, middle, doc)) return false;
        if (segment_compare_keys(segment_key(s, *doc), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    low += i;
    return low < s->n_docs && sorted_doc(s, low, doc) && segment_compare_keys(segment_key(s, *doc), key) == 0;
}
