/* SPDX-License-Identifier: Apache-2.0 */
/* seed_cache.c — a dictionary in memory, a log beside the file, and a merge at the end.
 *
 *   open:  PATH, then PATH.log (of a run that was killed, or of one that is still going)
 *   save:  "MD5 SCORE\n" lines appended to PATH.log in one write
 *   close: PATH and PATH.log read again, merged, written to PATH by rename; the log removed
 * Both under PATH.lock (which stays), so that several processes may share the file.
 * A line of the log that is not whole (the kill came in the middle of it) is dropped. Insertion order is kept, so that the file
 * that a script wrote stays in its order. */
#include "lab/seed_cache.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/lock_file.h"
#include "base/number.h"
#include "base/strmap.h"
#include "formats/json.h"

enum { KEY_CHARS = 32, LIMIT_CACHE = 1 << 30, LOCK_MS = 60000 /* a merge of a million entries takes a second */ };

typedef struct entry {
    char key[KEY_CHARS];
    double score;
} entry;

struct seed_cache {
    char path[LIMIT_PATH], log[LIMIT_PATH], lock[LIMIT_PATH];
    strmap places; /* key to place in entries */
    entry *entries;
    size_t n, cap;
    buf unsaved;
};

static tri_status hash_texts(tri_text query, tri_text passage, char key[KEY_CHARS], tri_error *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(ctx, query.bytes, query.len) == 1 &&
              EVP_DigestUpdate(ctx, "_", 1) == 1 && EVP_DigestUpdate(ctx, passage.bytes, passage.len) == 1 &&
              EVP_DigestFinal_ex(ctx, raw, &n) == 1 && n * 2 == KEY_CHARS;
    EVP_MD_CTX_free(ctx);
    if (!ok) return err_set(err, TRI_ERR_UNSUPPORTED, "libcrypto offers no MD5, which the keys of a .json score cache are");
    for (size_t i = 0; i < n; i++) {
        key[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        key[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    return TRI_OK;
}

/* The first score of a key stays, as of a pair computed twice. */
static tri_status add(seed_cache *c, const char *key, double score, tri_error *err)
{
    uint32_t place;
    if (strmap_find(&c->places, key, KEY_CHARS, &place)) return TRI_OK;
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 256;
        entry *entries = mem_realloc(c->entries, cap * sizeof *entries);
        if (!entries || cap > UINT32_MAX) return err_memory(err, cap * sizeof *entries);
        c->entries = entries;
        c->cap = cap;
    }
    if (strmap_put(&c->places, key, KEY_CHARS, (uint32_t)c->n, NULL, NULL)) return err_memory(err, KEY_CHARS);
    memcpy(c->entries[c->n].key, key, KEY_CHARS);
    c->entries[c->n++].score = score;
    return TRI_OK;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static tri_status read_file(seed_cache *c, tri_error *err)
{
    json_t *o, *value;
    const char *key;
    if (!file_exists(c->path)) return TRI_OK;
    TRI_TRY(json_file_load(c->path, &o, err));
    tri_status st =
        json_is_object(o) ? TRI_OK : err_set(err, TRI_ERR_FORMAT, "could not read %s: it does not hold a JSON object", c->path);
    json_object_foreach(o, key, value)
    {
        if (st) break;
        if (strlen(key) != KEY_CHARS || !json_is_number(value))
            st = err_set(err, TRI_ERR_FORMAT, "could not read %s: \"%.40s\" is not the md5 of a pair with a score", c->path,
                         key);
        else
            st = add(c, key, json_number_value(value), err);
    }
    json_decref(o);
    return st;
}

static tri_status read_log_line(seed_cache *c, const char *line, size_t len, tri_error *err)
{
    double score;
    if (len < KEY_CHARS + 2 || line[KEY_CHARS] != ' ') return TRI_OK;
    if (!number_parse_f64(line + KEY_CHARS + 1, len - KEY_CHARS - 1, &score)) return TRI_OK;
    return add(c, line, score, err);
}

static tri_status read_log(seed_cache *c, tri_error *err)
{
    buf text;
    if (!file_exists(c->log)) return TRI_OK;
    buf_init(&text, 0);
    tri_status st = file_read_all(c->log, LIMIT_CACHE, &text, err);
    for (size_t at = 0; !st && at < text.len;) {
        const char *line = (const char *)text.data + at, *end = memchr(line, '\n', text.len - at);
        if (!end) break;
        st = read_log_line(c, line, (size_t)(end - line), err);
        at += (size_t)(end - line) + 1;
    }
    buf_drop(&text);
    return st;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

tri_status seed_cache_save(seed_cache *c, tri_error *err)
{
    lock_file lock;
    if (!c->unsaved.len) return TRI_OK;
    TRI_TRY(lock_file_wait(c->lock, LOCK_MS, &lock, err));
    tri_status st = file_append(c->log, c->unsaved.data, c->unsaved.len, err);
    lock_file_release(&lock);
    if (!st) buf_clear(&c->unsaved);
    return st;
}

static tri_status render(const seed_cache *c, buf *out)
{
    char number[40];
    TRI_TRY(buf_byte(out, '{'));
    for (size_t i = 0; i < c->n; i++) {
        size_t len = number_format_f64(number, sizeof number, c->entries[i].score);
        TRI_TRY(buf_printf(out, "%s\"%.*s\": %.*s", i ? ", " : "", KEY_CHARS, c->entries[i].key, (int)len, number));
    }
    return buf_byte(out, '}');
}

static tri_status write_file(const seed_cache *c, tri_error *err)
{
    buf text;
    out_file *f;
    buf_init(&text, 0);
    tri_status st = render(c, &text) ? err_memory(err, text.len) : out_file_open(c->path, &f, err);
    if (!st) {
        st = out_file_write(f, text.data, text.len, err);
        if (st)
            out_file_discard(f);
        else
            st = out_file_commit(f, err);
    }
    buf_drop(&text);
    return st;
}

static tri_status merge(seed_cache *c, tri_error *err)
{
    lock_file lock;
    TRI_TRY(seed_cache_save(c, err));
    if (!file_exists(c->log)) return TRI_OK;
    TRI_TRY(lock_file_wait(c->lock, LOCK_MS, &lock, err));
    tri_status st = read_file(c, err);
    if (!st) st = read_log(c, err);
    if (!st) st = write_file(c, err);
    if (!st) st = file_remove(c->log, err);
    lock_file_release(&lock);
    return st;
}

/* ---- the face ------------------------------------------------------------------------------------------------------- */

static void drop(seed_cache *c)
{
    strmap_drop(&c->places);
    mem_free(c->entries);
    buf_drop(&c->unsaved);
    mem_free(c);
}

tri_status seed_cache_open(const char *path, seed_cache **out, tri_error *err)
{
    *out = NULL;
    seed_cache *c = mem_calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c);
    strmap_init(&c->places);
    buf_init(&c->unsaved, 0);
    int n = snprintf(c->path, sizeof c->path, "%s", path);
    tri_status st = n < 0 || (size_t)n + 6 >= sizeof c->path
                        ? err_set(err, TRI_ERR_LIMIT, "could not open a score cache: its path has %d bytes", n)
                        : TRI_OK;
    if (!st) {
        memcpy(c->log, c->path, (size_t)n);
        memcpy(c->log + n, ".log", 5);
        memcpy(c->lock, c->path, (size_t)n);
        memcpy(c->lock + n, ".lock", 6);
        st = read_file(c, err);
    }
    if (!st) st = read_log(c, err);
    if (st) {
        drop(c);
        return st;
    }
    *out = c;
    return TRI_OK;
}

tri_status seed_cache_find(const seed_cache *c, tri_text query, tri_text passage, float *score, bool *found, tri_error *err)
{
    char key[KEY_CHARS];
    uint32_t place;
    TRI_TRY(hash_texts(query, passage, key, err));
    *found = strmap_find(&c->places, key, KEY_CHARS, &place);
    if (*found) *score = (float)c->entries[place].score;
    return TRI_OK;
}

tri_status seed_cache_put(seed_cache *c, tri_text query, tri_text passage, float score, tri_error *err)
{
    char key[KEY_CHARS], number[40];
    TRI_TRY(hash_texts(query, passage, key, err));
    TRI_TRY(add(c, key, (double)score, err));
    size_t len = number_format_f64(number, sizeof number, (double)score);
    if (buf_printf(&c->unsaved, "%.*s %.*s\n", KEY_CHARS, key, (int)len, number)) return err_memory(err, KEY_CHARS + len);
    return TRI_OK;
}

tri_status seed_cache_close(seed_cache *c, tri_error *err)
{
    tri_status st = merge(c, err);
    drop(c);
    return st;
}
