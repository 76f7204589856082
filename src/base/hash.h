/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h — checksums and table hashes: XXH3-64 of xxHash. Not for security. */
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

#endif
