/* SPDX-License-Identifier: Apache-2.0 */
/* ref_embed.c — y = LN(word[id] + type[t] + position[p]), the word table read in the type the file has.
 *
 * The three are added in f32 in the order of Hugging Face BERT and XLM-R (word + type, then + position). Table rows may be
 * unaligned, being views into a file. */
#include "compute/ref/ref.h"

void ref_embed(compute *c, const embed_args *a)
{
    size_t D = a->y.cols, size = dtype_size(a->word.type);
    for (size_t i = 0; i < a->y.rows; i++) {
        float *out = (float *)a->y.data + i * a->y.ld;
        dtype_to_f32(out, (const char *)a->word.data + a->ids[i] * a->word.ld * size, a->word.type, D);
        if (a->type.rows) {
            const float *type = (const float *)a->type.data + (a->types ? a->types[i] : 0) * a->type.ld;
            for (size_t d = 0; d < D; d++) out[d] += type[d];
        }
        const float *position = (const float *)a->position.data + (size_t)a->positions[i] * a->position.ld;
        for (size_t d = 0; d < D; d++) out[d] += position[d];
    }
    ref_layernorm(c, &a->y, NULL, a->gamma, a->beta, a->eps, &a->y);
}
