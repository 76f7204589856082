/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_charsmap.c — a hostile precompiled charsmap, and grapheme clusters: refused, or a map that turns valid text into valid
 * text.
 *
 * Input: a length byte n, 4n bytes of charsmap, then the text. */
#include <stdlib.h>

#include "base/utf8.h"
#include "tokenizer/charsmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    charsmap *m;
    tri_error err;
    size_t n_bad, map_len = size ? 4 * (size_t)data[0] : 0;
    if (!size || map_len > size - 1 || charsmap_new(data + 1, map_len, &m, &err)) return 0;
    buf text, out;
    buf_init(&text, 0);
    buf_init(&out, 0);
    if (!utf8_repair(data + 1 + map_len, size - 1 - map_len, &text, &n_bad) &&
        !charsmap_run(m, text.data, text.len, &out, &err) && utf8_count_bad(out.data, out.len))
        abort();
    buf_drop(&text);
    buf_drop(&out);
    charsmap_free(m);
    return 0;
}
