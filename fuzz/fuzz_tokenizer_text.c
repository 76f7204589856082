/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tokenizer_text.c — can any text break a sound tokenizer?
 *
 * Three small tokenizers, one of each kind, with added tokens of every sort and a charsmap of 14 keys, are made once. The first
 * byte of the input picks one and the options, a byte 0xFE divides text from pair. Checked: ids are below n_vocab; a second run
 * gives the same (the word cache is warm then); a cut text is a prefix of the whole one with the template around. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer/tokenizer_int.h"

/* "\t" "\n" "\r\n" U+00A0 U+2581 U+3000 U+200D U+FEFF to a space, U+0001 to nothing, e + U+0301, U+FB01, U+2122, U+304B U+3099
 */
#define CHARSMAP                                                                                                               \
    "2AMAAAAIAAAAAAAAGwAAgAEFAAAKBQAAAgAAgAAAAAAAAAAACgUAAAQAAIAAAACACQUAAAAAAAAAAAAA4wQAAA0EAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAFAAAgJkFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAIEFAAAOAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAACsCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAALsEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAYAAICgBQAAgAQAAAAAAACBDAAAgAQAAI"           \
    "QEAABlBAAADAAAgKkFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAlgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIIEAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAzAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMIEAADDBAAAEQAAgIEFAAAYAACAogUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"           \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4ggAAOMQAA"           \
    "AAAAAAAAAAAIAFAAAKAACAAAAAAAAAAAAcAACAvwUAAAAAAAAAAAAAiwQAAO8EAACNBQAAHgAAgAAAAAAAAAAAAAAAAAAAAACBBQAACAAAgCAA"           \
    "IAAgACAAIAAgAGUAw6kAZmkA44GMAFRNAAAgACAA"

static const char unigram[] =
    "{\"added_tokens\":[{\"content\":\"<s>\",\"special\":true},{\"content\":\"<mask>\",\"special\":true,\"lstrip\":true},"
    "{\"content\":\"ab\",\"normalized\":true,\"single_word\":true},{\"content\":\"  \",\"rstrip\":true}],"
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" CHARSMAP
    "\"},"
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]},"
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"always\"},"
    "\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\",2],\"cls\":[\"<s>\",0]},"
    "\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"byte_fallback\":true,\"vocab\":[[\"<s>\",0],[\"<pad>\",0],[\"</"
    "s>\",0],[\"<unk>\",0],"
    "[\"a\",-1.5],[\"b\",-2],[\"ab\",-3.5],[\"aa\",-3],[\"\xE2\x96\x81\",-2.25],[\"\xE2\x96\x81the\",-3.0],[\"e\",-4],[\"th\",-"
    "5],"
    "[\"\xC3\xA9\",-6],[\"\xE4\xB8\x80\",-7],[\"\xE4\xB8\x80\xE4\xBA\x8C\",-8],[\"T\",-9]]}}";
static const char wordpiece[] =
    "{\"added_tokens\":[{\"content\":\"[CLS]\",\"special\":true},{\"content\":\"[MASK]\",\"special\":true,\"lstrip\":true,"
    "\"rstrip\":true}],"
    "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_"
    "word\":100,"
    "\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"[MASK]\":3,\"a\":4,\"##a\":5,\"##b\":6,\"ab\":7,\"e\":8,\"##e\":9,\".\":"
    "10,\"\xE4\xB8\x80\":11}}}";
static const char bpe[] =
    "{\"added_tokens\":[{\"content\":\"<|end|>\",\"special\":true},{\"content\":\"  \"},{\"content\":\"    "
    "\"}],\"normalizer\":{\"type\":\"NFC\"},"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true},"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"fuse_unk\":true,\"vocab\":{\"?\":0,\"a\":1,\"b\":2,\"ab\":3,\"aa\":4,"
    "\"aab\":5,\"\xC4\xA0\":6,"
    "\"\xC4\xA0"
    "a\":7,\"\xC3\x83\":8,\"\xC2\xA9\":9,\"aaaa\":10},\"merges\":[\"a b\",\"a a\",\"aa b\",[\"\xC4\xA0\",\"a\"],\"aa aa\"]}}";

static tokenizer *made[3];
static tokenizer_scratch *scratch;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const texts[3] = {unigram, wordpiece, bpe};
    (void)argc;
    (void)argv;
    for (int i = 0; i < 3; i++) {
        tokenizer_config config = {0};
        const uint8_t *text = (const uint8_t *)texts[i];
        if (tokenizer_open_bytes("fuzz.json", text, strlen(texts[i]), TOKENIZER_RULES_FILE, &config, &made[i], NULL)) abort();
    }
    if (tokenizer_scratch_new(&scratch, NULL)) abort();
    return 0;
}

static void check_ids(const tokenizer *t, const encoding *e)
{
    tokenizer_info info;
    tokenizer_info_get(t, &info);
    for (size_t i = 0; i < e->n; i++)
        if (e->ids[i] >= info.n_vocab) abort();
}

/* The uncut ids of the text, without specials, begin with the cut ones. */
static void check_prefix(const tokenizer *t, tri_text text, const encoding *whole, size_t cut)
{
    encode_options o = {.max_length = cut, .no_specials = true};
    encoding e;
    uint32_t *kept = malloc((whole->n + 1) * sizeof *kept);
    size_t n = whole->n;
    if (!kept) return;
    memcpy(kept, whole->ids, n * sizeof *kept);
    if (tokenizer_encode(t, scratch, text, NULL, &o, &e, NULL)) abort();
    if (e.n != (n < cut ? n : cut) || e.truncated != (n > cut) || memcmp(e.ids, kept, e.n * sizeof *kept)) abort();
    free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const tokenizer *t = made[(data[0] & 3) % 3];
    const uint8_t *divider = memchr(data + 1, 0xFE, size - 1);
    size_t len = divider ? (size_t)(divider - data) - 1 : size - 1;
    tri_text text = {(const char *)data + 1, len}, pair = {(const char *)data + len + 2, divider ? size - len - 2 : 0};
    encode_options o = {.max_length = data[0] >> 4, .strategy = data[0] >> 3 & 1, .no_specials = (data[0] & 4) != 0};
    encoding first, again;
    tri_error err;
    tri_status st = tokenizer_encode(t, scratch, text, divider ? &pair : NULL, &o, &first, &err);
    if (st && st != TRI_ERR_ARGUMENT) abort();
    if (!st) {
        check_ids(t, &first);
        if (o.max_length && first.n > o.max_length) abort();
        size_t n = first.n;
        if (tokenizer_encode(t, scratch, text, divider ? &pair : NULL, &o, &again, &err) || again.n != n) abort();
    }
    o = (encode_options){.no_specials = true};
    if (tokenizer_encode(t, scratch, text, NULL, &o, &first, &err)) abort();
    check_prefix(t, text, &first, 1 + (data[0] >> 5));
    return 0;
}
