/* SPDX-License-Identifier: Apache-2.0 */
/* utf8_walk.h — decoding text that is already known to be valid UTF-8: inside the room every text was repaired at the door. */
#ifndef TRI_TOKENIZER_UTF8_WALK_H
#define TRI_TOKENIZER_UTF8_WALK_H

#include <stddef.h>
#include <stdint.h>

/* p must point at a whole character. Returns its length. */
static inline size_t utf8_walk(const uint8_t *p, uint32_t *cp)
{
    uint32_t b = p[0];
    if (b < 0x80) {
        *cp = b;
        return 1;
    }
    if (b < 0xE0) {
        *cp = (b & 0x1Fu) << 6 | (p[1] & 0x3Fu);
        return 2;
    }
    if (b < 0xF0) {
        *cp = (b & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        return 3;
    }
    *cp = (b & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    return 4;
}

/* The start of the character before p; p must not be the start of the text. */
static inline const uint8_t *utf8_back(const uint8_t *p)
{
    do p--;
    while ((*p & 0xC0) == 0x80);
    return p;
}

#endif
