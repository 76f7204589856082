/* SPDX-License-Identifier: Apache-2.0 */
/* export_gguf_tokenizer.c — llama.cpp's keys of a tokenizer, as its converter writes them, and the tokenizer.json whole.
 *
 * llama.cpp takes the number of tokens for the rows of the word table: ids without a token get a made-up one of type unused. It
 * approximates the pipeline (SentencePiece's spaces, BERT's cleaning); our own reader takes the tokenizer.json. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/export_gguf.h"
#include "tokenizer/tokenizer_save.h"

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };
static const float unused_score = -10000; /* the converter's */
static const char mark[] = "\xE2\x96\x81";

typedef struct keys {
    gguf_writer *w;
    const tokenizer *t;
    tokenizer_info info;
    size_t n;
    bool is_unigram;
    tri_error *err;
} keys;

static int32_t type_of(const keys *k, uint32_t id)
{
    token_facts f;
    if (!tokenizer_token(k->t, id, &f)) return TYPE_UNUSED;
    if (k->is_unigram && id == k->info.unk) return TYPE_UNKNOWN;
    return f.special ? TYPE_CONTROL : f.added ? TYPE_USER : TYPE_NORMAL;
}

/* Where a word begins, a mark; a continuation without its "##"; control tokens as they are. */
static tri_status write_word_piece(const keys *k, const token_facts *f)
{
    char text[512];
    if (f->special) return gguf_write_item_text(k->w, f->piece, f->len, k->err);
    if (f->len >= 2 && !memcmp(f->piece, "##", 2)) return gguf_write_item_text(k->w, f->piece + 2, f->len - 2, k->err);
    if (f->len + sizeof mark > sizeof text) return err_set(k->err, TRI_ERR_UNSUPPORTED, "a token of %zu bytes", f->len);
    memcpy(text, mark, sizeof mark - 1);
    memcpy(text + sizeof mark - 1, f->piece, f->len);
    return gguf_write_item_text(k->w, text, sizeof mark - 1 + f->len, k->err);
}

static tri_status write_tokens(const keys *k)
{
    TRI_TRY(gguf_write_array(k->w, "tokenizer.ggml.tokens", GGUF_STRING, k->n, k->err));
    for (uint32_t id = 0; id < k->n; id++) {
        token_facts f;
        char filler[32];
        if (!tokenizer_token(k->t, id, &f)) {
            int len = snprintf(filler, sizeof filler, "[PAD%u]", id);
            TRI_TRY(gguf_write_item_text(k->w, filler, (size_t)len, k->err));
        } else {
            TRI_TRY(k->is_unigram ? gguf_write_item_text(k->w, f.piece, f.len, k->err) : write_word_piece(k, &f));
        }
    }
    TRI_TRY(gguf_write_array(k->w, "tokenizer.ggml.token_type", GGUF_I32, k->n, k->err));
    for (uint32_t id = 0; id < k->n; id++) {
        uint32_t type = (uint32_t)type_of(k, id);
        const uint8_t le[4] = {(uint8_t)type, 0, 0, 0};
        TRI_TRY(gguf_write_item(k->w, le, sizeof le, k->err));
    }
    return TRI_OK;
}

static tri_status write_scores(const keys *k)
{
    TRI_TRY(gguf_write_array(k->w, "tokenizer.ggml.scores", GGUF_F32, k->n, k->err));
    for (uint32_t id = 0; id < k->n; id++) {
        token_facts f;
        uint32_t bits;
        float score = tokenizer_token(k->t, id, &f) ? (float)f.score : unused_score;
        memcpy(&bits, &score, sizeof bits);
        const uint8_t le[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
        TRI_TRY(gguf_write_item(k->w, le, sizeof le, k->err));
    }
    return TRI_OK;
}

static tri_status write_charsmap(const keys *k)
{
    buf map;
    buf_init(&map, 0);
    tri_status st = tokenizer_save_charsmap(k->t, &map, k->err);
    if (!st && map.len) st = gguf_write_array(k->w, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, map.len, k->err);
    if (!st && map.len) st = gguf_write_item(k->w, map.data, map.len, k->err);
    buf_drop(&map);
    return st;
}

static tri_status write_ids(const keys *k)
{
    const struct {
        const char *key;
        uint32_t id;
    } ids[] = {{"tokenizer.ggml.bos_token_id", k->info.cls},     {"tokenizer.ggml.eos_token_id", k->info.sep},
               {"tokenizer.ggml.unknown_token_id", k->info.unk}, {"tokenizer.ggml.seperator_token_id", k->info.sep},
               {"tokenizer.ggml.padding_token_id", k->info.pad}, {"tokenizer.ggml.cls_token_id", k->info.cls},
               {"tokenizer.ggml.mask_token_id", k->info.mask}};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (ids[i].id != TOKEN_NONE) TRI_TRY(gguf_write_u32(k->w, ids[i].key, ids[i].id, k->err));
    return TRI_OK;
}

static tri_status write_unigram(const keys *k)
{
    TRI_TRY(write_scores(k));
    TRI_TRY(write_charsmap(k));
    TRI_TRY(gguf_write_bool(k->w, "tokenizer.ggml.add_space_prefix", true, k->err));
    TRI_TRY(gguf_write_bool(k->w, "tokenizer.ggml.remove_extra_whitespaces", true, k->err));
    TRI_TRY(gguf_write_bool(k->w, "tokenizer.ggml.add_bos_token", true, k->err));
    return gguf_write_bool(k->w, "tokenizer.ggml.add_eos_token", true, k->err);
}

static tri_status write_wordpiece(const keys *k)
{
    bool lower = true, strip = true;
    if (!tokenizer_bert_cleaning(k->t, &lower, &strip))
        return err_set(k->err, TRI_ERR_UNSUPPORTED, "a WordPiece tokenizer without BERT's normalizer");
    TRI_TRY(gguf_write_bool(k->w, "tokenizer.ggml.normalizer.lowercase", lower, k->err));
    return gguf_write_bool(k->w, "tokenizer.ggml.normalizer.strip_accents", strip, k->err);
}

static tri_status write_json(const keys *k)
{
    buf json;
    buf_init(&json, 0);
    tri_status st = tokenizer_save_json(k->t, &json, k->err);
    if (!st) st = gguf_write_text(k->w, "tokenizer.huggingface.json", (const char *)json.data, json.len, k->err);
    buf_drop(&json);
    return st;
}

tri_status export_gguf_tokenizer(gguf_writer *w, const tokenizer *t, size_t n, tri_error *err)
{
    keys k = {.w = w, .t = t, .n = n, .err = err};
    tokenizer_info_get(t, &k.info);
    k.is_unigram = !strcmp(k.info.kind, "unigram");
    if (!k.is_unigram && strcmp(k.info.kind, "wordpiece") != 0)
        return err_set(err, TRI_ERR_UNSUPPORTED, "a tokenizer of kind %s; unigram and wordpiece are written", k.info.kind);
    if (k.info.n_vocab > n)
        return err_set(err, TRI_ERR_UNSUPPORTED, "the tokenizer has ids up to %zu, the word table %zu rows", k.info.n_vocab, n);
    const char *kind = k.is_unigram ? "t5" : "bert";
    TRI_TRY(gguf_write_text(w, "tokenizer.ggml.model", kind, strlen(kind), err));
    TRI_TRY(gguf_write_text(w, "tokenizer.ggml.pre", "default", 7, err));
    TRI_TRY(write_tokens(&k));
    TRI_TRY(k.is_unigram ? write_unigram(&k) : write_wordpiece(&k));
    TRI_TRY(write_ids(&k));
    return write_json(&k);
}
