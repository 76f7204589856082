/* SPDX-License-Identifier: Apache-2.0 */
/* test_hub_layout.c — which files are wanted, and which names are never believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "hub/hub_layout.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SHA "0000000000000000000000000000000000000000000000000000000000000001"

static tri_status parse(const char *json, hub_listing *l, tri_error *err)
{
    return hub_listing_parse(json, strlen(json), l, err);
}

static void test_safe_names(void **state)
{
    (void)state;
    const char *const good[] = {"config.json", "1_Pooling/config.json",   "a/b/c", "...", "a..b",
                                ".hidden",     "model-00001-of-00002.bin"};
    const char *const bad[] = {"",     "/",      "/a",  "a/",  "a//b", ".",    "..",   "../a",
                               "a/..", "a/../b", "./a", "a/.", "a\\b", "a\nb", "a\x7F"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!hub_layout_is_safe(good[i])) fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (hub_layout_is_safe(bad[i])) fail_msg("believed: %s", bad[i]);
    char longest[600];
    memset(longest, 'a', sizeof longest);
    longest[513] = 0;
    assert_false(hub_layout_is_safe(longest));
    longest[512] = 0;
    assert_true(hub_layout_is_safe(longest));
}

static void test_listing(void **state)
{
    (void)state;
    hub_listing l;
    tri_error err = {0};
    assert_int_equal(parse("{\"sha\":\"" COMMIT
                           "\",\"siblings\":[{\"rfilename\":\"config.json\",\"size\":7,\"blobId\":\"" COMMIT "\"},"
                           "{\"rfilename\":\"model.safetensors\",\"size\":9,\"blobId\":\"" COMMIT
                           "\",\"lfs\":{\"sha256\":\"" SHA "\",\"size\":12}},{\"rfilename\":\"vocab.txt\"}],\"other\":null}",
                           &l, &err),
                     TRI_OK);
    assert_string_equal(l.commit, COMMIT);
    assert_int_equal(l.count, 3);
    hub_file *f = hub_listing_find(&l, "config.json");
    assert_true(f->bytes_known && f->bytes == 7);
    assert_string_equal(f->hash, COMMIT);
    f = hub_listing_find(&l, "model.safetensors");
    assert_true(f->bytes_known && f->bytes == 12);
    assert_string_equal(f->hash, SHA);
    f = hub_listing_find(&l, "vocab.txt");
    assert_true(!f->bytes_known && f->hash[0] == 0);
    hub_listing_drop(&l);
}

static void test_bad_listings(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"sha\":\"" COMMIT "\"}",
        "{\"siblings\":[]}",
        "{\"sha\":\"x/..\",\"siblings\":[]}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"../x\"}]}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":3}]}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"config.json\\u0000../x\"}]}",
        "{\"sha\":\"" COMMIT COMMIT "\",\"siblings\":[]}",
        "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"a\"},{\"rfilename\":\"a\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hub_listing l;
        tri_error err = {0};
        if (parse(bad[i], &l, &err) == TRI_OK) fail_msg("believed: %s", bad[i]);
        assert_true(err.text[0] != 0);
    }
    hub_listing l; /* odd sizes and hashes are as good as none */
    assert_int_equal(parse("{\"sha\":\"" COMMIT
                           "\",\"siblings\":[{\"rfilename\":\"a\",\"size\":-1,\"blobId\":\"XYZ\",\"lfs\":{}}]}",
                           &l, NULL),
                     TRI_OK);
    assert_true(!l.files[0].bytes_known && l.files[0].hash[0] == 0);
    hub_listing_drop(&l);
}

/* Listing of these names; ends with NULL. */
static void list_names(hub_listing *l, const char *const *names)
{
    char json[4096] = "{\"sha\":\"" COMMIT "\",\"siblings\":[";
    for (size_t i = 0; names[i]; i++)
        snprintf(json + strlen(json), sizeof json - strlen(json), "%s{\"rfilename\":\"%s\"}", i ? "," : "", names[i]);
    snprintf(json + strlen(json), sizeof json - strlen(json), "]}");
    assert_int_equal(parse(json, l, NULL), TRI_OK);
}

static bool is_wanted(const hub_listing *l, const char *name)
{
    return hub_listing_find(l, name)->wanted;
}

static void test_choice(void **state)
{
    (void)state;
    hub_listing l;
    const char *index = NULL;
    const char *const names[] = {"config.json",
                                 "tokenizer.json",
                                 "README.md",
                                 "onnx/config.json",
                                 "1_Pooling/config.json",
                                 "2_Dense/pytorch_model.bin",
                                 "2_Dense/config.json",
                                 "3_Dense/model.safetensors",
                                 "3_Dense/pytorch_model.bin",
                                 "pytorch_model.bin",
                                 "model.safetensors",
                                 "colbert_linear.pt",
                                 "sparse_linear.pt",
                                 "x_Pooling/config.json",
                                 "1_A/b/config.json",
                                 "training_args.bin",
                                 NULL};
    list_names(&l, names);
    assert_int_equal(hub_layout_select(&l, &index, NULL), TRI_OK);
    assert_null(index);
    const char *const wanted[] = {"config.json",           "tokenizer.json",
                                  "1_Pooling/config.json", "2_Dense/pytorch_model.bin",
                                  "2_Dense/config.json",   "3_Dense/model.safetensors",
                                  "model.safetensors",     "colbert_linear.pt",
                                  "sparse_linear.pt"};
    size_t n = 0;
    for (size_t i = 0; i < l.count; i++) n += l.files[i].wanted;
    assert_int_equal(n, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < n; i++) assert_true(is_wanted(&l, wanted[i]));
    hub_listing_drop(&l);
}

static void test_shards(void **state)
{
    (void)state;
    hub_listing l;
    const char *index = NULL;
    const char *const names[] = {
        "config.json", "pytorch_model.bin.index.json", "pytorch_model-1.bin", "pytorch_model-2.bin", "c.bin", NULL};
    const char *const good =
        "{\"weight_map\":{\"a\":\"pytorch_model-1.bin\",\"b\":\"pytorch_model-2.bin\",\"c\":\"pytorch_model-2.bin\"}}";
    const char *const bad[] = {"",
                               "{}",
                               "{\"weight_map\":{}}",
                               "{\"weight_map\":{\"a\":1}}",
                               "{\"weight_map\":{\"a\":\"../c.bin\"}}",
                               "{\"weight_map\":{\"a\":\"d.bin\"}}",
                               "{\"weight_map\":[\"c.bin\"]}"};
    list_names(&l, names);
    assert_int_equal(hub_layout_select(&l, &index, NULL), TRI_OK);
    assert_string_equal(index, "pytorch_model.bin.index.json");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (hub_layout_select_shards(&l, index, bad[i], strlen(bad[i]), NULL) == TRI_OK) fail_msg("believed: %s", bad[i]);
    assert_int_equal(hub_layout_select_shards(&l, index, good, strlen(good), NULL), TRI_OK);
    assert_true(is_wanted(&l, "pytorch_model-1.bin") && is_wanted(&l, "pytorch_model-2.bin") && !is_wanted(&l, "c.bin"));
    hub_listing_drop(&l);
}

static void test_nothing_to_read(void **state)
{
    (void)state;
    hub_listing l;
    tri_error err = {0};
    const char *index = NULL;
    list_names(&l, (const char *const[]){"config.json", "model-q4.gguf", NULL});
    assert_int_equal(hub_layout_select(&l, &index, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "model-q4.gguf"));
    hub_listing_drop(&l);
    list_names(&l, (const char *const[]){"model.safetensors", NULL});
    assert_int_equal(hub_layout_select(&l, &index, &err), TRI_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "config.json"));
    hub_listing_drop(&l);
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    const char *json = "{\"sha\":\"" COMMIT "\",\"siblings\":[{\"rfilename\":\"config.json\",\"size\":7}]}";
    for (uint64_t nth = 1;; nth++) {
        hub_listing l;
        uint64_t live = mem_live();
        fault_arm(FAULT_ALLOC, nth, false);
        tri_status st = parse(json, &l, NULL);
        bool passed = fault_seen(FAULT_ALLOC) < nth;
        fault_arm(FAULT_ALLOC, 0, false);
        if (!st) hub_listing_drop(&l);
        assert_int_equal(mem_live(), live);
        if (!passed) continue;
        assert_int_equal(st, TRI_OK);
        assert_true(nth > 5);
        return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe_names),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_bad_listings),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
