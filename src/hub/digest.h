/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h — is this the file that was published? SHA-256, and git's SHA-1 of a blob, through libcrypto. */
#ifndef TRI_HUB_DIGEST_H
#define TRI_HUB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

/* The hub names large files by the SHA-256 of their bytes and small ones as git does, by sha1("blob LEN\0" + bytes). */
typedef enum { DIGEST_SHA256, DIGEST_GIT_BLOB } digest_kind;

enum { DIGEST_HEX_CAP = 65 }; /* 64 digits and a NUL; SHA-1 uses 40 */

typedef struct digest digest;
/* total = the length of what will be hashed; only git's form needs it. NULL-tolerant free. */
tri_status digest_new(digest_kind kind, uint64_t total, digest **out, tri_error *err);
tri_status digest_update(digest *d, const void *bytes, size_t len, tri_error *err);
tri_status digest_hex(digest *d, char out[DIGEST_HEX_CAP], tri_error *err); /* lower case; ends the digest */
void digest_free(digest *d);

tri_status digest_bytes(digest_kind kind, const void *bytes, size_t len, char out[DIGEST_HEX_CAP], tri_error *err);
/* Of a whole file; *bytes (may be NULL) is its length. */
tri_status digest_file(digest_kind kind, const char *path, char out[DIGEST_HEX_CAP], uint64_t *bytes, tri_error *err);

/* Which digest a text of lower-case hex digits can be: 64 = SHA-256, 40 = git's. false for anything else. */
bool digest_kind_of(const char *hex, digest_kind *kind);

#endif
