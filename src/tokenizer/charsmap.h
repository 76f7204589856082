/* SPDX-License-Identifier: Apache-2.0 */
/* charsmap.h — SentencePiece's precompiled normalisation table, applied the way HF's `Precompiled` normalizer applies it.
 *
 *   u32 trie_bytes | trie: u32 units of a darts-clone double array | NUL-terminated replacements        (little endian)
 *   unit: label(u) = u & 0x800000FF, leaf(u) = u >> 8 & 1, offset(u) = (u >> 10) << ((u & 0x200) >> 6), value(u) = u &
 * 0x7FFFFFFF
 *
 * HF's rule is not SentencePiece's longest match: the text is cut into grapheme clusters; a cluster under 6 bytes of which any
 * prefix is a key is replaced whole by the shortest such key's replacement (so stacked accents get lost); otherwise each
 * character is looked up on its own. Token ids depend on it. */
#ifndef TRI_TOKENIZER_CHARSMAP_H
#define TRI_TOKENIZER_CHARSMAP_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"

typedef struct charsmap charsmap;

/* Copies the blob; every offset in it is checked where it is used. */
tri_status charsmap_new(const uint8_t *blob, size_t len, charsmap **out, tri_error *err);
/* Appends the blob; no words: the caller knows what was being built. */
tri_status charsmap_write(const charsmap *m, buf *out);
void charsmap_free(charsmap *m);
/* Appends the normalised text (valid UTF-8 in, valid UTF-8 out). */
tri_status charsmap_run(const charsmap *m, const uint8_t *text, size_t len, buf *out, tri_error *err);

#endif
