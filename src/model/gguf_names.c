/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_names.c — tables of stems, as llama.cpp's converter (conversion/bert.py, gguf-py's tensor_mapping.py) pairs them. In
 * GGUF
 * XLM-RoBERTa is a BERT whose unused first positions were cut off; only its classification head has other names here. */
#include "model/gguf_names.h"

#include <stdio.h>
#include <string.h>

static const gguf_name_pair bert_outside[] = {{"token_embd", "embeddings.word_embeddings"},
                                              {"position_embd", "embeddings.position_embeddings"},
                                              {"token_types", "embeddings.token_type_embeddings"},
                                              {"token_embd_norm", "embeddings.LayerNorm"},
                                              {NULL, NULL}};
static const gguf_name_pair bert_inside[] = {{"attn_q", "attention.self.query"},
                                             {"attn_k", "attention.self.key"},
                                             {"attn_v", "attention.self.value"},
                                             {"attn_output", "attention.output.dense"},
                                             {"attn_output_norm", "attention.output.LayerNorm"},
                                             {"ffn_up", "intermediate.dense"},
                                             {"ffn_down", "output.dense"},
                                             {"layer_output_norm", "output.LayerNorm"},
                                             {NULL, NULL}};
static const gguf_name_pair bert_logit[] = {{"cls", "pooler.dense"}, {"cls.output", "classifier"}, {NULL, NULL}};
static const gguf_name_pair xlmr_logit[] = {{"cls", "classifier.dense"}, {"cls.output", "classifier.out_proj"}, {NULL, NULL}};
static const gguf_name_pair nomic_outside[] = {{"token_embd", "embeddings.word_embeddings"},
                                               {"token_types", "embeddings.token_type_embeddings"},
                                               {"token_embd_norm", "emb_ln"},
                                               {NULL, NULL}};
static const gguf_name_pair nomic_inside[] = {
    {"attn_qkv", "attn.Wqkv"}, {"attn_output", "attn.out_proj"}, {"attn_output_norm", "norm1"},  {"ffn_up", "mlp.fc11"},
    {"ffn_gate", "mlp.fc12"},  {"ffn_down", "mlp.fc2"},          {"layer_output_norm", "norm2"}, {NULL, NULL}};
static const gguf_name_pair no_logit[] = {{NULL, NULL}};

static const gguf_family families[] = {
    {"bert", "bert", "Bert", "encoder.layer.", bert_outside, bert_inside, bert_logit},
    {"bert", "xlm-roberta", "XLMRoberta", "encoder.layer.", bert_outside, bert_inside, xlmr_logit},
    {"nomic-bert", "nomic_bert", "NomicBert", "encoder.layers.", nomic_outside, nomic_inside, no_logit},
};
static const char blk[] = "blk.";

const gguf_family *gguf_family_of_model_type(const char *model_type)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].model_type, model_type) == 0) return &families[i];
    return NULL;
}

/* "STEM.weight" or "STEM.bias"; checkpoints of the first days say gamma and beta. */
static const char *ending(const char *name, const char *stem)
{
    size_t len = strlen(stem);
    if (strncmp(name, stem, len) != 0) return NULL;
    const char *end = name + len;
    if (strcmp(end, ".gamma") == 0) return ".weight";
    if (strcmp(end, ".beta") == 0) return ".bias";
    return strcmp(end, ".weight") == 0 || strcmp(end, ".bias") == 0 ? end : NULL;
}

static bool translate(const gguf_name_pair *pairs, const char *name, bool to_hf, const char *before, char out[TENSOR_NAME_CAP])
{
    for (; pairs->gguf; pairs++) {
        const char *end = ending(name, to_hf ? pairs->gguf : pairs->hf);
        if (!end) continue;
        return snprintf(out, TENSOR_NAME_CAP, "%s%s%s", before, to_hf ? pairs->hf : pairs->gguf, end) < TENSOR_NAME_CAP;
    }
    return false;
}

/* "PREFIX12." at the name's beginning: what follows, and the number's letters. */
static const char *after_number(const char *name, const char *prefix, int *digits)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0) return NULL;
    *digits = (int)strspn(name + len, "0123456789");
    return *digits && *digits < 6 && name[len + (size_t)*digits] == '.' ? name + len + *digits + 1 : NULL;
}

static bool convert(const gguf_family *f, const char *name, bool to_hf, char out[TENSOR_NAME_CAP])
{
    char before[64];
    int digits;
    const char *from = to_hf ? blk : f->layer, *to = to_hf ? f->layer : blk, *rest = after_number(name, from, &digits);
    if (rest) {
        snprintf(before, sizeof before, "%s%.*s.", to, digits, name + strlen(from));
        return translate(f->inside, rest, to_hf, before, out);
    }
    return translate(f->outside, name, to_hf, "", out) || translate(f->logit, name, to_hf, "", out);
}

bool gguf_name_to_hf(const gguf_family *f, const char *name, char out[TENSOR_NAME_CAP])
{
    return convert(f, name, true, out);
}

bool gguf_name_from_hf(const gguf_family *f, const char *name, char out[TENSOR_NAME_CAP])
{
    return convert(f, name, false, out);
}
