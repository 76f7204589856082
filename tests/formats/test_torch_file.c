/* SPDX-License-Identifier: Apache-2.0 */
/* test_torch_file.c — archives by hand: views, strides, shared storages, and every way a tensor can lie about itself. */
#include "fixture.h"

#include "base/alloc.h"
#include "formats/torch_file.h"
#include "zip_build.h"

/* A pickle put together from pieces. */
typedef struct program {
    uint8_t bytes[4096];
    size_t len;
} program;

static void put(program *p, const void *bytes, size_t len)
{
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

static void put_text(program *p, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    put(p, "X", 1);
    put(p, &len, 4);
    put(p, text, len);
}

static void put_int(program *p, int64_t value)
{
    put(p, "\x8A\x08", 2);
    put(p, &value, 8);
}

static void put_tuple(program *p, int n, const int64_t *values)
{
    put(p, "(", 1);
    for (int i = 0; i < n; i++) put_int(p, values[i]);
    put(p, "t", 1);
}

typedef struct sample {
    const char *name, *storage, *key;
    int64_t elements, offset;
    int rank, strides;
    int64_t size[10], stride[10];
} sample;

static void put_tensor(program *p, const sample *t, bool parameter)
{
    put_text(p, t->name);
    if (parameter) put(p, "ctorch._utils\n_rebuild_parameter\n(", 34);
    put(p, "ctorch._utils\n_rebuild_tensor_v2\n((", 35);
    put_text(p, "storage");
    put(p, "ctorch\n", 7);
    put(p, t->storage, strlen(t->storage));
    put(p, "\n", 1);
    put_text(p, t->key);
    put_text(p, "cpu");
    put_int(p, t->elements);
    put(p, "tQ", 2);
    put_int(p, t->offset);
    put_tuple(p, t->rank, t->size);
    put_tuple(p, t->strides, t->stride);
    put(p,
        "\x89"
        "ccollections\nOrderedDict\n)RtR",
        30);
    if (parameter)
        put(p,
            "\x88"
            "ccollections\nOrderedDict\n)RtR",
            30);
    put(p, "s", 1);
}

static zip_build built;
static const float storage0[6] = {0, 1, 2, 3, 4, 5};

/* An archive of one pickle and the storage "0". */
static void pack(const program *p)
{
    memset(&built, 0, sizeof built);
    zip_build_add(&built, "m/data.pkl", p->bytes, p->len);
    zip_build_add(&built, "m/byteorder", "little", 6);
    built.local_extra = 5;
    zip_build_add(&built, "m/data/0", storage0, sizeof storage0);
    zip_build_end(&built, "");
}

static void pack_tensor(const sample *t, bool parameter)
{
    program p = {.len = 0};
    put(&p, "\x80\2}", 3);
    put_tensor(&p, t, parameter);
    put(&p, ".", 1);
    pack(&p);
}

static tri_status parse(tensor_table *t, tri_error *err)
{
    tensor_table_init(t);
    return torch_file_parse(built.bytes, built.len, "x.pt", t, err);
}

static void check_values(const tensor_table *t, const char *name, size_t n, const float *want)
{
    const weight *w = tensor_table_find(t, name, strlen(name));
    assert_non_null(w);
    assert_int_equal(w->bytes, 4 * n);
    assert_int_equal(w->type, DTYPE_F32);
    assert_memory_equal(w->data, want, 4 * n);
}

static bool in_archive(const tensor_table *t, const char *name)
{
    const uint8_t *data = tensor_table_find(t, name, strlen(name))->data;
    return data >= built.bytes && data < built.bytes + built.len;
}

static void test_views_and_copies(void **state)
{
    static const struct {
        sample t;
        size_t n;
        float want[6];
        bool view;
    } cases[] = {
        {{"a", "FloatStorage", "0", 6, 0, 2, 2, {2, 3}, {3, 1}}, 6, {0, 1, 2, 3, 4, 5}, true},
        {{"a", "FloatStorage", "0", 6, 0, 2, 2, {3, 2}, {1, 3}}, 6, {0, 3, 1, 4, 2, 5}, false},
        {{"a", "FloatStorage", "0", 6, 4, 1, 1, {2}, {1}}, 2, {4, 5}, true},
        {{"a", "FloatStorage", "0", 6, 1, 1, 1, {3}, {2}}, 3, {1, 3, 5}, false},
        {{"a", "FloatStorage", "0", 6, 5, 0, 0, {0}, {0}}, 1, {5}, true},
        {{"a", "FloatStorage", "0", 6, 3, 2, 2, {1, 3}, {99, 1}}, 3, {3, 4, 5}, true}, /* the stride of one row means nothing */
        {{"a", "FloatStorage", "0", 6, 0, 2, 2, {0, 3}, {3, 1}}, 0, {0}, true},
        {{"a", "FloatStorage", "0", 6, 0, 3, 3, {2, 1, 2}, {1, 7, 2}}, 4, {0, 2, 1, 3}, false},
    };
    uint64_t live = mem_live();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int parameter = 0; parameter < 2; parameter++) {
            tensor_table t;
            tri_error err;
            pack_tensor(&cases[i].t, parameter);
            if (parse(&t, &err) != TRI_OK) fail_msg("case %zu: %s", i, err.text);
            check_values(&t, "a", cases[i].n, cases[i].want);
            assert_int_equal(in_archive(&t, "a"), cases[i].view);
            tensor_table_drop(&t);
        }
    }
    assert_int_equal(mem_live(), live);
}

static void test_lies(void **state)
{
    static const int64_t huge = INT64_C(1) << 62;
    const struct {
        sample t;
        const char *words;
    } cases[] = {
        {{"a", "FloatStorage", "0", 7, 0, 1, 1, {1}, {1}}, "7 elements"},
        {{"a", "FloatStorage", "0", 5, 0, 1, 1, {1}, {1}}, "5 elements"},
        {{"a", "FloatStorage", "0", huge, 0, 1, 1, {1}, {1}}, "\"a\""}, /* x 4 bytes = 2^64 */
        {{"a", "FloatStorage", "0", -6, 0, 1, 1, {1}, {1}}, "\"a\""},
        {{"a", "HalfStorage", "0", 6, 0, 1, 1, {1}, {1}}, "elements of 2 bytes"},
        {{"a", "float32", "0", 6, 0, 1, 1, {1}, {1}}, "\"a\""}, /* a dtype is no storage */
        {{"a", "FloatStorage", "1", 6, 0, 1, 1, {1}, {1}}, "m/data/1"},
        {{"a", "FloatStorage", "../byteorder", 6, 0, 1, 1, {1}, {1}}, "m/data/../byteorder"},
        {{"a", "FloatStorage", "0", 6, -1, 1, 1, {1}, {1}}, "-1"},
        {{"a", "FloatStorage", "0", 6, 6, 0, 0, {0}, {0}}, "outside"},
        {{"a", "FloatStorage", "0", 6, 7, 1, 1, {0}, {1}}, "outside"},
        {{"a", "FloatStorage", "0", 6, 0, 1, 1, {7}, {1}}, "outside"},
        {{"a", "FloatStorage", "0", 6, 1, 1, 1, {6}, {1}}, "outside"},
        {{"a", "FloatStorage", "0", 6, 0, 1, 1, {-1}, {1}}, "size"},
        {{"a", "FloatStorage", "0", 6, 0, 1, 1, {2}, {-1}}, "stride"},
        {{"a", "FloatStorage", "0", 6, 0, 1, 1, {2}, {huge}}, "outside"},
        {{"a", "FloatStorage", "0", 6, 0, 2, 2, {huge, 8}, {0, 0}}, "outside"}, /* the product overflows */
        {{"a", "FloatStorage", "0", 6, 0, 1, 1, {huge}, {8}}, "outside"},       /* so does the reach */
        {{"a", "FloatStorage", "0", 6, 0, 1, 1, {7}, {0}}, "repeats"},
        {{"a", "FloatStorage", "0", 6, 0, 2, 1, {1, 1}, {1}}, "2 sizes but 1 strides"},
        {{"a", "FloatStorage", "0", 6, 0, 9, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0}}, "size"},
        {{"", "FloatStorage", "0", 6, 0, 1, 1, {1}, {1}}, "empty name"},
    };
    uint64_t live = mem_live();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tensor_table t;
        tri_error err = {0};
        pack_tensor(&cases[i].t, false);
        if (parse(&t, &err) == TRI_OK) fail_msg("case %zu was read", i);
        assert_says(&err, cases[i].words);
        tensor_table_drop(&t);
    }
    assert_int_equal(mem_live(), live);
}

static void test_shared_storage_and_nesting(void **state)
{
    static const sample first = {"first", "FloatStorage", "0", 6, 0, 1, 1, {6}, {1}},
                        tied = {"tied", "FloatStorage", "0", 6, 0, 2, 2, {2, 3}, {3, 1}};
    static const char *const wraps[] = {NULL, "state_dict", "model"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        program p = {.len = 0};
        tensor_table t;
        tri_error err;
        put(&p, "\x80\2", 2);
        if (wraps[i]) {
            put(&p, "}", 1);
            put_text(&p, "epoch");
            put(&p, "K\3s", 3);
            put_text(&p, wraps[i]);
        }
        put(&p, "ccollections\nOrderedDict\n)R", 27);
        put_tensor(&p, &first, false);
        put_tensor(&p, &tied, true);
        put_text(&p, "epoch");
        put(&p, "K\3s", 3);
        put(&p, "}", 1); /* the state: {'_metadata': {}} */
        put_text(&p, "_metadata");
        put(&p, "}sb", 3);
        put(&p, wraps[i] ? "s." : ".", wraps[i] ? 2 : 1);
        pack(&p);
        if (parse(&t, &err) != TRI_OK) fail_msg("%s", err.text);
        assert_int_equal(t.count, 2);
        check_values(&t, "first", 6, storage0);
        check_values(&t, "tied", 6, storage0);
        assert_ptr_equal(tensor_table_find(&t, "first", 5)->data, tensor_table_find(&t, "tied", 4)->data);
        tensor_table_drop(&t);
    }
}

static void expect_refusal(const char *pickled, size_t len, const char *words)
{
    program p = {.len = 0};
    tensor_table t;
    tri_error err = {0};
    put(&p, pickled, len);
    pack(&p);
    if (parse(&t, &err) == TRI_OK) fail_msg("read, but expected: %s", words);
    assert_says(&err, words);
    tensor_table_drop(&t);
}

static void test_what_is_no_state_dict(void **state)
{
    static const sample t = {"a", "FloatStorage", "0", 6, 0, 1, 1, {1}, {1}};
    program p = {.len = 0};
    tensor_table table;
    tri_error err;
    (void)state;
    expect_refusal("}.", 2, "no tensors");
    expect_refusal("K\1.", 3, "not a state dict");
    expect_refusal("}X\1\0\0\0aK\1s.", 11, "no tensors");
    expect_refusal("}X\1\0\0\0ah\0s.", 11, "memo");
    expect_refusal("}q\0X\1\0\0\0ah\0s.", 13, "no tensors"); /* a dict inside itself */
    expect_refusal("}q\0X\5\0\0\0modelh\0s.", 17, "no tensors");
    expect_refusal("}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n)Rs.", 44, "0 arguments");
    expect_refusal("}X\1\0\0\0actorch._utils\n_rebuild_parameter\n)Rs.", 44, "no tensors");

    put(&p, "}", 1);
    put_tensor(&p, &t, false);
    put_tensor(&p, &t, false);
    put(&p, ".", 1);
    pack(&p);
    assert_int_equal(parse(&table, &err), TRI_ERR_FORMAT);
    assert_says(&err, "\"a\" is there twice");
    tensor_table_drop(&table);
}

static void expect_archive_refusal(const char *words)
{
    tensor_table t;
    tri_error err = {0};
    zip_build_end(&built, "");
    assert_int_not_equal(parse(&t, &err), TRI_OK);
    assert_says(&err, words);
    tensor_table_drop(&t);
    memset(&built, 0, sizeof built);
}

static void test_archives_of_other_kinds(void **state)
{
    (void)state;
    memset(&built, 0, sizeof built);
    zip_build_add(&built, "m/data.pkl", "}.", 2);
    zip_build_add(&built, "m/constants.pkl", ").", 2);
    expect_archive_refusal("TorchScript");
    zip_build_add(&built, "m/data.pkl", "}.", 2);
    zip_build_add(&built, "n/data.pkl", "}.", 2);
    expect_archive_refusal("two members");
    zip_build_add(&built, "data.pkl", "}.", 2);
    expect_archive_refusal("data.pkl");
    zip_build_add(&built, "word/document.xml", "<x/>", 4);
    expect_archive_refusal("data.pkl");
    zip_build_add(&built, "m/data.pkl", "}.", 2);
    zip_build_add(&built, "m/byteorder", "big", 3);
    expect_archive_refusal("byteorder");
}

/* Copies of strided tensors may not take more memory than the file has bytes. */
static void test_copies_are_bounded(void **state)
{
    program p = {.len = 0};
    tensor_table t;
    tri_error err;
    (void)state;
    put(&p, "}q\0", 3);
    put_tensor(&p, &(sample){"a0", "FloatStorage", "0", 6, 0, 2, 2, {3, 2}, {1, 3}}, false);
    /* the same call again and again, 11 bytes a name through the memo */
    p.len -= 1;
    put(&p, "q\1s", 3);
    for (int i = 1; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        put_text(&p, name);
        put(&p, "h\1s", 3);
    }
    put(&p, ".", 1);
    pack(&p);
    assert_int_equal(parse(&t, &err), TRI_ERR_LIMIT);
    assert_says(&err, "copies");
    tensor_table_drop(&t);
}

static void test_every_changed_byte_is_survived(void **state)
{
    static const sample sample_a = {"a", "FloatStorage", "0", 6, 0, 2, 2, {3, 2}, {1, 3}};
    static const uint8_t changes[] = {0x01, 0x10, 0x80, 0xFF};
    uint64_t live = mem_live();
    (void)state;
    pack_tensor(&sample_a, true);
    for (size_t i = 0; i < built.len * sizeof changes; i++) {
        tensor_table t;
        uint8_t *copy = malloc(built.len);
        memcpy(copy, built.bytes, built.len);
        copy[i / sizeof changes] ^= changes[i % sizeof changes];
        tensor_table_init(&t);
        torch_file_parse(copy, built.len, "x.pt", &t, NULL);
        for (size_t k = 0; k < t.count; k++) {
            size_t sum = 0;
            for (size_t b = 0; b < t.items[k].bytes; b++) sum += ((const uint8_t *)t.items[k].data)[b];
            assert_true(sum < SIZE_MAX);
        }
        tensor_table_drop(&t);
        free(copy);
    }
    assert_int_equal(mem_live(), live);
}

/* The golden legacy file, cut at every length and changed at every byte of its pickles. */
static void test_legacy_cuts_and_changes(void **state)
{
    enum { PICKLES_END = 3249 }; /* the data follow; their bytes mean nothing to the parser */
    static uint8_t whole[32 << 10];
    (void)state;
    FILE *f = fopen(GOLDEN "/bin-legacy/pytorch_model.bin", "rb");
    assert_non_null(f);
    size_t len = fread(whole, 1, sizeof whole, f);
    fclose(f);
    uint64_t live = mem_live();
    for (size_t cut = 15; cut < len; cut += cut < PICKLES_END ? 1 : 97) {
        tensor_table t;
        uint8_t *copy = malloc(cut);
        memcpy(copy, whole, cut);
        tensor_table_init(&t);
        assert_int_not_equal(torch_file_parse(copy, cut, "x.bin", &t, NULL), TRI_OK);
        tensor_table_drop(&t);
        free(copy);
    }
    for (size_t i = 15; i < PICKLES_END + 8; i++) {
        tensor_table t;
        tensor_table_init(&t);
        whole[i] ^= 0x11;
        torch_file_parse(whole, len, "x.bin", &t, NULL);
        whole[i] ^= 0x11;
        tensor_table_drop(&t);
    }
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_and_copies),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_shared_storage_and_nesting),
        cmocka_unit_test(test_what_is_no_state_dict),
        cmocka_unit_test(test_archives_of_other_kinds),
        cmocka_unit_test(test_copies_are_bounded),
        cmocka_unit_test(test_every_changed_byte_is_survived),
        cmocka_unit_test(test_legacy_cuts_and_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
