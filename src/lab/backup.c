/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c — see backup.h. Two paths are one file when their real paths are equal; the names in a manifest are read from its
 * folder. */
#include "lab/backup.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/lock_file.h"

enum { HEX = 64, LOCK_MS = 60000, LIMIT_MANIFEST = 64 << 20, READ_BYTES = 1 << 16 };

static tri_status digest_stream(EVP_MD_CTX *ctx, in_file *f, uint8_t *bytes, tri_error *err)
{
    for (;;) {
        size_t n;
        TRI_TRY(in_file_read(f, bytes, READ_BYTES, &n, err));
        if (!n) return TRI_OK;
        if (EVP_DigestUpdate(ctx, bytes, n) != 1) return err_set(err, TRI_ERR_UNSUPPORTED, "libcrypto could not hash a file");
    }
}

tri_status backup_hash(const char *path, char out[BACKUP_HEX_CAP], tri_error *err)
{
    in_file *f;
    uint8_t raw[EVP_MAX_MD_SIZE], *bytes = mem_alloc(READ_BYTES);
    unsigned n = 0;
    if (!bytes) return err_memory(err, READ_BYTES);
    tri_status st = in_file_open(path, &f, err);
    if (!st) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
        st = ok ? digest_stream(ctx, f, bytes, err) : err_set(err, TRI_ERR_UNSUPPORTED, "libcrypto offers no SHA-256");
        if (!st && (EVP_DigestFinal_ex(ctx, raw, &n) != 1 || 2 * n != HEX))
            st = err_set(err, TRI_ERR_UNSUPPORTED, "libcrypto could not hash a file");
        EVP_MD_CTX_free(ctx);
        in_file_close(f);
    }
    for (size_t i = 0; !st && i < n; i++) {
        out[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    out[st ? 0 : HEX] = 0;
    mem_free(bytes);
    return st;
}

static tri_status real_path(const char *path, char out[PATH_MAX], tri_error *err)
{
    if (realpath(path, out)) return TRI_OK;
    return err_set(err, TRI_ERR_NOT_FOUND, "could not find %s", path);
}

/* The path as a manifest in `folder` (a real path) names it: without the folder where the file lies below it. */
static const char *name_in(const char *folder, const char *real)
{
    size_t n = strlen(folder);
    return strncmp(folder, real, n) == 0 && real[n] == '/' ? real + n + 1 : real;
}

/* The line of a name in a manifest: its start, and its length with the line end. */
static const char *find_line(const buf *text, const char *name, size_t *len)
{
    size_t n = strlen(name);
    for (size_t at = 0; at < text->len;) {
        const char *line = (const char *)text->data + at, *end = memchr(line, '\n', text->len - at);
        size_t line_len = end ? (size_t)(end - line) : text->len - at;
        if (line_len == HEX + 2 + n && !memcmp(line + HEX + 2, name, n) && (line[HEX + 1] == ' ' || line[HEX + 1] == '*')) {
            *len = line_len + (end != NULL);
            return line;
        }
        at += line_len + 1;
    }
    return NULL;
}

static tri_status read_manifest(const char *path, buf *text, tri_error *err)
{
    buf_init(text, 0);
    return file_exists(path) ? file_read_all(path, LIMIT_MANIFEST, text, err) : TRI_OK;
}

static tri_status put_line(buf *text, const char *folder, const char *path, tri_error *err)
{
    char real[PATH_MAX], hex[BACKUP_HEX_CAP];
    size_t len;
    TRI_TRY(real_path(path, real, err));
    const char *name = name_in(folder, real), *line = find_line(text, name, &len);
    if (strpbrk(name, "\n\r\\"))
        return err_set(err, TRI_ERR_UNSUPPORTED, "could not list %s in a manifest: line end or backslash in its name", path);
    TRI_TRY(backup_hash(path, hex, err));
    if (line) {
        memcpy(text->data + (line - (const char *)text->data), hex, HEX);
        return TRI_OK;
    }
    bool open_line = text->len && text->data[text->len - 1] != '\n';
    if ((open_line && buf_byte(text, '\n')) || buf_printf(text, "%s  %s\n", hex, name)) return err_memory(err, text->len);
    return TRI_OK;
}

static tri_status write_text(const char *path, const buf *text, tri_error *err)
{
    out_file *f;
    TRI_TRY(out_file_open(path, &f, err));
    tri_status st = out_file_write(f, text->data, text->len, err);
    if (!st) return out_file_commit(f, err);
    out_file_discard(f);
    return st;
}

tri_status backup_record(const char *folder, const char *const *paths, size_t n, tri_error *err)
{
    char real[PATH_MAX], manifest[LIMIT_PATH], lock_path[LIMIT_PATH];
    lock_file lock;
    buf text;
    TRI_TRY(real_path(folder, real, err));
    if (file_join(manifest, sizeof manifest, real, BACKUP_MANIFEST) ||
        file_join(lock_path, sizeof lock_path, real, "." BACKUP_MANIFEST ".lock"))
        return err_set(err, TRI_ERR_LIMIT, "could not keep a manifest: the path of %s is too long", folder);
    TRI_TRY(lock_file_wait(lock_path, LOCK_MS, &lock, err));
    tri_status st = read_manifest(manifest, &text, err);
    for (size_t i = 0; !st && i < n; i++) st = put_line(&text, real, paths[i], err);
    if (!st) st = write_text(manifest, &text, err);
    buf_drop(&text);
    lock_file_release(&lock);
    return st;
}

tri_status backup_verify(const char *folder, const char *path, backup_state *state, tri_error *err)
{
    char real[PATH_MAX], real_folder[PATH_MAX], manifest[LIMIT_PATH], hex[BACKUP_HEX_CAP];
    buf text;
    size_t len;
    *state = BACKUP_NOT_LISTED;
    if (!realpath(folder, real_folder)) return TRI_OK;
    TRI_TRY(real_path(path, real, err));
    if (file_join(manifest, sizeof manifest, real_folder, BACKUP_MANIFEST)) return TRI_OK;
    tri_status st = read_manifest(manifest, &text, err);
    const char *line = st ? NULL : find_line(&text, name_in(real_folder, real), &len);
    if (line) {
        st = backup_hash(path, hex, err);
        *state = !st && !memcmp(line, hex, HEX) ? BACKUP_KEPT : BACKUP_CHANGED;
    }
    buf_drop(&text);
    return st;
}
