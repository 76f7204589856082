/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c — strict decoding (Unicode 3.9, table 3-7), one bad byte at a time. */
#include "base/utf8.h"

#include <string.h>

size_t utf8_next(const uint8_t *p, size_t len, uint32_t *cp, bool *bad)
{
    uint8_t b = p[0];
    if (b < 0x80) {
        *cp = b;
        if (bad) *bad = false;
        return 1;
    }
    size_t n = 0;
    uint32_t low = 0, c = 0;
    if (b >= 0xC2 && b <= 0xDF)
        n = 2, low = 0x80, c = b & 0x1Fu;
    else if (b >= 0xE0 && b <= 0xEF)
        n = 3, low = 0x800, c = b & 0x0Fu;
    else if (b >= 0xF0 && b <= 0xF4)
        n = 4, low = 0x10000, c = b & 0x07u;
    bool ok = n > 0 && n <= len;
    for (size_t i = 1; ok && i < n; i++) {
        ok = (p[i] & 0xC0) == 0x80;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    ok = ok && c >= low && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    *cp = ok ? c : UTF8_REPLACEMENT;
    if (bad) *bad = !ok;
    return ok ? n : 1;
}

size_t utf8_put(uint8_t out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (uint8_t)(0xC0 | cp >> 6);
        out[1] = (uint8_t)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (uint8_t)(0xE0 | cp >> 12);
        out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | cp >> 18);
    out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (cp & 0x3F));
    return 4;
}

size_t utf8_count_bad(const uint8_t *p, size_t len)
{
    size_t n_bad = 0;
    for (size_t i = 0; i < len;) {
        uint64_t word;
        if (len - i >= 8 && (memcpy(&word, p + i, 8), (word & 0x8080808080808080u) == 0)) {
            i += 8;
            continue;
        }
        uint32_t cp;
        bool bad;
        i += utf8_next(p + i, len - i, &cp, &bad);
        n_bad += bad;
    }
    return n_bad;
}

tri_status utf8_repair(const uint8_t *p, size_t len, buf *out, size_t *n_bad)
{
    *n_bad = 0;
    size_t start = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        bool bad;
        size_t n = utf8_next(p + i, len - i, &cp, &bad);
        if (bad) {
            tri_status st = buf_append(out, p + start, i - start);
            if (!st) st = buf_append(out, "\xEF\xBF\xBD", 3);
            if (st) return st;
            start = i + 1;
            ++*n_bad;
        }
        i += n;
    }
    return buf_append(out, p + start, len - start);
}
