/* SPDX-License-Identifier: Apache-2.0 */
/* test_tokenizer_faults.c — each allocation and each read of opening and encoding fails in turn: the call says so, nothing
 * leaks, and what comes after is as if it had not happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "tokenizer/tokenizer_int.h"

#define GOLDEN TEST_ROOT "/tests/golden/tokenizer/"

static const char xlmr[] = "{\"added_tokens\":[{\"content\":\"<s>\",\"special\":true},{\"content\":\"NO\",\"normalized\":true}]"
                           ",\"normalizer\":{\"type\":\"Sequence\","
                           "\"normalizers\":[{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAAAAAA\"},{\"type\":"
                           "\"NFKC\"},{\"type\":\"Lowercase\"},"
                           "{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"yy\"}]},\"pre_tokenizer\":{"
                           "\"type\":\"Sequence\",\"pretokenizers\":["
                           "{\"type\":\"Split\",\"pattern\":{\"String\":\"q\"},\"behavior\":\"MergedWithNext\"},{\"type\":"
                           "\"Metaspace\",\"replacement\":\"_\"}]},"
                           "\"model\":{\"unk_id\":3,\"vocab\":[[\"<s>\",0],[\"<pad>\",0],[\"</"
                           "s>\",0],[\"<unk>\",0],[\"\\u00e9\",-1],[\"_\",-2],[\"b\",-3]]}}";
static const char bert[] =
    "{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"post_processor\":{"
    "\"type\":"
    "\"BertProcessing\",\"sep\":[\"b\",1],\"cls\":[\"a\",0]},\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"[UNK]\":2,\"##a\":3}}}";
static const char bpe[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"unk_token\":\"a\",\"end_of_word_suffix\":\"$\","
    "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"b$\":3},\"merges\":[\"a b\"]}}";
static const char *const files[] = {xlmr, bert, bpe};

static tri_status open_bytes(const char *name, const void *bytes, size_t len, tokenizer **t)
{
    tokenizer_config config = {.lowercase = true};
    return tokenizer_open_bytes(name, bytes, len, TOKENIZER_RULES_FILE, &config, t, NULL);
}

static void opening(void **state)
{
    (void)state;
    for (size_t f = 0; f < 3; f++) {
        uint64_t live = mem_live();
        tri_status st = TRI_ERR_MEMORY;
        tokenizer *t;
        for (uint64_t nth = 1; st; nth++) {
            assert_true(nth < 10000);
            fault_arm(FAULT_ALLOC, nth, false);
            st = open_bytes("f.json", files[f], strlen(files[f]), &t);
            uint64_t seen = fault_seen(FAULT_ALLOC);
            fault_arm(FAULT_ALLOC, 0, false);
            assert_true(st == TRI_ERR_MEMORY || (st == TRI_OK && seen < nth));
            if (st) assert_int_equal(mem_live(), live);
        }
        tokenizer_close(t);
        assert_int_equal(mem_live(), live);
    }
}

/* Real folders: side files, mapping, a SentencePiece file, a plain vocabulary. */
static void opening_folders(void **state)
{
    (void)state;
    static const char *const folders[] = {GOLDEN "xlmr-spm", GOLDEN "bert-vocab", GOLDEN "byte-bpe"};
    for (size_t f = 0; f < 3; f++) {
        for (int kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
            uint64_t live = mem_live();
            tri_status st = TRI_ERR_MEMORY;
            tokenizer *t;
            for (uint64_t nth = 1; st; nth++) {
                assert_true(nth < 10000);
                fault_arm((fault_kind)kind, nth, false);
                st = tokenizer_open(folders[f], TOKENIZER_RULES_FILE, &t, NULL);
                fault_arm((fault_kind)kind, 0, false);
                if (st) assert_int_equal(mem_live(), live);
            }
            tokenizer_close(t);
            assert_int_equal(mem_live(), live);
        }
    }
}

static void encoding_texts(void **state)
{
    (void)state;
    static const char text[] =
        "  NO xe\xCC\x81q b\xFF<s> \xEF\xAC\x81 ab abababababababababababababababababababababab  "
        "\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96"
        "\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96\xCC\x81\xCC\x96";
    tri_text a = {text, sizeof text - 1}, b = {text, 8};
    for (size_t f = 0; f < 3; f++) {
        tokenizer *t;
        encoding e, want;
        tokenizer_scratch *fresh;
        assert_int_equal(open_bytes("f.json", files[f], strlen(files[f]), &t), TRI_OK);
        assert_int_equal(tokenizer_scratch_new(&fresh, NULL), TRI_OK);
        assert_int_equal(tokenizer_encode(t, fresh, a, &b, NULL, &want, NULL), TRI_OK);
        uint64_t live = mem_live();
        tri_status st = TRI_ERR_MEMORY;
        for (uint64_t nth = 1; st; nth++) {
            tokenizer_scratch *s = NULL;
            assert_true(nth < 10000);
            fault_arm(FAULT_ALLOC, nth, false);
            st = tokenizer_scratch_new(&s, NULL);
            if (!st) st = tokenizer_encode(t, s, a, &b, NULL, &e, NULL);
            fault_arm(FAULT_ALLOC, 0, false);
            assert_true(st == TRI_OK || st == TRI_ERR_MEMORY);
            if (s) { /* the scratch is still good */
                assert_int_equal(tokenizer_encode(t, s, a, &b, NULL, &e, NULL), TRI_OK);
                assert_int_equal(e.n, want.n);
                assert_memory_equal(e.ids, want.ids, e.n * sizeof *e.ids);
            }
            tokenizer_scratch_free(s);
            assert_int_equal(mem_live(), live);
        }
        tokenizer_scratch_free(fresh);
        tokenizer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opening), cmocka_unit_test(opening_folders),
                                       cmocka_unit_test(encoding_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
