/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tokenizer_json.c — a hostile tokenizer.json (or vocab.txt, when it has no brace in front): refused, or a tokenizer
 * that can be asked anything. Both rules are tried, and every piece is looked up. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer/tokenizer_int.h"

static void use(const tokenizer *t)
{
    static const char sample[] = "  The caf\xC3\xA9\tcost \xE2\x82\xAC"
                                 "12.50,\r\n<s>it's</s> \xE4\xB8\x80\xE4\xBA\x8C e\xCC\x81\xCC\x82 \xF0\x9F\x91\xA8\xE2\x80\x8D"
                                 "\xF0\x9F\x91\xA9 [MASK] a<mask> \xFF\x80 \xE0\xA4\x95\xE0\xA5\x8D\xE0\xA4\xB7";
    tokenizer_scratch *s;
    tri_error err;
    encoding e;
    tri_text text = {sample, sizeof sample - 1}, pair = {"ab ab", 5};
    encode_options o = {.max_length = 9};
    if (tokenizer_scratch_new(&s, &err)) return;
    tokenizer_encode(t, s, text, NULL, NULL, &e, &err);
    tokenizer_encode(t, s, text, &pair, &o, &e, &err);
    tokenizer_scratch_free(s);
    tokenizer_info info;
    tokenizer_info_get(t, &info);
    for (uint32_t id = 0; id < info.n_vocab && id < 300; id++) {
        const char *piece;
        size_t len;
        uint32_t found;
        if (tokenizer_piece(t, id, &piece, &len)) (void)tokenizer_find(t, piece, len, &found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *name = size && data[0] == '{' ? "fuzz.json" : "fuzz.txt";
    for (int rules = TOKENIZER_RULES_FILE; rules <= TOKENIZER_RULES_HF5; rules++) {
        tokenizer_config config = {.lowercase = true, .chinese_chars = true, .strip_accents = true};
        tokenizer *t;
        tri_error err;
        if (tokenizer_open_bytes(name, data, size, rules, &config, &t, &err)) continue;
        use(t);
        tokenizer_close(t);
    }
    return 0;
}
