/* SPDX-License-Identifier: Apache-2.0 */
/* test_stage.c — a folder that appears whole or not at all, and files on their way into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/file.h"
#include "hub/part_file.h"
#include "hub/stage.h"

static char root[64], target[128];

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "%s/tri-stage-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(root)) return -1;
    snprintf(target, sizeof target, "%s/models/name", root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void write_at(const stage *s, const char *name, const char *text)
{
    char path[LIMIT_PATH];
    assert_int_equal(stage_path(s, name, path, NULL), TRI_OK);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static bool target_has(const char *name, const char *text)
{
    char path[LIMIT_PATH], found[64] = "";
    snprintf(path, sizeof path, "%s/%s", target, name);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    if (!fgets(found, sizeof found, f)) found[0] = 0;
    fclose(f);
    return strcmp(found, text) == 0;
}

static void make(const char *text)
{
    stage s;
    assert_int_equal(stage_begin(&s, target, false, NULL), TRI_OK);
    write_at(&s, "a/b/c.json", text);
    assert_int_equal(stage_commit(&s, NULL), TRI_OK);
    assert_false(file_is_dir(s.dir));
    stage_end(&s, true);
}

static void test_appears_and_is_replaced(void **state)
{
    (void)state;
    make("one");
    assert_true(target_has("a/b/c.json", "one"));
    make("two");
    assert_true(target_has("a/b/c.json", "two"));
}

static void test_left_or_taken_up(void **state)
{
    (void)state;
    stage s;
    char path[LIMIT_PATH];
    assert_int_equal(stage_begin(&s, target, true, NULL), TRI_OK);
    write_at(&s, "x", "kept");
    stage_end(&s, true);
    assert_int_equal(stage_begin(&s, target, true, NULL), TRI_OK);
    assert_int_equal(stage_path(&s, "x", path, NULL), TRI_OK);
    assert_true(file_exists(path));
    stage_end(&s, true);
    assert_int_equal(stage_begin(&s, target, false, NULL), TRI_OK);
    assert_false(file_exists(path));
    stage_end(&s, false);
    assert_false(file_is_dir(s.dir));
}

static bool keep_x(const void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "d/x") == 0;
}

static void test_prune(void **state)
{
    (void)state;
    stage s;
    char path[LIMIT_PATH + 16];
    assert_int_equal(stage_begin(&s, target, false, NULL), TRI_OK);
    write_at(&s, "d/x", "");
    write_at(&s, "d/y", "");
    write_at(&s, "e/f/z", "");
    assert_int_equal(stage_prune(&s, keep_x, NULL, NULL), TRI_OK);
    snprintf(path, sizeof path, "%s/d/x", s.dir);
    assert_true(file_exists(path));
    snprintf(path, sizeof path, "%s/d/y", s.dir);
    assert_false(file_exists(path));
    snprintf(path, sizeof path, "%s/e", s.dir);
    assert_false(file_is_dir(path));
    stage_end(&s, false);
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    stage first, second;
    tri_error err = {0};
    assert_int_equal(stage_begin(&first, target, true, NULL), TRI_OK);
    assert_int_equal(stage_begin(&second, target, true, &err), TRI_ERR_STATE);
    assert_non_null(strstr(err.text, "another process"));
    stage_end(&second, false); /* never had it: nothing happens */
    assert_true(file_is_dir(first.dir));
    stage_end(&first, false);
}

static void test_bad_targets(void **state)
{
    (void)state;
    stage s;
    const char *const bad[] = {"", "/", ".", "..", "a/.", "a/.."};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(stage_begin(&s, bad[i], true, NULL), TRI_ERR_ARGUMENT);
}

static void test_each_write_of_a_replacement_fails(void **state)
{
    (void)state;
    make("old");
    for (uint64_t nth = 1;; nth++) {
        stage s;
        assert_int_equal(stage_begin(&s, target, false, NULL), TRI_OK);
        write_at(&s, "a/b/c.json", "new");
        fault_arm(FAULT_WRITE, nth, false);
        stage_commit(&s, NULL);
        bool passed = fault_seen(FAULT_WRITE) < nth;
        fault_arm(FAULT_WRITE, 0, false);
        stage_end(&s, false);
        assert_true(target_has("a/b/c.json", "old") || target_has("a/b/c.json", "new"));
        if (passed) return;
        make("old");
    }
}

/* ---- part files -------------------------------------------------------------------------------------------------------- */

static void test_part_goes_on_only_with_its_identity(void **state)
{
    (void)state;
    part_file p;
    char path[160];
    snprintf(path, sizeof path, "%s/file", root);
    assert_int_equal(part_file_open(&p, path, "hash one", NULL), TRI_OK);
    assert_int_equal(part_file_restart(&p, "etag", NULL), TRI_OK);
    assert_int_equal(part_file_append(&p, "12345", 5, NULL), TRI_OK);
    part_file_close(&p);
    assert_int_equal(part_file_open(&p, path, "hash one", NULL), TRI_OK);
    assert_int_equal(p.bytes, 5);
    assert_string_equal(p.etag, "etag");
    part_file_close(&p);
    assert_int_equal(part_file_open(&p, path, "hash two", NULL), TRI_OK);
    assert_int_equal(p.bytes, 0);
    assert_string_equal(p.etag, "");
    part_file_close(&p);
    assert_false(file_exists(path));
}

static void test_part_becomes_the_file(void **state)
{
    (void)state;
    part_file p;
    char path[160];
    snprintf(path, sizeof path, "%s/whole", root);
    assert_int_equal(part_file_open(&p, path, "h", NULL), TRI_OK);
    assert_int_equal(part_file_restart(&p, "", NULL), TRI_OK);
    assert_int_equal(part_file_append(&p, "abc", 3, NULL), TRI_OK);
    assert_int_equal(part_file_commit(&p, NULL), TRI_OK);
    assert_true(file_exists(path) && !file_exists(p.part) && !file_exists(p.note));
}

static void test_full_disk_says_what_to_do(void **state)
{
    (void)state;
    part_file p;
    tri_error err = {0};
    char path[160];
    snprintf(path, sizeof path, "%s/full", root);
    assert_int_equal(part_file_open(&p, path, "h", NULL), TRI_OK);
    assert_int_equal(part_file_restart(&p, "", NULL), TRI_OK);
    fault_arm(FAULT_WRITE, 1, false);
    tri_status st = part_file_append(&p, "abc", 3, &err);
    fault_arm(FAULT_WRITE, 0, false);
    assert_int_equal(st, TRI_ERR_IO);
    assert_non_null(strstr(err.text, "full.part"));
    assert_non_null(strstr(err.hint, "goes on where it stopped"));
    part_file_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appears_and_is_replaced),
        cmocka_unit_test(test_left_or_taken_up),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_each_write_of_a_replacement_fails),
        cmocka_unit_test(test_part_goes_on_only_with_its_identity),
        cmocka_unit_test(test_part_becomes_the_file),
        cmocka_unit_test(test_full_disk_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
