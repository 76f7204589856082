/* SPDX-License-Identifier: Apache-2.0 */
/* test_gguf.c — blocks against gguf-py's numbers, bit for bit; what is written is read back; what is wrong is refused by name;
 * every allocation, read and write fails in turn. Golden files: tools/fixtures/make_gguf_golden.py. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/file.h"
#include "formats/base64.h"
#include "formats/gguf.h"
#include "formats/gguf_blocks.h"
#include "formats/gguf_write.h"
#include "formats/torch_write.h"

#define GGUF_GOLDEN TEST_ROOT "/tests/golden/gguf"
#define GGUF_CORPUS TEST_ROOT "/fuzz/corpus/gguf"

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static void test_blocks_equal_gguf_py(void **state)
{
    static const char *const types[] = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"};
    weights *w;
    tri_error err;
    (void)state;
    if (weights_open_file(GGUF_GOLDEN "/blocks.gguf", &w, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const weight *got = weights_find(w, types[i]), *want = weights_find(w, path_of("%s.f32", types[i]));
        assert_non_null(got);
        assert_non_null(want);
        assert_int_equal(got->type, DTYPE_F32);
        assert_int_equal(got->bytes, 512 * 4);
        assert_int_equal(want->bytes, got->bytes);
        if (memcmp(got->data, want->data, got->bytes)) fail_msg("%s differs", types[i]);
    }
    weights_close(w);
}

/* Rounding to q8_0 loses at most half a step of the block's scale, and a step of f16 of that. */
static void test_q8_0_rounds_to_nearest(void **state)
{
    float in[32], back[32];
    uint8_t block[GGUF_Q8_0_BYTES];
    (void)state;
    for (int i = 0; i < 32; i++) in[i] = (float)(i * i % 37 - 18) / 7;
    gguf_q8_0_encode(in, block);
    gguf_blocks_decode(gguf_block_find(GGUF_TENSOR_Q8_0), block, 1, back);
    for (int i = 0; i < 32; i++) assert_true(back[i] - in[i] < 0.0108f && in[i] - back[i] < 0.0108f); /* 18/7 / 127 / 2 + f16 */
    memset(in, 0, sizeof in);
    gguf_q8_0_encode(in, block);
    gguf_blocks_decode(gguf_block_find(GGUF_TENSOR_Q8_0), block, 1, back);
    assert_memory_equal(back, in, sizeof in);
}

static void test_q8_0_of_next_to_nothing_is_zero(void **state)
{
    (void)state;
    float in[GGUF_Q8_0_ITEMS];
    uint8_t block[GGUF_Q8_0_BYTES], zeros[GGUF_Q8_0_BYTES] = {0};
    for (size_t i = 0; i < GGUF_Q8_0_ITEMS; i++) in[i] = i % 2 ? 1e-40f : -1e-40f;
    gguf_q8_0_encode(in, block);
    assert_memory_equal(block, zeros, sizeof block);
}

static void test_keys(void **state)
{
    mapped_file map;
    gguf g;
    tri_text text;
    size_t n;
    float eps;
    bool flag;
    tri_error err;
    (void)state;
    assert_ok(mapped_file_open(GGUF_GOLDEN "/bert.gguf", &map, NULL));
    assert_ok(gguf_read(map.data, map.len, &g, NULL));
    assert_ok(gguf_get_text(&g, "general.architecture", &text, NULL));
    assert_int_equal(text.len, 4);
    assert_ok(gguf_get_size(&g, "bert.embedding_length", 0, 1, 64, &n, NULL));
    assert_int_equal(n, 32);
    assert_ok(gguf_get_size(&g, "none", 7, 1, 2, &n, NULL)); /* a fallback need not be within */
    assert_int_equal(n, 7);
    assert_int_equal(gguf_get_size(&g, "bert.embedding_length", 0, 1, 31, &n, &err), TRI_ERR_FORMAT);
    assert_says(&err, "bert.embedding_length");
    assert_int_equal(gguf_get_size(&g, "general.architecture", 0, 1, 31, &n, &err), TRI_ERR_FORMAT);
    assert_ok(gguf_get_f32(&g, "bert.attention.layer_norm_epsilon", 0, &eps, NULL));
    assert_true(eps == 1e-12f);
    assert_ok(gguf_get_bool(&g, "bert.attention.causal", true, &flag, NULL));
    assert_false(flag);
    assert_int_equal(gguf_get_bool(&g, "general.architecture", true, &flag, &err), TRI_ERR_FORMAT);
    assert_int_equal(gguf_get_f32(&g, "general.architecture", 0, &eps, &err), TRI_ERR_FORMAT);
    assert_int_equal(gguf_get_text(&g, "bert.embedding_length", &text, &err), TRI_ERR_FORMAT);
    const gguf_value *tokens = gguf_find_array(&g, "tokenizer.ggml.tokens", GGUF_STRING);
    assert_int_equal(tokens->n, 12);
    assert_null(gguf_find_array(&g, "tokenizer.ggml.tokens", GGUF_U32));
    const gguf_tensor *t = gguf_find_tensor(&g, "position_embd.weight");
    assert_int_equal(t->shape[0], 16);
    assert_int_equal(t->shape[1], 32);
    assert_null(gguf_find_tensor(&g, "none"));
    gguf_drop(&g);
    mapped_file_close(&map);
}

static void test_damage_is_named(void **state)
{
    static const struct {
        const char *file, *words;
        tri_status status;
    } cases[] = {
        {"big-endian", "big-endian", TRI_ERR_UNSUPPORTED},
        {"keys-claimed", "keys", TRI_ERR_LIMIT},
        {"array-long", "past the end", TRI_ERR_FORMAT},
        {"array-nested", "array of arrays", TRI_ERR_UNSUPPORTED},
        {"string-long", "past the end", TRI_ERR_FORMAT},
        {"key-twice", "general.architecture", TRI_ERR_FORMAT},
        {"shape-overflow", "overflows", TRI_ERR_FORMAT},
        {"overlap", "overlaps", TRI_ERR_FORMAT},
        {"row-no-multiple", "no multiple", TRI_ERR_FORMAT},
        {"type-unknown", "type 99", TRI_ERR_UNSUPPORTED},
        {"past-the-end", "only", TRI_ERR_FORMAT},
        {"version-2", NULL, TRI_OK},
        {"good-q6", NULL, TRI_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weights *w = NULL;
        tri_error err = {0};
        tri_status st = weights_open_file(path_of("%s/%s", GGUF_CORPUS, cases[i].file), &w, &err);
        if (st != cases[i].status) fail_msg("%s: %s %s", cases[i].file, tri_status_name(st), err.text);
        if (cases[i].words) assert_says(&err, cases[i].words);
        if (cases[i].words) assert_says(&err, cases[i].file);
        weights_close(w);
    }
}

/* A file cut anywhere in its front is refused, and nothing past it is read (under a sanitizer that would show). */
static void test_every_cut(void **state)
{
    mapped_file map;
    (void)state;
    assert_ok(mapped_file_open(GGUF_GOLDEN "/xlmr.gguf", &map, NULL));
    for (size_t len = 0; len < map.len; len += len < 2000 ? 1 : 257) {
        gguf g;
        tensor_table t;
        tri_error err;
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, map.data, len);
        tensor_table_init(&t);
        tri_status st = gguf_read(copy, len, &g, &err);
        if (!st) st = gguf_add_tensors(&g, "cut", &t, &err);
        assert_int_not_equal(st, TRI_OK);
        tensor_table_drop(&t);
        gguf_drop(&g);
        free(copy);
    }
    mapped_file_close(&map);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static tri_status write_small(const char *path, tri_error *err)
{
    static const float a[40] = {1, 2, 3, 4, 5, 6, 7};
    gguf_writer *w;
    tri_status st = gguf_write_open(path, &w, err);
    if (st) return st;
    st = gguf_write_text(w, "general.architecture", "small", 5, err);
    if (!st) st = gguf_write_u32(w, "n", 5, err);
    if (!st) st = gguf_write_f32(w, "f", 0.5f, err);
    if (!st) st = gguf_write_bool(w, "b", true, err);
    if (!st) st = gguf_write_array(w, "words", GGUF_STRING, 2, err);
    if (!st) st = gguf_write_item_text(w, "one", 3, err);
    if (!st) st = gguf_write_item_text(w, "", 0, err);
    if (!st) st = gguf_write_declare(w, "a", GGUF_TENSOR_F32, 2, (uint64_t[]){3, 5}, err);
    if (!st) st = gguf_write_declare(w, "none", GGUF_TENSOR_F32, 2, (uint64_t[]){0, 5}, err);
    if (!st) st = gguf_write_declare(w, "b", GGUF_TENSOR_F32, 1, (uint64_t[]){7}, err);
    if (!st) st = gguf_write_begin(w, err);
    if (!st) st = gguf_write_data(w, a, 6, err);
    if (!st) st = gguf_write_data(w, (const char *)a + 6, 15 * sizeof *a - 6, err);
    if (!st) st = gguf_write_data(w, a, 7 * sizeof *a, err);
    if (!st) return gguf_write_commit(w, err);
    gguf_write_discard(w);
    return st;
}

static void test_written_is_read_back(void **state)
{
    const char *path = scratch_path("small.gguf");
    weights *w;
    tri_error err;
    (void)state;
    assert_ok(write_small(path, NULL));
    if (weights_open_file(path, &w, &err)) fail_msg("%s", err.text);
    assert_int_equal(weights_count(w), 3);
    const weight *a = weights_find(w, "a"), *b = weights_find(w, "b");
    assert_int_equal(a->shape[0] * 10 + a->shape[1], 35);
    float value;
    memcpy(&value, (const char *)a->data + 6 * sizeof value, sizeof value);
    assert_true(value == 7);
    memcpy(&value, (const char *)b->data + 2 * sizeof value, sizeof value);
    assert_true(value == 3);
    weights_close(w);
}

static void test_wrong_writing_is_refused(void **state)
{
    const char *path = scratch_path("wrong.gguf");
    gguf_writer *w;
    tri_error err;
    (void)state;
    assert_ok(gguf_write_open(path, &w, NULL));
    assert_int_equal(gguf_write_declare(w, "a", GGUF_TENSOR_Q8_0, 2, (uint64_t[]){2, 33}, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(gguf_write_declare(w, "a", 99, 1, (uint64_t[]){2}, &err), TRI_ERR_ARGUMENT);
    assert_int_equal(gguf_write_declare(w, "a", GGUF_TENSOR_F32, 2, (uint64_t[]){1ull << 40, 1ull << 40}, &err),
                     TRI_ERR_ARGUMENT);
    assert_ok(gguf_write_declare(w, "a", GGUF_TENSOR_F32, 1, (uint64_t[]){2}, NULL));
    assert_int_equal(gguf_write_data(w, "1234", 4, &err), TRI_ERR_STATE);
    assert_ok(gguf_write_begin(w, NULL));
    assert_ok(gguf_write_data(w, "1234", 4, NULL));
    assert_int_equal(gguf_write_data(w, "123456789", 9, &err), TRI_ERR_STATE);
    assert_int_equal(gguf_write_commit(w, &err), TRI_ERR_STATE);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- heads as torch writes them -------------------------------------------------------------------------------------- */

static void test_torch_file_is_read_back(void **state)
{
    static const float matrix[6] = {1, -2, 3, 4, 5, 6};
    static const uint16_t bias[2] = {0x3C00, 0xC000};
    const weight a = {.name = "weight", .type = DTYPE_F32, .rank = 2, .shape = {2, 3}, .data = matrix, .bytes = sizeof matrix};
    const weight b = {.name = "bias", .type = DTYPE_F16, .rank = 1, .shape = {2}, .data = bias, .bytes = sizeof bias};
    const weight bad = {.name = "n", .type = DTYPE_I32, .rank = 1, .shape = {2}, .data = matrix, .bytes = 8};
    const weight *both[] = {&a, &b}, *none[] = {&bad};
    const char *path = scratch_path("head.pt");
    weights *w;
    tri_error err;
    (void)state;
    assert_ok(torch_write(path, both, 2, NULL));
    if (weights_open_file(path, &w, &err)) fail_msg("%s", err.text);
    const weight *x = weights_find(w, "weight"), *y = weights_find(w, "bias");
    assert_int_equal(x->shape[0] * 10 + x->shape[1], 23);
    assert_memory_equal(x->data, matrix, sizeof matrix);
    assert_int_equal(y->type, DTYPE_F16);
    assert_memory_equal(y->data, bias, sizeof bias);
    weights_close(w);
    assert_int_equal(torch_write(scratch_path("bad.pt"), none, 1, &err), TRI_ERR_ARGUMENT);
}

static void test_base64_both_ways(void **state)
{
    (void)state;
    for (size_t len = 0; len < 9; len++) {
        static const uint8_t bytes[9] = {0, 255, 16, 127, 128, 3, 254, 64, 63};
        uint8_t back[16];
        size_t n;
        buf text;
        buf_init(&text, 0);
        assert_ok(base64_encode(bytes, len, &text));
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_ok(base64_decode(text.data ? (const char *)text.data : "", text.len, "test", back, &n, NULL));
        assert_int_equal(n, len);
        assert_memory_equal(back, bytes, len);
        buf_drop(&text);
    }
}

/* ---- faults ---------------------------------------------------------------------------------------------------------- */

static tri_status read_blocks(tri_error *err)
{
    weights *w;
    tri_status st = weights_open_file(GGUF_GOLDEN "/blocks.gguf", &w, err);
    weights_close(w);
    return st;
}

static tri_status write_file(tri_error *err)
{
    return write_small(scratch_path("fault.gguf"), err);
}

static tri_status write_torch(tri_error *err)
{
    static const float bias[2] = {1, 2};
    const weight b = {.name = "bias", .type = DTYPE_F32, .rank = 1, .shape = {2}, .data = bias, .bytes = sizeof bias};
    const weight *one[] = {&b};
    return torch_write(scratch_path("fault.pt"), one, 1, err);
}

static void fail_each(tri_status (*run)(tri_error *), fault_kind kind, const char *left)
{
    uint64_t live = mem_live();
    for (uint64_t n = 1;; n++) {
        tri_error err = {0};
        assert_true(n < 10000);
        if (left) unlink(left);
        fault_arm(kind, n, false);
        tri_status st = run(&err);
        bool past = fault_seen(kind) < n;
        fault_arm(kind, 0, false);
        assert_int_equal(mem_live(), live);
        if (past) {
            assert_int_equal(st, TRI_OK);
            assert_true(n > 1);
            return;
        }
        if (!st && kind == FAULT_WRITE && access(left, F_OK) == 0) continue; /* the folder's sync, after the rename */
        if (!st) fail_msg("failure %llu of kind %d went unseen", (unsigned long long)n, kind);
        assert_true(err.text[0] != 0);
        if (kind == FAULT_ALLOC) assert_int_equal(st, TRI_ERR_MEMORY);
        if (left) assert_int_not_equal(access(left, F_OK), 0);
    }
}

static void test_each_failure_is_clean(void **state)
{
    (void)state;
    fail_each(read_blocks, FAULT_ALLOC, NULL);
    fail_each(read_blocks, FAULT_READ, NULL);
    fail_each(write_file, FAULT_ALLOC, scratch_path("fault.gguf"));
    fail_each(write_file, FAULT_WRITE, scratch_path("fault.gguf"));
    fail_each(write_torch, FAULT_ALLOC, scratch_path("fault.pt"));
    fail_each(write_torch, FAULT_WRITE, scratch_path("fault.pt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_equal_gguf_py),
        cmocka_unit_test(test_q8_0_rounds_to_nearest),
        cmocka_unit_test(test_q8_0_of_next_to_nothing_is_zero),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_written_is_read_back),
        cmocka_unit_test(test_wrong_writing_is_refused),
        cmocka_unit_test(test_torch_file_is_read_back),
        cmocka_unit_test(test_base64_both_ways),
        cmocka_unit_test(test_each_failure_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, scratch_remove);
}
