/* SPDX-License-Identifier: Apache-2.0 */
/* test_base64.c — the vectors of RFC 4648 section 10, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/base64.h"

static void vectors(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"Zg==", "f"},
                                           {"Zm8=", "fo"},
                                           {"Zm9v", "foo"},
                                           {"Zm9vYg==", "foob"},
                                           {"Zm9vYmE=", "fooba"},
                                           {"Zm9vYmFy", "foobar"},
                                           {"+/8A", "\xfb\xff"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint8_t out[16];
        size_t n, len = strlen(pairs[i][0]);
        assert_int_equal(base64_decode(pairs[i][0], len, "field", out, &n, NULL), TRI_OK);
        assert_true(n <= base64_bound(len));
        assert_memory_equal(out, pairs[i][1], strlen(pairs[i][1]));
        assert_int_equal(n, i == 7 ? 3 : strlen(pairs[i][1]));
    }
}

static void refusals(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "A===", "Zm9v\n", "Zm 9", "Zm9vZg==Zm9v", "Zg=v", "-_8A", "Zm9vY\xC3\xA9="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[16];
        size_t n;
        tri_error err;
        if (base64_decode(bad[i], strlen(bad[i]), "field", out, &n, &err) != TRI_ERR_FORMAT)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_non_null(strstr(err.text, "field"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
