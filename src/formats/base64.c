/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c — strict decoding: a length that is no multiple of four, a letter outside the alphabet, padding anywhere but at the
 * end, or stray bits under the padding are errors, because a charsmap that decodes "somehow" gives token ids that are wrong. */
#include "formats/base64.h"

#include <stdbool.h>

#include "base/err.h"

enum { NOT_A_LETTER = 64 };

static unsigned letter_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
    if (c >= '0' && c <= '9') return c - '0' + 52u;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return NOT_A_LETTER;
}

size_t base64_bound(size_t len)
{
    return len / 4 * 3;
}

static tri_status bad_letter(const char *what, const char *text, size_t at, tri_error *err)
{
    return err_set(err, TRI_ERR_FORMAT, "%s: byte 0x%02x at offset %zu is not base64", what, (unsigned char)text[at], at);
}

tri_status base64_decode(const char *text, size_t len, const char *what, uint8_t *out, size_t *n, tri_error *err)
{
    if (len % 4) return err_set(err, TRI_ERR_FORMAT, "%s: base64 length %zu is not a multiple of 4", what, len);
    size_t n_pad = len && text[len - 1] == '=' ? (text[len - 2] == '=' ? 2 : 1) : 0;
    uint8_t *start = out;
    for (size_t i = 0; i < len; i += 4) {
        size_t n_letters = i + 4 == len ? 4 - n_pad : 4;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            unsigned v = k < n_letters ? letter_value((unsigned char)text[i + k]) : 0;
            if (v == NOT_A_LETTER) return bad_letter(what, text, i + k, err);
            bits = bits << 6 | v;
        }
        if ((n_letters == 3 && (bits & 0xFF)) || (n_letters == 2 && (bits & 0xFFFF)))
            return bad_letter(what, text, i + n_letters - 1, err);
        for (size_t k = 0; k + 1 < n_letters; k++) *out++ = (uint8_t)(bits >> (16 - 8 * k));
    }
    *n = (size_t)(out - start);
    return TRI_OK;
}

tri_status base64_encode(const uint8_t *bytes, size_t len, buf *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (n > 2 ? bytes[i + 2] : 0);
        const char four[4] = {letters[v >> 18], letters[v >> 12 & 63], n > 1 ? letters[v >> 6 & 63] : '=',
                              n > 2 ? letters[v & 63] : '='};
        TRI_TRY(buf_append(out, four, sizeof four));
    }
    return TRI_OK;
}
