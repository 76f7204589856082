/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_gguf.c — a tokenizer out of a GGUF file's keys.
 *
 * Where tokenizer.huggingface.json is there (ours, and others'), it is the tokenizer. Else the vocabulary is taken from
 * llama.cpp's
 * keys, and the pipeline is Hugging Face's for it, not llama.cpp's approximation:
 *   "bert"  WordPiece. Pieces stand in "phantom space" form: "▁x" is the word's beginning x, "x" its continuation ##x, control
 *           tokens as they are. Lower case unless tokenizer.ggml.normalizer.lowercase says no.
 *   "t5"    XLM-R's Unigram: <s> <pad> </s> <unk> first, scores, the charsmap. The converter fills up the vocabulary with
 *           unused "[PADn]", which may stand where <mask> is.
 * Other tokenizer models, and other Unigram vocabularies, are refused by name. */
#include "tokenizer/tokenizer_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "formats/gguf.h"

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };
static const char mark[] = "\xE2\x96\x81"; /* U+2581 */
enum { MARK_LEN = sizeof mark - 1 };

/* tokenizer.ggml.* */
typedef struct listing {
    const gguf *g;
    const gguf_value *tokens, *scores, *types;
    size_t n; /* tokens, the unused ones at the end left out */
    tri_text charsmap;
} listing;

static bool text_is(tri_text t, const char *word)
{
    return t.bytes && t.len == strlen(word) && !memcmp(t.bytes, word, t.len);
}

static bool begins_with(tri_text t, const char *word)
{
    return t.len >= strlen(word) && !memcmp(t.bytes, word, strlen(word));
}

static uint32_t type_of(const listing *l, size_t i)
{
    return l->types ? gguf_item_u32(l->types, i) : TYPE_NORMAL;
}

/* "[PADn]" that the converter made up */
static bool is_filler(const listing *l, size_t i, tri_text token)
{
    return type_of(l, i) == TYPE_UNUSED && (begins_with(token, "[PAD") || begins_with(token, "\xE2\x96\x81[PAD"));
}

static tri_status check_lists(listing *l, tri_error *err)
{
    const gguf *g = l->g;
    l->tokens = gguf_find_array(g, "tokenizer.ggml.tokens", GGUF_STRING);
    l->scores = gguf_find_array(g, "tokenizer.ggml.scores", GGUF_F32);
    l->types = gguf_find_array(g, "tokenizer.ggml.token_type", GGUF_I32);
    if (!l->tokens || !l->tokens->n) return err_set(err, TRI_ERR_NOT_FOUND, "key \"tokenizer.ggml.tokens\" is missing");
    if (l->tokens->n > LIMIT_VOCAB)
        return err_set(err, TRI_ERR_LIMIT, "%llu tokens, over the limit of %u", (unsigned long long)l->tokens->n, LIMIT_VOCAB);
    if ((l->scores && l->scores->n != l->tokens->n) || (l->types && l->types->n != l->tokens->n))
        return err_set(err, TRI_ERR_FORMAT, "tokenizer.ggml.tokens, scores and token_type are not of one length");
    size_t at = 0;
    for (size_t i = 0; i < l->tokens->n; i++) {
        tri_text token = gguf_next_text(l->tokens, &at);
        if (utf8_count_bad((const uint8_t *)token.bytes, token.len))
            return err_set(err, TRI_ERR_FORMAT, "token %zu is not valid UTF-8", i);
        if (!is_filler(l, i, token)) l->n = i + 1;
    }
    return TRI_OK;
}

static const gguf_value *find_charsmap(const gguf *g)
{
    const gguf_value *map = gguf_find_array(g, "tokenizer.ggml.precompiled_charsmap", GGUF_U8);
    return map ? map : gguf_find_array(g, "tokenizer.ggml.precompiled_charsmap", GGUF_I8);
}

/* The id of a role by its key; TOKEN_NONE: not said. */
static tri_status role_id(const gguf *g, const char *key, uint32_t *out, tri_error *err)
{
    size_t id;
    TRI_TRY(gguf_get_size(g, key, TOKEN_NONE, 0, UINT32_MAX, &id, err));
    *out = id < LIMIT_VOCAB ? (uint32_t)id : TOKEN_NONE;
    return TRI_OK;
}

static tri_status add_special(tokenizer *t, const char *text, size_t len, bool special, tri_error *err)
{
    if (!len) return TRI_OK;
    bool eats_space = t->model.kind == &token_unigram && len == 6 && !memcmp(text, "<mask>", 6);
    added_token token = {.content = text, .len = len, .special = special, .lstrip = eats_space};
    return added_tokens_add(&t->added, &token, err);
}

/* ---- WordPiece ------------------------------------------------------------------------------------------------------- */

static tri_status add_word_piece(tokenizer *t, uint32_t id, tri_text token, uint32_t type, buf *text, tri_error *err)
{
    buf_clear(text);
    if (type == TYPE_CONTROL) {
        TRI_TRY(vocab_add(&t->model.vocab, id, token.bytes, token.len, 0, err));
        return add_special(t, token.bytes, token.len, true, err);
    }
    if (begins_with(token, mark)) {
        token.bytes += MARK_LEN;
        token.len -= MARK_LEN;
    } else if (buf_str(text, "##")) {
        return err_memory(err, token.len);
    }
    if (buf_append(text, token.bytes, token.len)) return err_memory(err, token.len);
    TRI_TRY(vocab_add(&t->model.vocab, id, text->data ? (const char *)text->data : "", text->len, 0, err));
    return type == TYPE_USER ? add_special(t, (const char *)text->data, text->len, false, err) : TRI_OK;
}

static tri_status fill_word_pieces(tokenizer *t, const listing *l, tri_error *err)
{
    buf text;
    size_t at = 0;
    tri_status st = vocab_expect(&t->model.vocab, l->n, err);
    buf_init(&text, 0);
    for (size_t i = 0; !st && i < l->n; i++) {
        tri_text token = gguf_next_text(l->tokens, &at);
        if (!is_filler(l, i, token)) st = add_word_piece(t, (uint32_t)i, token, type_of(l, i), &text, err);
    }
    buf_drop(&text);
    return st;
}

static tri_status load_wordpiece(tokenizer *t, const listing *l, tri_error *err)
{
    uint32_t cls, sep;
    bool lower, strip;
    t->model.kind = &token_wordpiece;
    TRI_TRY(fill_word_pieces(t, l, err));
    TRI_TRY(token_wordpiece_defaults(&t->model, err));
    TRI_TRY(role_id(l->g, "tokenizer.ggml.cls_token_id", &cls, err));
    if (cls == TOKEN_NONE) TRI_TRY(role_id(l->g, "tokenizer.ggml.bos_token_id", &cls, err));
    TRI_TRY(role_id(l->g, "tokenizer.ggml.seperator_token_id", &sep, err)); /* spelled so */
    template_make_bert(&t->template, cls == TOKEN_NONE ? 101 : cls, sep == TOKEN_NONE ? 102 : sep);
    TRI_TRY(gguf_get_bool(l->g, "tokenizer.ggml.normalizer.lowercase", true, &lower, err));
    TRI_TRY(gguf_get_bool(l->g, "tokenizer.ggml.normalizer.strip_accents", lower, &strip, err));
    normalizer_step *step = normalizer_add(&t->normalizer, "BertNormalizer");
    if (!step || !pretok_add(&t->pretok, "BertPreTokenizer")) return err_memory(err, sizeof *step);
    step->bert = (normalizer_bert){true, true, strip, lower};
    return TRI_OK;
}

/* ---- Unigram --------------------------------------------------------------------------------------------------------- */

static tri_status check_xlmr(const listing *l, tri_error *err)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    size_t at = 0;
    bool fits = l->scores && l->n > 4;
    for (size_t i = 0; fits && i < 4; i++) fits = text_is(gguf_next_text(l->tokens, &at), first[i]);
    if (fits) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED,
                   "a Unigram vocabulary that is not XLM-R's: its scores are missing, or it does not begin with <s> <pad> </s> "
                   "<unk>");
}

static tri_status add_unigram_piece(tokenizer *t, const listing *l, size_t i, tri_text token, bool is_mask, tri_error *err)
{
    uint32_t type = type_of(l, i);
    double score = (double)gguf_item_f32(l->scores, i);
    if (is_mask) token = (tri_text){"<mask>", 6};
    if (!(score - score == 0)) return err_set(err, TRI_ERR_FORMAT, "the score of token %zu is not finite", i);
    bool special = is_mask || type == TYPE_CONTROL || type == TYPE_UNKNOWN;
    bool unused = type == TYPE_UNUSED && !is_mask; /* in the middle: must have an id, must not count as the lowest score */
    TRI_TRY(vocab_add(&t->model.vocab, (uint32_t)i, token.bytes, token.len, special || unused ? 0 : score, err));
    return special || type == TYPE_USER ? add_special(t, token.bytes, token.len, special, err) : TRI_OK;
}

static tri_status fill_unigram(tokenizer *t, const listing *l, size_t n, size_t mask, tri_error *err)
{
    size_t at = 0;
    TRI_TRY(vocab_expect(&t->model.vocab, n, err));
    for (size_t i = 0; i < n; i++) {
        tri_text token = gguf_next_text(l->tokens, &at);
        TRI_TRY(add_unigram_piece(t, l, i, token, i == mask || text_is(token, "<mask>"), err));
    }
    return TRI_OK;
}

static tri_status fill_normalizer(normalizer *n, const gguf_value *map, tri_error *err)
{
    if (map && map->n) {
        normalizer_step *step = normalizer_add(n, "Precompiled");
        if (!step) return err_memory(err, sizeof *step);
        TRI_TRY(charsmap_new(map->bytes, (size_t)map->n, &step->map, err));
    }
    return normalizer_add_spm_spaces(n, err);
}

static tri_status load_unigram(tokenizer *t, const listing *l, tri_error *err)
{
    enum { XLMR_PIECES = 250002 };
    uint32_t mask;
    TRI_TRY(check_xlmr(l, err));
    TRI_TRY(role_id(l->g, "tokenizer.ggml.mask_token_id", &mask, err));
    if (mask == TOKEN_NONE && l->tokens->n >= XLMR_PIECES && l->n < XLMR_PIECES) mask = XLMR_PIECES - 1;
    size_t n = mask != TOKEN_NONE && mask >= l->n && mask < l->tokens->n ? mask + 1 : l->n;
    vocab_drop(&t->model.vocab);
    vocab_init(&t->model.vocab, true);
    t->model.kind = &token_unigram;
    t->model.unk_id = 3;
    TRI_TRY(fill_unigram(t, l, n, n > l->n ? mask : SIZE_MAX, err));
    TRI_TRY(fill_normalizer(&t->normalizer, find_charsmap(l->g), err));
    template_make_roberta(&t->template, 0, 2);
    return pretok_make_metaspace(&t->pretok, false, err);
}

/* ---- loading --------------------------------------------------------------------------------------------------------- */

static tri_status load_keys(tokenizer *t, const gguf *g, tri_error *err)
{
    tri_text model, own;
    listing l = {.g = g};
    TRI_TRY(gguf_get_text(g, "tokenizer.huggingface.json", &own, err));
    if (own.len) return tokenizer_json_load(t, (const uint8_t *)own.bytes, own.len, err);
    TRI_TRY(gguf_get_text(g, "tokenizer.ggml.model", &model, err));
    if (!model.bytes || text_is(model, "no_vocab")) return err_set(err, TRI_ERR_NOT_FOUND, "the file has no tokenizer");
    TRI_TRY(check_lists(&l, err));
    if (text_is(model, "bert")) return load_wordpiece(t, &l, err);
    if (text_is(model, "t5")) return load_unigram(t, &l, err);
    err_set(err, TRI_ERR_UNSUPPORTED, "\"tokenizer.ggml.model\" is \"%.*s\"", (int)(model.len < 64 ? model.len : 64),
            model.bytes);
    return err_hint(err, TRI_ERR_UNSUPPORTED, "of GGUF tokenizers bert (WordPiece) and t5 (Unigram) are read");
}

tri_status tokenizer_gguf_load(tokenizer *t, const uint8_t *bytes, size_t len, size_t *looked_at, tri_error *err)
{
    gguf g;
    tri_status st = gguf_read(bytes, len, &g, err);
    if (!st) st = load_keys(t, &g, err);
    *looked_at = g.data_at;
    gguf_drop(&g);
    return st;
}
