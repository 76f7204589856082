/* SPDX-License-Identifier: Apache-2.0 */
/* test_unicode_norm.c — the four forms, as of Unicode 9, on cases from UAX #15 and on long runs of marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokenizer/ucd.h"
#include "tokenizer/unicode_norm.h"

static void expect(unicode_form form, const char *text, const char *want)
{
    unicode_norm_work w = {0};
    buf out;
    buf_init(&out, 0);
    assert_int_equal(unicode_norm_run(form, (const uint8_t *)text, strlen(text), &w, &out, NULL), TRI_OK);
    if (out.len != strlen(want) || (out.len && memcmp(out.data, want, out.len)))
        fail_msg("form %d of \"%s\": \"%.*s\"", form, text, (int)out.len, out.data);
    buf_drop(&out);
    unicode_norm_drop(&w);
}

static void canonical(void **state)
{
    (void)state;
    expect(UNICODE_NFD, "caf\xC3\xA9", "cafe\xCC\x81");
    expect(UNICODE_NFC, "cafe\xCC\x81s", "caf\xC3\xA9s");
    expect(UNICODE_NFC, "\xC3\x85ngstro\xCC\x88m", "\xC3\x85ngstr\xC3\xB6m");
    expect(UNICODE_NFC, "\xE2\x84\xAB", "\xC3\x85");                             /* a singleton */
    expect(UNICODE_NFC, "\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC");             /* a composition exclusion */
    expect(UNICODE_NFC, "a\xCC\x81\xCC\xA3", "\xE1\xBA\xA1\xCC\x81");            /* reordered, then the lower mark composes */
    expect(UNICODE_NFC, "a\xCC\x81\xCC\x81", "\xC3\xA1\xCC\x81");                /* the second is blocked */
    expect(UNICODE_NFC, "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"); /* Hangul L V T */
    expect(UNICODE_NFD, "\xED\x95\x9C", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB");
    expect(UNICODE_NFC, "\xCC\x81z", "\xCC\x81z"); /* a mark in front stays */
    expect(UNICODE_NFD, "", "");
}

static void compatible(void **state)
{
    (void)state;
    expect(UNICODE_NFKC, "\xEF\xAC\x81", "fi");
    expect(UNICODE_NFC, "\xEF\xAC\x81", "\xEF\xAC\x81");
    expect(UNICODE_NFKD, "\xC2\xBD",
           "1\xE2\x81\x84"
           "2");
    expect(UNICODE_NFKC, "\xEF\xBD\xB6\xEF\xBE\x9E", "\xE3\x82\xAC"); /* halfwidth ka, voiced mark */
    expect(UNICODE_NFKC, "\xEF\xB7\xBA",
           "\xD8\xB5\xD9\x84\xD9\x89 \xD8\xA7\xD9\x84\xD9\x84\xD9\x87 \xD8\xB9\xD9\x84\xD9\x8A\xD9\x87 "
           "\xD9\x88\xD8\xB3\xD9\x84\xD9\x85");
}

/* U+08D4 is a mark of Unicode 9, U+0898 one of 14: for the reference it is a starter, and blocks. */
static void version(void **state)
{
    (void)state;
    expect(UNICODE_NFD, "a\xE0\xA3\x94\xCC\xB4", "a\xCC\xB4\xE0\xA3\x94");
    expect(UNICODE_NFD, "a\xE0\xA2\x98\xCC\xB4", "a\xE0\xA2\x98\xCC\xB4");
    expect(UNICODE_NFKC, "\xE3\x8B\xBF", "\xE3\x8B\xBF"); /* U+32FF, of Unicode 12.1 */
    assert_int_equal(ucd_ccc(0x301), 230);
    assert_int_equal(ucd_ccc(0x898), 0);
}

/* Runs past the insertion sort must come out in the same order as short ones. */
static void long_runs(void **state)
{
    (void)state;
    enum { N = 50000 };
    static char text[1 + 4 * N + 1], want[1 + 4 * N + 1];
    text[0] = want[0] = 'q';
    for (size_t i = 0; i < N; i++) {
        memcpy(text + 1 + 4 * i, "\xCC\x81\xCC\x96", 4); /* classes 230 and 220 */
        memcpy(want + 1 + 2 * i, "\xCC\x96", 2);
        memcpy(want + 1 + 2 * (N + i), "\xCC\x81", 2);
    }
    expect(UNICODE_NFD, text, want);
    expect(UNICODE_NFC, text, want);
}

static void lower_case(void **state)
{
    (void)state;
    uint32_t out[2];
    assert_int_equal(ucd_lower('A', out), 1);
    assert_int_equal(out[0], 'a');
    assert_int_equal(ucd_lower(0x3A3, out), 1); /* no final sigma */
    assert_int_equal(out[0], 0x3C3);
    assert_int_equal(ucd_lower(0x1E9E, out), 1);
    assert_int_equal(out[0], 0xDF);
    assert_int_equal(ucd_lower(0x130, out), 2);
    assert_int_equal(out[1], 0x307);
    assert_int_equal(ucd_lower(0x10D50, out), 1); /* Garay, of Unicode 16 */
    assert_int_equal(out[0], 0x10D70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(canonical), cmocka_unit_test(compatible), cmocka_unit_test(version),
                                       cmocka_unit_test(long_runs), cmocka_unit_test(lower_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
