/* SPDX-License-Identifier: Apache-2.0 */
/* test_tokenizer.c — opening, facts, refusals by name, damaged text, memory and time; ids themselves are in
 * test_tokenizer_golden.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tokenizer/tokenizer_int.h"

#define GOLDEN TEST_ROOT "/tests/golden/tokenizer/"

static tokenizer *open_or_fail(const char *path, int rules)
{
    tokenizer *t;
    tri_error err;
    if (tokenizer_open(path, rules, &t, &err)) fail_msg("%s", err.text);
    return t;
}

static tokenizer *from_json(const char *text, tri_status want, tri_error *err)
{
    tokenizer *t = NULL;
    tokenizer_config config = {0};
    tri_status st =
        tokenizer_open_bytes("test.json", (const uint8_t *)text, strlen(text), TOKENIZER_RULES_FILE, &config, &t, err);
    if (st != want) fail_msg("status %d: %s", st, st ? err->text : "no error");
    return t;
}

static encoding encode(const tokenizer *t, tokenizer_scratch *s, const char *text, size_t len, encode_options o)
{
    encoding e;
    tri_error err;
    tri_text view = {text, len};
    if (tokenizer_encode(t, s, view, NULL, &o, &e, &err)) fail_msg("%s", err.text);
    return e;
}

static void info_of_xlmr(void **state)
{
    (void)state;
    tokenizer *t = open_or_fail(GOLDEN "xlmr", TOKENIZER_RULES_FILE);
    tokenizer_info info;
    const char *piece;
    size_t len;
    uint32_t id;
    tokenizer_info_get(t, &info);
    assert_string_equal(info.kind, "unigram");
    assert_string_equal(info.file, GOLDEN "xlmr/tokenizer.json");
    assert_int_equal(info.rules, TOKENIZER_RULES_FILE);
    assert_true(info.rules_differ);
    assert_int_equal(info.n_vocab, 3001);
    assert_int_equal(info.cls, 0);
    assert_int_equal(info.sep, 2);
    assert_int_equal(info.pad, 1);
    assert_int_equal(info.unk, 3);
    assert_int_equal(info.mask, 3000);
    assert_int_equal(info.specials_single, 2);
    assert_int_equal(info.specials_pair, 4);
    assert_true(tokenizer_piece(t, 3000, &piece, &len));
    assert_string_equal(piece, "<mask>");
    assert_true(tokenizer_find(t, "<mask>", 6, &id));
    assert_int_equal(id, 3000);
    assert_false(tokenizer_piece(t, 3001, &piece, &len));
    assert_false(tokenizer_find(t, "no such piece", 13, &id));
    tokenizer_close(t);
    t = open_or_fail(GOLDEN "xlmr", TOKENIZER_RULES_HF5);
    tokenizer_info_get(t, &info);
    assert_int_equal(info.rules, TOKENIZER_RULES_HF5);
    assert_true(info.rules_differ);
    tokenizer_close(t);
}

static void info_of_bert(void **state)
{
    (void)state;
    tokenizer_info info;
    tokenizer *t = open_or_fail(GOLDEN "bert-vocab/vocab.txt", TOKENIZER_RULES_HF5);
    tokenizer_info_get(t, &info);
    assert_string_equal(info.kind, "wordpiece");
    assert_int_equal(info.rules, TOKENIZER_RULES_FILE); /* there is no other one for this vocabulary */
    assert_false(info.rules_differ);
    assert_int_equal(info.specials_pair, 3);
    assert_int_equal(info.model_max_length, 0);
    tokenizer_close(t);
}

static void missing_files(void **state)
{
    (void)state;
    tokenizer *t;
    tri_error err;
    assert_int_equal(tokenizer_open(TEST_ROOT "/tests", 0, &t, &err), TRI_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "sentencepiece.bpe.model"));
    assert_null(t);
    assert_int_equal(tokenizer_open("/nowhere/tokenizer.json", 0, &t, &err), TRI_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/tokenizer.json"));
}

/* Writes the files of a folder of our own. */
static void write_file(const char *path, const char *text)
{
    out_file *f;
    assert_int_equal(out_file_open(path, &f, NULL), TRI_OK);
    assert_int_equal(out_file_write(f, text, strlen(text), NULL), TRI_OK);
    assert_int_equal(out_file_commit(f, NULL), TRI_OK);
}

static void side_files(void **state)
{
    (void)state;
    static const char dir[] = TEST_BUILD "/test_tokenizer_side";
    char vocab_file[] = TEST_BUILD "/test_tokenizer_side/vocab.txt",
         config[] = TEST_BUILD "/test_tokenizer_side/tokenizer_config.json";
    char map[] = TEST_BUILD "/test_tokenizer_side/special_tokens_map.json";
    tokenizer_scratch *s;
    tokenizer_info info;
    tri_error err;
    assert_int_equal(file_make_dirs(dir, NULL), TRI_OK);
    assert_int_equal(tokenizer_scratch_new(&s, NULL), TRI_OK);
    write_file(vocab_file, "[PAD]\r\n[UNK]\n<c>\n[SEP]\nA\na\n##b\n");
    write_file(config, "{\"do_lower_case\": false, \"cls_token\": {\"content\": \"<c>\"}, \"truncation_side\": \"left\","
                       " \"model_max_length\": 1000000000000000019884624838656}");
    write_file(map, "{\"cls_token\": \"[CLS]\", \"sep_token\": \"[SEP]\"}");
    tokenizer *t = open_or_fail(dir, 0);
    tokenizer_info_get(t, &info);
    assert_int_equal(info.cls, 2);
    assert_int_equal(info.model_max_length, 0);
    encoding e = encode(t, s, "A a Ab", 6, (encode_options){.max_length = 4});
    assert_int_equal(e.n, 4); /* cut from the left: [..] A b */
    assert_int_equal(e.ids[0], 2);
    assert_int_equal(e.ids[1], 4);
    assert_int_equal(e.ids[2], 6);
    assert_true(e.truncated);
    tokenizer_close(t);
    write_file(config, "{\"model_max_length\": 512, \"cls_token\": 5}");
    assert_int_equal(tokenizer_open(dir, 0, &t, &err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "cls_token"));
    write_file(config, "{\"model_max_length\": 512}");
    assert_int_equal(tokenizer_open(dir, 0, &t, &err), TRI_ERR_FORMAT); /* no line [CLS] */
    assert_non_null(strstr(err.text, "[CLS]"));
    file_remove(vocab_file, NULL);
    file_remove(config, NULL);
    file_remove(map, NULL);
    tokenizer_scratch_free(s);
}

#define MODEL "\"model\":{\"vocab\":[[\"a\",-1.5],[\"b\",-2]],\"unk_id\":0}}"

static void refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *json, *name;
        tri_status status;
    } cases[] = {
        {"{\"normalizer\":{\"type\":\"Nmt\"}," MODEL, "\"Nmt\"", TRI_ERR_UNSUPPORTED},
        {"{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"ByteLevel\"}]}," MODEL, "\"ByteLevel\"",
         TRI_ERR_UNSUPPORTED},
        {"{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"}," MODEL, "\\s+",
         TRI_ERR_UNSUPPORTED},
        {"{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AA=A\"}," MODEL, "base64", TRI_ERR_FORMAT},
        {"{\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}," MODEL, "\"UnicodeScripts\"", TRI_ERR_UNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\d\"},\"behavior\":\"Isolated\"}," MODEL, "\\d",
         TRI_ERR_UNSUPPORTED},
        {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Odd\"}," MODEL, "\"Odd\"",
         TRI_ERR_UNSUPPORTED},
        {"{\"post_processor\":{\"type\":\"Other\"}," MODEL, "\"Other\"", TRI_ERR_UNSUPPORTED},
        {"{\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"x\"],\"cls\":[\"y\",1]}," MODEL, "sep", TRI_ERR_FORMAT},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", "\"WordLevel\"", TRI_ERR_UNSUPPORTED},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a z\"]}}", "\"z\"", TRI_ERR_FORMAT},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}}", "dropout", TRI_ERR_UNSUPPORTED},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "no merges", TRI_ERR_FORMAT},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":{\"a\":0}}}", "Unigram", TRI_ERR_FORMAT},
        {"{\"model\":{\"vocab\":[[\"a\",-1]],\"unk_id\":7}}", "unk_id 7", TRI_ERR_FORMAT},
        {"{\"model\":{\"vocab\":[[\"a\",1e999]]}}", "out of range", TRI_ERR_FORMAT},
        {"{\"model\":{\"vocab\":{\"a\":16000001}}}", "16000001", TRI_ERR_LIMIT},
        {"{\"model\":{\"vocab\":{\"a\":-1}}}", "token id", TRI_ERR_FORMAT},
        {"{\"version\":\"1.0\"}", "no model", TRI_ERR_FORMAT},
        {"{\"added_tokens\":[{\"id\":1}]," MODEL, "no content", TRI_ERR_FORMAT},
        {"[1]", "not an object", TRI_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tri_error err;
        from_json(cases[i].json, cases[i].status, &err);
        if (!strstr(err.text, cases[i].name)) fail_msg("\"%s\" does not name %s", err.text, cases[i].name);
        if (!strstr(err.text, "test.json")) fail_msg("\"%s\" does not name the file", err.text);
    }
}

static void inferred_types(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"{" MODEL, "unigram"},
        {"{\"model\":{\"vocab\":{\"[UNK]\":0,\"a\":1}}}", "wordpiece"},
        {"{\"model\":{\"merges\":[\"a b\"],\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}}}", "bpe"},
    };
    for (size_t i = 0; i < 3; i++) {
        tri_error err;
        tokenizer_info info;
        tokenizer *t = from_json(files[i][0], TRI_OK, &err);
        tokenizer_info_get(t, &info);
        assert_string_equal(info.kind, files[i][1]);
        tokenizer_close(t);
    }
}

static void embedded_truncation_is_ignored(void **state)
{
    (void)state;
    tri_error err;
    tokenizer_scratch *s;
    assert_int_equal(tokenizer_scratch_new(&s, NULL), TRI_OK);
    tokenizer *t =
        from_json("{\"truncation\":{\"max_length\":1},\"padding\":{\"strategy\":{\"Fixed\":9}}," MODEL, TRI_OK, &err);
    assert_int_equal(encode(t, s, "abba", 4, (encode_options){0}).n, 4);
    tokenizer_close(t);
    tokenizer_scratch_free(s);
}

static void same_rules_in_file(void **state)
{
    (void)state;
    static const char file[] =
        "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAAAAAA\"},\"pre_tokenizer\":{\"type\":"
        "\"Sequence\","
        "\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"add_"
        "prefix_space\":true}]},"
        "\"model\":{\"unk_id\":3,\"vocab\":[[\"<s>\",0],[\"<pad>\",0],[\"</s>\",0],[\"<unk>\",0],[\"a\",-1]]}}";
    tri_error err;
    tokenizer_info info;
    tokenizer *t = from_json(file, TRI_OK, &err);
    tokenizer_info_get(t, &info);
    assert_false(info.rules_differ);
    tokenizer_close(t);
}

static void invalid_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text, *repaired;
        size_t len, bad;
    } cases[] = {{"a\xFF", "a\xEF\xBF\xBD", 2, 1},
                 {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD", 2, 2},
                 {"\xED\xA0\x80z", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz", 4, 3},
                 {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD", 2, 2},
                 {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 4, 4}};
    tokenizer *t = open_or_fail(GOLDEN "byte-bpe", 0);
    tokenizer_scratch *s, *s2;
    assert_int_equal(tokenizer_scratch_new(&s, NULL), TRI_OK);
    assert_int_equal(tokenizer_scratch_new(&s2, NULL), TRI_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        encoding a = encode(t, s, cases[i].text, cases[i].len, (encode_options){0});
        encoding b = encode(t, s2, cases[i].repaired, strlen(cases[i].repaired), (encode_options){0});
        assert_int_equal(a.bad_bytes, cases[i].bad);
        assert_int_equal(b.bad_bytes, 0);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
    }
    tokenizer_scratch_free(s);
    tokenizer_scratch_free(s2);
    tokenizer_close(t);
}

static void budget_below_specials(void **state)
{
    (void)state;
    tokenizer *t = open_or_fail(GOLDEN "xlmr", 0);
    tokenizer_scratch *s;
    tri_error err;
    encoding e;
    tri_text text = {"a", 1};
    encode_options o = {.max_length = 3};
    assert_int_equal(tokenizer_scratch_new(&s, NULL), TRI_OK);
    assert_int_equal(tokenizer_encode(t, s, text, &text, &o, &e, &err), TRI_ERR_ARGUMENT);
    assert_string_equal(err.text, "max_length 3 is less than the 4 special tokens of the template");
    o.max_length = 4;
    assert_int_equal(tokenizer_encode(t, s, text, &text, &o, &e, &err), TRI_OK);
    assert_int_equal(e.n, 4);
    assert_true(e.truncated);
    tokenizer_scratch_free(s);
    tokenizer_close(t);
}

static const char *const models[] = {GOLDEN "xlmr", GOLDEN "bert", GOLDEN "byte-bpe"};

/* Long texts without a place to cut, of the kinds that make a quadratic program stand still. */
static void fill_hard(char *text, size_t len, int kind)
{
    static const char *const patterns[] = {"a",
                                           "\xE4\xB8\x80",
                                           "\xCC\x81\xCC\x96",
                                           " ",
                                           "<",
                                           "ab",
                                           "\xF0\x9F\x91\xA8\xE2\x80\x8D",
                                           "##",
                                           "\xE0\xA4\x95\xE0\xA5\x8D"};
    const char *p = patterns[kind];
    for (size_t i = 0, n = strlen(p); i < len; i++) text[i] = p[i % n];
}

static void linear_time(void **state)
{
    (void)state;
    enum { SHORT = 100000, LONG = 1000000 };
    static char text[LONG];
    for (size_t m = 0; m < 3; m++) {
        tokenizer *t = open_or_fail(models[m], 0);
        for (int kind = 0; kind < 9; kind++) {
            double seconds[2];
            for (int i = 0; i < 2; i++) {
                tokenizer_scratch *s;
                size_t len = i ? LONG : SHORT;
                fill_hard(text, len, kind);
                assert_int_equal(tokenizer_scratch_new(&s, NULL), TRI_OK);
                clock_t start = clock();
                encode(t, s, text, len, (encode_options){0});
                seconds[i] = (double)(clock() - start) / CLOCKS_PER_SEC;
                tokenizer_scratch_free(s);
            }
            /* ten times the text; quadratic would be a hundred. 40 allows for a cold cache and a busy machine, 0.2 s for the
             * clock */
            if (seconds[1] > 40 * seconds[0] + 0.2)
                fail_msg("%s, text %d: %.3f s, then %.3f s", models[m], kind, seconds[0], seconds[1]);
        }
        tokenizer_close(t);
    }
}

static void warm_scratch_allocates_nothing(void **state)
{
    (void)state;
    static const char text[] = "  The caf\xC3\xA9 \xEF\xAC\x81 e\xCC\x81\xCC\x82 <s> <mask>  \xE4\xB8\x80\xE4\xBA\x8C, it's "
                               "12\xFF and averylongwordwithoutanyend!";
    for (size_t m = 0; m < 3; m++) {
        tokenizer *t = open_or_fail(models[m], 0);
        tokenizer_scratch *s;
        encoding e;
        tri_text a = {text, sizeof text - 1}, b = {text + 9, sizeof text - 10};
        encode_options o = {.max_length = 20};
        assert_int_equal(tokenizer_scratch_new(&s, NULL), TRI_OK);
        assert_int_equal(tokenizer_encode(t, s, a, &b, NULL, &e, NULL), TRI_OK);
        assert_int_equal(tokenizer_encode(t, s, b, &a, NULL, &e, NULL), TRI_OK);
        uint64_t before = mem_count();
        for (int i = 0; i < 3; i++) {
            assert_int_equal(tokenizer_encode(t, s, a, &b, &o, &e, NULL), TRI_OK);
            assert_int_equal(tokenizer_encode(t, s, a, NULL, NULL, &e, NULL), TRI_OK);
        }
        assert_int_equal(mem_count(), before);
        tokenizer_scratch_free(s);
        tokenizer_close(t);
    }
}

/* One scratch may serve several tokenizers by turns: the word cache must not hand one's tokens to the other. */
static void scratch_is_shared(void **state)
{
    (void)state;
    tokenizer *t[3];
    tokenizer_scratch *own, *shared;
    assert_int_equal(tokenizer_scratch_new(&shared, NULL), TRI_OK);
    for (size_t m = 0; m < 3; m++) t[m] = open_or_fail(models[m], 0);
    for (int round = 0; round < 2; round++) {
        for (size_t m = 0; m < 3; m++) {
            assert_int_equal(tokenizer_scratch_new(&own, NULL), TRI_OK);
            encoding a = encode(t[m], shared, "the end of the words", 20, (encode_options){0});
            encoding b = encode(t[m], own, "the end of the words", 20, (encode_options){0});
            assert_int_equal(a.n, b.n);
            assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
            tokenizer_scratch_free(own);
        }
    }
    for (size_t m = 0; m < 3; m++) tokenizer_close(t[m]);
    tokenizer_scratch_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_of_xlmr),
        cmocka_unit_test(info_of_bert),
        cmocka_unit_test(missing_files),
        cmocka_unit_test(side_files),
        cmocka_unit_test(refused_by_name),
        cmocka_unit_test(inferred_types),
        cmocka_unit_test(embedded_truncation_is_ignored),
        cmocka_unit_test(same_rules_in_file),
        cmocka_unit_test(invalid_utf8),
        cmocka_unit_test(budget_below_specials),
        cmocka_unit_test(linear_time),
        cmocka_unit_test(warm_scratch_allocates_nothing),
        cmocka_unit_test(scratch_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
