/* SPDX-License-Identifier: Apache-2.0 */
/* test_grapheme.c — where clusters end, by the rules of UAX #29; "|" marks the boundaries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tokenizer/grapheme.h"

enum { CUT = 0x110000, END };

/* cps with CUT where a boundary is expected */
static void expect(const uint32_t *cps)
{
    grapheme g;
    grapheme_begin(&g, ucd_props(*cps++));
    for (size_t i = 0; cps[i] != END; i++) {
        bool want = cps[i] == CUT;
        if (want) i++;
        bool got = grapheme_break(&g, ucd_props(cps[i]));
        if (got != want) fail_msg("before U+%04X: %s", cps[i], got ? "a boundary" : "no boundary");
        if (got) grapheme_begin(&g, ucd_props(cps[i]));
    }
}
#define EXPECT(...) expect((const uint32_t[]){__VA_ARGS__, END})

static void rules(void **state)
{
    (void)state;
    EXPECT('a', CUT, 'b');
    EXPECT('\r', '\n', CUT, '\n', CUT, '\r', CUT, 'a');             /* GB3 to GB5 */
    EXPECT('\n', CUT, 0x301);                                       /* GB4 */
    EXPECT(0x1112, 0x1161, 0x11AB, CUT, 0x1112);                    /* GB6 to GB8 */
    EXPECT(0xAC00, 0x11A8, CUT, 0xAC01, CUT, 0x1161);               /* LV T | LVT | V */
    EXPECT('a', 0x301, 0x302, 0x200D, CUT, 'b');                    /* GB9 */
    EXPECT(0x915, 0x93F, CUT, 0x915);                               /* GB9a */
    EXPECT(0x600, '1', CUT, '2');                                   /* GB9b */
    EXPECT(0x600, CUT, '\n');                                       /* GB5 before GB9b */
    EXPECT(0x915, 0x94D, 0x937, 0x93E, CUT, 0x915);                 /* GB9c */
    EXPECT(0x915, 0x93C, 0x94D, 0x200D, 0x937);                     /* GB9c, with Extend around the linker */
    EXPECT(0x915, 0x94D, 0x200C, CUT, 0x937);                       /* ZWNJ is no InCB Extend */
    EXPECT('a', 0x94D, CUT, 0x937);                                 /* GB9c wants a consonant in front */
    EXPECT(0x1F468, 0x200D, 0x1F469, 0x200D, 0x1F467, CUT, 'a');    /* GB11 */
    EXPECT(0x1F468, 0x1F3FB, 0x200D, 0x2764, 0xFE0F, CUT, 0x1F469); /* GB11 with Extend */
    EXPECT('a', 0x200D, CUT, 0x2764);                               /* GB11 wants Pictographic in front */
    EXPECT(0xA9, 0x200D, 0x200D, CUT, 0x2122);                      /* two joiners */
    EXPECT(0x1F1EB, 0x1F1F7, CUT, 0x1F1EB, 0x1F1F7, CUT, 0x1F1EB);  /* GB12 */
    EXPECT('a', CUT, 0x1F1EB, 0x1F1F7, 0x301, CUT, 0x1F1EB);        /* GB13 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
