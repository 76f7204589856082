/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c — is this the file that was published?
 *
 * The only user of libcrypto in the tree. SHA-1 appears because git names its objects so (hash-object: a header of type,
 * decimal length and NUL, then the bytes); it guards small configuration files against damage, never against an attacker,
 * who is kept out by TLS. Weights always carry a SHA-256. */
#include "hub/digest.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"

struct digest {
    EVP_MD_CTX *ctx;
};

static tri_status begin(digest *d, digest_kind kind, uint64_t total, tri_error *err)
{
    const EVP_MD *md = kind == DIGEST_SHA256 ? EVP_sha256() : EVP_sha1();
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx) return err_memory(err, sizeof d->ctx);
    if (EVP_DigestInit_ex(d->ctx, md, NULL) != 1)
        return err_set(err, TRI_ERR_UNSUPPORTED, "libcrypto offers no %s", kind == DIGEST_SHA256 ? "SHA-256" : "SHA-1");
    if (kind == DIGEST_SHA256) return TRI_OK;
    char header[32]; /* "blob " + at most 20 digits + NUL */
    int n = snprintf(header, sizeof header, "blob %" PRIu64, total);
    return digest_update(d, header, (size_t)n + 1, err);
}

tri_status digest_new(digest_kind kind, uint64_t total, digest **out, tri_error *err)
{
    digest *d = mem_calloc(1, sizeof *d);
    if (!d) return err_memory(err, sizeof *d);
    tri_status st = begin(d, kind, total, err);
    if (st) {
        digest_free(d);
        return st;
    }
    *out = d;
    return TRI_OK;
}

tri_status digest_update(digest *d, const void *bytes, size_t len, tri_error *err)
{
    if (EVP_DigestUpdate(d->ctx, bytes, len) != 1)
        return err_set(err, TRI_ERR_STATE, "libcrypto could not hash %zu bytes", len);
    return TRI_OK;
}

tri_status digest_hex(digest *d, char out[DIGEST_HEX_CAP], tri_error *err)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(d->ctx, raw, &n) != 1 || n * 2 >= DIGEST_HEX_CAP)
        return err_set(err, TRI_ERR_STATE, "libcrypto could not finish a hash");
    for (unsigned i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return TRI_OK;
}

void digest_free(digest *d)
{
    if (!d) return;
    EVP_MD_CTX_free(d->ctx);
    mem_free(d);
}

tri_status digest_bytes(digest_kind kind, const void *bytes, size_t len, char out[DIGEST_HEX_CAP], tri_error *err)
{
    digest *d = NULL;
    TRI_TRY(digest_new(kind, len, &d, err));
    tri_status st = digest_update(d, bytes, len, err);
    if (!st) st = digest_hex(d, out, err);
    digest_free(d);
    return st;
}

static tri_status update_from_file(digest *d, const char *path, tri_error *err)
{
    static const size_t PIECE = 1u << 20;
    in_file *f = NULL;
    uint8_t *piece = mem_alloc(PIECE);
    if (!piece) return err_memory(err, PIECE);
    tri_status st = in_file_open(path, &f, err);
    for (size_t n = 1; !st && n > 0;) {
        st = in_file_read(f, piece, PIECE, &n, err);
        if (!st && n > 0) st = digest_update(d, piece, n, err);
    }
    in_file_close(f);
    mem_free(piece);
    return st;
}

tri_status digest_file(digest_kind kind, const char *path, char out[DIGEST_HEX_CAP], uint64_t *bytes, tri_error *err)
{
    digest *d = NULL;
    uint64_t len = 0;
    TRI_TRY(file_size(path, &len, err));
    TRI_TRY(digest_new(kind, len, &d, err));
    tri_status st = update_from_file(d, path, err);
    if (!st) st = digest_hex(d, out, err);
    digest_free(d);
    if (!st && bytes) *bytes = len;
    return st;
}

bool digest_kind_of(const char *hex, digest_kind *kind)
{
    size_t len = strlen(hex);
    if ((len != 64 && len != 40) || strspn(hex, "0123456789abcdef") != len) return false;
    *kind = len == 64 ? DIGEST_SHA256 : DIGEST_GIT_BLOB;
    return true;
}
