/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_blocks.h — the number types of GGUF: how many elements share a block, in how many bytes, and what they are worth. */
#ifndef TRI_FORMATS_GGUF_BLOCKS_H
#define TRI_FORMATS_GGUF_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/half.h"

enum { GGUF_TENSOR_F32 = 0, GGUF_TENSOR_F16 = 1, GGUF_TENSOR_Q8_0 = 8, GGUF_TENSOR_BF16 = 30 };
enum { GGUF_Q8_0_ITEMS = 32, GGUF_Q8_0_BYTES = 34 };

typedef struct gguf_block {
    uint32_t id;
    const char *name;
    unsigned items, bytes;
    dtype type;                                       /* stored as such; DTYPE_OTHER: decoded, or not read */
    void (*decode)(const uint8_t *block, float *out); /* [items]; NULL: nothing to decode */
} gguf_block;

/* NULL = no such type. Types that ggml has and we do not decode are there with DTYPE_OTHER and no decode. */
const gguf_block *gguf_block_find(uint32_t id);
void gguf_blocks_decode(const gguf_block *kind, const void *blocks, size_t n, float *out);
/* As ggml's reference rounds: scale = greatest magnitude / 127. */
void gguf_q8_0_encode(const float in[GGUF_Q8_0_ITEMS], uint8_t out[GGUF_Q8_0_BYTES]);

#endif
