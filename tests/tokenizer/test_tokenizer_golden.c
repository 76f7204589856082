/* SPDX-License-Identifier: Apache-2.0 */
/* test_tokenizer_golden.c — every id equal to HF tokenizers 0.22.2.
 *
 * The small sets are in tests/golden/tokenizer. The full ones run where $TRI_SHARED (default: ../shared) has them; those of
 * XLM-R's whole vocabulary also need $TRI_MODELS/small-m3/tokenizer.json (default: ~/.cache/trident/models), and are skipped
 * without. small-m3's file has the e5 shape; BGE-M3's is made of it. */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "formats/json.h"
#include "formats/json_stream.h"
#include "tokenizer/tokenizer.h"

typedef struct golden_case {
    const char *text, *pair;
    size_t text_len, pair_len;
    encode_options options;
    const json_t *ids, *type_ids;
    int refused;
} golden_case;

static golden_case read_case(const json_t *line)
{
    const json_t *text = json_object_get(line, "text"), *pair = json_object_get(line, "pair");
    const char *strategy = json_string_value(json_object_get(line, "strategy"));
    golden_case c = {.text = json_string_value(text), .text_len = json_string_length(text)};
    c.pair = json_string_value(pair);
    c.pair_len = json_string_length(pair);
    c.options.max_length = (size_t)json_integer_value(json_object_get(line, "max_length"));
    c.options.strategy = strategy && !strcmp(strategy, "only_second") ? TRUNCATE_ONLY_SECOND : TRUNCATE_LONGEST_FIRST;
    c.options.no_specials = json_is_true(json_object_get(line, "no_specials"));
    c.ids = json_object_get(line, "ids");
    c.type_ids = json_object_get(line, "type_ids");
    c.refused = json_object_get(line, "error") != NULL;
    return c;
}

static int equals(const encoding *e, const golden_case *c)
{
    if (e->n != json_array_size(c->ids)) return 0;
    for (size_t i = 0; i < e->n; i++) {
        if (e->ids[i] != (uint32_t)json_integer_value(json_array_get(c->ids, i))) return 0;
        json_int_t type_id = c->type_ids ? json_integer_value(json_array_get(c->type_ids, i)) : 0;
        /* the older sets give type ids with pairs only */
        if ((c->type_ids || !c->pair) && e->type_ids[i] != type_id) return 0;
    }
    return 1;
}

static void run_line(const tokenizer *t, tokenizer_scratch *s, const char *line, size_t len, const char *where)
{
    json_t *json = NULL;
    tri_error err;
    encoding e;
    assert_int_equal(json_text_load(line, len, where, &json, NULL), TRI_OK);
    golden_case c = read_case(json);
    tri_text text = {c.text, c.text_len}, pair = {c.pair, c.pair_len};
    tri_status st = tokenizer_encode(t, s, text, c.pair ? &pair : NULL, &c.options, &e, &err);
    if (c.refused ? st != TRI_ERR_ARGUMENT : st != TRI_OK || !equals(&e, &c)) fail_msg("%s: %.*s", where, (int)len, line);
    json_decref(json);
}

static void run_set(const char *model, int rules, const char *set)
{
    tokenizer *t;
    tokenizer_scratch *s;
    tri_error err;
    buf lines;
    buf_init(&lines, 0);
    if (tokenizer_open(model, rules, &t, &err)) fail_msg("%s", err.text);
    assert_int_equal(tokenizer_scratch_new(&s, &err), TRI_OK);
    assert_int_equal(file_read_all(set, SIZE_MAX, &lines, &err), TRI_OK);
    size_t number = 0;
    for (size_t at = 0; at < lines.len;) {
        const uint8_t *end = memchr(lines.data + at, '\n', lines.len - at);
        size_t len = end ? (size_t)(end - lines.data) - at : lines.len - at;
        char where[PATH_MAX];
        snprintf(where, sizeof where, "%s:%zu", set, ++number);
        run_line(t, s, (const char *)lines.data + at, len, where);
        at += len + 1;
    }
    assert_true(number > 100);
    buf_drop(&lines);
    tokenizer_scratch_free(s);
    tokenizer_close(t);
}

static void run_small(const char *model, int rules, const char *set)
{
    char model_path[PATH_MAX], set_path[PATH_MAX];
    snprintf(model_path, sizeof model_path, TEST_ROOT "/tests/golden/tokenizer/%s", model);
    snprintf(set_path, sizeof set_path, TEST_ROOT "/tests/golden/tokenizer/%s.jsonl", set);
    run_set(model_path, rules, set_path);
}

static void run_full(const char *model, int rules, const char *set)
{
    const char *shared = getenv("TRI_SHARED");
    char set_path[PATH_MAX];
    snprintf(set_path, sizeof set_path, "%s/golden/tokenizer/%s.jsonl", shared ? shared : TEST_ROOT "/../shared", set);
    if (!file_exists(set_path) || !file_exists(model)) {
        print_message("%s needs %s and %s\n", set, set_path, model);
        skip();
    }
    run_set(model, rules, set_path);
}

static void small_xlmr_file(void **state)
{
    (void)state;
    run_small("xlmr", TOKENIZER_RULES_FILE, "xlmr.file");
}

static void small_xlmr_hf5(void **state)
{
    (void)state;
    run_small("xlmr", TOKENIZER_RULES_HF5, "xlmr.hf5");
}

static void small_xlmr_spm(void **state)
{
    (void)state;
    run_small("xlmr-spm", TOKENIZER_RULES_FILE, "xlmr-spm.file");
    run_small("xlmr-spm", TOKENIZER_RULES_HF5, "xlmr.hf5");
}

static void small_bert(void **state)
{
    (void)state;
    run_small("bert", TOKENIZER_RULES_FILE, "bert.file");
    run_small("bert", TOKENIZER_RULES_HF5, "bert.file");
}

static void small_bert_vocab(void **state)
{
    (void)state;
    run_small("bert-vocab", TOKENIZER_RULES_FILE, "bert.file");
}

static void small_byte_bpe(void **state)
{
    (void)state;
    run_small("byte-bpe", TOKENIZER_RULES_FILE, "byte-bpe.file");
}

static void full_bert(void **state)
{
    (void)state;
    const char *shared = getenv("TRI_SHARED");
    char model[PATH_MAX];
    snprintf(model, sizeof model, "%s/golden/tokenizer/bert-uncased.tokenizer.json", shared ? shared : TEST_ROOT "/../shared");
    run_full(model, TOKENIZER_RULES_FILE, "bert-uncased");
}

static void full_byte_bpe(void **state)
{
    (void)state;
    const char *shared = getenv("TRI_SHARED");
    char model[PATH_MAX];
    snprintf(model, sizeof model, "%s/golden/tokenizer/byte-bpe.tokenizer.json", shared ? shared : TEST_ROOT "/../shared");
    run_full(model, TOKENIZER_RULES_FILE, "byte-bpe");
}

static const char *small_m3(char path[PATH_MAX])
{
    const char *models = getenv("TRI_MODELS"), *home = getenv("HOME");
    if (models)
        snprintf(path, PATH_MAX, "%s/small-m3/tokenizer.json", models);
    else
        snprintf(path, PATH_MAX, "%s/.cache/trident/models/small-m3/tokenizer.json", home ? home : "");
    return path;
}

static void full_xlmr_e5(void **state)
{
    (void)state;
    char path[PATH_MAX];
    run_full(small_m3(path), TOKENIZER_RULES_HF5, "xlmr-e5");
}

/* Copies the file with one more normalizer step and another pre-tokenizer: BGE-M3's shape of the same vocabulary. */
static void write_bge_m3_shape(const char *from, const char *to)
{
    static const char replace[] = ",{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]}";
    static const char metaspace[] = "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"always\"}";
    static const char sequence[] = "{\"type\":\"Sequence\",\"normalizers\":[";
    buf in, out;
    json_stream s;
    json_event event;
    out_file *f;
    size_t done = 0;
    buf_init(&in, 0);
    buf_init(&out, 0);
    assert_int_equal(file_read_all(from, SIZE_MAX, &in, NULL), TRI_OK);
    json_stream_init(&s, in.data, in.len, from);
    assert_int_equal(json_stream_next(&s, &event, NULL), TRI_OK);
    while (!json_stream_next(&s, &event, NULL) && event == JSON_EVENT_KEY) {
        const char *slice;
        size_t len;
        int normalizer = s.len == 10 && !memcmp(s.text, "normalizer", 10);
        int pre_tokenizer = s.len == 13 && !memcmp(s.text, "pre_tokenizer", 13);
        assert_int_equal(json_stream_slice(&s, &slice, &len, NULL), TRI_OK);
        if (!normalizer && !pre_tokenizer) continue;
        size_t at = (size_t)(slice - (const char *)in.data);
        buf_append(&out, in.data + done, at - done);
        buf_str(&out, normalizer ? sequence : metaspace);
        if (normalizer) buf_append(&out, slice, len);
        if (normalizer) buf_str(&out, replace);
        done = at + len;
    }
    buf_append(&out, in.data + done, in.len - done);
    assert_int_equal(out_file_open(to, &f, NULL), TRI_OK);
    assert_int_equal(out_file_write(f, out.data, out.len, NULL), TRI_OK);
    assert_int_equal(out_file_commit(f, NULL), TRI_OK);
    json_stream_drop(&s);
    buf_drop(&in);
    buf_drop(&out);
}

static void full_xlmr_bge_m3(void **state)
{
    (void)state;
    char path[PATH_MAX];
    static const char copy[] = TEST_BUILD "/bge-m3.tokenizer.json";
    tokenizer *t;
    tokenizer_info info;
    if (!file_exists(small_m3(path))) skip();
    write_bge_m3_shape(path, copy);
    assert_int_equal(tokenizer_open(copy, TOKENIZER_RULES_FILE, &t, NULL), TRI_OK);
    tokenizer_info_get(t, &info);
    tokenizer_close(t);
    assert_true(info.rules_differ);
    run_full(copy, TOKENIZER_RULES_FILE, "xlmr-bge-m3");
    run_full(copy, TOKENIZER_RULES_HF5, "xlmr-e5");
    assert_int_equal(file_remove(copy, NULL), TRI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_xlmr_file),  cmocka_unit_test(small_xlmr_hf5),   cmocka_unit_test(small_xlmr_spm),
        cmocka_unit_test(small_bert),       cmocka_unit_test(small_bert_vocab), cmocka_unit_test(small_byte_bpe),
        cmocka_unit_test(full_bert),        cmocka_unit_test(full_byte_bpe),    cmocka_unit_test(full_xlmr_e5),
        cmocka_unit_test(full_xlmr_bge_m3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
