/* SPDX-License-Identifier: Apache-2.0 */
/* test_truncate.c — lengths checked with HF tokenizers 0.22.2 (budgets after the special tokens). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tokenizer/tokenizer.h"
#include "tokenizer/truncate.h"

static void longest_first(void **state)
{
    (void)state;
    static const size_t rows[][5] = {/* n_a, n_b, budget, kept of a, of b */
                                     {10, 10, 8, 4, 4}, {3, 20, 8, 3, 5}, {20, 3, 8, 5, 3}, {6, 20, 9, 4, 5}, {20, 20, 9, 4, 5},
                                     {0, 20, 8, 0, 8},  {20, 1, 5, 4, 1}, {9, 2, 8, 6, 2},  {5, 5, 0, 0, 0},  {2, 4, 7, 2, 4},
                                     {4, 9, 7, 3, 4},   {9, 4, 7, 4, 3},  {1, 1, 1, 0, 1},  {2, 1, 1, 1, 0},  {4, 2, 7, 4, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t a = rows[i][0], b = rows[i][1];
        assert_int_equal(truncate_lengths(rows[i][2], TRUNCATE_LONGEST_FIRST, true, &a, &b, NULL), TRI_OK);
        assert_int_equal(a, rows[i][3]);
        assert_int_equal(b, rows[i][4]);
    }
}

/* Whatever the lengths: never over the budget, never more than there was, and nothing cut without need. */
static void longest_first_everywhere(void **state)
{
    (void)state;
    for (size_t n_a = 0; n_a < 12; n_a++)
        for (size_t n_b = 0; n_b < 12; n_b++)
            for (size_t budget = 0; budget < 26; budget++) {
                size_t a = n_a, b = n_b;
                assert_int_equal(truncate_lengths(budget, TRUNCATE_LONGEST_FIRST, true, &a, &b, NULL), TRI_OK);
                assert_true(a <= n_a && b <= n_b);
                assert_int_equal(a + b, n_a + n_b < budget ? n_a + n_b : budget);
            }
}

static void single(void **state)
{
    (void)state;
    size_t a = 9, b = 0;
    assert_int_equal(truncate_lengths(4, TRUNCATE_LONGEST_FIRST, false, &a, &b, NULL), TRI_OK);
    assert_int_equal(a, 4);
    assert_int_equal(truncate_lengths(SIZE_MAX, TRUNCATE_LONGEST_FIRST, false, &a, &b, NULL), TRI_OK);
    assert_int_equal(a, 4);
}

static void only_second(void **state)
{
    (void)state;
    tri_error err;
    size_t a = 4, b = 9;
    assert_int_equal(truncate_lengths(5, TRUNCATE_ONLY_SECOND, true, &a, &b, &err), TRI_OK);
    assert_int_equal(a, 4);
    assert_int_equal(b, 1);
    b = 9;
    assert_int_equal(truncate_lengths(4, TRUNCATE_ONLY_SECOND, true, &a, &b, &err), TRI_ERR_ARGUMENT); /* not to nothing */
    assert_non_null(strstr(err.text, "it has 9 tokens, and 9 are over"));
    assert_int_equal(truncate_lengths(3, TRUNCATE_ONLY_SECOND, false, &a, &b, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(truncate_lengths(0, TRUNCATE_ONLY_SECOND, true, &a, &b, &err), TRI_OK);
    assert_int_equal(a + b, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(longest_first), cmocka_unit_test(longest_first_everywhere),
                                       cmocka_unit_test(single), cmocka_unit_test(only_second)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
