/* SPDX-License-Identifier: Apache-2.0 */
/* json_out.c — see json_out.h. Spacing is Python's (`"key": value, `) between members and none inside arrays of numbers, which
 * are most of the bytes. */
#include "cli/json_out.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/number.h"
#include "base/utf8.h"

static tri_status put_escaped(buf *b, uint8_t byte)
{
    switch (byte) {
    case '"':
        return buf_str(b, "\\\"");
    case '\\':
        return buf_str(b, "\\\\");
    case '\n':
        return buf_str(b, "\\n");
    case '\r':
        return buf_str(b, "\\r");
    case '\t':
        return buf_str(b, "\\t");
    default:
        return buf_printf(b, "\\u%04x", byte);
    }
}

tri_status json_out_text(buf *b, const char *bytes, size_t len)
{
    const uint8_t *p = (const uint8_t *)bytes;
    TRI_TRY(buf_byte(b, '"'));
    for (size_t i = 0, from = 0; i <= len;) {
        uint32_t cp = 0;
        bool bad = false;
        size_t n = i < len ? utf8_next(p + i, len - i, &cp, &bad) : 1;
        bool plain = i < len && !bad && cp >= 0x20 && cp != '"' && cp != '\\' && cp != 0x7F;
        if (!plain) {
            TRI_TRY(buf_append(b, p + from, i - from));
            if (i < len) TRI_TRY(bad ? buf_str(b, "\xEF\xBF\xBD") : put_escaped(b, (uint8_t)cp));
            from = i + n;
        }
        i += n;
    }
    return buf_byte(b, '"');
}

tri_status json_out_str(buf *b, const char *s)
{
    return s ? json_out_text(b, s, strlen(s)) : buf_str(b, "null");
}

tri_status json_out_f32(buf *b, float value)
{
    char text[40];
    if (!isfinite(value)) return buf_str(b, "null");
    return buf_append(b, text, number_format_f32(text, sizeof text, value));
}

tri_status json_out_f64(buf *b, double value)
{
    char text[40];
    if (!isfinite(value)) return buf_str(b, "null");
    return buf_append(b, text, number_format_f64(text, sizeof text, value));
}

tri_status json_out_f32_array(buf *b, const float *values, size_t n)
{
    TRI_TRY(buf_byte(b, '['));
    for (size_t i = 0; i < n; i++) {
        if (i) TRI_TRY(buf_byte(b, ','));
        TRI_TRY(json_out_f32(b, values[i]));
    }
    return buf_byte(b, ']');
}

static tri_status put_u32(buf *b, uint32_t value)
{
    char digits[10], *p = digits + sizeof digits;
    do *--p = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return buf_append(b, p, (size_t)(digits + sizeof digits - p));
}

tri_status json_out_u32_array(buf *b, const uint32_t *values, size_t n)
{
    TRI_TRY(buf_byte(b, '['));
    for (size_t i = 0; i < n; i++) {
        if (i) TRI_TRY(buf_byte(b, ','));
        TRI_TRY(put_u32(b, values[i]));
    }
    return buf_byte(b, ']');
}

tri_status json_out_sparse(buf *b, tri_sparse_view sparse)
{
    TRI_TRY(buf_byte(b, '{'));
    for (size_t i = 0; i < sparse.count; i++) {
        TRI_TRY(buf_str(b, i ? ", \"" : "\""));
        TRI_TRY(put_u32(b, sparse.ids[i]));
        TRI_TRY(buf_str(b, "\": "));
        TRI_TRY(json_out_f32(b, sparse.weights[i]));
    }
    return buf_byte(b, '}');
}

tri_status json_out_multi(buf *b, tri_multi_view multi)
{
    TRI_TRY(buf_byte(b, '['));
    for (size_t i = 0; i < multi.n_rows; i++) {
        if (i) TRI_TRY(buf_str(b, ", "));
        TRI_TRY(json_out_f32_array(b, multi.rows + i * multi.dim, multi.dim));
    }
    return buf_byte(b, ']');
}

/* 1.0 stays 1.0: a reader that tells integers from reals gets back what it wrote */
static tri_status put_real(buf *b, double value)
{
    char text[40];
    size_t n = number_format_f64(text, sizeof text, value);
    TRI_TRY(buf_append(b, text, n));
    return strpbrk(text, ".eE") ? TRI_OK : buf_str(b, ".0");
}

tri_status json_out_scalar(buf *b, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_out_text(b, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return put_real(b, json_real_value(value));
    case JSON_TRUE:
        return buf_str(b, "true");
    case JSON_FALSE:
        return buf_str(b, "false");
    default:
        return buf_str(b, "null");
    }
}
