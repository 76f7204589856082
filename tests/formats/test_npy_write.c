/* SPDX-License-Identifier: Apache-2.0 */
/* test_npy_write.c — the bytes of the file, and nothing left behind when a write fails. */
#include "fixture.h"

#include <dirent.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "formats/npy_write.h"

static size_t read_back(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, cap, f);
    fclose(f);
    return n;
}

static void test_bytes(void **state)
{
    static const float rows[] = {1, -2, 3.5f, 4, 5, 6};
    npy_writer *w;
    char bytes[256];
    (void)state;
    const char *path = scratch_path("out.npy");
    assert_ok(npy_write_open(path, 2, &w, NULL));
    assert_ok(npy_write_rows(w, rows, 2, NULL));
    assert_ok(npy_write_rows(w, rows + 4, 1, NULL));
    assert_ok(npy_write_rows(w, rows, 0, NULL));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_ok(npy_write_commit(w, NULL));
    assert_int_equal(read_back(path, bytes, sizeof bytes), 128 + sizeof rows);
    assert_memory_equal(bytes, "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), } ", 70);
    for (int i = 70; i < 127; i++) assert_int_equal(bytes[i], ' ');
    assert_int_equal(bytes[127], '\n');
    assert_memory_equal(bytes + 128, rows, sizeof rows);
}

static void test_no_rows(void **state)
{
    npy_writer *w;
    char bytes[256];
    (void)state;
    assert_ok(npy_write_open(scratch_path("none.npy"), 384, &w, NULL));
    assert_ok(npy_write_commit(w, NULL));
    assert_int_equal(read_back(scratch_path("none.npy"), bytes, sizeof bytes), 128);
    bytes[128] = 0;
    assert_non_null(strstr(bytes + 10, "(0, 384)"));
}

static void test_standard_output_is_refused(void **state)
{
    npy_writer *w;
    tri_error err;
    (void)state;
    assert_int_equal(npy_write_open("-", 2, &w, &err), TRI_ERR_UNSUPPORTED);
    assert_null(w);
}

static size_t files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void test_each_failure_leaves_nothing(void **state)
{
    static const float row[2] = {1, 2};
    uint64_t live = mem_live();
    (void)state;
    assert_int_equal(mkdir(scratch_path("faults"), 0700), 0);
    const char *path = scratch_path("faults/out.npy");
    for (int kind = FAULT_ALLOC; kind < FAULT_KINDS; kind++) {
        for (uint64_t n = 1; kind != FAULT_READ; n++) {
            npy_writer *w = NULL;
            tri_error err = {0};
            fault_arm((fault_kind)kind, n, false);
            tri_status st = npy_write_open(path, 2, &w, &err);
            if (!st) {
                st = npy_write_rows(w, row, 1, &err);
                if (st)
                    npy_write_discard(w);
                else
                    st = npy_write_commit(w, &err);
            }
            bool past = fault_seen((fault_kind)kind) < n;
            fault_arm((fault_kind)kind, 0, false);
            assert_int_equal(mem_live(), live);
            if (past) {
                assert_int_equal(st, TRI_OK);
                assert_int_equal(unlink(path), 0);
                break;
            }
            if (st) assert_int_equal(files_in(scratch_path("faults")), 0);
            if (!st) unlink(path); /* a failed sync of the folder may be forgiven */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_standard_output_is_refused),
        cmocka_unit_test(test_each_failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
