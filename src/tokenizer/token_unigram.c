/* SPDX-License-Identifier: Apache-2.0 */
/* token_unigram.c — the most likely cut: Viterbi over all pieces that begin at each character.
 *
 * HF's Unigram, to the bit: sums in double, left to right within one piece of the pre-tokenizer; a character that is no piece
 * itself costs (lowest score of the vocabulary - 10) as unk; strict > keeps the earliest start on ties; neighbouring unk become
 * one token, whose text is looked up once more. SentencePiece sums in float over the sentence and may differ in the last place.
 * The vocabulary's index is the id. Time: characters times the longest piece. */
#include "tokenizer/token_model.h"

#include "base/err.h"
#include "base/utf8.h"
#include "tokenizer/tokenizer.h"

static const double unk_penalty = 10.0; /* SentencePiece's kUnkPenalty */
enum { NO_START = UINT32_MAX };

static tri_status finish(token_model *m, uint64_t seed, tri_error *err)
{
    (void)seed;
    const vocab *v = &m->vocab;
    if (m->unk_id != TOKEN_NONE && m->unk_id >= v->n)
        return err_set(err, TRI_ERR_FORMAT, "unigram: unk_id %u, but %zu pieces", m->unk_id, v->n);
    double lowest = 0;
    for (size_t i = 0; i < v->n; i++)
        if (i == 0 || v->scores[i] < lowest) lowest = v->scores[i];
    m->unk_score = lowest - unk_penalty;
    if (m->byte_fallback) token_model_find_byte_ids(m);
    return TRI_OK;
}

static void offer(viterbi_node *node, double score, uint32_t from, uint32_t id)
{
    if (node->from == NO_START || score > node->score) *node = (viterbi_node){score, from, id};
}

/* Offers every piece that begins at `at`; true when one of them is the single character there. */
static bool offer_pieces(const token_model *m, const uint8_t *text, size_t at, size_t len, viterbi_node *nodes, size_t char_len)
{
    const piece_table *t = &m->vocab.table;
    double so_far = nodes[at].score;
    uint64_t h = t->seed;
    bool single = false;
    for (size_t end = at; end < len;) {
        size_t n = utf8_len(text[end]);
        h = piece_hash(h, piece_char(text + end, n, len - end));
        unsigned cell = piece_cell(t, h);
        if (!(cell & PIECE_PREFIX)) break;
        end += n;
        const piece_slot *s = cell & PIECE_WHOLE ? piece_at(t, h, text + at, end - at) : NULL;
        if (!s) continue;
        offer(&nodes[end], so_far + s->score, (uint32_t)at, s->value);
        single |= end - at == char_len;
    }
    return single;
}

/* The text of fused unk nodes: looked up as a string, then as bytes, then unk. */
static bool push_unknown(const token_model *m, const uint8_t *text, size_t len, u32_list *ids)
{
    uint32_t id;
    if (vocab_find(&m->vocab, text, len, &id)) return u32_list_push(ids, id);
    bool bytes = m->byte_fallback;
    for (size_t i = 0; bytes && i < len; i++) bytes = m->byte_id[text[i]] != TOKEN_NONE;
    if (!bytes) return u32_list_push(ids, m->unk_id);
    for (size_t i = 0; i < len; i++)
        if (!u32_list_push(ids, m->byte_id[text[i]])) return false;
    return true;
}

/* Follows the best path back and turns it round: each node's `from` becomes the end of the token that starts there. */
static void turn_path(viterbi_node *nodes, size_t len)
{
    uint32_t end = (uint32_t)len, id = nodes[len].id, start = nodes[len].from;
    for (;;) {
        uint32_t next_start = nodes[start].from, next_id = nodes[start].id;
        nodes[start].from = end;
        nodes[start].id = id;
        if (start == 0) return;
        end = start;
        id = next_id;
        start = next_start;
    }
}

static bool push_path(const token_model *m, const uint8_t *text, size_t len, const viterbi_node *nodes, u32_list *ids)
{
    for (size_t at = 0; at < len;) {
        size_t end = nodes[at].from;
        if (m->unk_id != TOKEN_NONE && nodes[at].id == m->unk_id) {
            while (end < len && nodes[end].id == m->unk_id) end = nodes[end].from;
            if (!push_unknown(m, text + at, end - at, ids)) return false;
        } else if (!u32_list_push(ids, nodes[at].id)) {
            return false;
        }
        at = end;
    }
    return true;
}

static tri_status encode(const token_model *m, const uint8_t *text, size_t len, token_model_work *w, u32_list *ids,
                         tri_error *err)
{
    if (len >= NO_START) return err_set(err, TRI_ERR_LIMIT, "a word of %zu bytes", len);
    viterbi_node *nodes = list_grow(w->nodes, &w->cap_nodes, len + 1, sizeof *nodes);
    if (!nodes) return err_memory(err, (len + 1) * sizeof *nodes);
    w->nodes = nodes;
    for (size_t i = 0; i <= len; i++) nodes[i].from = NO_START;
    nodes[0].score = 0;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(text[at]);
        if (!offer_pieces(m, text, at, len, nodes, n)) {
            if (m->unk_id == TOKEN_NONE)
                return err_set(err, TRI_ERR_ARGUMENT, "a character is not in the vocabulary, which has no unk_id");
            offer(&nodes[at + n], nodes[at].score + m->unk_score, (uint32_t)at, m->unk_id);
        }
        at += n;
    }
    turn_path(nodes, len);
    return push_path(m, text, len, nodes, ids) ? TRI_OK : err_memory(err, ids->n * sizeof *ids->v);
}

const token_model_kind token_unigram = {"Unigram", "unigram", finish, encode};
