/* SPDX-License-Identifier: Apache-2.0 */
/* ref_embed.c — y = LN(word[id] + type[t] + position[p]), the tables read in the type the file has.
 *
 * The three are added in f32 in the order of Hugging Face BERT and XLM-R (word + type, then + position). Table rows may be
 * unaligned, being views into a file. */
#include "compute/ref/ref.h"

/* out [D] += row `row` of t */
static void add_row(const tensor *t, size_t row, size_t D, float *out)
{
    size_t size = dtype_size(t->type);
    for (size_t d = 0; d < D; d++) {
        float v;
        dtype_to_f32(&v, (const char *)t->data + (row * t->ld + d) * size, t->type, 1);
        out[d] += v;
    }
}

void ref_embed(compute *c, const embed_args *a)
{
    size_t D = a->y.cols, size = dtype_size(a->word.type);
    for (size_t i = 0; i < a->y.rows; i++) {
        float *out = (float *)a->y.data + i * a->y.ld;
        dtype_to_f32(out, (const char *)a->word.data + a->ids[i] * a->word.ld * size, a->word.type, D);
        if (a->type.rows) add_row(&a->type, a->types ? a->types[i] : 0, D, out);
        if (a->position.rows) add_row(&a->position, (size_t)a->positions[i], D, out);
    }
    ref_layernorm(c, &a->y, NULL, a->gamma, a->beta, a->eps, &a->y, a->also);
}
