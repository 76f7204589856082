/* SPDX-License-Identifier: Apache-2.0 */
/* test_zip_read.c — plain and zip64 archives are read; every cut and every changed byte is survived. */
#include "fixture.h"

#include "base/alloc.h"
#include "formats/zip_read.h"
#include "zip_build.h"

static zip_build built;

static void build(bool zip64, const char *comment)
{
    memset(&built, 0, sizeof built);
    built.zip64 = zip64;
    built.local_extra = 13;
    zip_build_add(&built, "root/data.pkl", "pickle", 6);
    built.local_extra = 0;
    zip_build_add(&built, "root/data/0", "0123456789", 10);
    zip_build_add(&built, "root/empty", "", 0);
    zip_build_end(&built, comment);
}

/* The archive in a block of its own length, so that ASan sees one byte too far. */
static tri_status open_copy(size_t len, zip_archive *zip, uint8_t **copy, tri_error *err)
{
    *copy = malloc(len ? len : 1);
    memcpy(*copy, built.bytes, len);
    return zip_read_open(*copy, len, zip, err);
}

static void check_members(const zip_archive *zip)
{
    static const struct {
        const char *name, *data;
    } want[] = {{"root/data.pkl", "pickle"}, {"root/data/0", "0123456789"}, {"root/empty", ""}};
    assert_int_equal(zip->count, 3);
    for (size_t i = 0; i < 3; i++) {
        const zip_member *m = zip_read_find(zip, want[i].name, strlen(want[i].name));
        const uint8_t *data;
        size_t len;
        assert_non_null(m);
        assert_ok(zip_read_view(zip, m, &data, &len, NULL));
        assert_int_equal(len, strlen(want[i].data));
        assert_memory_equal(data, want[i].data, len);
    }
    assert_null(zip_read_find(zip, "root/data", 9));
}

static void test_members_are_found(void **state)
{
    static const char *const comments[] = {"", "a comment", "PK\5\6 looks like an end record, twenty two"};
    (void)state;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        for (size_t i = 0; i < 3; i++) {
            zip_archive zip;
            uint8_t *copy;
            tri_error err;
            build(zip64, comments[i]);
            if (open_copy(built.len, &zip, &copy, &err) != TRI_OK) fail_msg("%s", err.text);
            check_members(&zip);
            zip_read_drop(&zip);
            free(copy);
        }
    }
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        build(zip64, "");
        for (size_t len = 0; len < built.len; len++) {
            zip_archive zip;
            uint8_t *copy;
            assert_int_not_equal(open_copy(len, &zip, &copy, NULL), TRI_OK);
            zip_read_drop(&zip);
            free(copy);
        }
    }
}

/* Any answer will do; the sanitizers judge. */
static void test_every_changed_byte_is_survived(void **state)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xFF};
    uint64_t live = mem_live();
    (void)state;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        build(zip64, "c");
        for (size_t i = 0; i < built.len * sizeof changes; i++) {
            zip_archive zip;
            uint8_t *copy;
            built.bytes[i / sizeof changes] ^= changes[i % sizeof changes];
            open_copy(built.len, &zip, &copy, NULL);
            for (size_t m = 0; m < zip.count; m++) {
                const uint8_t *data;
                size_t len, sum = 0;
                if (zip_read_view(&zip, &zip.members[m], &data, &len, NULL)) continue;
                for (size_t k = 0; k < len; k++) sum += data[k];
                assert_true(sum < SIZE_MAX);
            }
            zip_read_drop(&zip);
            free(copy);
            built.bytes[i / sizeof changes] ^= changes[i % sizeof changes];
        }
    }
    assert_int_equal(mem_live(), live);
}

static void expect_refusal(const char *words)
{
    zip_archive zip;
    tri_error err = {0};
    const uint8_t *data;
    size_t len;
    tri_status st = zip_read_open(built.bytes, built.len, &zip, &err);
    for (size_t i = 0; i < zip.count && !st; i++) st = zip_read_view(&zip, &zip.members[i], &data, &len, &err);
    assert_int_not_equal(st, TRI_OK);
    assert_says(&err, words);
    zip_read_drop(&zip);
}

static void test_refusals(void **state)
{
    (void)state;
    memset(&built, 0, sizeof built);
    zip_build_add(&built, "a/x", "1", 1);
    zip_build_add(&built, "a/x", "2", 1);
    zip_build_end(&built, "");
    expect_refusal("\"a/x\" is there twice");

    memset(&built, 0, sizeof built);
    built.method = 8;
    zip_build_add(&built, "a/x", "1", 1);
    zip_build_end(&built, "");
    expect_refusal("\"a/x\" is compressed (method 8)");

    memset(&built, 0, sizeof built);
    built.flags = 1;
    zip_build_add(&built, "a/x", "1", 1);
    zip_build_end(&built, "");
    expect_refusal("encrypted");

    memset(&built, 0, sizeof built);
    zip_build_add(&built, "a/x", "1", 1);
    built.bytes[30] = 'b'; /* the local header says b/x */
    zip_build_end(&built, "");
    expect_refusal("does not agree");

    memset(&built, 0, sizeof built);
    zip_build_add(&built, "a/x", "1", 1);
    built.directory[20] = built.directory[24] = 2; /* one byte more than there is */
    zip_build_end(&built, "");
    expect_refusal("reaches past");

    memset(&built, 0, sizeof built);
    zip_build_add(&built, "a/x", "1", 1);
    built.directory[24] = 2;
    zip_build_end(&built, "");
    expect_refusal("two sizes differ");

    memset(&built, 0, sizeof built);
    zip_build_add(&built, "a/x", "1", 1);
    built.count = 2; /* more than the directory holds */
    zip_build_end(&built, "");
    expect_refusal("directory");

    memset(&built, 0, sizeof built);
    zip_build_add(&built, "a/x", "1", 1);
    zip_build_add(&built, "a/y", "1", 1);
    built.count = 1;
    zip_build_end(&built, "");
    expect_refusal("more than its members");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_every_changed_byte_is_survived),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
