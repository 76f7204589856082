/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tokenizer_spm.c — a hostile sentencepiece.bpe.model: refused, or a tokenizer that reads a text. */
#include "tokenizer/tokenizer_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer_config config = {0};
    tokenizer *t;
    tokenizer_scratch *s;
    tri_error err;
    encoding e;
    tri_text text = {"a\tb  \xC3\xA9<s> \xEF\xAC\x81 <mask>\xFF", 17};
    if (tokenizer_open_bytes("fuzz.model", data, size, TOKENIZER_RULES_FILE, &config, &t, &err)) return 0;
    if (!tokenizer_scratch_new(&s, &err)) {
        tokenizer_encode(t, s, text, NULL, NULL, &e, &err);
        tokenizer_scratch_free(s);
    }
    tokenizer_close(t);
    return 0;
}
