/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_vocab.c — a BERT vocabulary on its own: vocab.txt, one piece a line, line number = id.
 *
 * The rest of the pipeline is what transformers builds for BertTokenizer: BertNormalizer and BertPreTokenizer with the settings
 * of tokenizer_config.json (lower case and Chinese spacing by default), WordPiece with "##" and 100 characters, [CLS] A [SEP] B
 * [SEP], and the five special tokens found in the text. A line ends at LF, CR or CR LF, as Python reads text files; spaces
 * belong to the piece. */
#include "tokenizer/tokenizer_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"

static tri_status read_lines(vocab *v, const char *text, size_t len, tri_error *err)
{
    uint32_t id = 0;
    for (size_t at = 0; at < len; id++) {
        size_t end = at;
        while (end < len && text[end] != '\n' && text[end] != '\r') end++;
        if (utf8_count_bad((const uint8_t *)text + at, end - at))
            return err_set(err, TRI_ERR_FORMAT, "vocab.txt line %u is not valid UTF-8", id + 1);
        TRI_TRY(vocab_add(v, id, text + at, end - at, 0, err));
        at = end + 1 + (end + 1 < len && text[end] == '\r' && text[end + 1] == '\n');
    }
    return TRI_OK;
}

static bool find_line(const vocab *v, const char *piece, uint32_t *id)
{
    bool found = false;
    for (size_t i = 0; i < v->n; i++) {
        if (v->entries[i].len != strlen(piece) || memcmp(v->entries[i].piece, piece, v->entries[i].len)) continue;
        *id = v->entries[i].id;
        found = true;
    }
    return found;
}

static tri_status add_specials(tokenizer *t, const char *const names[N_ROLES], tri_error *err)
{
    static const token_role order[] = {ROLE_UNK, ROLE_SEP, ROLE_PAD, ROLE_CLS, ROLE_MASK};
    for (size_t i = 0; i < N_ROLES; i++) {
        uint32_t id;
        added_token token = {.content = names[order[i]], .len = strlen(names[order[i]]), .special = true};
        /* a name that is not in the file would get an id past the model's rows */
        if (find_line(&t->model.vocab, token.content, &id)) TRI_TRY(added_tokens_add(&t->added, &token, err));
    }
    return TRI_OK;
}

tri_status tokenizer_vocab_load(tokenizer *t, const uint8_t *bytes, size_t len, tri_error *err)
{
    static const char *const usual[N_ROLES] = {
        [ROLE_CLS] = "[CLS]", [ROLE_SEP] = "[SEP]", [ROLE_PAD] = "[PAD]", [ROLE_UNK] = "[UNK]", [ROLE_MASK] = "[MASK]"};
    const char *names[N_ROLES];
    uint32_t cls = 0, sep = 0;
    token_model *m = &t->model;
    m->kind = &token_wordpiece;
    TRI_TRY(read_lines(&m->vocab, (const char *)bytes, len, err));
    for (token_role r = 0; r < N_ROLES; r++) names[r] = t->config.names[r] ? t->config.names[r] : usual[r];
    m->unk_token = mem_strdup(names[ROLE_UNK]);
    if (!m->unk_token) return err_memory(err, strlen(names[ROLE_UNK]));
    TRI_TRY(token_wordpiece_defaults(m, err));
    for (token_role r = ROLE_CLS; r <= ROLE_SEP; r++)
        if (!find_line(&m->vocab, names[r], r == ROLE_CLS ? &cls : &sep))
            return err_set(err, TRI_ERR_FORMAT, "vocab.txt has no line \"%s\"", names[r]);
    template_make_bert(&t->template, cls, sep);
    TRI_TRY(add_specials(t, names, err));
    normalizer_step *step = normalizer_add(&t->normalizer, "BertNormalizer");
    if (!step || !pretok_add(&t->pretok, "BertPreTokenizer")) return err_memory(err, sizeof *step);
    step->bert = (normalizer_bert){true, t->config.chinese_chars, t->config.strip_accents, t->config.lowercase};
    return TRI_OK;
}
