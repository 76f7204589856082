/* SPDX-License-Identifier: Apache-2.0 */
/* test_paired_test.c — p values against references from mpmath (30 digits), scipy.stats.ttest_rel and the full enumeration of
 * sign patterns; the cases with nothing to test. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "eval/paired_test.h"

static void test_student(void **state)
{
    (void)state;
    /* mpmath.betainc(f/2, 1/2, 0, f/(f+t^2), regularized=True) at 30 digits */
    static const struct {
        double t, freedom, p;
    } cases[] = {{1, 1, 0.5},
                 {2, 2, 0.183503419072273967},
                 {2.5, 5, 0.0544900993423762411},
                 {1.7, 19, 0.105443266588026824},
                 {3.3, 39, 0.0020723855993728605},
                 {0.001, 10, 0.999221783374740984},
                 {4.2, 298, 0.000035293893079722894},
                 {1.96, 1e5, 0.049998563194301638},
                 {12, 3, 0.00124501580078933674},
                 {40, 25, 3.46998027775915777e-24}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double p = paired_student(cases[i].t, cases[i].freedom), q = paired_student(-cases[i].t, cases[i].freedom);
        if (!(fabs(p - cases[i].p) <= 1e-10 * cases[i].p)) fail_msg("t %g f %g: %.17g", cases[i].t, cases[i].freedom, p);
        assert_true(p == q);
    }
    assert_true(paired_student(0, 5) == 1);
    assert_true(paired_student(INFINITY, 5) == 0);
    double last = 1; /* falls with t, without a step where the two forms of the fraction meet */
    for (double t = 0.01; t < 50; t += 0.01) {
        double p = paired_student(t, 7);
        assert_true(p < last && p > 0);
        last = p;
    }
}

static void test_known_pairs(void **state)
{
    (void)state;
    static const double a[] = {0.42, 0.31, 0.55, 0.8, 0.12, 0.67, 0.9, 0.33, 0.5, 0.71};
    static const double b[] = {0.40, 0.35, 0.50, 0.61, 0.10, 0.55, 0.88, 0.30, 0.52, 0.60};
    double d[10], again[10];
    tri_paired_test test, second;
    for (int i = 0; i < 10; i++) d[i] = again[i] = a[i] - b[i];
    paired_test_run(d, 10, 0, 1, &test);
    assert_true(fabs(test.difference - 0.05) < 1e-15);
    assert_true(fabs(test.effect - 0.7134772412317412) < 1e-12); /* numpy, ddof 1 */
    assert_true(fabs(test.p_t - 0.05048808610932422) < 1e-12);   /* scipy.stats.ttest_rel */
    /* 52 of the 1,024 sign patterns are as extreme; 100,000 draws stray by 0.0007 (one standard deviation) */
    assert_true(fabs(test.p_random - 52.0 / 1024) < 0.003);
    assert_int_equal(test.n, 10);
    paired_test_run(again, 10, 0, 1, &second);
    assert_memory_equal(&test, &second, sizeof test);
}

static void test_nothing_to_test(void **state)
{
    (void)state;
    tri_paired_test test;
    double same[5] = {0}, one[1] = {0.3}, constant[4] = {0.25, 0.25, 0.25, 0.25};
    paired_test_run(same, 5, 1000, 1, &test);
    assert_true(test.p_t == 1 && test.p_random == 1 && test.difference == 0 && test.effect == 0);
    paired_test_run(one, 1, 1000, 1, &test);
    assert_true(test.p_t == 1 && test.p_random == 1 && test.n == 1);
    paired_test_run(constant, 4, 100000, 1, &test);
    assert_true(test.p_t == 0 && isinf(test.effect));
    assert_true(fabs(test.p_random - 2.0 / 16) < 0.005); /* all plus or all minus */
}

static void test_p_is_never_zero(void **state)
{
    (void)state;
    double d[200];
    tri_paired_test test;
    for (int i = 0; i < 200; i++) d[i] = 1 + i * 1e-3;
    paired_test_run(d, 200, 999, 3, &test);
    assert_true(test.p_random == 1.0 / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_student),
        cmocka_unit_test(test_known_pairs),
        cmocka_unit_test(test_nothing_to_test),
        cmocka_unit_test(test_p_is_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
