/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_spm.c — XLM-R's sentencepiece.bpe.model on its own, by the rule of transformers 4's converter.
 *
 *   SentencePiece ids: <unk> 0, <s> 1, </s> 2, first piece 3     model ids: <s> 0, <pad> 1, </s> 2, <unk> 3, piece k -> k + 1,
 * <mask> last normalizer: Precompiled(charsmap), Strip(right), Replace(" {2,}" -> "▁")     pre-tokenizer: Metaspace(▁, always)
 *   template: <s> A </s>, <s> A </s></s> B </s>
 * The five specials, and the file's control and user-defined pieces, are tokens in the text; <mask> takes the white space
 * before it in. Another order of the first three pieces is another model's file, and is refused. */
#include "tokenizer/tokenizer_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/spm_model.h"

static bool is_piece(const spm_piece *p, const char *text)
{
    return p->len == strlen(text) && !memcmp(p->text, text, p->len);
}

static tri_status check_kind(const spm_model *m, tri_error *err)
{
    if (m->model_type != SPM_UNIGRAM)
        return err_set(err, TRI_ERR_UNSUPPORTED, "sentencepiece model type %d is not unigram", m->model_type);
    if (m->n_pieces < 3 || !is_piece(&m->pieces[0], "<unk>") || !is_piece(&m->pieces[1], "<s>") ||
        !is_piece(&m->pieces[2], "</s>"))
        return err_set(err, TRI_ERR_UNSUPPORTED, "not XLM-R's vocabulary: the pieces do not begin with <unk> <s> </s>");
    return TRI_OK;
}

static tri_status fill_vocab(vocab *v, const spm_model *m, tri_error *err)
{
    static const char *const first[] = {"<s>", "<pad>", "</s>", "<unk>"};
    vocab_drop(v);
    vocab_init(v, true);
    TRI_TRY(vocab_expect(v, m->n_pieces + 2, err));
    for (uint32_t i = 0; i < 4; i++) TRI_TRY(vocab_add(v, i, first[i], strlen(first[i]), 0, err));
    for (size_t k = 3; k < m->n_pieces; k++)
        TRI_TRY(vocab_add(v, (uint32_t)v->n, m->pieces[k].text, m->pieces[k].len, (double)m->pieces[k].score, err));
    return vocab_add(v, (uint32_t)v->n, "<mask>", 6, 0, err);
}

static tri_status add_token(tokenizer *t, const char *text, size_t len, bool special, tri_error *err)
{
    added_token token = {.content = text, .len = len, .special = special, .lstrip = len == 6 && !memcmp(text, "<mask>", 6)};
    return added_tokens_add(&t->added, &token, err);
}

static tri_status fill_added(tokenizer *t, const spm_model *m, tri_error *err)
{
    static const char *const specials[] = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++)
        TRI_TRY(add_token(t, specials[i], strlen(specials[i]), true, err));
    for (size_t k = 3; k < m->n_pieces; k++)
        if (m->pieces[k].type == SPM_CONTROL || m->pieces[k].type == SPM_USER_DEFINED)
            TRI_TRY(add_token(t, m->pieces[k].text, m->pieces[k].len, m->pieces[k].type == SPM_CONTROL, err));
    return TRI_OK;
}

static tri_status fill_normalizer(normalizer *n, const spm_model *m, tri_error *err)
{
    if (m->charsmap) {
        normalizer_step *map = normalizer_add(n, "Precompiled");
        if (!map) return err_memory(err, sizeof *map);
        TRI_TRY(charsmap_new(m->charsmap, m->charsmap_len, &map->map, err));
    }
    return normalizer_add_spm_spaces(n, err);
}

tri_status tokenizer_spm_load(tokenizer *t, const uint8_t *bytes, size_t len, tri_error *err)
{
    spm_model m;
    TRI_TRY(spm_model_parse(bytes, len, "sentencepiece model", &m, err));
    tri_status st = check_kind(&m, err);
    t->model.kind = &token_unigram;
    t->model.unk_id = 3;
    if (!st) st = fill_vocab(&t->model.vocab, &m, err);
    if (!st) st = fill_added(t, &m, err);
    if (!st) st = fill_normalizer(&t->normalizer, &m, err);
    if (!st) st = pretok_make_metaspace(&t->pretok, false, err);
    template_make_roberta(&t->template, 0, 2);
    spm_model_drop(&m);
    return st;
}
