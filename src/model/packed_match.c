/* SPDX-License-Identifier: Apache-2.0 */
/* packed_match.c — a packed file is used only for the weights that it was made from.
 *
 * Size and time of each source are compared at every opening: a few system calls. Only when sizes agree and a time does not (a
 * copied or unpacked folder) are the bytes themselves read and hashed. Matrices of other weights are never used, silently or
 * not: the caller packs anew, or refuses. */
#include "model/packed_match.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"

enum { HASH_STEP = 16 << 20, WHY_BYTES = 256 }; /* of a source held in memory at once */

/* How a path that was joined to `dir` is called from there. */
static const char *name_from(const char *dir, const char *path)
{
    size_t len = strlen(dir);
    if (strncmp(path, dir, len) != 0) return path;
    path += len;
    while (*path == '/') path++;
    return path;
}

static bool is_listed(const packed_source *items, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].name.len == strlen(name) && memcmp(items[i].name.bytes, name, items[i].name.len) == 0) return true;
    return false;
}

tri_status packed_sources(const char *dir, const weights *const *tables, size_t n_tables, arena *keep, packed_source **items,
                          size_t *n, tri_error *err)
{
    size_t total = 0;
    *n = 0;
    for (size_t t = 0; t < n_tables; t++) total += tables[t] ? weights_files(tables[t]) : 0;
    *items = arena_calloc(keep, total, sizeof **items);
    if (!*items) return err_memory(err, total * sizeof **items);
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; tables[t] && i < weights_files(tables[t]); i++) {
            const char *path = weights_file(tables[t], i), *name = name_from(dir, path);
            if (is_listed(*items, *n, name)) continue;
            packed_source *s = &(*items)[*n];
            s->name = (tri_text){arena_copy(keep, name, strlen(name)), strlen(name)};
            if (!s->name.bytes) return err_memory(err, strlen(name));
            TRI_TRY(file_stamp_get(path, &s->stamp, err));
            (*n)++;
        }
    }
    return TRI_OK;
}

static tri_status path_of(const char *dir, tri_text name, char out[LIMIT_PATH], tri_error *err)
{
    char plain[LIMIT_PATH];
    if (name.len < sizeof plain) {
        memcpy(plain, name.bytes, name.len);
        plain[name.len] = 0;
        if (!file_join(out, LIMIT_PATH, dir, plain)) return TRI_OK;
    }
    return err_set(err, TRI_ERR_LIMIT, "could not look at a source of %zu bytes in %s: path too long", name.len, dir);
}

static tri_status hash_file(const char *path, hash128_stream *h, tri_error *err)
{
    mapped_file map;
    TRI_TRY(mapped_file_open(path, &map, err));
    for (size_t at = 0; at < map.len; at += HASH_STEP) {
        size_t n = map.len - at < HASH_STEP ? map.len - at : HASH_STEP;
        hash128_update(h, map.data + at, n);
        mapped_file_wont_need(&map, at, n);
    }
    mapped_file_close(&map);
    return TRI_OK;
}

tri_status packed_identity(const char *dir, const packed_source *items, size_t n, uint8_t out[HASH128_BYTES], tri_error *err)
{
    char path[LIMIT_PATH];
    hash128_stream *h = hash128_new();
    if (!h) return err_memory(err, HASH128_BYTES);
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < n; i++) {
        st = path_of(dir, items[i].name, path, err);
        if (!st) st = hash_file(path, h, err);
    }
    if (!st) hash128_digest(h, out);
    hash128_free(h);
    return st;
}

static tri_status compare_content(const packed_file *f, const char *dir, packed_state *state, char *why, tri_error *err)
{
    packed_source items[64]; /* of as many shards do even the largest encoders consist; more: taken as changed */
    uint8_t identity[HASH128_BYTES];
    *state = PACKED_STALE;
    snprintf(why, WHY_BYTES, "the content of the weight files is another");
    if (f->n_sources > sizeof items / sizeof *items) return TRI_OK;
    for (size_t i = 0; i < f->n_sources; i++) items[i] = packed_file_source(f, i);
    TRI_TRY(packed_identity(dir, items, f->n_sources, identity, err));
    if (memcmp(identity, f->identity, sizeof identity) == 0) *state = PACKED_TOUCHED;
    return TRI_OK;
}

static bool lists(const packed_file *f, const char *name)
{
    for (size_t i = 0; i < f->n_sources; i++) {
        packed_source s = packed_file_source(f, i);
        if (is_listed(&s, 1, name)) return true;
    }
    return false;
}

/* The first file in use that the packed file was not made from; NULL = none. */
static const char *find_unknown(const packed_file *f, const char *dir, const weights *w, const char *const *heads,
                                size_t n_heads)
{
    for (size_t i = 0; i < weights_files(w); i++)
        if (!lists(f, name_from(dir, weights_file(w, i)))) return name_from(dir, weights_file(w, i));
    for (size_t i = 0; i < n_heads; i++)
        if (!lists(f, name_from(dir, heads[i]))) return name_from(dir, heads[i]);
    return NULL;
}

tri_status packed_match(const packed_file *f, const char *dir, const weights *w, const char *const *heads, size_t n_heads,
                        packed_state *state, char *why, tri_error *err)
{
    bool touched = false;
    const char *unknown = find_unknown(f, dir, w, heads, n_heads);
    *state = PACKED_STALE;
    why[0] = 0;
    if (unknown) {
        snprintf(why, WHY_BYTES, "it was made without %s", unknown);
        return TRI_OK;
    }
    for (size_t i = 0; i < f->n_sources; i++) {
        char path[LIMIT_PATH];
        file_stamp now;
        packed_source s = packed_file_source(f, i);
        TRI_TRY(path_of(dir, s.name, path, err));
        if (!file_exists(path) || file_stamp_get(path, &now, NULL)) {
            snprintf(why, WHY_BYTES, "%.*s is not there any more", (int)s.name.len, s.name.bytes);
            return TRI_OK;
        }
        if (now.bytes != s.stamp.bytes) {
            snprintf(why, WHY_BYTES, "%.*s has %llu bytes, it was made from %llu", (int)s.name.len, s.name.bytes,
                     (unsigned long long)now.bytes, (unsigned long long)s.stamp.bytes);
            return TRI_OK;
        }
        touched |= now.mtime_ns != s.stamp.mtime_ns;
    }
    if (touched) return compare_content(f, dir, state, why, err);
    *state = PACKED_FRESH;
    return TRI_OK;
}
