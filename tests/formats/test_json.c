/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c — bounds, words and getters of the JSON wrappers. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/limits.h"
#include "formats/json.h"

static json_t *load(const char *text)
{
    json_t *json;
    tri_error err;
    if (json_text_load(text, strlen(text), "sample", &json, &err) != TRI_OK) fail_msg("%s", err.text);
    return json;
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        tri_status status;
        const char *words;
    } bad[] = {
        {"", TRI_ERR_FORMAT, "sample"},
        {"{", TRI_ERR_FORMAT, "line 1"},
        {"{\"a\":1,\"a\":2}", TRI_ERR_FORMAT, "duplicate"},
        {"{\n\n \"a\": nope}", TRI_ERR_FORMAT, "line 3"},
        {"{\"a\\u0000\":1}", TRI_ERR_FORMAT, "U+0000"},
        {"[1] [2]", TRI_ERR_FORMAT, "sample"},
        {"\"\xff\"", TRI_ERR_FORMAT, "sample"},
        {"[1e999]", TRI_ERR_FORMAT, "sample"},
        {"[99999999999999999999, 1e999]", TRI_ERR_FORMAT, "sample"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json;
        tri_error err = {0};
        assert_int_equal(json_text_load(bad[i].text, strlen(bad[i].text), "sample", &json, &err), bad[i].status);
        assert_null(json);
        assert_says(&err, bad[i].words);
    }
}

static void test_depth(void **state)
{
    char text[2 * LIMIT_JSON_DEPTH + 64];
    json_t *json;
    tri_error err;
    (void)state;
    for (size_t depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        tri_status st = json_text_load(text, 2 * depth, "deep", &json, &err);
        assert_int_equal(st, depth == LIMIT_JSON_DEPTH ? TRI_OK : TRI_ERR_FORMAT);
        json_decref(json);
    }
    assert_says(&err, "deep");
    char *deep = malloc(1 << 20);
    memset(deep, '[', 1 << 20);
    assert_int_equal(json_text_load(deep, 1 << 20, "deep", &json, &err), TRI_ERR_FORMAT);
    memset(deep, '{', 1 << 20);
    assert_int_equal(json_text_load(deep, 1 << 20, "deep", &json, &err), TRI_ERR_FORMAT);
    free(deep);
    json =
        load("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"]"); /* brackets in text
                                                                                                              do not count */
    json_decref(json);
}

static void test_huge_integers(void **state)
{
    json_t *json = load("{\"model_max_length\": 1000000000000000019884624838656, \"n\": 16, \"f\": 1.5}");
    tri_error err;
    size_t n = 0;
    double f = 0;
    (void)state;
    assert_ok(json_get_f64(json, "model_max_length", "x", 0, &f, &err));
    assert_true(f == 1e30);
    assert_ok(json_get_size(json, "n", "x", 0, 0, 100, &n, &err));
    assert_int_equal(n, 16);
    assert_int_equal(json_get_size(json, "model_max_length", "tokenizer_config.json", 0, 0, 100, &n, &err), TRI_ERR_FORMAT);
    assert_says(&err, "tokenizer_config.json");
    assert_says(&err, "model_max_length");
    assert_int_equal(json_get_size(json, "f", "x", 0, 0, 100, &n, &err), TRI_ERR_FORMAT);
    json_decref(json);
}

static void test_getters(void **state)
{
    json_t *json = load("{\"n\":7,\"neg\":-1,\"s\":\"text\",\"t\":true,\"z\":null,\"r\":2.5,\"o\":{},\"nul\":\"a\\u0000b\"}");
    tri_error err;
    size_t n;
    double f;
    bool b;
    const char *s;
    (void)state;
    assert_ok(json_get_size(json, "n", "c", 1, 1, 7, &n, &err));
    assert_int_equal(n, 7);
    assert_ok(json_get_size(json, "absent", "c", 42, 0, 7, &n, &err));
    assert_int_equal(n, 42);
    assert_ok(json_get_size(json, "z", "c", 43, 0, 7, &n, &err));
    assert_int_equal(n, 43);
    assert_int_equal(json_get_size(json, "n", "c", 1, 8, 9, &n, &err), TRI_ERR_FORMAT);
    assert_says(&err, "c: \"n\" is 7, not in 8 to 9");
    assert_int_equal(json_get_size(json, "neg", "c", 1, 0, 9, &n, &err), TRI_ERR_FORMAT);
    assert_int_equal(json_get_size(json, "s", "c", 1, 0, 9, &n, &err), TRI_ERR_FORMAT);
    assert_says(&err, "c: \"s\" is text");
    assert_ok(json_get_f64(json, "r", "c", 1, &f, &err));
    assert_true(f == 2.5);
    assert_ok(json_get_f64(json, "n", "c", 1, &f, &err));
    assert_true(f == 7);
    assert_int_equal(json_get_f64(json, "t", "c", 1, &f, &err), TRI_ERR_FORMAT);
    assert_ok(json_get_bool(json, "t", "c", false, &b, &err));
    assert_true(b);
    assert_int_equal(json_get_bool(json, "n", "c", false, &b, &err), TRI_ERR_FORMAT);
    assert_ok(json_get_str(json, "s", "c", NULL, &s, &err));
    assert_string_equal(s, "text");
    assert_ok(json_get_str(json, "absent", "c", NULL, &s, &err));
    assert_null(s);
    assert_int_equal(json_get_str(json, "o", "c", NULL, &s, &err), TRI_ERR_FORMAT);
    assert_says(&err, "an object");
    assert_int_equal(json_get_str(json, "nul", "c", NULL, &s, &err), TRI_ERR_FORMAT);
    json_decref(json);
    json = load("[1]");
    assert_ok(json_get_size(json, "n", "c", 5, 0, 9, &n, &err));
    assert_int_equal(n, 5);
    json_decref(json);
}

static void test_files_name_their_path(void **state)
{
    json_t *json;
    tri_error err;
    (void)state;
    const char *path = scratch_write("config.json", "{\"a\":\n1,}", 9);
    assert_int_equal(json_file_load(path, &json, &err), TRI_ERR_FORMAT);
    assert_says(&err, path);
    assert_says(&err, "line 2");
    assert_int_equal(json_file_load("no/such/config.json", &json, &err), TRI_ERR_NOT_FOUND);
    assert_says(&err, "no/such/config.json");
}

/* jansson 2.14's own parser leaves out bytes of a name, or writes past a buffer, when memory runs out. */
static void test_each_failure_is_seen(void **state)
{
    static const char text[] =
        "{\"a rather long name so that the buffer must grow more than once\": [1, 2.5, {\"b\": \"\\u00e9\"}]}";
    json_t *json, *whole = load(text);
    uint64_t live = mem_live();
    (void)state;
    for (uint64_t n = 1;; n++) {
        tri_error err = {0};
        fault_arm(FAULT_ALLOC, n, false);
        tri_status st = json_text_load(text, sizeof text - 1, "sample", &json, &err);
        bool past = fault_seen(FAULT_ALLOC) < n;
        fault_arm(FAULT_ALLOC, 0, false);
        if (past) {
            assert_int_equal(st, TRI_OK);
            assert_true(json_equal(json, whole));
            json_decref(json);
            assert_true(n > 5);
            break;
        }
        assert_int_equal(st, TRI_ERR_MEMORY);
        assert_null(json);
        assert_int_equal(mem_live(), live);
    }
    json_decref(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_huge_integers),
        cmocka_unit_test(test_getters),
        cmocka_unit_test(test_files_name_their_path),
        cmocka_unit_test(test_each_failure_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
