/* SPDX-License-Identifier: Apache-2.0 */
/* head_splade.c — SPLADE (Formal et al. 2021): how much of each word of the vocabulary is in a text.
 *
 *   w[v] = max over rows of log(1 + relu(decoder_v . LN(act(dense . h)) + b_v))
 * Special tokens' rows count too, and no id is dropped. log(1 + relu(.)) grows with its argument, so the maximum is taken of
 * the logits and it is applied once a word. Rows pass in chunks: a row of logits is as wide as the vocabulary.
 *
 *   scratch: | transformed [CHUNK, D] | logits [1 + CHUNK, V], row 0 the greatest so far | greatest [V] |
 * In f32. Matches sentence-transformers' SparseEncoder (MLMTransformer, SpladePooling max of relu); the decoder is the word
 * table where the file has none of its own. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/head.h"

enum { CHUNK = 64, NAME_CAP = 160 };

/* "PREFIX STEM END" under the first prefix that has it; else without a prefix, for the message. */
static const char *find_name(const arch *kind, const weights *w, const char *stem, const char *end, char name[NAME_CAP])
{
    for (const char *const *prefix = kind->prefixes; *prefix; prefix++) {
        snprintf(name, NAME_CAP, "%s%s%s", *prefix, stem, end);
        if (weights_find(w, name)) return name;
    }
    snprintf(name, NAME_CAP, "%s%s", stem, end);
    return name;
}

static tri_status bind_decoder(packing *pk, const model_config *c, const arch *kind, const weights *w, head_splade *out,
                               tri_error *err)
{
    char text[NAME_CAP];
    const char *name = find_name(kind, w, "cls.predictions.decoder", ".weight", text);
    if (!weights_find(w, name)) name = find_name(kind, w, "embeddings.word_embeddings", ".weight", text);
    TRI_TRY(bind_linear(pk, w, "splade", &name, 1, c->vocab, c->hidden, PRECISION_F32, &out->decoder, err));
    name = find_name(kind, w, "cls.predictions.bias", "", text);
    if (!weights_find(w, name)) name = find_name(kind, w, "cls.predictions.decoder", ".bias", text);
    return bind_vector(pk->c, w, name, c->vocab, &out->decoder_bias, err);
}

tri_status head_splade_bind(packing *pk, const model_config *c, const arch *kind, const weights *w, head_splade *out,
                            tri_error *err)
{
    static const char dense[] = "cls.predictions.transform.dense", norm[] = "cls.predictions.transform.LayerNorm";
    char text[NAME_CAP];
    const char *name = find_name(kind, w, dense, ".weight", text);
    bool old;
    out->act = c->act;
    TRI_TRY(bind_linear(pk, w, "splade", &name, 1, c->hidden, c->hidden, PRECISION_F32, &out->dense, err));
    TRI_TRY(bind_vector(pk->c, w, find_name(kind, w, dense, ".bias", text), c->hidden, &out->dense_bias, err));
    old = weights_find(w, find_name(kind, w, norm, ".gamma", text)) != NULL;
    TRI_TRY(bind_vector(pk->c, w, find_name(kind, w, norm, old ? ".gamma" : ".weight", text), c->hidden, &out->gamma, err));
    TRI_TRY(bind_vector(pk->c, w, find_name(kind, w, norm, old ? ".beta" : ".bias", text), c->hidden, &out->beta, err));
    return bind_decoder(pk, c, kind, w, out, err);
}

void head_splade_drop(compute *c, head_splade *h)
{
    float *const vectors[] = {h->dense_bias, h->gamma, h->beta, h->decoder_bias};
    if (h->dense) c->ops->packed_free(h->dense);
    if (h->decoder) c->ops->packed_free(h->decoder);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) compute_free(c, vectors[i]);
    memset(h, 0, sizeof *h);
}

size_t head_splade_floats(const model_config *config)
{
    return CHUNK * config->hidden + (CHUNK + 2) * config->vocab;
}

tri_status head_splade_run(compute *c, const model_config *config, const head_splade *h, const tensor *x, size_t first,
                           size_t n, float *tmp, float *out, tri_error *err)
{
    static const int32_t zero_row[1] = {0};
    size_t D = config->hidden, V = config->vocab;
    float *logits = tmp + CHUNK * D, *best = logits + (CHUNK + 1) * V;
    memset(out, 0, V * sizeof *out);
    compute_upload(c, logits, out, V * sizeof *out);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t rows = n - at < CHUNK ? n - at : CHUNK;
        tensor in = tensor_f32((float *)x->data + (first + at) * x->ld, rows, D, x->ld), t = tensor_f32(tmp, rows, D, D);
        tensor y = tensor_f32(logits + V, rows, V, V), all = tensor_f32(logits, rows + 1, V, V),
               top = tensor_f32(best, 1, V, V), back = tensor_f32(logits, 1, V, V);
        const int32_t start[2] = {0, (int32_t)rows + 1};
        epilogue transform = {h->dense_bias, h->act, NULL}, decode = {h->decoder_bias, ACT_NONE, NULL};
        c->ops->linear(c, &in, h->dense, &transform, &t);
        c->ops->layernorm(c, &t, NULL, h->gamma, h->beta, config->eps, &t, NULL);
        c->ops->linear(c, &t, h->decoder, &decode, &y);
        c->ops->pool(c, POOL_MAX, &all, start, 1, &top);
        c->ops->gather(c, &top, zero_row, &back);
    }
    compute_download(c, out, logits, V * sizeof *out);
    TRI_TRY(compute_sync(c, err));
    for (size_t v = 0; v < V; v++) out[v] = log1pf(out[v]); /* 0 where no logit was above it; a NaN stays one */
    return TRI_OK;
}
