/* SPDX-License-Identifier: Apache-2.0 */
/* wheel_build.h — a zip archive of deflated members, as wheels are, for tests. */
#ifndef TRI_TESTS_HUB_WHEEL_BUILD_H
#define TRI_TESTS_HUB_WHEEL_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

typedef struct wheel_build {
    uint8_t bytes[128 << 10];
    size_t len;
    uint8_t directory[4 << 10];
    size_t directory_len;
    unsigned count;
    size_t lie; /* added to the size that the next members claim */
} wheel_build;

static inline void wheel_put(uint8_t *at, size_t *len, uint64_t value, int width)
{
    for (int i = 0; i < width; i++) at[(*len)++] = (uint8_t)(value >> (8 * i));
}

static inline void wheel_put_sizes(uint8_t *at, size_t *len, int method, size_t packed, size_t size, size_t name_len)
{
    wheel_put(at, len, 0, 2);
    wheel_put(at, len, (uint64_t)method, 2);
    wheel_put(at, len, 0, 8); /* time, CRC */
    wheel_put(at, len, packed, 4);
    wheel_put(at, len, size, 4);
    wheel_put(at, len, name_len, 2);
    wheel_put(at, len, 0, 2); /* extra */
}

static inline void wheel_build_add(wheel_build *w, const char *name, const void *data, size_t size, bool deflated)
{
    size_t start = w->len, name_len = strlen(name), header = 30 + name_len;
    uint8_t *room = w->bytes + start + header;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
                  .avail_in = (uInt)size,
                  .next_out = room,
                  .avail_out = (uInt)(sizeof w->bytes - start - header)};
    if (deflated) {
        deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        deflate(&z, Z_FINISH);
        deflateEnd(&z);
    } else {
        memcpy(room, data, size);
        z.total_out = size;
    }
    int method = deflated ? 8 : 0;
    wheel_put(w->bytes, &w->len, 0x04034b50, 4);
    wheel_put(w->bytes, &w->len, 20, 2);
    wheel_put_sizes(w->bytes, &w->len, method, z.total_out, size + w->lie, name_len);
    memcpy(w->bytes + w->len, name, name_len);
    w->len += name_len + z.total_out;

    wheel_put(w->directory, &w->directory_len, 0x02014b50, 4);
    wheel_put(w->directory, &w->directory_len, 20 | 20 << 16, 4);
    wheel_put_sizes(w->directory, &w->directory_len, method, z.total_out, size + w->lie, name_len);
    wheel_put(w->directory, &w->directory_len, 0, 8); /* comment, volume, attributes */
    wheel_put(w->directory, &w->directory_len, 0, 2);
    wheel_put(w->directory, &w->directory_len, start, 4);
    memcpy(w->directory + w->directory_len, name, name_len);
    w->directory_len += name_len;
    w->count++;
}

static inline void wheel_build_end(wheel_build *w)
{
    size_t at = w->len;
    memcpy(w->bytes + w->len, w->directory, w->directory_len);
    w->len += w->directory_len;
    wheel_put(w->bytes, &w->len, 0x06054b50, 4);
    wheel_put(w->bytes, &w->len, 0, 4);
    wheel_put(w->bytes, &w->len, w->count | (uint64_t)w->count << 16, 4);
    wheel_put(w->bytes, &w->len, w->directory_len, 4);
    wheel_put(w->bytes, &w->len, at, 4);
    wheel_put(w->bytes, &w->len, 0, 2);
}

#endif
