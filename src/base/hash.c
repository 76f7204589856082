/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c — XXH3 from the distribution's libxxhash; the streaming state lives in our own memory. */
#define XXH_STATIC_LINKING_ONLY /* for the size of the state; the symbols are the shared library's */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"

/* XXH3's state wants 64-byte alignment; XXH_createState would go round our allocator. */
struct hash64_stream {
    XXH3_state_t state;
};

uint64_t hash64(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}

uint64_t hash64_seed(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}

hash64_stream *hash64_new(void)
{
    hash64_stream *s = mem_alloc_aligned(sizeof *s, 64);
    if (s) XXH3_64bits_reset(&s->state);
    return s;
}

void hash64_update(hash64_stream *s, const void *bytes, size_t len)
{
    XXH3_64bits_update(&s->state, bytes, len);
}

uint64_t hash64_digest(const hash64_stream *s)
{
    return XXH3_64bits_digest(&s->state);
}

void hash64_free(hash64_stream *s)
{
    mem_free_aligned(s);
}

struct hash128_stream {
    XXH3_state_t state;
};

hash128_stream *hash128_new(void)
{
    hash128_stream *s = mem_alloc_aligned(sizeof *s, 64);
    if (s) XXH3_128bits_reset(&s->state);
    return s;
}

void hash128_update(hash128_stream *s, const void *bytes, size_t len)
{
    XXH3_128bits_update(&s->state, bytes, len);
}

void hash128_digest(const hash128_stream *s, uint8_t out[HASH128_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&s->state));
    memcpy(out, canonical.digest, HASH128_BYTES);
}

void hash128_free(hash128_stream *s)
{
    mem_free_aligned(s);
}
