/* SPDX-License-Identifier: Apache-2.0 */
/* test_safetensors.c — headers by hand: what is legal is read, what is not is refused with the tensor's name, at any cut. */
#include "fixture.h"

#include <time.h>

#include "base/alloc.h"
#include "formats/le.h"
#include "formats/safetensors.h"

/* Header text and n bytes of data in a block of exactly their length. */
static uint8_t *make_file(const char *header, size_t n_data, size_t *len)
{
    size_t n = strlen(header);
    *len = 8 + n + n_data;
    uint8_t *bytes = malloc(*len);
    le_put_u64(bytes, n);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < n_data; i++) bytes[8 + n + i] = (uint8_t)i;
    return bytes;
}

static tri_status parse(const char *header, size_t n_data, tensor_table *t, uint8_t **bytes, tri_error *err)
{
    size_t len;
    *bytes = make_file(header, n_data, &len);
    tensor_table_init(t);
    return safetensors_parse(*bytes, len, "x.safetensors", t, err);
}

static void test_legal_headers(void **state)
{
    static const struct {
        const char *header;
        size_t n_data, tensors;
    } legal[] = {
        {"{}", 0, 0},
        {"{}   \n", 0, 0},
        {"{\"__metadata__\":{\"format\":\"pt\"}}", 0, 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, 1},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0, 1},
        {"{\"a\":{\"data_offsets\":[2,6],\"shape\":[2,1],\"dtype\":\"F16\"},\"b\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_"
         "offsets\":[0,2]}}",
         6, 2},
        {"{\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
         "offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
         3, 3},
        {"{\"a\":{\"dtype\":\"F7\",\"shape\":[3],\"data_offsets\":[0,5]}}", 5, 1},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2, 1},
        {"{\"a\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, 1},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"note\":[{\"x\":null},1e-3,\"\\u00e9\"]}}", 1, 1},
        {"{\"\\u0061\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, 1},
    };
    uint64_t live = mem_live();
    (void)state;
    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++) {
        tensor_table t;
        uint8_t *bytes;
        tri_error err;
        if (parse(legal[i].header, legal[i].n_data, &t, &bytes, &err) != TRI_OK) fail_msg("%s: %s", legal[i].header, err.text);
        assert_int_equal(t.count, legal[i].tensors);
        tensor_table_drop(&t);
        free(bytes);
    }
    assert_int_equal(mem_live(), live);
}

static void test_what_is_read(void **state)
{
    tensor_table t;
    uint8_t *bytes;
    (void)state;
    assert_ok(
        parse("{\"b\":{\"dtype\":\"F7\",\"shape\":[9],\"data_offsets\":[4,7]},\"a\\n\":{\"dtype\":\"BF16\",\"shape\":[1,2],"
              "\"data_offsets\":[0,4]}}",
              7, &t, &bytes, NULL));
    const weight *a = tensor_table_find(&t, "a\n", 2), *b = tensor_table_find(&t, "b", 1);
    assert_int_equal(a->type, DTYPE_BF16);
    assert_string_equal(a->type_name, "BF16");
    assert_string_equal(a->file, "x.safetensors");
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[1], 2);
    assert_int_equal(*(const uint8_t *)a->data, 0);
    assert_int_equal(b->type, DTYPE_OTHER);
    assert_string_equal(b->type_name, "F7");
    assert_int_equal(b->bytes, 3);
    assert_int_equal(*(const uint8_t *)b->data, 4);
    tensor_table_drop(&t);
    free(bytes);
}

#define ENTRY(dtype, shape, offsets) "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void test_refusals(void **state)
{
    static const struct {
        const char *header;
        size_t n_data;
        const char *words;
    } bad[] = {
        {"[]", 0, "header"},
        {"{", 0, "too few"},
        {"{ ", 0, "header"},
        {"{}{}", 0, "header"},
        {"{\"a\":1}", 0, "\"a\""},
        {"{\"\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "empty name"},
        {"{\"a\\u0000\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "zero byte"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 0, "\"a\""},
        {"{\"a\":{}}", 0, "\"a\""},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "twice"},
        {ENTRY("U8", "[1]", "[0,2]"), 2, "\"a\""},
        {ENTRY("U8", "[1]", "[1,0]"), 1, "\"a\""},
        {ENTRY("U8", "[1]", "[0]"), 1, "pair"},
        {ENTRY("U8", "[1]", "[0,1,2]"), 1, "\"a\""},
        {ENTRY("U8", "[1]", "{\"x\":0}"), 1, "\"a\""},
        {ENTRY("U8", "[-1]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[1.0]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[1e0]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[\"1\"]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[18446744073709551616]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[18446744073709551615,2]", "[0,1]"), 1, "overflows"},
        {ENTRY("F64", "[2305843009213693952]", "[0,0]"), 0, "overflows"},
        {ENTRY("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[1]", "[0,1]"), 2, "2 bytes of data"},
        {ENTRY("U8", "[1]", "[1,2]"), 2, "begins at byte 1"},
        {ENTRY("F4", "[3]", "[0,1]"), 1, "\"a\""},
        {ENTRY("U8", "[1]", "[0,18446744073709551615]"), 1, "cut short"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
         "offsets\":[1,3]}}",
         3, "\"b\""},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[1,2]}}",
         2, "twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[1,2]}}",
         2, "twice"},
    };
    uint64_t live = mem_live();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tensor_table t;
        uint8_t *bytes;
        tri_error err = {0};
        if (parse(bad[i].header, bad[i].n_data, &t, &bytes, &err) == TRI_OK) fail_msg("read: %s", bad[i].header);
        assert_says(&err, bad[i].words);
        tensor_table_drop(&t);
        free(bytes);
    }
    assert_int_equal(mem_live(), live);
}

static void test_every_cut_is_refused(void **state)
{
    static const char header[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"__metadata__\":{\"k\":\"v\"}}";
    size_t len;
    uint8_t *whole = make_file(header, 8, &len);
    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        tensor_table t;
        uint8_t *bytes = malloc(cut ? cut : 1);
        memcpy(bytes, whole, cut);
        tensor_table_init(&t);
        assert_int_not_equal(safetensors_parse(bytes, cut, "x", &t, NULL), TRI_OK);
        tensor_table_drop(&t);
        free(bytes);
    }
    free(whole);
}

/* Many entries in the worst order take time as n log n, and a header of one 32 MB text time as its length. */
static void test_big_headers_take_linear_time(void **state)
{
    enum { TENSORS = 50000 };
    size_t cap = TENSORS * 96 + 16, used = 0, len;
    char *header = malloc(cap);
    tensor_table t;
    tri_error err;
    clock_t start = clock();
    (void)state;
    for (size_t i = TENSORS; i-- > 0;)
        used += (size_t)snprintf(header + used, cap - used,
                                 "%s\"t%zu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}", used ? "," : "{", i,
                                 i, i + 1);
    snprintf(header + used, cap - used, "}");
    uint8_t *bytes = make_file(header, TENSORS, &len);
    tensor_table_init(&t);
    if (safetensors_parse(bytes, len, "x", &t, &err) != TRI_OK) fail_msg("%s", err.text);
    assert_int_equal(t.count, TENSORS);
    tensor_table_drop(&t);
    free(bytes);
    free(header);

    size_t big = 32 << 20;
    header = malloc(big + 64);
    memset(header, '[', big + 63);
    header[big + 63] = 0;
    memcpy(header, "{\"__metadata__\":\"", 17);
    memcpy(header + big, "\"}", 3);
    bytes = make_file(header, 0, &len);
    tensor_table_init(&t);
    if (safetensors_parse(bytes, len, "x", &t, &err) != TRI_OK) fail_msg("%s", err.text);
    tensor_table_drop(&t);
    memcpy(bytes + 8 + 16, "[[", 2); /* now a nesting of 32 million */
    tensor_table_init(&t);
    assert_int_not_equal(safetensors_parse(bytes, len, "x", &t, &err), TRI_OK);
    tensor_table_drop(&t);
    free(bytes);
    free(header);
    print_message("  %.2f s\n", (double)(clock() - start) / CLOCKS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legal_headers),
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_big_headers_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
