/* SPDX-License-Identifier: Apache-2.0 */
/* html_out.c — escaping, character by character. */
#include "cli/html_out.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static tri_status put(buf *b, const uint8_t *p, size_t len, uint32_t cp, bool bad)
{
    switch (cp) {
    case '&':
        return buf_str(b, "&amp;");
    case '<':
        return buf_str(b, "&lt;");
    case '>':
        return buf_str(b, "&gt;");
    case '"':
        return buf_str(b, "&quot;");
    case '\'':
        return buf_str(b, "&#39;");
    case '\t':
    case '\n':
        return buf_byte(b, ' ');
    default:
        break;
    }
    bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp & 0xfffe) == 0xfffe || (cp >= 0xfdd0 && cp <= 0xfdef);
    return bad || control ? buf_str(b, "\xef\xbf\xbd") : buf_append(b, p, len);
}

static tri_status put_some(buf *b, const char *text, size_t len, size_t most, bool *cut)
{
    const uint8_t *p = (const uint8_t *)text;
    *cut = false;
    for (size_t n = 0; len; n++) {
        uint32_t cp;
        bool bad = false;
        if (n == most) {
            *cut = true;
            return TRI_OK;
        }
        size_t step = utf8_next(p, len, &cp, &bad);
        TRI_TRY(put(b, p, step, cp, bad));
        p += step;
        len -= step;
    }
    return TRI_OK;
}

tri_status html_out_text(buf *b, const char *text, size_t len)
{
    bool cut;
    return text ? put_some(b, text, len, SIZE_MAX, &cut) : TRI_OK;
}

tri_status html_out_str(buf *b, const char *text)
{
    return text ? html_out_text(b, text, strlen(text)) : TRI_OK;
}

tri_status html_out_short(buf *b, const char *text, size_t len, size_t most)
{
    bool cut;
    TRI_TRY(buf_str(b, "<bdi>"));
    TRI_TRY(put_some(b, text, len, most, &cut));
    return buf_str(b, cut ? "\xe2\x80\xa6</bdi>" : "</bdi>");
}
