/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h — as much of cmocka as the kernels' tests use, for targets that have no cmocka (cmake/kernels_only.cmake).
 *
 * One difference: the first assertion that fails ends the program, not only its test. Output is TAP. */
#ifndef TEST_SUPPORT_BARE_CMOCKA_H
#define TEST_SUPPORT_BARE_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(fn) {#fn, fn}

#define print_message(...) printf(__VA_ARGS__)
#define fail_msg(...) (printf("not ok - %s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), exit(1))
#define assert_true(held) ((held) ? (void)0 : fail_msg("%s", #held))
#define assert_null(p) assert_true((p) == NULL)
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_int_equal(a, b) assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)

static inline int bare_run(const struct CMUnitTest *tests, size_t n)
{
    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        void *state = NULL;
        fflush(stdout);
        tests[i].run(&state);
        printf("ok %zu - %s\n", i + 1, tests[i].name);
    }
    return 0;
}
#define cmocka_run_group_tests(tests, setup, teardown) bare_run(tests, sizeof(tests) / sizeof *(tests))

#endif
