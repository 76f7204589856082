/* SPDX-License-Identifier: Apache-2.0 */
/* short_key.h — up to 24 bytes as two or three words, to be compared without a call and without reading past the end.
 *
 * Words of the same length differ in these words exactly when they differ in a byte: the loads cover every byte, the last ones
 * overlapping. Two strings of different length may give the same words; the caller compares lengths. */
#ifndef TRI_TOKENIZER_SHORT_KEY_H
#define TRI_TOKENIZER_SHORT_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t short_key_load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t short_key_load4(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* 1 <= len <= 16 */
static inline void short_key16(const uint8_t *p, size_t len, uint64_t key[2])
{
    if (len > 8) {
        key[0] = short_key_load8(p);
        key[1] = short_key_load8(p + len - 8);
    } else {
        key[1] = 0;
        if (len >= 4)
            key[0] = short_key_load4(p) | short_key_load4(p + len - 4) << 32;
        else
            key[0] = p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16;
    }
}

/* 1 <= len <= 24 */
static inline void short_key24(const uint8_t *p, size_t len, uint64_t key[3])
{
    key[2] = 0;
    if (len <= 16) {
        short_key16(p, len, key);
        return;
    }
    key[0] = short_key_load8(p);
    key[1] = short_key_load8(p + 8);
    key[2] = short_key_load8(p + len - 8);
}

#endif
