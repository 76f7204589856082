/* SPDX-License-Identifier: Apache-2.0 */
/* number.c — decimal text of numbers, independent of the host program's locale.
 *
 * Shortest form of a float32 value v: the least number of digits p (1..9) such that the p-digit decimal nearest to v reads back
 * as v. The fast path works in double: v * 10^k and digits / 10^k are each off by at most one ulp of a double, 2^-29 ulp of a
 * float, so a candidate that lies within 0.499 ulp of v reads back as v for certain; others are settled by the C library. */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 512 }; /* longest number we parse: more digits than any double needs */

static const double power10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { MAX_POWER10 = 22 }; /* the largest power of ten that a double holds exactly */

/* sign, digits d (no trailing zeros) and the decimal exponent of the first digit, as JSON text: plain between 1e-5 and 1e16 */
static size_t write_digits(char *out, size_t cap, bool negative, const char *d, int n, int exponent)
{
    char text[64];
    size_t at = 0;
    if (negative) text[at++] = '-';
    if (exponent < -5 || exponent >= 16) {
        text[at++] = d[0];
        if (n > 1) text[at++] = '.';
        for (int i = 1; i < n; i++) text[at++] = d[i];
        at += (size_t)snprintf(text + at, sizeof text - at, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        text[at++] = '0';
        text[at++] = '.';
        for (int i = -1; i > exponent; i--) text[at++] = '0';
        for (int i = 0; i < n; i++) text[at++] = d[i];
    } else {
        for (int i = 0; i < n || i <= exponent; i++) {
            if (i == exponent + 1) text[at++] = '.';
            text[at++] = i < n ? d[i] : '0';
        }
    }
    if (at >= cap) at = cap - 1;
    memcpy(out, text, at);
    out[at] = 0;
    return at;
}

static size_t write_special(char *out, size_t cap, double value)
{
    return (size_t)snprintf(out, cap, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

/* "d.ddde+xx" of printf's %e (whatever the locale's point) to bare digits and exponent */
static int split_scientific(const char *text, char *digits, int *exponent)
{
    int n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    *exponent = *p ? atoi(p + 1) : 0;
    while (n > 1 && digits[n - 1] == '0') n--;
    return n;
}

static size_t format_slow(char *out, size_t cap, double value, bool is_f32)
{
    char text[64], digits[40];
    int n = 0, exponent = 0;
    double a = fabs(value);
    for (int p = 1; p <= (is_f32 ? 9 : 17); p++) {
        snprintf(text, sizeof text, "%.*e", p - 1, a);
        bool same = is_f32 ? strtof(text, NULL) == (float)a : strtod(text, NULL) == a;
        if (!same && p < (is_f32 ? 9 : 17)) continue;
        n = split_scientific(text, digits, &exponent);
        break;
    }
    return write_digits(out, cap, signbit(value), digits, n, exponent);
}

static bool format_fast_f32(char *out, size_t cap, float value, size_t *len)
{
    double a = fabs((double)value);
    if (!(a >= 1e-9 && a < 1e9)) return false;
    int exponent = (int)floor(log10(a));
    if (exponent < 0 ? a * power10[-exponent] < 1.0 : a < power10[exponent]) exponent--; /* log10 may be off by one ulp */
    float up = nextafterf((float)a, INFINITY);
    double half_ulp = ((double)up - a) * 0.5;
    bool power_of_two =
        (double)nextafterf((float)a, 0) + half_ulp > a; /* the step below is half as large: leave it to the slow path */
    if (power_of_two) return false;
    for (int p = 1; p <= 9; p++) {
        int k = p - 1 - exponent;
        if (k > MAX_POWER10 || -k > MAX_POWER10) return false;
        double scaled = rint(k >= 0 ? a * power10[k] : a / power10[-k]);
        double back = k >= 0 ? scaled / power10[k] : scaled * power10[-k];
        double off = fabs(back - a);
        if (off > half_ulp * 1.002) continue;
        if (off > half_ulp * 0.998) return false;
        char digits[24];
        int n = snprintf(digits, sizeof digits, "%.0f", scaled);
        int first = exponent + (n - p); /* rint may have carried into one more digit */
        while (n > 1 && digits[n - 1] == '0') n--;
        *len = write_digits(out, cap, signbit(value), digits, n, first);
        return true;
    }
    return false;
}

size_t number_format_f32(char *out, size_t cap, float value)
{
    if (!isfinite(value)) return write_special(out, cap, (double)value);
    if (value == 0) return (size_t)snprintf(out, cap, signbit(value) ? "-0.0" : "0");
    size_t len;
    return format_fast_f32(out, cap, value, &len) ? len : format_slow(out, cap, (double)value, true);
}

size_t number_format_f64(char *out, size_t cap, double value)
{
    if (!isfinite(value)) return write_special(out, cap, value);
    if (value == 0) return (size_t)snprintf(out, cap, signbit(value) ? "-0.0" : "0");
    return format_slow(out, cap, value, false);
}

/* [+-] digits [. digits] [e[+-]digits], and nothing else */
static bool looks_like_number(const char *s, size_t len)
{
    size_t i = 0, n_digits = 0;
    if (i < len && (s[i] == '-' || s[i] == '+')) i++;
    for (; i < len && s[i] >= '0' && s[i] <= '9'; i++) n_digits++;
    if (i < len && s[i] == '.')
        for (i++; i < len && s[i] >= '0' && s[i] <= '9'; i++) n_digits++;
    if (!n_digits) return false;
    if (i < len && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        if (i < len && (s[i] == '-' || s[i] == '+')) i++;
        size_t from = i;
        while (i < len && s[i] >= '0' && s[i] <= '9') i++;
        if (i == from) return false;
    }
    return i == len;
}

/* Clinger's fast path: up to 15 digits and a small power of ten are exact in double, so one operation rounds once. */
static bool parse_exact(const char *s, size_t len, double *out)
{
    bool negative = s[0] == '-';
    uint64_t mantissa = 0;
    int n_digits = 0, scale = 0;
    bool point = false;
    for (size_t i = s[0] == '-' || s[0] == '+'; i < len; i++) {
        if (s[i] == '.') {
            point = true;
        } else if (s[i] >= '0' && s[i] <= '9') {
            mantissa = mantissa * 10 + (uint64_t)(s[i] - '0');
            n_digits += mantissa > 0;
            scale += point;
        } else {
            return false;
        }
        if (n_digits > 15 || scale > MAX_POWER10) return false;
    }
    double value = (double)mantissa / power10[scale];
    *out = negative ? -value : value;
    return true;
}

bool number_parse_f64(const char *s, size_t len, double *out)
{
    if (!looks_like_number(s, len)) return false;
    if (parse_exact(s, len, out)) return true;
    char text[MAX_TEXT];
    if (len >= sizeof text) return false;
    memcpy(text, s, len);
    text[len] = 0;
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!c) return false;
    locale_t old = uselocale(c);
    double value = strtod(text, NULL);
    uselocale(old);
    freelocale(c);
    if (!isfinite(value)) return false;
    *out = value;
    return true;
}

bool number_parse_u64(const char *s, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    if (!len) return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(s[i] - '0'), &value)) return false;
    }
    *out = value;
    return true;
}

bool number_parse_size(const char *s, uint64_t *bytes)
{
    size_t n = 0;
    while (s[n] == '.' || (s[n] >= '0' && s[n] <= '9')) n++;
    double value;
    if (!number_parse_f64(s, n, &value)) return false;
    static const char units[] = "kmgt";
    const char *p = s + n;
    double scale = 1;
    if (*p) {
        char unit = (char)(*p | 0x20);
        const char *at = unit ? strchr(units, unit) : NULL;
        if (at) {
            for (long i = 0; i <= at - units; i++) scale *= 1024;
            p++;
            if (*p == 'i') p++;
        }
        if (*p == 'b' || *p == 'B') p++;
    }
    value *= scale;
    if (*p || value < 0 || value >= 0x1p63) return false;
    *bytes = (uint64_t)value;
    return true;
}
