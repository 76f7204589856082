/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_model.c — the keys of llama.cpp's bert and nomic-bert, as config.json's; and the tensors under their names there.
 *
 * GGUF does not say whether a "bert" is BERT or XLM-RoBERTa. Ours say so in a key of their own. Of others, a Unigram tokenizer
 * ("t5") with one token type is XLM-RoBERTa (multilingual-e5-small, a BERT with XLM-R's tokenizer, has two). The rows that the
 * converter cut off XLM-R's position table, which no real token uses, are put back: ours are in the file, those of others are
 * zero. Sizes come from the tensors where they are sizes of tensors, so that a wrong key cannot disagree with them. */
#include "model/gguf_model.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"

enum { KEY_CAP = 96, XLMR_PAD = 1, XLMR_FIRST_POSITION = XLMR_PAD + 1, POOLING_RANK = 4 };

static bool text_is(tri_text t, const char *word)
{
    return t.bytes && t.len == strlen(word) && memcmp(t.bytes, word, t.len) == 0;
}

/* llama.cpp's own tools drop dimensions of 1 from the front of a shape: a matrix of one row is a vector in what they write. */
static uint64_t rows_of(const gguf *g, const char *name)
{
    const gguf_tensor *t = gguf_find_tensor(g, name);
    return !t ? 0 : t->rank == 1 ? 1 : t->rank == 2 ? t->shape[0] : 0;
}

/* ---- which family ---------------------------------------------------------------------------------------------------- */

static tri_status own_family(tri_text own, const gguf_family **out, tri_error *err)
{
    char word[32];
    *out = NULL;
    if (own.len < sizeof word) {
        snprintf(word, sizeof word, "%.*s", (int)own.len, own.bytes);
        *out = gguf_family_of_model_type(word);
    }
    if (*out) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "\"%s\" is \"%.*s\", which is not known", GGUF_KEY_MODEL_TYPE,
                   tensor_name_width(own.len), own.bytes);
}

tri_status gguf_model_family(const gguf *g, const gguf_family **out, tri_error *err)
{
    tri_text arch, own, tokens;
    TRI_TRY(gguf_get_text(g, "general.architecture", &arch, err));
    TRI_TRY(gguf_get_text(g, GGUF_KEY_MODEL_TYPE, &own, err));
    TRI_TRY(gguf_get_text(g, "tokenizer.ggml.model", &tokens, err));
    if (!arch.bytes) return err_set(err, TRI_ERR_FORMAT, "key \"general.architecture\" is missing");
    if (!text_is(arch, "bert") && !text_is(arch, "nomic-bert")) {
        err_set(err, TRI_ERR_UNSUPPORTED, "\"general.architecture\" is \"%.*s\"", tensor_name_width(arch.len), arch.bytes);
        return err_hint(err, TRI_ERR_UNSUPPORTED, "of GGUF this build knows: bert (BERT, XLM-RoBERTa), nomic-bert");
    }
    if (own.bytes) TRI_TRY(own_family(own, out, err));
    if (own.bytes && text_is(arch, (*out)->architecture)) return TRI_OK;
    if (own.bytes)
        return err_set(err, TRI_ERR_FORMAT, "\"%s\" is \"%s\", which is not of architecture \"%.*s\"", GGUF_KEY_MODEL_TYPE,
                       (*out)->model_type, tensor_name_width(arch.len), arch.bytes);
    bool xlmr = text_is(tokens, "t5") && rows_of(g, "token_types.weight") == 1;
    *out = gguf_family_of_model_type(text_is(arch, "nomic-bert") ? "nomic_bert" : xlmr ? "xlm-roberta" : "bert");
    return TRI_OK;
}

/* ---- config.json ----------------------------------------------------------------------------------------------------- */

typedef struct writing {
    const gguf *g;
    const gguf_family *f;
    json_t *o;
    tri_error *err;
} writing;

/* Takes the value over. */
static tri_status put(const writing *w, const char *key, json_t *value)
{
    return value && json_object_set_new(w->o, key, value) == 0 ? TRI_OK : err_memory(w->err, strlen(key));
}

static void make_key(const writing *w, const char *name, char out[KEY_CAP])
{
    snprintf(out, KEY_CAP, "%s.%s", w->f->architecture, name);
}

static tri_status put_size(const writing *w, const char *key, const char *name)
{
    char from[KEY_CAP];
    size_t n;
    make_key(w, name, from);
    TRI_TRY(gguf_get_size(w->g, from, 0, 1, LIMIT_POSITIONS, &n, w->err));
    if (!n) return err_set(w->err, TRI_ERR_FORMAT, "key \"%s\" is missing", from);
    return put(w, key, json_integer((json_int_t)n));
}

/* A float as its shortest decimal means it: 1e-12, not 9.99999996e-13. */
static tri_status put_f32(const writing *w, const char *key, const char *name, float fallback)
{
    char from[KEY_CAP], text[32];
    float value;
    double wide;
    make_key(w, name, from);
    TRI_TRY(gguf_get_f32(w->g, from, fallback, &value, w->err));
    size_t len = number_format_f32(text, sizeof text, value);
    if (!number_parse_f64(text, len, &wide)) return err_set(w->err, TRI_ERR_FORMAT, "key \"%s\" is not a finite number", from);
    return put(w, key, json_real(wide));
}

static tri_status put_rows(const writing *w, const char *key, const char *tensor, size_t more)
{
    uint64_t n = rows_of(w->g, tensor);
    if (!n || n > LIMIT_POSITIONS) return err_set(w->err, TRI_ERR_FORMAT, "tensor \"%s\" is not there, or no matrix", tensor);
    return put(w, key, json_integer((json_int_t)(n + more)));
}

static bool is_rank(const gguf *g, const gguf_family *f)
{
    char key[KEY_CAP];
    size_t kind;
    snprintf(key, sizeof key, "%s.pooling_type", f->architecture);
    return gguf_get_size(g, key, 0, 0, 100, &kind, NULL) == TRI_OK && kind == POOLING_RANK;
}

static tri_status put_class(const writing *w)
{
    char class[64];
    bool rank = is_rank(w->g, w->f);
    snprintf(class, sizeof class, "%s%s", w->f->hf_class, rank ? "ForSequenceClassification" : "Model");
    TRI_TRY(put(w, "model_type", json_string(w->f->model_type)));
    TRI_TRY(put(w, "architectures", json_pack("[s]", class)));
    if (!rank) return TRI_OK;
    uint64_t labels = rows_of(w->g, "cls.output.weight");
    if (labels > 1)
        return err_set(w->err, TRI_ERR_UNSUPPORTED, "a classifier of %llu labels; a reranker has one",
                       (unsigned long long)labels);
    TRI_TRY(put(w, "id2label", json_pack("{s:s}", "0", "LABEL_0")));
    return put(w, "label2id", json_pack("{s:i}", "LABEL_0", 0));
}

static tri_status put_bert(const writing *w)
{
    bool xlmr = strcmp(w->f->model_type, "xlm-roberta") == 0;
    size_t pad;
    TRI_TRY(gguf_get_size(w->g, "tokenizer.ggml.padding_token_id", 0, 0, LIMIT_VOCAB, &pad, w->err));
    TRI_TRY(put_size(w, "hidden_size", "embedding_length"));
    TRI_TRY(put_size(w, "num_hidden_layers", "block_count"));
    TRI_TRY(put_size(w, "num_attention_heads", "attention.head_count"));
    TRI_TRY(put_size(w, "intermediate_size", "feed_forward_length"));
    TRI_TRY(put_rows(w, "vocab_size", "token_embd.weight", 0));
    TRI_TRY(put_rows(w, "max_position_embeddings", "position_embd.weight", xlmr ? XLMR_FIRST_POSITION : 0));
    TRI_TRY(put(w, "type_vocab_size", json_integer((json_int_t)rows_of(w->g, "token_types.weight"))));
    TRI_TRY(put_f32(w, "layer_norm_eps", "attention.layer_norm_epsilon", 1e-12f));
    TRI_TRY(put(w, "pad_token_id", json_integer(xlmr ? XLMR_PAD : (json_int_t)pad)));
    if (xlmr) {
        TRI_TRY(put(w, "bos_token_id", json_integer(0)));
        TRI_TRY(put(w, "eos_token_id", json_integer(2)));
    }
    TRI_TRY(put(w, "position_embedding_type", json_string("absolute")));
    return put(w, "hidden_act", json_string("gelu"));
}

/* The words of the published models, and those that transformers 5 reads, which takes its defaults for the former. */
static tri_status put_nomic(const writing *w)
{
    static const char *const sizes[][3] = {{"n_embd", "hidden_size", "embedding_length"},
                                           {"n_layer", "num_hidden_layers", "block_count"},
                                           {"n_head", "num_attention_heads", "attention.head_count"},
                                           {"n_inner", "intermediate_size", "feed_forward_length"},
                                           {"n_positions", "max_position_embeddings", "context_length"}};
    static const char *const off[] = {"prenorm",      "qkv_proj_bias", "mlp_fc1_bias",
                                      "mlp_fc2_bias", "causal",        "rotary_emb_interleaved"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        TRI_TRY(put_size(w, sizes[i][0], sizes[i][2]));
        TRI_TRY(put_size(w, sizes[i][1], sizes[i][2]));
    }
    TRI_TRY(put_size(w, "max_trained_positions", "context_length"));
    TRI_TRY(put_rows(w, "vocab_size", "token_embd.weight", 0));
    TRI_TRY(put(w, "type_vocab_size", json_integer((json_int_t)rows_of(w->g, "token_types.weight"))));
    TRI_TRY(put_f32(w, "layer_norm_epsilon", "attention.layer_norm_epsilon", 1e-12f));
    TRI_TRY(put_f32(w, "layer_norm_eps", "attention.layer_norm_epsilon", 1e-12f));
    TRI_TRY(put_f32(w, "rotary_emb_base", "rope.freq_base", 10000));
    TRI_TRY(put(w, "rotary_emb_fraction", json_real(1)));
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) TRI_TRY(put(w, off[i], json_false()));
    TRI_TRY(put(w, "activation_function", json_string("swiglu")));
    TRI_TRY(put(w, "hidden_act", json_string("silu")));
    return put(w, "rope_parameters",
               json_pack("{s:f,s:s}", "rope_theta", json_real_value(json_object_get(w->o, "rotary_emb_base")), "rope_type",
                         "default"));
}

tri_status gguf_model_config_json(const gguf *g, json_t **out, tri_error *err)
{
    writing w = {.g = g, .err = err};
    *out = NULL;
    TRI_TRY(gguf_model_family(g, &w.f, err));
    json_route_memory();
    w.o = json_object();
    if (!w.o) return err_memory(err, sizeof w);
    tri_status st = put_class(&w);
    if (!st) st = strcmp(w.f->model_type, "nomic_bert") == 0 ? put_nomic(&w) : put_bert(&w);
    if (st) {
        json_decref(w.o);
        return st;
    }
    *out = w.o;
    return TRI_OK;
}

/* ---- tensors --------------------------------------------------------------------------------------------------------- */

static bool rename_one(const void *ctx, const char *name, char out[TENSOR_NAME_CAP])
{
    const gguf_family *f = ctx;
    if (!gguf_name_to_hf(f, name, out)) snprintf(out, TENSOR_NAME_CAP, "gguf:%s", name); /* kept, and nobody asks for it */
    return true;
}

/* llama.cpp can keep the three matrices of a BERT's attention in one. */
static tri_status split_qkv(tensor_table *t, size_t layers, tri_error *err)
{
    static const char *const ends[] = {"weight", "bias"}, *const stems[] = {"query", "key", "value"};
    for (size_t i = 0; i < layers; i++) {
        for (size_t e = 0; e < 2; e++) {
            char whole[TENSOR_NAME_CAP], names[3][TENSOR_NAME_CAP];
            const char *parts[3] = {names[0], names[1], names[2]};
            snprintf(whole, sizeof whole, "gguf:blk.%zu.attn_qkv.%s", i, ends[e]);
            for (size_t k = 0; k < 3; k++)
                snprintf(names[k], sizeof names[k], "encoder.layer.%zu.attention.self.%s.%s", i, stems[k], ends[e]);
            TRI_TRY(tensor_table_split(t, whole, parts, 3, err));
        }
    }
    return TRI_OK;
}

static tri_status put_positions_back(const gguf *g, tensor_table *t, tri_error *err)
{
    static const char name[] = "embeddings.position_embeddings.weight";
    const weight *w = tensor_table_find(t, name, strlen(name));
    const gguf_value *first = gguf_find_array(g, GGUF_KEY_FIRST_POSITIONS, GGUF_F32);
    if (!w || w->rank != 2) return TRI_OK; /* said by whoever needs it */
    if (!first) return tensor_table_put_rows_before(t, name, XLMR_FIRST_POSITION, NULL, err);
    if (first->n != XLMR_FIRST_POSITION * w->shape[1])
        return err_set(err, TRI_ERR_FORMAT, "\"%s\" has %llu numbers, expected %llu", GGUF_KEY_FIRST_POSITIONS,
                       (unsigned long long)first->n, (unsigned long long)(XLMR_FIRST_POSITION * w->shape[1]));
    float *rows = mem_array(first->n, sizeof *rows);
    if (!rows) return err_memory(err, first->n * sizeof *rows);
    for (uint64_t i = 0; i < first->n; i++) rows[i] = gguf_item_f32(first, i);
    tri_status st = tensor_table_put_rows_before(t, name, XLMR_FIRST_POSITION, rows, err);
    mem_free(rows);
    return st;
}

/* The matrices that may have one row. */
static void give_rows_back(const gguf_family *f, tensor_table *t)
{
    static const char *const names[] = {"token_types.weight", "cls.output.weight"};
    char name[TENSOR_NAME_CAP];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (gguf_name_to_hf(f, names[i], name)) tensor_table_make_row(t, name);
}

static tri_status bring_home(const gguf *g, weights *w, tri_error *err)
{
    const gguf_family *f;
    size_t layers;
    char key[KEY_CAP];
    TRI_TRY(gguf_model_family(g, &f, err));
    snprintf(key, sizeof key, "%s.block_count", f->architecture);
    TRI_TRY(gguf_get_size(g, key, 0, 0, LIMIT_LAYERS, &layers, err));
    TRI_TRY(tensor_table_rename(weights_table(w), rename_one, f, err));
    give_rows_back(f, weights_table(w));
    if (strcmp(f->model_type, "nomic_bert") == 0) return TRI_OK;
    TRI_TRY(split_qkv(weights_table(w), layers, err));
    return strcmp(f->model_type, "xlm-roberta") == 0 ? put_positions_back(g, weights_table(w), err) : TRI_OK;
}

tri_status gguf_model_weights(const char *path, weights **out, tri_error *err)
{
    mapped_file map;
    gguf g;
    *out = NULL;
    TRI_TRY(mapped_file_open(path, &map, err));
    tri_status st = gguf_read(map.data, map.len, &g, err);
    if (st) err_prefix(err, st, "could not read %s: ", path);
    weights *w = NULL;
    if (!st) st = weights_open_file(path, &w, err);
    if (!st) {
        st = bring_home(&g, w, err);
        if (st && st != TRI_ERR_MEMORY) err_prefix(err, st, "could not use %s: ", path);
    }
    gguf_drop(&g);
    mapped_file_close(&map);
    if (st)
        weights_close(w);
    else
        *out = w;
    return st;
}
