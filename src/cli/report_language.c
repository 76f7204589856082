/* SPDX-License-Identifier: Apache-2.0 */
/* report_language.c — which language is this query in, without a model that says so? An id's prefix when the collection has
 * one; else the script, from Unicode's blocks: a Latin query may be English or Vietnamese, and the page says "Latin". */
#include "cli/report_language.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

enum { LATIN, GREEK, CYRILLIC, HEBREW, ARABIC, DEVANAGARI, BENGALI, TAMIL, TELUGU, THAI, KANA, HAN, HANGUL, SCRIPTS };
static const char *const names[SCRIPTS] = {"Latin", "Greek",  "Cyrillic", "Hebrew",   "Arabic", "Devanagari", "Bengali",
                                           "Tamil", "Telugu", "Thai",     "Japanese", "Han",    "Hangul"};

static const struct {
    uint32_t from, to;
    int script;
} blocks[] = {
    {'A', 'Z', LATIN},        {'a', 'z', LATIN},        {0xc0, 0x24f, LATIN},     {0x370, 0x3ff, GREEK},
    {0x400, 0x52f, CYRILLIC}, {0x590, 0x5ff, HEBREW},   {0x600, 0x77f, ARABIC},   {0x900, 0x97f, DEVANAGARI},
    {0x980, 0x9ff, BENGALI},  {0xb80, 0xbff, TAMIL},    {0xc00, 0xc7f, TELUGU},   {0xe00, 0xe7f, THAI},
    {0x1100, 0x11ff, HANGUL}, {0x1e00, 0x1eff, LATIN},  {0x1f00, 0x1fff, GREEK},  {0x3040, 0x30ff, KANA},
    {0x3400, 0x4dbf, HAN},    {0x4e00, 0x9fff, HAN},    {0xac00, 0xd7af, HANGUL}, {0xf900, 0xfaff, HAN},
    {0xfb50, 0xfdff, ARABIC}, {0xfe70, 0xfeff, ARABIC}, {0xff66, 0xff9f, KANA},   {0x20000, 0x3ffff, HAN},
};

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

size_t report_language_prefix(const char *id)
{
    size_t n = 0;
    while (is_lower(id[n])) n++;
    if (n < 2 || n > 3) return 0;
    size_t end = n;
    if (id[end] == '-') {
        end++;
        while (is_letter(id[end])) end++;
        if (end == n + 1 || end > n + 5) return 0;
    }
    return id[end] == ':' ? end : 0;
}

const char *report_language_script(const char *text, size_t len)
{
    size_t counts[SCRIPTS] = {0}, most = 0;
    const uint8_t *p = (const uint8_t *)text;
    const char *name = "none";
    while (len) {
        uint32_t cp;
        bool bad;
        size_t step = utf8_next(p, len, &cp, &bad);
        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
            if (cp >= blocks[i].from && cp <= blocks[i].to) counts[blocks[i].script]++;
        p += step;
        len -= step;
    }
    if (counts[KANA]) { /* Japanese is written in both */
        counts[KANA] += counts[HAN];
        counts[HAN] = 0;
    }
    for (int s = 0; s < SCRIPTS; s++)
        if (counts[s] > most) {
            most = counts[s];
            name = names[s];
        }
    return name;
}
