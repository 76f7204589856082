/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h — checksums and table hashes: XXH3 of xxHash, 64 and 128 bits wide. Not for security. */
#ifndef TRI_BASE_HASH_H
#define TRI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *bytes, size_t len);
uint64_t hash64_seed(const void *bytes, size_t len, uint64_t seed);

typedef struct hash64_stream hash64_stream;
hash64_stream *hash64_new(void); /* NULL on failure */
void hash64_update(hash64_stream *s, const void *bytes, size_t len);
uint64_t hash64_digest(const hash64_stream *s);
void hash64_free(hash64_stream *s);

/* The 128-bit form, for the identity of gigabytes. */
enum { HASH128_BYTES = 16 };
typedef struct hash128_stream hash128_stream;
hash128_stream *hash128_new(void); /* NULL on failure */
void hash128_update(hash128_stream *s, const void *bytes, size_t len);
void hash128_digest(const hash128_stream *s, uint8_t out[HASH128_BYTES]); /* big-endian, as `xxhsum -H2` prints it */
void hash128_free(hash128_stream *s);

#endif
