/* SPDX-License-Identifier: Apache-2.0 */
/* test_model_dir.c — what a MODEL argument means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/limits.h"
#include "hub/model_dir.h"

static char root[64] = "/tmp/tri-model-dir-XXXXXX";

static int setup(void **state)
{
    (void)state;
    char path[256];
    if (!mkdtemp(root) || chdir(root) != 0) return -1;
    snprintf(path, sizeof path, "%s/cache/trident/models/org/name", root);
    if (file_make_dirs(path, NULL) != TRI_OK || file_make_dirs("small-m3", NULL) != TRI_OK) return -1;
    FILE *f = fopen("model.gguf", "w");
    if (!f) return -1;
    fclose(f);
    snprintf(path, sizeof path, "%s/cache", root);
    return setenv("XDG_CACHE_HOME", path, 1);
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return chdir("/") == 0 ? system(command) : -1;
}

static void test_names(void **state)
{
    (void)state;
    const char *const good[] = {"small-m3", "BAAI/bge-m3", "a", "A_b.c-d", "1/2"};
    const char *const bad[] = {"",   "/",    "a/", "/a",  "a/b/c", ".",     "..",      "a/..",
                               ".a", "a/.b", "-a", "a b", "a\\b",  "a/b\n", "\xC3\xA9"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!model_dir_is_name(good[i])) fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (model_dir_is_name(bad[i])) fail_msg("believed: %s", bad[i]);
    char longest[100];
    memset(longest, 'a', sizeof longest);
    longest[97] = 0;
    assert_false(model_dir_is_name(longest));
    longest[96] = 0;
    assert_true(model_dir_is_name(longest));
}

static void test_paths_come_first(void **state)
{
    (void)state;
    char path[LIMIT_PATH];
    const char *const there[] = {"small-m3", "./small-m3", "model.gguf", root};
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        assert_int_equal(model_dir_find(there[i], path, sizeof path, NULL), TRI_OK);
        assert_string_equal(path, there[i]);
    }
}

static void test_pulled_names(void **state)
{
    (void)state;
    char path[LIMIT_PATH], expected[LIMIT_PATH];
    assert_int_equal(model_dir_find("org/name", path, sizeof path, NULL), TRI_OK);
    snprintf(expected, sizeof expected, "%s/cache/trident/models/org/name", root);
    assert_string_equal(path, expected);
}

static void test_missing_names_tell_the_line(void **state)
{
    (void)state;
    char path[LIMIT_PATH];
    tri_error err = {0};
    assert_int_equal(model_dir_find("BAAI/bge-m3", path, sizeof path, &err), TRI_ERR_NOT_FOUND);
    assert_string_equal(err.hint, "trident pull BAAI/bge-m3");
    assert_int_equal(model_dir_find("./not/there", path, sizeof path, &err), TRI_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "./not/there"));
    assert_int_equal(model_dir_find("", path, sizeof path, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(model_dir_of_name("../x", path, sizeof path, &err), TRI_ERR_ARGUMENT);
}

static void test_small_room_is_refused(void **state)
{
    (void)state;
    char path[LIMIT_PATH];
    for (size_t cap = 1; cap < 9; cap++) assert_int_equal(model_dir_find("small-m3", path, cap, NULL), TRI_ERR_LIMIT);
    assert_int_equal(model_dir_find("small-m3", path, 9, NULL), TRI_OK);
    assert_int_equal(model_dir_find("org/name", path, 20, NULL), TRI_ERR_LIMIT);
}

static void test_where_the_cache_is(void **state)
{
    (void)state;
    char path[LIMIT_PATH], kept[256];
    tri_error err = {0};
    snprintf(kept, sizeof kept, "%s", getenv("XDG_CACHE_HOME"));
    setenv("XDG_CACHE_HOME", "relative/is/ignored", 1); /* by the XDG base directory specification */
    setenv("HOME", "/home/x", 1);
    assert_int_equal(model_dir_of_name("a", path, sizeof path, NULL), TRI_OK);
    assert_string_equal(path, "/home/x/.cache/trident/models/a");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(model_dir_of_name("a", path, sizeof path, &err), TRI_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "HOME"));
    setenv("XDG_CACHE_HOME", kept, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_paths_come_first),
        cmocka_unit_test(test_pulled_names),
        cmocka_unit_test(test_missing_names_tell_the_line),
        cmocka_unit_test(test_small_room_is_refused),
        cmocka_unit_test(test_where_the_cache_is),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
