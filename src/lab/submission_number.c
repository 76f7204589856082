/* SPDX-License-Identifier: Apache-2.0 */
/* submission_number.c — see submission_number.h. A comma is a decimal point only where digits alone stand on both sides. */
#include "lab/submission_number.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

enum { DIGITS_MAX = 64 }; /* more than any score has */

static bool is_word(tri_text t, const char *word)
{
    if (t.len != strlen(word)) return false;
    for (size_t i = 0; i < t.len; i++)
        if ((t.bytes[i] | 0x20) != word[i]) return false;
    return true;
}

static bool parse_word(tri_text t, double *value)
{
    bool negative = t.len && *t.bytes == '-';
    if (t.len && (*t.bytes == '-' || *t.bytes == '+')) t = (tri_text){t.bytes + 1, t.len - 1};
    if (is_word(t, "nan"))
        *value = (double)NAN;
    else if (is_word(t, "inf") || is_word(t, "infinity"))
        *value = negative ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

bool submission_number_parse(tri_text text, submission_number *out)
{
    char digits[DIGITS_MAX];
    size_t n = 0, n_commas = 0, n_points = 0;
    *out = (submission_number){0};
    while (text.len && *text.bytes == ' ') text = (tri_text){text.bytes + 1, text.len - 1};
    while (text.len && text.bytes[text.len - 1] == ' ') text.len--;
    if (parse_word(text, &out->value)) return true;
    if (text.len && text.bytes[text.len - 1] == '%') {
        out->percent = true;
        text.len--;
    }
    if (!text.len || text.len >= DIGITS_MAX) return false;
    if (*text.bytes == '+') text = (tri_text){text.bytes + 1, text.len - 1};
    out->whole = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.bytes[i];
        n_commas += c == ',';
        n_points += c == '.';
        if (!(c >= '0' && c <= '9') && !(c == '-' && !i)) out->whole = false;
        digits[n++] = c == ',' ? '.' : c;
    }
    if (n_commas > 1 || (n_commas && n_points)) return false;
    out->comma = n_commas == 1;
    if (number_parse_f64(digits, n, &out->value)) return true;
    return false;
}

bool submission_is_digits(tri_text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.bytes[i] < '0' || t.bytes[i] > '9') return false;
    return t.len > 0;
}

bool submission_is_number(tri_text t)
{
    submission_number number;
    return submission_number_parse(t, &number);
}
