/* SPDX-License-Identifier: Apache-2.0 */
/* random_model.c — see random_model.h.
 *
 * Matrices have deviation 0.02 as at initialisation, queries' and keys' 0.04, and LayerNorm gains vary by a seventh around 0.9,
 * so that scores, softmax and quantisers meet a spread of values instead of the flat one that initialisation gives.
 *
 * Outliers are LayerNorm gains of N channels, the same ones everywhere, thirty times as large where the result goes into
 * queries, keys and values: after the embeddings and after each feed-forward. After attention they are divided by thirty. Real
 * models keep such channels level from layer to layer through training; thirty in both places would grow them thirtyfold a
 * layer, until nothing else is left of a row and attention looks at one token each.
 *
 * Each tensor has a generator of its own, seeded by the seed and its name: fewer layers or a cut vocabulary leave the rest as
 * it was, and equal arguments give equal bytes. A number is the sum of four 16-bit draws, scaled: close to normal, within 3.5
 * deviations, the same on every machine. Tensors are streamed; memory does not grow with the model. config.json is written
 * last, so that a folder cut off halfway is no model. */
#include "cli/random_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/rng.h"
#include "formats/safetensors_write.h"

typedef struct shape {
    const char *name, *type, *architecture, *eps, *pooling;
    size_t width, ffn, heads, layers, vocab, positions, types, longest, pad;
} shape;

/* As their config.json says. ORDER RANDOM_MODEL_SHAPES */
static const shape shapes[] = {
    {"bge-m3", "xlm-roberta", "XLMRobertaModel", "1e-05", "cls_token", 1024, 4096, 16, 24, 250002, 8194, 1, 8192, 1},
    {"small-m3", "bert", "BertModel", "1e-12", "mean_tokens", 384, 1536, 12, 12, 250037, 512, 2, 512, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0], BLOCK = 16384, MAX_OUTLIERS = 64, NAME_CAP = 128 };
static const float OUTLIER = 30;

static const shape *find_shape(const char *name)
{
    for (size_t i = 0; i < N_SHAPES; i++)
        if (strcmp(shapes[i].name, name) == 0) return &shapes[i];
    return NULL;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------ */

typedef struct writer {
    const random_model *m;
    shape s; /* with the layers and rows asked for */
    safetensors_writer *out;
    bool declaring; /* the first of two walks over the same tensors: names and shapes; then the numbers */
    size_t outliers[MAX_OUTLIERS];
    uint64_t total, done; /* bytes */
    tri_progress_fn progress;
    void *ctx;
    float values[BLOCK];
    uint16_t narrow[BLOCK];
} writer;

/* mean 0, deviation 1 */
static float draw(rng *r)
{
    static const float deviation = 37837.228f; /* 65536 * sqrt(4 / 12) */
    uint64_t x = rng_next(r);
    int32_t sum = (int32_t)((x & 0xFFFF) + (x >> 16 & 0xFFFF) + (x >> 32 & 0xFFFF) + (x >> 48)) - 2 * 65535;
    return (float)sum / deviation;
}

static void seed_of(const writer *w, const char *name, rng *r)
{
    rng_seed(r, w->m->seed ^ hash64(name, strlen(name)));
}

static void choose_outliers(writer *w)
{
    rng r;
    seed_of(w, "outliers", &r);
    for (size_t n = 0; n < w->m->n_outliers;) {
        size_t channel = (size_t)rng_below(&r, w->s.width), i = 0;
        while (i < n && w->outliers[i] != channel) i++;
        w->outliers[n] = channel;
        n += i == n;
    }
}

static tri_status put_block(writer *w, size_t n, tri_error *err)
{
    size_t bytes = n * dtype_size(w->m->type);
    const void *data = w->values;
    if (w->m->type == DTYPE_BF16) {
        for (size_t i = 0; i < n; i++) w->narrow[i] = bf16_from_f32(w->values[i]);
        data = w->narrow;
    }
    TRI_TRY(safetensors_write_data(w->out, data, bytes, err));
    w->done += bytes;
    if (w->progress && w->progress(w->ctx, w->done, w->total)) return err_set(err, TRI_ERR_CANCELLED, "interrupted");
    return TRI_OK;
}

/* rows x columns (0 = a vector of `rows`) around `centre`; `outlier` multiplies the chosen channels of a vector. */
static tri_status put(writer *w, const char *name, size_t rows, size_t columns, float centre, float deviation, float outlier,
                      tri_error *err)
{
    uint64_t extent[2] = {rows, columns};
    size_t n = rows * (columns ? columns : 1);
    rng r;
    if (w->declaring) {
        w->total += (uint64_t)n * dtype_size(w->m->type);
        return safetensors_write_declare(w->out, name, w->m->type, columns ? 2 : 1, extent, err);
    }
    seed_of(w, name, &r);
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t count = n - at < BLOCK ? n - at : BLOCK;
        for (size_t i = 0; i < count; i++) w->values[i] = centre + deviation * draw(&r);
        for (size_t i = 0; outlier != 1 && i < w->m->n_outliers; i++)
            if (w->outliers[i] >= at && w->outliers[i] < at + count) w->values[w->outliers[i] - at] *= outlier;
        TRI_TRY(put_block(w, count, err));
    }
    return TRI_OK;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------------ */

static tri_status put_norm(writer *w, const char *stem, float outlier, tri_error *err)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "%s.weight", stem);
    TRI_TRY(put(w, name, w->s.width, 0, 0.9f, 0.13f, outlier, err));
    snprintf(name, sizeof name, "%s.bias", stem);
    return put(w, name, w->s.width, 0, 0, 0.02f, 1, err);
}

static tri_status put_linear(writer *w, size_t layer, const char *stem, size_t rows, size_t columns, float deviation,
                             tri_error *err)
{
    char name[NAME_CAP];
    snprintf(name, sizeof name, "encoder.layer.%zu.%s.weight", layer, stem);
    TRI_TRY(put(w, name, rows, columns, 0, deviation, 1, err));
    snprintf(name, sizeof name, "encoder.layer.%zu.%s.bias", layer, stem);
    return put(w, name, rows, 0, 0, 0.02f, 1, err);
}

static tri_status put_layer(writer *w, size_t i, tri_error *err)
{
    char stem[NAME_CAP];
    size_t D = w->s.width, F = w->s.ffn;
    TRI_TRY(put_linear(w, i, "attention.self.query", D, D, 0.04f, err));
    TRI_TRY(put_linear(w, i, "attention.self.key", D, D, 0.04f, err));
    TRI_TRY(put_linear(w, i, "attention.self.value", D, D, 0.02f, err));
    TRI_TRY(put_linear(w, i, "attention.output.dense", D, D, 0.02f, err));
    snprintf(stem, sizeof stem, "encoder.layer.%zu.attention.output.LayerNorm", i);
    TRI_TRY(put_norm(w, stem, 1 / OUTLIER, err));
    TRI_TRY(put_linear(w, i, "intermediate.dense", F, D, 0.02f, err));
    TRI_TRY(put_linear(w, i, "output.dense", D, F, 0.02f, err));
    snprintf(stem, sizeof stem, "encoder.layer.%zu.output.LayerNorm", i);
    return put_norm(w, stem, OUTLIER, err);
}

static tri_status put_tensors(writer *w, tri_error *err)
{
    const shape *s = &w->s;
    TRI_TRY(put(w, "embeddings.word_embeddings.weight", s->vocab, s->width, 0, 0.02f, 1, err));
    TRI_TRY(put(w, "embeddings.position_embeddings.weight", s->positions, s->width, 0, 0.02f, 1, err));
    TRI_TRY(put(w, "embeddings.token_type_embeddings.weight", s->types, s->width, 0, 0.02f, 1, err));
    TRI_TRY(put_norm(w, "embeddings.LayerNorm", OUTLIER, err));
    for (size_t i = 0; i < s->layers; i++) TRI_TRY(put_layer(w, i, err));
    return TRI_OK;
}

static tri_status write_weights(writer *w, const char *dir, tri_error *err)
{
    char path[LIMIT_PATH];
    if (file_join(path, sizeof path, dir, "model.safetensors"))
        return err_set(err, TRI_ERR_LIMIT, "could not make %s: its path is too long", dir);
    TRI_TRY(safetensors_write_open(path, &w->out, err));
    w->declaring = true;
    tri_status st = safetensors_write_metadata(w->out, "format", "pt", 2, err);
    if (!st) st = put_tensors(w, err);
    if (!st) st = safetensors_write_begin(w->out, err);
    w->declaring = false;
    if (!st) st = put_tensors(w, err);
    if (!st) return safetensors_write_commit(w->out, err);
    safetensors_write_discard(w->out);
    return st;
}

/* ---- the folder --------------------------------------------------------------------------------------------------------- */

static tri_status write_text(const char *dir, const char *name, tri_status built, buf *text, tri_error *err)
{
    char path[LIMIT_PATH];
    out_file *out;
    if (built) return err_memory(err, text->len);
    if (file_join(path, sizeof path, dir, name))
        return err_set(err, TRI_ERR_LIMIT, "could not make %s/%s: its path is too long", dir, name);
    TRI_TRY(out_file_open(path, &out, err));
    tri_status st = out_file_write(out, text->data, text->len, err);
    buf_clear(text);
    if (st == TRI_OK) return out_file_commit(out, err);
    out_file_discard(out);
    return st;
}

static tri_status describe_config(const shape *s, const random_model *m, buf *b)
{
    TRI_TRY(buf_printf(b,
                       "{\n \"architectures\": [\"%s\"],\n \"attention_probs_dropout_prob\": 0.1,\n \"hidden_act\": \"gelu\",\n"
                       " \"hidden_dropout_prob\": 0.1,\n \"hidden_size\": %zu,\n \"initializer_range\": 0.02,\n"
                       " \"intermediate_size\": %zu,\n \"layer_norm_eps\": %s,\n \"max_position_embeddings\": %zu,\n",
                       s->architecture, s->width, s->ffn, s->eps, s->positions));
    return buf_printf(b,
                      " \"model_type\": \"%s\",\n \"num_attention_heads\": %zu,\n \"num_hidden_layers\": %zu,\n"
                      " \"pad_token_id\": %zu,\n \"position_embedding_type\": \"absolute\",\n \"torch_dtype\": \"%s\",\n"
                      " \"type_vocab_size\": %zu,\n \"vocab_size\": %zu\n}\n",
                      s->type, s->heads, s->layers, s->pad, m->type == DTYPE_BF16 ? "bfloat16" : "float32", s->types, s->vocab);
}

static tri_status describe_modules(buf *b)
{
    static const char *const modules[3][2] = {{"", "Transformer"}, {"1_Pooling", "Pooling"}, {"2_Normalize", "Normalize"}};
    TRI_TRY(buf_str(b, "[\n"));
    for (size_t i = 0; i < 3; i++)
        TRI_TRY(buf_printf(
            b, " {\"idx\": %zu, \"name\": \"%zu\", \"path\": \"%s\", \"type\": \"sentence_transformers.models.%s\"}%s\n", i, i,
            modules[i][0], modules[i][1], i < 2 ? "," : ""));
    return buf_str(b, "]\n");
}

static tri_status write_configs(const writer *w, const char *dir, buf *text, tri_error *err)
{
    const shape *s = &w->s;
    tri_status st =
        buf_printf(text, "{\n \"word_embedding_dimension\": %zu,\n \"pooling_mode_%s\": true\n}\n", s->width, s->pooling);
    TRI_TRY(write_text(dir, "1_Pooling/config.json", st, text, err));
    st = buf_printf(text, "{\n \"max_seq_length\": %zu,\n \"do_lower_case\": false\n}\n", s->longest);
    TRI_TRY(write_text(dir, "sentence_bert_config.json", st, text, err));
    TRI_TRY(write_text(dir, "modules.json", describe_modules(text), text, err));
    return write_text(dir, "config.json", describe_config(s, w->m, text), text, err);
}

static tri_status check_folder(const char *dir, tri_error *err)
{
    char path[LIMIT_PATH];
    if (file_join(path, sizeof path, dir, "config.json"))
        return err_set(err, TRI_ERR_LIMIT, "could not make %s: its path is too long", dir);
    if (!file_exists(path)) return TRI_OK;
    err_set(err, TRI_ERR_STATE, "could not make a model in %s: there is one", dir);
    return err_hint(err, TRI_ERR_STATE, "name another folder, or remove it");
}

static tri_status check_request(const random_model *m, writer *w, tri_error *err)
{
    const shape *s = find_shape(m->shape);
    if (!s) return err_set(err, TRI_ERR_ARGUMENT, "could not make a model: there is no shape \"%s\"", m->shape);
    w->s = *s;
    if (m->layers) w->s.layers = m->layers;
    if (m->vocab) w->s.vocab = m->vocab;
    if (w->s.layers > LIMIT_LAYERS || w->s.vocab > LIMIT_VOCAB || m->n_outliers > MAX_OUTLIERS)
        return err_set(err, TRI_ERR_ARGUMENT,
                       "could not make a model of %zu layers, %zu rows, %zu outliers: %u, %u and %d are the most", w->s.layers,
                       w->s.vocab, m->n_outliers, LIMIT_LAYERS, LIMIT_VOCAB, MAX_OUTLIERS);
    return TRI_OK;
}

tri_status random_model_write(const random_model *m, const char *dir, tri_progress_fn progress, void *ctx, tri_error *err)
{
    char pooling[LIMIT_PATH];
    buf text;
    writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    w->m = m;
    w->progress = progress;
    w->ctx = ctx;
    buf_init(&text, 0);
    tri_status st = check_request(m, w, err);
    if (!st) st = check_folder(dir, err);
    if (!st) choose_outliers(w);
    if (!st && file_join(pooling, sizeof pooling, dir, "1_Pooling"))
        st = err_set(err, TRI_ERR_LIMIT, "could not make %s: its path is too long", dir);
    if (!st) st = file_make_dirs(pooling, err);
    if (!st) st = write_weights(w, dir, err);
    if (!st) st = write_configs(w, dir, &text, err);
    buf_drop(&text);
    mem_free(w);
    return st;
}
