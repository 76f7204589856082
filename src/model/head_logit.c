/* SPDX-License-Identifier: Apache-2.0 */
/* head_logit.c — a cross-encoder's last step: one number for a pair of texts.
 *
 *   XLM-RoBERTa   out_proj(tanh(dense(h[0])))                       classifier.dense, classifier.out_proj
 *   BERT, GTE     classifier(tanh(pooler.dense(h[0])))              a GTE file without a pooler: classifier(h[0])
 *   ModernBERT    classifier(LN(act(head.dense(p)))), p = h[0] or the mean of all rows
 *
 * In f32 whatever the encoder's precision: one row a pair. The activation that makes a score of the logit is not done here.
 * Matches transformers' ...ForSequenceClassification, dropout off. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/head.h"

enum { NAME_CAP = 160 };

/* PREFIX STEM.weight under the first prefix that has it; false: no such tensor. */
static bool find_stem(const arch *kind, const weights *w, const char *stem, char name[NAME_CAP], char bias[NAME_CAP])
{
    for (const char *const *prefix = kind->prefixes; *prefix; prefix++) {
        snprintf(name, NAME_CAP, "%s%s.weight", *prefix, stem);
        snprintf(bias, NAME_CAP, "%s%s.bias", *prefix, stem);
        if (weights_find(w, name)) return true;
    }
    snprintf(name, NAME_CAP, "%s.weight", stem);
    snprintf(bias, NAME_CAP, "%s.bias", stem);
    return false;
}

static tri_status bind_dense(packing *pk, const model_config *config, const arch *kind, const weights *w, head_logit *out,
                             tri_error *err)
{
    char text[NAME_CAP], bias[NAME_CAP];
    const char *name = text;
    size_t D = config->hidden;
    if (!find_stem(kind, w, kind->logit.dense, text, bias) && kind->logit.optional) return TRI_OK;
    TRI_TRY(bind_linear(pk, w, "logit", &name, 1, D, D, PRECISION_F32, &out->dense, err));
    if (config->logit_dense_bias) TRI_TRY(bind_vector(pk->c, w, bias, D, &out->dense_bias, err));
    if (!kind->logit.norm[0]) return TRI_OK;
    find_stem(kind, w, kind->logit.norm, text, bias);
    TRI_TRY(bind_vector(pk->c, w, text, D, &out->gamma, err));
    return config->shape.no_norm_bias ? TRI_OK : bind_vector(pk->c, w, bias, D, &out->beta, err);
}

tri_status head_logit_bind(packing *pk, const model_config *config, const arch *kind, const weights *w, head_logit *out,
                           tri_error *err)
{
    char text[NAME_CAP], bias[NAME_CAP];
    const char *name = text;
    TRI_TRY(bind_dense(pk, config, kind, w, out, err));
    find_stem(kind, w, kind->logit.out, text, bias);
    TRI_TRY(bind_linear(pk, w, "logit", &name, 1, 1, config->hidden, PRECISION_F32, &out->out, err));
    return bind_vector(pk->c, w, bias, 1, &out->out_bias, err);
}

void head_logit_drop(compute *c, head_logit *h)
{
    float *const vectors[] = {h->dense_bias, h->gamma, h->beta, h->out_bias};
    if (h->dense) c->ops->packed_free(h->dense);
    if (h->out) c->ops->packed_free(h->out);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) compute_free(c, vectors[i]);
    memset(h, 0, sizeof *h);
}

tensor head_logit_run(compute *c, const model_config *config, const head_logit *h, const tensor *x, const int32_t *row_start,
                      size_t B, float *tmp)
{
    size_t D = x->cols;
    tensor p = tensor_f32(tmp, B, D, D), z = tensor_f32(tmp + B * D, B, D, D);
    c->ops->pool(c, config->logit_pool, x, row_start, B, &p);
    if (h->dense) {
        epilogue e = {h->dense_bias, config->logit_act, NULL};
        c->ops->linear(c, &p, h->dense, &e, &z);
        if (h->gamma) c->ops->layernorm(c, &z, NULL, h->gamma, h->beta, config->eps, &z, NULL);
        p = z;
        z = tensor_f32(tmp, B, 1, 1);
    }
    epilogue e = {h->out_bias, ACT_NONE, NULL};
    z.cols = z.ld = 1;
    c->ops->linear(c, &p, h->out, &e, &z);
    return z;
}
