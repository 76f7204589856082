/* SPDX-License-Identifier: Apache-2.0 */
/* token_model.c — what the three models share: the registry, the fields, the arrays of a thread. */
#include "tokenizer/token_model.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "tokenizer/tokenizer.h"

const token_model_kind *token_model_find(const char *type, size_t len)
{
    static const token_model_kind *const kinds[] = {&token_unigram, &token_wordpiece, &token_bpe};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i]->type) == len && !memcmp(kinds[i]->type, type, len)) return kinds[i];
    return NULL;
}

void token_model_init(token_model *m)
{
    memset(m, 0, sizeof *m);
    vocab_init(&m->vocab, false);
    m->unk_id = TOKEN_NONE;
    m->max_word_chars = 100; /* the reference's default, and BERT's */
    for (size_t i = 0; i < 256; i++) m->byte_id[i] = TOKEN_NONE;
}

void token_model_drop(token_model *m)
{
    vocab_drop(&m->vocab);
    piece_table_drop(&m->continuing);
    mem_free(m->unk_token);
    mem_free(m->continuing_subword_prefix);
    mem_free(m->end_of_word_suffix);
    mem_free(m->char_id);
    mem_free(m->rules);
    memset(m, 0, sizeof *m);
}

void token_model_work_init(token_model_work *w)
{
    memset(w, 0, sizeof *w);
    buf_init(&w->joined, 0);
}

void token_model_work_drop(token_model_work *w)
{
    mem_free(w->nodes);
    mem_free(w->symbols);
    mem_free(w->heap);
    buf_drop(&w->joined);
}

void token_model_find_byte_ids(token_model *m)
{
    for (unsigned i = 0; i < 256; i++) {
        char name[8];
        int n = snprintf(name, sizeof name, "<0x%02X>", i);
        if (!vocab_find(&m->vocab, name, (size_t)n, &m->byte_id[i])) m->byte_id[i] = TOKEN_NONE;
    }
}

size_t token_model_size(const token_model *m)
{
    if (m->kind == &token_unigram) return m->vocab.n; /* the list's length, doubles counted */
    bool empty = false;
    for (size_t i = 0; i < m->vocab.n && !empty; i++) empty = m->vocab.entries[i].len == 0;
    return m->vocab.table.count + empty;
}
