/* SPDX-License-Identifier: Apache-2.0 */
/* truncate.h — how many tokens of each text may stay? The arithmetic of HF tokenizers' truncate_encodings. */
#ifndef TRI_TOKENIZER_TRUNCATE_H
#define TRI_TOKENIZER_TRUNCATE_H

#include <stdbool.h>
#include <stddef.h>

#include "trident/status.h"

/* *n_a and *n_b come in as lengths and go out as what is kept, together at most `budget`. TRI_ERR_ARGUMENT, with the numbers,
 * where the reference refuses: only_second without a second text, or with one too short to take the whole cut. */
tri_status truncate_lengths(size_t budget, int strategy, bool pair, size_t *n_a, size_t *n_b, tri_error *err);

#endif
