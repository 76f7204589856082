/* SPDX-License-Identifier: Apache-2.0 */
/* token_wordpiece.c — greedy, longest piece first; one hole makes the whole word unknown.
 *
 * HF's WordPiece: a word of more than max_input_chars_per_word code points is one unk; a continuation is looked up with the
 * prefix
 * ("##") before it. Here the pieces that begin with the prefix have a table of their own, without it, so that a continuation is
 * walked in the text itself. */
#include "tokenizer/token_model.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "tokenizer/tokenizer.h"

static tri_status finish(token_model *m, uint64_t seed, tri_error *err)
{
    const vocab *v = &m->vocab;
    const char *prefix = m->continuing_subword_prefix;
    size_t prefix_len = strlen(prefix);
    vocab_find(v, m->unk_token, strlen(m->unk_token), &m->unk_id);
    TRI_TRY(piece_table_init(&m->continuing, v->n, v->n_bytes, seed, err));
    for (size_t i = 0; i < v->n; i++) {
        const vocab_entry *e = &v->entries[i];
        if (e->len > prefix_len && !memcmp(e->piece, prefix, prefix_len))
            piece_table_put(&m->continuing, e->piece + prefix_len, e->len - prefix_len, e->id);
    }
    return TRI_OK;
}

tri_status token_wordpiece_defaults(token_model *m, tri_error *err)
{
    if (!m->unk_token) m->unk_token = mem_strdup("[UNK]");
    if (!m->continuing_subword_prefix) m->continuing_subword_prefix = mem_strdup("##");
    return m->unk_token && m->continuing_subword_prefix ? TRI_OK : err_memory(err, sizeof "[UNK]");
}

static tri_status push_unknown(const token_model *m, u32_list *ids, tri_error *err)
{
    if (m->unk_id == TOKEN_NONE)
        return err_set(err, TRI_ERR_ARGUMENT, "a word is not in the vocabulary, which has no unk token \"%s\"", m->unk_token);
    return u32_list_push(ids, m->unk_id) ? TRI_OK : err_memory(err, ids->n * sizeof *ids->v);
}

static tri_status encode(const token_model *m, const uint8_t *text, size_t len, token_model_work *w, u32_list *ids,
                         tri_error *err)
{
    (void)w;
    size_t n_chars = 0, before = ids->n;
    for (size_t i = 0; i < len; i++) n_chars += (text[i] & 0xC0) != 0x80;
    if (n_chars > m->max_word_chars) return push_unknown(m, ids, err);
    for (size_t at = 0; at < len;) {
        uint32_t id = 0;
        size_t n = piece_table_longest(at ? &m->continuing : &m->vocab.table, text + at, len - at, &id);
        if (!n) {
            ids->n = before;
            return push_unknown(m, ids, err);
        }
        if (!u32_list_push(ids, id)) return err_memory(err, ids->n * sizeof *ids->v);
        at += n;
    }
    return TRI_OK;
}

const token_model_kind token_wordpiece = {"WordPiece", "wordpiece", finish, encode};
