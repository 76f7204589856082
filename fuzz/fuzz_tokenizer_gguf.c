/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tokenizer_gguf.c — any bytes as a GGUF file with a tokenizer, which must then be able to tokenize, and to say itself as
 * a
 * tokenizer.json. */
#include <stdint.h>

#include "tokenizer/tokenizer_int.h"
#include "tokenizer/tokenizer_save.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char words[] = "hello, w\xC3\xB6rld [MASK] <mask>  ab";
    tokenizer_config config = {.lowercase = true};
    tokenizer *t;
    tokenizer_scratch *s;
    encoding out;
    tri_error err;
    buf json;
    if (tokenizer_open_bytes("fuzz.gguf", data, size, TOKENIZER_RULES_FILE, &config, &t, &err)) return 0;
    if (tokenizer_scratch_new(&s, &err) == TRI_OK) {
        (void)tokenizer_encode(t, s, (tri_text){words, sizeof words - 1}, NULL, &(encode_options){.max_length = 8}, &out, &err);
        tokenizer_scratch_free(s);
    }
    buf_init(&json, 0);
    (void)tokenizer_save_pipeline(t, &json, &err);
    buf_drop(&json);
    tokenizer_close(t);
    return 0;
}
