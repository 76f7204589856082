/* SPDX-License-Identifier: Apache-2.0 */
/* test_safetensors_write.c — what is written is read back equal, both ways of writing, with and without spill files. */
#include "fixture.h"

#include <dirent.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "formats/safetensors_write.h"
#include "formats/weights.h"

static size_t files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void test_declared_tensors(void **state)
{
    static const float a[6] = {1, 2, 3, 4, 5, 6};
    static const uint8_t bytes[3] = {7, 8, 9};
    static const int64_t scalar = -5;
    safetensors_writer *w;
    weights *back;
    tri_error err;
    (void)state;
    const char *path = scratch_path("declared.safetensors");
    assert_ok(safetensors_write_open(path, &w, NULL));
    assert_ok(safetensors_write_metadata(w, "format", "pt", 2, NULL));
    assert_ok(safetensors_write_declare(w, "bytes", DTYPE_U8, 1, (uint64_t[]){3}, NULL));
    assert_ok(safetensors_write_declare(w, "a \"quoted\" \\ name\n", DTYPE_F32, 2, (uint64_t[]){2, 3}, NULL));
    assert_ok(safetensors_write_declare(w, "none", DTYPE_F16, 2, (uint64_t[]){0, 4}, NULL));
    assert_ok(safetensors_write_declare(w, "scalar", DTYPE_I64, 0, NULL, NULL));
    assert_int_equal(safetensors_write_declare(w, "scalar", DTYPE_I64, 0, NULL, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(safetensors_write_declare(w, "x", DTYPE_OTHER, 0, NULL, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(safetensors_write_declare(w, "__metadata__", DTYPE_U8, 0, NULL, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(safetensors_write_declare(w, "big", DTYPE_F32, 2, (uint64_t[]){1ull << 40, 1ull << 40}, &err),
                     TRI_ERR_LIMIT);
    assert_ok(safetensors_write_begin(w, NULL));
    assert_ok(safetensors_write_data(w, bytes, 3, NULL));
    assert_ok(safetensors_write_data(w, a, 5, NULL));
    assert_ok(safetensors_write_data(w, (const char *)a + 5, sizeof a - 5, NULL));
    assert_ok(safetensors_write_data(w, &scalar, 8, NULL));
    assert_int_equal(safetensors_write_data(w, bytes, 1, &err), TRI_ERR_STATE);
    assert_ok(safetensors_write_commit(w, NULL));

    if (weights_open_file(path, &back, &err) != TRI_OK) fail_msg("%s", err.text);
    assert_int_equal(weights_count(back), 4);
    const weight *t = weights_find(back, "a \"quoted\" \\ name\n");
    assert_non_null(t);
    assert_int_equal(t->shape[0] * 10 + t->shape[1], 23);
    assert_memory_equal(t->data, a, sizeof a);
    assert_memory_equal(weights_find(back, "scalar")->data, &scalar, 8);
    assert_int_equal(weights_find(back, "none")->bytes, 0);
    weights_close(back);
}

static void test_missing_data_is_refused(void **state)
{
    safetensors_writer *w;
    tri_error err;
    (void)state;
    const char *path = scratch_path("missing.safetensors");
    assert_ok(safetensors_write_open(path, &w, NULL));
    assert_ok(safetensors_write_declare(w, "a", DTYPE_F32, 1, (uint64_t[]){2}, NULL));
    assert_ok(safetensors_write_begin(w, NULL));
    assert_ok(safetensors_write_data(w, "1234", 4, NULL));
    assert_int_equal(safetensors_write_commit(w, &err), TRI_ERR_STATE);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_ok(safetensors_write_open(path, &w, NULL));
    assert_ok(safetensors_write_declare_growing(w, "a", DTYPE_F32, 2, (uint64_t[]){0, 2}, NULL));
    assert_int_equal(safetensors_write_append(w, 0, "1234", 4, &err), TRI_ERR_STATE);
    assert_int_equal(safetensors_write_begin(w, &err), TRI_ERR_STATE);
    safetensors_write_discard(w);
    assert_int_equal(safetensors_write_open("-", &w, &err), TRI_ERR_UNSUPPORTED);
}

/* As `encode` does: three tensors growing in turn, offsets and ids at the end. */
static tri_status write_growing(const char *path, size_t texts, tri_error *err)
{
    static const uint64_t dense_shape[] = {0, 64};
    safetensors_writer *w = NULL;
    float row[64];
    int64_t offset = 0;
    tri_status st = safetensors_write_open(path, &w, err);
    if (st) return st;
    st = safetensors_write_declare_growing(w, "dense", DTYPE_F32, 2, dense_shape, err);
    if (!st) st = safetensors_write_declare_growing(w, "sparse_ids", DTYPE_I32, 1, (uint64_t[]){0}, err);
    if (!st) st = safetensors_write_declare_growing(w, "sparse_offsets", DTYPE_I64, 1, (uint64_t[]){0}, err);
    if (!st) st = safetensors_write_append(w, 2, &offset, sizeof offset, err);
    for (size_t i = 0; i < texts && !st; i++) {
        int32_t ids[3] = {(int32_t)i, (int32_t)i + 1, (int32_t)i + 2};
        for (size_t d = 0; d < 64; d++) row[d] = (float)(i * 64 + d);
        offset += 3;
        st = safetensors_write_append(w, 0, row, sizeof row, err);
        if (!st) st = safetensors_write_append(w, 1, ids, sizeof ids, err);
        if (!st) st = safetensors_write_append(w, 2, &offset, sizeof offset, err);
    }
    if (!st) st = safetensors_write_metadata(w, "ids", "[\"a\", \"\xC3\xA9\"]", 11, err);
    if (!st) return safetensors_write_commit(w, err);
    safetensors_write_discard(w);
    return st;
}

static void check_growing(const char *path, size_t texts)
{
    weights *back;
    tri_error err;
    if (weights_open_file(path, &back, &err) != TRI_OK) fail_msg("%s", err.text);
    const weight *dense = weights_find(back, "dense"), *ids = weights_find(back, "sparse_ids"),
                 *offsets = weights_find(back, "sparse_offsets");
    assert_int_equal(dense->shape[0], texts);
    assert_int_equal(dense->shape[1], 64);
    assert_int_equal(ids->shape[0], 3 * texts);
    assert_int_equal(offsets->shape[0], texts + 1);
    for (size_t i = 0; i < 64 * texts; i++) {
        float value;
        memcpy(&value, (const char *)dense->data + 4 * i, 4);
        assert_true(value == (float)i);
    }
    if (texts) {
        int64_t last;
        memcpy(&last, (const char *)offsets->data + 8 * texts, 8);
        assert_int_equal(last, 3 * texts);
    }
    weights_close(back);
}

static void test_growing_tensors(void **state)
{
    static const size_t counts[] = {0,    1,    7,
                                    4096, 4097, 20000}; /* 4,096 rows of 256 bytes fill the 1 MiB that stays in memory */
    (void)state;
    assert_int_equal(mkdir(scratch_path("grow"), 0700), 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        tri_error err;
        const char *path = scratch_path("grow/out.safetensors");
        if (write_growing(path, counts[i], &err) != TRI_OK) fail_msg("%s", err.text);
        check_growing(path, counts[i]);
        assert_int_equal(files_in(scratch_path("grow")), 1);
    }
}

static void test_each_failure_leaves_nothing(void **state)
{
    uint64_t live = mem_live();
    (void)state;
    assert_int_equal(mkdir(scratch_path("faults"), 0700), 0);
    const char *path = scratch_path("faults/out.safetensors");
    for (int kind = FAULT_ALLOC; kind < FAULT_KINDS; kind++) {
        for (uint64_t n = 1;; n++) {
            tri_error err = {0};
            fault_arm((fault_kind)kind, n, false);
            tri_status st = write_growing(path, 5000, &err);
            bool past = fault_seen((fault_kind)kind) < n;
            fault_arm((fault_kind)kind, 0, false);
            assert_int_equal(mem_live(), live);
            if (st && files_in(scratch_path("faults")) != 0)
                fail_msg("kind %d, failure %llu leaves a file", kind, (unsigned long long)n);
            if (!st) unlink(path); /* also when a failed sync of the folder was forgiven */
            if (past) {
                assert_int_equal(st, TRI_OK);
                assert_true(n > 1);
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declared_tensors),
        cmocka_unit_test(test_missing_data_is_refused),
        cmocka_unit_test(test_growing_tensors),
        cmocka_unit_test(test_each_failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
