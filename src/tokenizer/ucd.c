/* SPDX-License-Identifier: Apache-2.0 */
/* ucd.c — the measured bits, and utf8proc behind them.
 *
 * The bits say *whether* a character decomposes, combines or has a lower case for the reference; utf8proc says *into what*,
 * which Unicode's stability policy fixes forever. Lower-case mappings newer than utf8proc 2.8 stand in the table. */
#include "tokenizer/ucd.h"

#include <utf8proc.h>

#include "tokenizer/ucd_tables.h"

uint32_t ucd_props(uint32_t cp)
{
    return ucd_kind_bits[ucd_block[ucd_block_of[cp >> 8]][cp & 0xFF]];
}

unsigned ucd_ccc(uint32_t cp)
{
    if (!ucd_is(cp, UCD_CCC)) return 0;
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
}

size_t ucd_decompose(uint32_t cp, bool compatible, uint32_t out[UCD_DECOMPOSED_MAX])
{
    utf8proc_int32_t chars[UCD_DECOMPOSED_MAX];
    utf8proc_ssize_t n = 0;
    if (ucd_is(cp, compatible ? UCD_NFKD : UCD_NFD)) {
        int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
        n = utf8proc_decompose_char((utf8proc_int32_t)cp, chars, UCD_DECOMPOSED_MAX, (utf8proc_option_t)options, NULL);
    }
    if (n <= 0 || n > UCD_DECOMPOSED_MAX) {
        out[0] = cp;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++) out[i] = (uint32_t)chars[i];
    return (size_t)n;
}

uint32_t ucd_compose(uint32_t first, uint32_t second)
{
    if (!ucd_is(second, UCD_SECOND)) return 0;
    utf8proc_int32_t pair[3] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second, 0};
    if (utf8proc_normalize_utf32(pair, 2, (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE)) != 1) return 0;
    uint32_t whole = (uint32_t)pair[0];
    return ucd_is(whole, UCD_NFD) ? whole : 0;
}

size_t ucd_lower(uint32_t cp, uint32_t out[2])
{
    out[0] = cp;
    if (!ucd_is(cp, UCD_LOWER)) return 1;
    if (cp == 0x130) {
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    size_t low = 0, high = sizeof ucd_lower_extra / sizeof ucd_lower_extra[0];
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ucd_lower_extra[mid].from < cp)
            low = mid + 1;
        else
            high = mid;
    }
    bool extra = low < sizeof ucd_lower_extra / sizeof ucd_lower_extra[0] && ucd_lower_extra[low].from == cp;
    out[0] = extra ? ucd_lower_extra[low].to : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    return 1;
}
