/* SPDX-License-Identifier: Apache-2.0 */
/* zip_build.h — small zip archives for tests, with knobs for everything that can be wrong in one. */
#ifndef TRI_TESTS_FORMATS_ZIP_BUILD_H
#define TRI_TESTS_FORMATS_ZIP_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct zip_build {
    uint8_t bytes[64 << 10];
    size_t len;
    uint8_t directory[16 << 10];
    size_t directory_len;
    unsigned count;
    bool zip64;         /* sizes and places in zip64 records, all ones in the plain ones */
    uint16_t method;    /* of the members that follow */
    uint16_t flags;     /* of the members that follow */
    size_t local_extra; /* bytes of padding in the local headers that follow */
} zip_build;

static inline void zip_put(uint8_t *at, size_t *len, uint64_t value, int width)
{
    for (int i = 0; i < width; i++) at[(*len)++] = (uint8_t)(value >> (8 * i));
}

static inline void zip_build_add(zip_build *z, const char *name, const void *data, size_t size)
{
    size_t name_len = strlen(name), start = z->len;
    uint32_t small = z->zip64 ? 0xFFFFFFFFu : (uint32_t)size;
    zip_put(z->bytes, &z->len, 0x04034b50, 4);
    zip_put(z->bytes, &z->len, 20, 2);
    zip_put(z->bytes, &z->len, z->flags, 2);
    zip_put(z->bytes, &z->len, z->method, 2);
    zip_put(z->bytes, &z->len, 0, 4 + 4); /* time, CRC */
    zip_put(z->bytes, &z->len, small, 4);
    zip_put(z->bytes, &z->len, small, 4);
    zip_put(z->bytes, &z->len, name_len, 2);
    zip_put(z->bytes, &z->len, z->local_extra, 2);
    memcpy(z->bytes + z->len, name, name_len);
    z->len += name_len;
    memset(z->bytes + z->len, 'Z', z->local_extra);
    z->len += z->local_extra;
    if (size) memcpy(z->bytes + z->len, data, size);
    z->len += size;

    uint8_t *d = z->directory;
    size_t *at = &z->directory_len;
    zip_put(d, at, 0x02014b50, 4);
    zip_put(d, at, 45, 2);
    zip_put(d, at, 45, 2);
    zip_put(d, at, z->flags, 2);
    zip_put(d, at, z->method, 2);
    zip_put(d, at, 0, 4 + 4);
    zip_put(d, at, small, 4);
    zip_put(d, at, small, 4);
    zip_put(d, at, name_len, 2);
    zip_put(d, at, z->zip64 ? 28 : 0, 2);
    zip_put(d, at, 0, 2 + 2 + 2);
    zip_put(d, at, 0, 4);
    zip_put(d, at, z->zip64 ? 0xFFFFFFFFu : start, 4);
    memcpy(d + *at, name, name_len);
    *at += name_len;
    if (z->zip64) {
        zip_put(d, at, 1, 2);
        zip_put(d, at, 24, 2);
        zip_put(d, at, size, 8);
        zip_put(d, at, size, 8);
        zip_put(d, at, start, 8);
    }
    z->count++;
}

/* Appends the directory and the end records. */
static inline void zip_build_end(zip_build *z, const char *comment)
{
    size_t at = z->len, comment_len = strlen(comment);
    memcpy(z->bytes + z->len, z->directory, z->directory_len);
    z->len += z->directory_len;
    size_t end64 = z->len;
    if (z->zip64) {
        zip_put(z->bytes, &z->len, 0x06064b50, 4);
        zip_put(z->bytes, &z->len, 44, 8);
        zip_put(z->bytes, &z->len, 45, 2);
        zip_put(z->bytes, &z->len, 45, 2);
        zip_put(z->bytes, &z->len, 0, 4 + 4);
        zip_put(z->bytes, &z->len, z->count, 8);
        zip_put(z->bytes, &z->len, z->count, 8);
        zip_put(z->bytes, &z->len, z->directory_len, 8);
        zip_put(z->bytes, &z->len, at, 8);
        zip_put(z->bytes, &z->len, 0x07064b50, 4);
        zip_put(z->bytes, &z->len, 0, 4);
        zip_put(z->bytes, &z->len, end64, 8);
        zip_put(z->bytes, &z->len, 1, 4);
    }
    zip_put(z->bytes, &z->len, 0x06054b50, 4);
    zip_put(z->bytes, &z->len, 0, 2 + 2);
    zip_put(z->bytes, &z->len, z->zip64 ? 0xFFFF : z->count, 2);
    zip_put(z->bytes, &z->len, z->zip64 ? 0xFFFF : z->count, 2);
    zip_put(z->bytes, &z->len, z->zip64 ? 0xFFFFFFFFu : z->directory_len, 4);
    zip_put(z->bytes, &z->len, z->zip64 ? 0xFFFFFFFFu : at, 4);
    zip_put(z->bytes, &z->len, comment_len, 2);
    memcpy(z->bytes + z->len, comment, comment_len);
    z->len += comment_len;
}

#endif
